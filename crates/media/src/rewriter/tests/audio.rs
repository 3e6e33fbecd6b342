//! Audio: the numbering never breaks.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::{ProptestConfig, Strategy, prop, prop_oneof, proptest};

use super::{EventClock, FRAME, Outcome, Path, Pt, Ssrc, Way, dropped, path, pt};
use crate::codec::AudioCodec;
use crate::rewriter::Dropped;

fn way() -> Way {
    Way::new(path(AudioCodec::Pcmu, Some(EventClock::Khz8)))
}

/// The timestamp steps between what was sent, in milliseconds at 8 kHz.
fn steps(way: &Way) -> Vec<i64> {
    let timestamps = way.sent.windows(2);
    timestamps
        .map(|two| two[1].header.timestamp.since(two[0].header.timestamp) / 8)
        .collect()
}

#[test]
fn a_packet_leaves_with_a_fresh_header_and_the_same_payload() {
    let mut way = way();
    let mut packet = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1];
    packet.extend([9; 8]);
    packet.extend([0xbe, 0xde, 0, 1, 0xf0, 0x55, 0, 0]);
    packet.extend(b"voice\0\0\x03");
    let outcome = way.receive_raw(&mut packet);
    assert_eq!(outcome, Outcome::Send(16..33));
    let sent = &way.sent[0];
    assert_eq!(sent.payload, b"voice");
    assert_eq!(sent.header.payload_type, Pt::PCMA);
    assert_eq!(sent.header.sequence.0, 65_000);
    assert!(sent.header.marker, "the first packet begins something");
}

#[test]
fn losses_stay_losses_and_order_stays_order() {
    let mut way = way();
    for (sequence, timestamp) in [(10, 0), (11, 160), (14, 640), (13, 480), (15, 800)] {
        way.pass(FRAME);
        way.receive(Pt::PCMU, sequence, timestamp, b"voice");
    }
    assert_eq!(way.sequences(), [65_000, 65_001, 65_004, 65_003, 65_005]);
    assert_eq!(steps(&way), [20, 60, -20, 40]);
    let markers: Vec<bool> = way.sent.iter().map(|sent| sent.header.marker).collect();
    assert_eq!(markers, [true, false, false, false, false]);
}

#[test]
fn a_repeated_packet_does_not_leave_twice() {
    let mut way = way();
    way.audio();
    way.audio();
    for sequence in [way.sequence, way.sequence - 1] {
        let timestamp = way.timestamp;
        let again = way.receive(Pt::PCMU, sequence, timestamp, b"other");
        assert_eq!(again, dropped(Dropped::Stale));
    }
    assert_eq!(way.sent.len(), 2);
}

#[test]
fn unknown_payload_types_are_dropped_without_a_gap() {
    let mut way = way();
    for _ in 0..3 {
        way.audio();
        way.sequence += 1;
        let (sequence, timestamp) = (way.sequence, way.timestamp);
        let outcome = way.receive(pt(63), sequence, timestamp, b"red");
        assert_eq!(outcome, dropped(Dropped::UnknownPayloadType));
    }
    way.audio();
    way.assert_no_gap();
    assert_eq!(steps(&way), [20, 20, 20]);
}

#[test]
fn comfort_noise_passes_under_its_own_payload_type() {
    let mut way = way();
    way.audio();
    way.receive(Pt::CN, 102, 5_320, &[40]);
    assert_eq!(way.sent[1].header.payload_type, Pt::CN);
    way.assert_no_gap();
}

#[test]
fn a_new_source_goes_on_where_the_old_one_stopped() {
    let mut way = way();
    way.audio();
    way.audio();
    way.ssrc = Ssrc(77);
    (way.sequence, way.timestamp) = (40_000, 3_000_000_000);
    way.pass(Duration::from_millis(480));
    way.audio();
    way.audio();
    way.assert_no_gap();
    assert_eq!(steps(&way), [20, 500, 20]);
    assert!(way.sent[2].header.marker && !way.sent[3].header.marker);
}

#[test]
fn a_packet_of_the_old_source_behind_the_joint_does_not_come_back() {
    let mut way = way();
    for sequence in [10, 11, 13] {
        way.receive(Pt::PCMU, sequence, 0, b"voice");
    }
    way.receive(pt(63), 14, 0, b"left out");
    way.receive(Pt::PCMU, 15, 160, b"voice");
    let late = way.receive(Pt::PCMU, 12, 0, b"voice");
    assert_eq!(late, dropped(Dropped::Stale));
}

#[test]
fn numbers_roll_over_many_times() {
    let mut way = way();
    for _ in 0..200_000 {
        assert!(matches!(way.audio(), Outcome::Send(_)));
    }
    way.assert_no_gap();
    assert!(steps(&way).iter().all(|step| *step == 20));
    assert_eq!(way.sent.iter().filter(|sent| sent.header.marker).count(), 1);
}

#[test]
fn a_hold_of_half_an_hour_leaves_no_gap() {
    let mut way = way();
    way.audio();
    way.rewriter.replan(
        Path {
            open: false,
            ..path(AudioCodec::Pcmu, None)
        },
        way.now,
    );
    for _ in 0..30 * 60 * 50 {
        assert_eq!(way.audio(), dropped(Dropped::Closed));
    }
    way.rewriter.replan(path(AudioCodec::Pcmu, None), way.now);
    way.audio();
    way.audio();
    way.assert_no_gap();
    assert_eq!(steps(&way), [(30 * 60 * 50 + 1) * 20, 20]);
    assert!(way.sent[1].header.marker);
}

#[test]
fn a_gate_closes_a_way_that_the_plan_leaves_open() {
    let mut way = way();
    way.rewriter.set_gate(false, way.now);
    assert_eq!(way.audio(), dropped(Dropped::Closed));
    way.rewriter.set_gate(true, way.now);
    assert!(matches!(way.audio(), Outcome::Send(_)));
    way.rewriter.set_gate(false, way.now);
    // What a closed gate keeps back need not even be shown to the rewriter.
    way.sequence += 500;
    way.timestamp += 500 * 160;
    way.pass(FRAME * 500);
    way.rewriter.set_gate(true, way.now);
    way.audio();
    way.assert_no_gap();
}

#[test]
fn a_phone_that_is_silent_on_hold_is_followed_when_it_comes_back() {
    // Its sequence numbers go on, its clock runs on or stands still, or all starts anew.
    for (sequence, timestamp, expected) in [
        (0_u16, 60_000 * 8, 60_020),
        (0, 0, 20),
        (30_000, 123_456_789, 60_020),
        (30_000, 4_000_000_000, 60_020),
    ] {
        let mut way = way();
        way.audio();
        way.pass(Duration::from_secs(60));
        way.sequence = way.sequence.wrapping_add(sequence);
        way.timestamp = way.timestamp.wrapping_add(timestamp);
        let first = way.audio();
        if sequence != 0 {
            // RFC 3550 A.1: one packet alone is no jump.
            assert_eq!(first, dropped(Dropped::Stale));
            way.audio();
        }
        way.assert_no_gap();
        let step = steps(&way)[0];
        let expected = if sequence == 0 {
            expected
        } else {
            expected + 20
        };
        assert_eq!(step, expected, "{sequence} {timestamp}");
    }
}

#[test]
fn one_stray_packet_changes_nothing() {
    let mut way = way();
    way.audio();
    let stray = way.receive(Pt::PCMU, 50_000, 1, b"stray");
    assert_eq!(stray, dropped(Dropped::Stale));
    way.audio();
    way.assert_no_gap();
    assert_eq!(steps(&way), [20]);
}

#[test]
fn a_source_that_counts_anew_from_just_before_is_believed_in_the_end() {
    let mut way = way();
    for _ in 0..10 {
        way.audio();
    }
    way.sequence -= 10;
    let outcomes: Vec<Outcome> = (0..8).map(|_| way.audio()).collect();
    assert!(matches!(outcomes[7], Outcome::Send(_)), "{outcomes:?}");
    way.assert_no_gap();
}

#[test]
fn a_timestamp_jump_is_repaired() {
    for jump in [
        100_000_000,
        1_000_000_000,
        3_000_000_000,
        u32::MAX - 100_000,
    ] {
        let mut way = way();
        way.audio();
        way.timestamp = way.timestamp.wrapping_add(jump);
        way.audio();
        way.audio();
        way.assert_no_gap();
        assert_eq!(steps(&way), [20, 20], "{jump}");
    }
}

#[test]
fn packets_that_come_in_a_heap_keep_their_times() {
    let mut way = way();
    way.audio();
    way.pass(Duration::from_secs(5));
    for _ in 0..50 {
        way.sequence += 1;
        way.timestamp += 160;
        let (sequence, timestamp) = (way.sequence, way.timestamp);
        way.receive(Pt::PCMU, sequence, timestamp, b"voice");
    }
    way.assert_no_gap();
    assert!(steps(&way).iter().all(|step| *step == 20));
}

#[test]
fn a_new_clock_rate_joins_the_numbering_anew() {
    let mut way = way();
    way.audio();
    way.rewriter.replan(path(AudioCodec::Opus, None), way.now);
    way.audio();
    way.assert_no_gap();
    let [first, second] = &way.sent[..] else {
        panic!("two packets")
    };
    assert_eq!(second.header.timestamp.since(first.header.timestamp), 960);
}

#[derive(Debug, Clone)]
enum Step {
    Audio,
    Lose(u16),
    Repeat,
    Late(u16),
    Unknown,
    Digit(u8),
    NewSource(u32, u16),
    Jump(u16, u32),
    Gate(bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::prelude::Just(Step::Audio),
        1 => (1..50_u16).prop_map(Step::Lose),
        1 => proptest::prelude::Just(Step::Repeat),
        1 => (1..40_u16).prop_map(Step::Late),
        1 => proptest::prelude::Just(Step::Unknown),
        1 => (0..20_u8).prop_map(Step::Digit),
        1 => (1..4_u32, 0..u16::MAX).prop_map(|(ssrc, sequence)| Step::NewSource(ssrc, sequence)),
        1 => (0..u16::MAX, 0..u32::MAX).prop_map(|(sequence, time)| Step::Jump(sequence, time)),
        1 => proptest::bool::ANY.prop_map(Step::Gate),
        1 => (0..3_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_no_number_leaves_twice_and_time_goes_forward(
        steps in prop::collection::vec(step(), 1..200)
    ) {
        let mut way = way();
        for step in steps {
            match step {
                Step::Audio => {
                    way.audio();
                }
                Step::Lose(count) => {
                    way.sequence = way.sequence.wrapping_add(count);
                    way.timestamp = way.timestamp.wrapping_add(u32::from(count) * 160);
                }
                Step::Repeat => {
                    let (sequence, timestamp) = (way.sequence, way.timestamp);
                    way.receive(Pt::PCMU, sequence, timestamp, b"again");
                }
                Step::Late(count) => {
                    let sequence = way.sequence.wrapping_sub(count);
                    let timestamp = way.timestamp.wrapping_sub(u32::from(count) * 160);
                    way.receive(Pt::PCMU, sequence, timestamp, b"late");
                }
                Step::Unknown => {
                    way.sequence = way.sequence.wrapping_add(1);
                    let (sequence, timestamp) = (way.sequence, way.timestamp);
                    way.receive(pt(63), sequence, timestamp, b"red");
                }
                Step::Digit(code) => {
                    way.sequence = way.sequence.wrapping_add(1);
                    let (sequence, timestamp) = (way.sequence, way.timestamp);
                    way.receive(pt(126), sequence, timestamp, &[code, 0x8a, 3, 0x20]);
                }
                Step::NewSource(ssrc, sequence) => {
                    way.ssrc = Ssrc(ssrc);
                    way.sequence = sequence;
                }
                Step::Jump(sequence, time) => {
                    way.sequence = way.sequence.wrapping_add(sequence);
                    way.timestamp = way.timestamp.wrapping_add(time);
                }
                Step::Gate(open) => {
                    way.rewriter.set_gate(open, way.now);
                    way.drain();
                }
                Step::Wait(ms) => way.pass(Duration::from_millis(ms)),
            }
        }
        let mut seen = HashSet::new();
        let mut newest: Option<crate::rtp::Header> = None;
        for sent in &way.sent {
            let header = &sent.header;
            assert!(seen.insert(header.sequence.0), "{} twice", header.sequence.0);
            if let Some(before) = newest.as_ref().filter(|n| header.sequence.since(n.sequence) > 0) {
                assert!(header.sequence.since(before.sequence) < 3_000);
                let step = header.timestamp.since(before.timestamp);
                // Within a second, a source's own clock is followed either way.
                assert!((-8_001..8_000 * 1_000).contains(&step), "{step}");
            }
            if newest.as_ref().is_none_or(|n| header.sequence.since(n.sequence) > 0) {
                newest = Some(header.clone());
            }
        }
    }
}
