//! Telephone events: whatever the sender's habits, one digit makes one proper series.

use std::time::Duration;

use super::{Dropped, EventClock, FRAME, Outcome, Path, Way, dropped, path};
use crate::codec::AudioCodec;
use crate::dtmf::{Digit, Dtmf, EventPayload};

fn digit(character: char) -> Digit {
    Digit::from_char(character).expect("a digit")
}

fn payload(character: char, end: bool, duration: u16) -> EventPayload {
    EventPayload {
        digit: digit(character),
        end,
        volume: 10,
        duration,
    }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A source of 48 kHz audio whose events go to a phone that counts them by `clock`.
fn opus_to(clock: EventClock) -> Way {
    Way::new(path(AudioCodec::Opus, Some(clock)))
}

/// What Chromium 156 sends beside Opus when only telephone-event/8000 is negotiated: the end,
/// three times, and nothing else.
fn press_like_chromium(way: &mut Way, character: char) {
    let timestamp = way.timestamp;
    for _ in 0..3 {
        way.event(126, timestamp, payload(character, true, 960));
    }
}

/// What phones and standards do: growing durations every 20 ms, the end three times. `lost` says
/// which of its packets do not arrive.
fn press_by_the_book(way: &mut Way, number: u8, unit: u16, packets: u16, lost: &[u16]) {
    let timestamp = way.timestamp + u32::from(unit);
    for count in 1..packets + 3 {
        let end = count >= packets;
        let event = payload('5', end, unit * count.min(packets));
        if lost.contains(&count) {
            way.sequence += 1;
        } else {
            way.event(number, timestamp, event);
        }
        way.pass(FRAME);
        way.timestamp += u32::from(unit);
    }
}

/// Panics unless the events sent are a series as RFC 4733 wants it; gives the final duration.
fn assert_series(way: &Way, character: char, unit: u16) -> u16 {
    let events = way.events();
    let (first, _) = &events[0];
    assert!(first.header.marker);
    let mut before = 0;
    for (index, (sent, event)) in events.iter().enumerate() {
        assert_eq!(event.digit, digit(character));
        assert_eq!(
            sent.header.timestamp, first.header.timestamp,
            "of its beginning"
        );
        assert_eq!(sent.header.marker, index == 0);
        assert_eq!(
            event.end,
            index + 3 >= events.len(),
            "the last three are the end"
        );
        if index + 3 > events.len() {
            assert_eq!(event.duration, before);
        } else {
            // Where the sender's own packets are late or lost, the last duration is told again.
            assert!(event.duration >= before && event.duration - before <= unit);
        }
        before = event.duration;
    }
    for pair in events.windows(2) {
        assert_eq!(pair[1].0.at - pair[0].0.at, FRAME);
    }
    before
}

#[test]
fn chromiums_three_end_packets_become_a_growing_series() {
    for (clock, unit, expected) in [
        (EventClock::Khz8, 160, 960),
        (EventClock::Khz48, 960, 5_760),
    ] {
        let mut way = opus_to(clock);
        way.audio();
        way.audio();
        press_like_chromium(&mut way, '5');
        way.pass(ms(500));
        way.audio();
        assert_eq!(assert_series(&way, '5', unit), expected);
        assert_eq!(way.events().len(), 8, "20 to 120 ms, the end three times");
        way.assert_no_gap();
        assert_eq!(
            way.digits,
            [Dtmf {
                digit: digit('5'),
                duration: ms(120)
            }]
        );
    }
}

#[test]
fn a_series_is_rescaled_between_clocks() {
    for (number, unit, to, to_unit) in [
        (126, 160, EventClock::Khz8, 160),
        (126, 160, EventClock::Khz48, 960),
        (110, 960, EventClock::Khz8, 160),
        (110, 960, EventClock::Khz48, 960),
    ] {
        let mut way = opus_to(to);
        way.audio();
        press_by_the_book(&mut way, number, unit, 5, &[]);
        way.pass(ms(500));
        assert_eq!(assert_series(&way, '5', to_unit), to_unit * 5);
        assert_eq!(
            way.digits,
            [Dtmf {
                digit: digit('5'),
                duration: ms(100)
            }]
        );
        way.assert_no_gap();
    }
}

#[test]
fn any_packet_of_a_series_may_be_lost() {
    for lost in [
        &[1][..],
        &[1, 2, 3],
        &[2, 4],
        &[5],
        &[5, 6],
        &[1, 2, 3, 4, 5],
        &[6, 7],
    ] {
        let mut way = opus_to(EventClock::Khz8);
        way.audio();
        press_by_the_book(&mut way, 126, 160, 5, lost);
        way.pass(ms(500));
        assert_eq!(assert_series(&way, '5', 160), 800, "{lost:?}");
        assert_eq!(
            way.digits,
            [Dtmf {
                digit: digit('5'),
                duration: ms(100)
            }],
            "{lost:?}"
        );
    }
}

#[test]
fn an_end_that_never_comes_is_made_up_for() {
    let mut way = opus_to(EventClock::Khz8);
    way.audio();
    press_by_the_book(&mut way, 126, 160, 5, &[5, 6, 7]);
    way.pass(ms(1_000));
    assert_eq!(
        way.digits,
        [Dtmf {
            digit: digit('5'),
            duration: ms(80)
        }]
    );
    let last = way.events().pop().expect("a series").1;
    assert!(last.end);
    let before = way.sent.len();
    assert!(matches!(way.audio(), Outcome::Send(_)), "the audio is back");
    assert_eq!(way.sent.len(), before + 1);
}

#[test]
fn audio_beside_an_event_is_dropped_and_goes_on_behind_it() {
    let mut way = opus_to(EventClock::Khz48);
    way.audio();
    let before = way.timestamp;
    press_like_chromium(&mut way, '1');
    let absorbed = (0..20).filter(|_| way.audio() == Outcome::Absorbed).count();
    assert_eq!(absorbed, 6, "120 ms and the repetitions of the end");
    way.assert_no_gap();
    let audio: Vec<_> = way
        .sent
        .iter()
        .filter(|sent| sent.payload == b"voice")
        .collect();
    let step = audio[1].header.timestamp.since(audio[0].header.timestamp);
    assert_eq!(
        step,
        i64::from((absorbed as u32 + 1) * 960),
        "its clock went on"
    );
    assert!(audio[1].header.marker);
    assert!(way.timestamp > before);
}

#[test]
fn digits_pressed_at_once_are_sent_one_after_the_other_with_a_pause() {
    let mut way = opus_to(EventClock::Khz8);
    way.audio();
    for character in "4422".chars() {
        way.timestamp += 960;
        press_like_chromium(&mut way, character);
    }
    way.pass(ms(2_000));
    let events = way.events();
    let starts: Vec<_> = events
        .iter()
        .filter(|(sent, _)| sent.header.marker)
        .collect();
    let sent: String = starts
        .iter()
        .map(|(_, event)| event.digit.as_char())
        .collect();
    assert_eq!(sent, "4422");
    for pair in starts.windows(2) {
        assert!(pair[1].0.at - pair[0].0.at >= ms(120 + 50));
        assert!(pair[1].0.header.timestamp.since(pair[0].0.header.timestamp) > 0);
    }
    assert_eq!(events.len(), 4 * 8);
    assert_eq!(way.digits.len(), 4);
    way.assert_no_gap();
}

#[test]
fn a_flood_of_digits_is_bounded() {
    let mut way = opus_to(EventClock::Khz8);
    for count in 0..1_000_u32 {
        way.timestamp = count * 960;
        press_like_chromium(&mut way, '9');
    }
    way.pass(Duration::from_secs(60));
    let starts = way
        .events()
        .iter()
        .filter(|(sent, _)| sent.header.marker)
        .count();
    assert_eq!(starts, 129, "one being sent, 128 waiting");
}

#[test]
fn stragglers_of_an_older_event_are_not_a_new_one() {
    let mut way = opus_to(EventClock::Khz8);
    way.audio();
    let timestamp = way.timestamp;
    way.event(126, timestamp, payload('1', true, 800));
    way.event(126, timestamp + 9_600, payload('2', true, 800));
    way.event(126, timestamp, payload('1', true, 800));
    way.event(126, timestamp + 9_600, payload('2', true, 800));
    let digits: String = way.digits.iter().map(|dtmf| dtmf.digit.as_char()).collect();
    assert_eq!(digits, "12");
}

#[test]
fn the_same_key_twice_is_two_digits_even_if_all_ends_of_the_first_are_lost() {
    let mut way = opus_to(EventClock::Khz8);
    way.audio();
    let timestamp = way.timestamp;
    way.event(126, timestamp, payload('1', false, 400));
    way.event(126, timestamp + 4_800, payload('1', false, 160));
    way.event(126, timestamp + 4_800, payload('1', true, 800));
    let durations: Vec<_> = way.digits.iter().map(|dtmf| dtmf.duration).collect();
    assert_eq!(durations, [ms(50), ms(100)]);
}

#[test]
fn a_leg_without_events_is_sent_none_but_the_digit_is_reported() {
    let mut way = Way::new(path(AudioCodec::Opus, None));
    way.audio();
    press_like_chromium(&mut way, '7');
    way.pass(ms(500));
    assert!(matches!(way.audio(), Outcome::Send(_)));
    assert_eq!(way.events().len(), 0);
    assert_eq!(way.digits.len(), 1);
    way.assert_no_gap();
}

#[test]
fn what_is_no_digit_is_dropped() {
    let mut way = opus_to(EventClock::Khz8);
    way.audio();
    for junk in [&[16, 0x8a, 3, 0xc0][..], &[255; 4], &[5, 0], &[]] {
        way.sequence += 1;
        let (sequence, timestamp) = (way.sequence, way.timestamp);
        let outcome = way.receive(super::pt(126), sequence, timestamp, junk);
        assert_eq!(outcome, dropped(Dropped::Event), "{junk:?}");
    }
    way.audio();
    way.assert_no_gap();
    assert_eq!(way.digits, []);
}

#[test]
fn a_long_press_is_cut_into_segments_where_16_bits_are_full() {
    // 3 s at 48 kHz are 144,000 units: segments of 65,535, 65,535 and 12,930.
    let mut way = opus_to(EventClock::Khz48);
    way.audio();
    let dtmf = Dtmf {
        digit: digit('#'),
        duration: ms(3_000),
    };
    way.rewriter.send_digit(dtmf, way.now);
    way.drain();
    way.pass(ms(4_000));
    let events = way.events();
    let first = events[0].0.header.timestamp;
    let mut segments: Vec<(i64, u16)> = Vec::new();
    for (sent, event) in &events {
        let offset = sent.header.timestamp.since(first);
        match segments.last_mut() {
            Some((known, longest)) if *known == offset => *longest = event.duration,
            _ => segments.push((offset, event.duration)),
        }
    }
    assert_eq!(segments, [(0, 65_535), (65_535, 65_535), (131_070, 12_930)]);
    assert_eq!(
        events.iter().filter(|(sent, _)| sent.header.marker).count(),
        1
    );
    assert_eq!(events.iter().filter(|(_, event)| event.end).count(), 3);
    way.assert_no_gap();

    // Our own series, heard by another gateway, is one digit again.
    let mut other = opus_to(EventClock::Khz8);
    for (sent, event) in events {
        other.now = sent.at.max(other.now);
        other.event(110, sent.header.timestamp.0, event);
    }
    assert_eq!(other.digits, [dtmf]);
}

#[test]
fn a_key_that_hangs_is_let_go() {
    let mut way = opus_to(EventClock::Khz8);
    way.audio();
    let timestamp = way.timestamp;
    for count in 1..1_000_u16 {
        way.event(
            126,
            timestamp,
            payload('0', false, count.saturating_mul(160)),
        );
        way.pass(FRAME);
    }
    let events = way.events();
    assert_eq!(
        events.last().map(|(_, event)| (event.end, event.duration)),
        Some((true, 64_000))
    );
    assert!(matches!(way.audio(), Outcome::Send(_)), "8 s are enough");
}

#[test]
fn hold_ends_an_event_properly() {
    let mut way = opus_to(EventClock::Khz8);
    way.audio();
    way.event(126, 1, payload('0', false, 160));
    way.pass(ms(100));
    let closed = Path {
        open: false,
        ..path(AudioCodec::Opus, Some(EventClock::Khz8))
    };
    way.rewriter.replan(closed, way.now);
    way.pass(ms(500));
    let ends = way.events().iter().filter(|(_, event)| event.end).count();
    assert_eq!(ends, 3);
    assert_eq!(way.rewriter.poll_timeout(), None);
}

#[test]
fn signalling_may_send_digits_of_its_own() {
    let mut way = opus_to(EventClock::Khz48);
    way.rewriter.send_digit(
        Dtmf {
            digit: digit('A'),
            duration: ms(100),
        },
        way.now,
    );
    way.drain();
    way.pass(ms(500));
    assert_eq!(assert_series(&way, 'A', 960), 4_800);
    assert_eq!(way.digits, [], "only what the far end pressed is reported");
}
