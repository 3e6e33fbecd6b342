//! Audio that is transcoded: beside events, through holds, and back to a relay.

use std::time::Duration;

use super::{EventClock, FRAME, Outcome, Path, Way, dropped, path, pt};
use crate::codec::AudioCodec;
use crate::dtmf::{Digit, EventPayload};
use crate::relay::AudioFormat;
use crate::rewriter::Dropped;
use crate::rtp::Pt;

/// From PCMU to a phone that wants A-law, in packets of that many milliseconds.
fn to_pcma(ptime: u16) -> Path {
    let mut path = path(AudioCodec::Pcmu, Some(EventClock::Khz8));
    let codec = AudioCodec::Pcma;
    path.to = AudioFormat { codec, ptime };
    path
}

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn speak(way: &mut Way, count: usize) {
    for _ in 0..count {
        way.pass(FRAME);
        way.timestamp = way.timestamp.wrapping_add(160);
        way.sequence = way.sequence.wrapping_add(1);
        let (sequence, timestamp) = (way.sequence, way.timestamp);
        way.receive(Pt::PCMU, sequence, timestamp, &[0x55; 160]);
    }
}

/// Timestamps follow the clock on the wall, and never go back.
fn assert_times(way: &Way) {
    let first = &way.sent[0];
    for sent in &way.sent {
        let units = sent.header.timestamp.since(first.header.timestamp);
        let passed = sent.at.duration_since(first.at).as_micros() as i64 * 8 / 1000;
        assert!((units - passed).abs() <= 480, "{units} {passed}");
    }
    let audio: Vec<_> = way
        .sent
        .iter()
        .filter(|sent| sent.header.payload_type == Pt::PCMA)
        .collect();
    for pair in audio.windows(2) {
        assert!(pair[1].header.timestamp.since(pair[0].header.timestamp) > 0);
    }
}

#[test]
fn numbers_go_on_when_a_relay_becomes_a_transcode_and_a_relay_again() {
    let mut way = Way::new(path(AudioCodec::Pcmu, None));
    speak(&mut way, 10);
    way.rewriter.replan(to_pcma(20), way.now);
    speak(&mut way, 10);
    way.rewriter.replan(to_pcma(60), way.now);
    speak(&mut way, 12);
    way.rewriter.replan(path(AudioCodec::Pcmu, None), way.now);
    speak(&mut way, 10);
    way.assert_no_gap();
    assert_times(&way);
    let lengths: Vec<usize> = way.sent.iter().map(|sent| sent.payload.len()).collect();
    assert!(lengths.contains(&480));
    assert!(way.sent.len() >= 10 + 9 + 3 + 10, "{lengths:?}");
}

#[test]
fn the_same_plan_again_is_not_heard() {
    let mut way = Way::new(to_pcma(20));
    speak(&mut way, 10);
    way.rewriter.replan(to_pcma(20), way.now);
    speak(&mut way, 10);
    way.assert_no_gap();
    let markers = way.sent.iter().filter(|sent| sent.header.marker).count();
    assert_eq!(markers, 1);
}

#[test]
fn digits_are_sent_beside_transcoded_audio() {
    let mut way = Way::new(to_pcma(20));
    speak(&mut way, 10);
    let began = way.timestamp;
    for at in 1..=5 {
        way.pass(FRAME);
        let payload = EventPayload {
            digit: Digit::from_event(5).expect("a digit"),
            end: at == 5,
            volume: 10,
            duration: at * 160,
        };
        assert_eq!(way.event(126, began, payload), Outcome::Absorbed);
        way.timestamp = way.timestamp.wrapping_add(160);
    }
    speak(&mut way, 20);
    way.pass(ms(300));
    way.assert_no_gap();
    assert_eq!(way.digits.len(), 1);
    let ends = way.events().iter().filter(|(_, event)| event.end).count();
    assert_eq!(ends, 3);
    assert!(
        way.sent
            .last()
            .is_some_and(|sent| sent.header.payload_type == Pt::PCMA)
    );
}

#[test]
fn a_hold_silences_a_transcoded_way_and_leaves_no_gap() {
    let mut way = Way::new(to_pcma(20));
    speak(&mut way, 10);
    let open = to_pcma(20);
    let closed = Path {
        open: false,
        ..open.clone()
    };
    way.rewriter.replan(closed, way.now);
    let before = way.sent.len();
    let held = way.receive(Pt::PCMU, 1, 1, &[0; 160]);
    assert_eq!(held, dropped(Dropped::Closed));
    way.pass(ms(60_000));
    assert_eq!(way.sent.len(), before);
    way.rewriter.replan(open, way.now);
    speak(&mut way, 10);
    way.assert_no_gap();
    assert_times(&way);
}

#[test]
fn what_was_not_negotiated_is_not_decoded() {
    let mut way = Way::new(to_pcma(20));
    let outcome = way.receive(pt(99), 1, 1, &[0; 160]);
    assert_eq!(outcome, dropped(Dropped::UnknownPayloadType));
    assert_eq!(way.rewriter.poll_timeout(), None);
}
