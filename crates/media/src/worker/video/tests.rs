//! One leg's video on virtual time.

use std::time::{Duration, Instant};

use super::{Forward, VideoStream};
use crate::endpoints::Ssrc;
use crate::rtcp::feedback::wishes;
use crate::rtp::{Header, Pt, RtpTimestamp, SeqNo};
use crate::video::{Feedback, VideoEnd};

const OURS: Ssrc = Ssrc(10);
const THEIRS: Ssrc = Ssrc(20);

fn end(feedback: Feedback) -> VideoEnd {
    let pt = |number| Pt::new(number).expect("seven bits");
    VideoEnd {
        receive: [pt(96), pt(97)],
        send: pt(97),
        open: true,
        limit: None,
        feedback,
    }
}

fn stream(now: Instant) -> VideoStream {
    VideoStream::new(
        OURS,
        end(Feedback::OURS),
        (SeqNo(100), RtpTimestamp(0)),
        now,
    )
}

fn packet(sequence: u16, timestamp: u32, marker: bool) -> Header {
    Header {
        marker,
        payload_type: Pt::new(96).expect("seven bits"),
        sequence: SeqNo(sequence),
        timestamp: RtpTimestamp(timestamp),
        ssrc: Ssrc(5),
        payload: 12..900,
    }
}

fn sent(forward: Forward) -> Header {
    let Forward::Send(bytes, sequence) = forward else {
        panic!("sent on: {forward:?}");
    };
    let header = Header::parse(&bytes).expect("a header");
    assert_eq!((header.sequence, header.ssrc), (sequence, OURS));
    header
}

#[test]
fn frames_keep_their_timestamps_and_markers_and_losses_stay_visible() {
    let now = Instant::now();
    let mut stream = stream(now);
    let first = sent(stream.forward(&packet(7, 1_000, false), now));
    assert!(!first.marker, "a beginning is no end of a frame");
    assert_eq!(
        (first.sequence, first.payload_type.number()),
        (SeqNo(100), 97)
    );
    let second = sent(stream.forward(&packet(8, 1_000, true), now));
    assert!(second.marker);
    assert_eq!(second.timestamp, first.timestamp);
    let later = now + Duration::from_millis(33);
    let fourth = sent(stream.forward(&packet(10, 4_000, true), later));
    assert_eq!(fourth.sequence, SeqNo(103));
    assert_eq!(fourth.timestamp.since(first.timestamp), 3_000);
    let third = sent(stream.forward(&packet(9, 4_000, false), later));
    assert_eq!(
        third.sequence,
        SeqNo(102),
        "one that comes late takes its place"
    );
    assert_eq!(
        stream.forward(&packet(9, 4_000, false), later),
        Forward::Dropped
    );
}

#[test]
fn padding_leaves_no_gap() {
    let now = Instant::now();
    let mut stream = stream(now);
    sent(stream.forward(&packet(1, 0, true), now));
    let padding = Header {
        payload: 12..12,
        ..packet(2, 0, false)
    };
    assert_eq!(stream.forward(&padding, now), Forward::Dropped);
    assert_eq!(
        sent(stream.forward(&packet(3, 3_000, true), now)).sequence,
        SeqNo(101)
    );
}

#[test]
fn a_stream_begins_anew_behind_a_pause_and_goes_on_counting() {
    let now = Instant::now();
    let mut stream = stream(now);
    let first = sent(stream.forward(&packet(1, 0, true), now));
    assert!(stream.has_begun() && !stream.has_begun());
    let held = VideoEnd {
        open: false,
        ..end(Feedback::OURS)
    };
    stream.replan(held, end(Feedback::OURS));
    assert_eq!(
        stream.forward(&packet(2, 3_000, true), now),
        Forward::Closed
    );
    stream.replan(end(Feedback::OURS), end(Feedback::OURS));
    let later = now + Duration::from_secs(2);
    let next = sent(stream.forward(&packet(62, 180_000, false), later));
    assert!(stream.has_begun());
    assert_eq!(next.sequence, first.sequence.plus(1));
    assert_eq!(next.timestamp.since(first.timestamp), 180_000);
}

#[test]
fn a_keyframe_is_asked_for_once_in_a_while_and_not_of_nobody() {
    let now = Instant::now();
    let mut stream = stream(now);
    stream.want_keyframe();
    assert_eq!(
        (stream.poll_request(now), stream.poll_timeout()),
        (None, None)
    );
    stream.heard(&theirs(1), now);
    let request = stream.poll_request(now).expect("asked");
    assert!(wishes(&request, THEIRS, &mut None).keyframe);
    for _ in 0..100 {
        stream.want_keyframe();
        assert_eq!(stream.poll_request(now + Duration::from_millis(100)), None);
    }
    let due = stream.poll_timeout().expect("asked again later");
    assert!(stream.poll_request(due).is_some());
    assert_eq!(stream.poll_request(due + Duration::from_secs(1)), None);
}

#[test]
fn an_end_without_pli_is_sent_firs_with_rising_numbers() {
    let mut now = Instant::now();
    let fir = Feedback {
        fir: true,
        ..Feedback::default()
    };
    let mut stream = VideoStream::new(OURS, end(fir), (SeqNo(1), RtpTimestamp(0)), now);
    stream.heard(&theirs(1), now);
    let mut last = None;
    for _ in 0..3 {
        stream.want_keyframe();
        let request = stream.poll_request(now).expect("asked");
        assert!(wishes(&request, THEIRS, &mut last).keyframe);
        now += Duration::from_secs(1);
    }
    assert_eq!(last, Some(3));
}

#[test]
fn nothing_is_kept_for_an_end_that_does_not_ask() {
    let now = Instant::now();
    let none = VideoStream::new(
        OURS,
        end(Feedback::default()),
        (SeqNo(1), RtpTimestamp(0)),
        now,
    );
    assert!(none.sent.is_none());
    assert!(stream(now).sent.is_some());
}

/// A packet of the far end's.
fn theirs(sequence: u16) -> Header {
    Header {
        ssrc: THEIRS,
        ..packet(sequence, 0, false)
    }
}

#[test]
fn a_leg_asks_for_its_own_losses_and_for_a_keyframe_where_nobody_else_does() {
    let mut now = Instant::now();
    let mute = end(Feedback::default());
    let mut stream = stream(now);
    for receiver in [end(Feedback::OURS), mute] {
        stream.replan(end(Feedback::OURS), receiver);
        let last = if receiver == mute { 110 } else { 10 };
        stream.heard(&theirs(last - 3), now);
        stream.heard(&theirs(last), now);
        let (mut lost, mut keyframe) = (0, false);
        while let Some(due) = stream.poll_timeout() {
            now = due;
            let request = stream.poll_request(now);
            let read = request.map(|request| wishes(&request, THEIRS, &mut None));
            keyframe |= read.as_ref().is_some_and(|read| read.keyframe);
            lost += read.map_or(0, |read| read.lost.len());
        }
        assert_eq!((lost >= 8, keyframe), (true, receiver == mute), "{lost}");
    }
}

#[test]
fn limits_are_told_when_they_change_and_not_too_often() {
    let now = Instant::now();
    let mut stream = stream(now);
    assert_eq!(stream.tell_limit(Some(500_000), now), None, "nobody sends");
    stream.heard(&theirs(1), now);
    assert_eq!(stream.tell_limit(None, now), None, "nothing to tell");
    let told = stream.tell_limit(Some(500_000), now).expect("told");
    let rate = wishes(&told, THEIRS, &mut None).rate.expect("a rate");
    assert!((499_000..=500_000).contains(&rate), "{rate}");
    assert_eq!(stream.tell_limit(Some(100_000), now), None, "too soon");
    let soon = now + Duration::from_millis(300);
    assert_eq!(stream.tell_limit(Some(505_000), soon), None, "the same");
    assert!(stream.tell_limit(Some(100_000), soon).is_some());
    let later = soon + Duration::from_secs(1);
    assert!(stream.tell_limit(Some(100_000), later).is_some(), "again");
    let lifted = stream
        .tell_limit(None, later + Duration::from_secs(1))
        .expect("told");
    assert!(wishes(&lifted, THEIRS, &mut None).rate > Some(10_000_000));
}

#[test]
fn signalling_asks_an_end_without_feedback_and_no_other() {
    let mut now = Instant::now();
    let fir = Feedback {
        fir: true,
        ..Feedback::default()
    };
    for (feedback, signalled) in [(Feedback::default(), 4), (Feedback::OURS, 0), (fir, 0)] {
        let mut stream = VideoStream::new(OURS, end(feedback), (SeqNo(1), RtpTimestamp(0)), now);
        stream.heard(&theirs(1), now);
        let mut count = 0;
        for _ in 0..14 {
            stream.want_keyframe();
            stream.poll_request(now);
            count += usize::from(stream.poll_signal(now));
            now += Duration::from_millis(500);
        }
        assert_eq!(count, signalled);
    }
}

/// What of these leaves, in so many numbers beyond the first one's.
fn numbers(stream: &mut VideoStream, sequences: impl IntoIterator<Item = u16>) -> Vec<i32> {
    let now = Instant::now();
    let mut left = Vec::new();
    for sequence in sequences {
        let header = packet(sequence, u32::from(sequence) * 100, false);
        match stream.forward(&header, now) {
            Forward::Send(_, number) => left.push(number.since(SeqNo(100))),
            Forward::Closed | Forward::Dropped => {}
        }
    }
    left
}

#[test]
fn copies_that_come_twice_in_a_row_are_no_new_beginning() {
    let mut stream = stream(Instant::now());
    let sent = numbers(&mut stream, (0..10).chain(15..=51));
    assert_eq!(sent.last(), Some(&51));
    assert_eq!(numbers(&mut stream, 10..15), [10, 11, 12, 13, 14]);
    let again = numbers(&mut stream, 10..15);
    assert!(again.is_empty(), "the answer to a second request");
    assert!(numbers(&mut stream, (0..52).rev().chain(0..52)).is_empty());
    assert_eq!(numbers(&mut stream, 52..54), [52, 53]);
}

#[test]
fn a_repeated_packet_is_taken_hundreds_behind() {
    let mut stream = stream(Instant::now());
    numbers(&mut stream, (0..10).chain(15..=500));
    assert_eq!(numbers(&mut stream, [10, 14, 10]), [10, 14]);
    numbers(&mut stream, 501..=523);
    assert_eq!(numbers(&mut stream, [11, 12, 12]), [12]);
}

#[test]
fn what_was_lost_beside_padding_still_shows_and_keeps_its_place() {
    let now = Instant::now();
    let padding = |sequence| Header {
        payload: 12..12,
        ..packet(sequence, 0, false)
    };
    let mut stream = stream(now);
    assert_eq!(numbers(&mut stream, [3]), [0]);
    for sequence in [5, 6, 9] {
        assert_eq!(stream.forward(&padding(sequence), now), Forward::Dropped);
    }
    assert_eq!(numbers(&mut stream, [10, 12]), [4, 6]);
    assert_eq!(numbers(&mut stream, [4, 8, 7, 11, 6]), [1, 3, 2, 5]);
    assert_eq!(stream.forward(&padding(14), now), Forward::Dropped);
    assert_eq!(numbers(&mut stream, [13]), [7]);
    stream.interrupt();
    assert_eq!(numbers(&mut stream, [300]), [8], "no number leaves twice");
}

#[test]
fn a_jump_of_the_source_is_a_beginning_for_whoever_receives_it() {
    let mut stream = stream(Instant::now());
    assert_eq!(numbers(&mut stream, 0..3), [0, 1, 2]);
    assert!(stream.has_begun());
    assert_eq!(numbers(&mut stream, [3_100, 3_101, 3_102]), [3, 4]);
    assert!(stream.has_begun() && !stream.has_begun());
    let other = Header {
        ssrc: Ssrc(6),
        ..packet(1, 0, false)
    };
    sent(stream.forward(&other, Instant::now()));
    assert!(stream.has_begun());
}

#[test]
fn once_video_is_removed_nothing_of_it_is_kept_or_asked_for() {
    let now = Instant::now();
    let mut stream = stream(now);
    stream.heard(&theirs(1), now);
    stream.heard(&theirs(4), now);
    stream.want_keyframe();
    stream.unbridge();
    assert!(stream.sent.is_none());
    let later = now + Duration::from_secs(1);
    assert_eq!(
        (stream.poll_request(later), stream.poll_timeout()),
        (None, None)
    );
    stream.replan(end(Feedback::OURS), end(Feedback::OURS));
    assert!(stream.sent.is_some());
}
