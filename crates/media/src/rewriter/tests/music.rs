//! Music on hold: what is heard when, under one numbering.

use std::time::Duration;

use audio_codec::Decoder as _;
use audio_codec::pcma::PcmaDecoder;

use super::{EventClock, FRAME, Outcome, Path, Way, dropped, path};
use crate::codec::AudioCodec;
use crate::dtmf::{Digit, Dtmf};
use crate::music::{HoldMusic, MusicError};
use crate::relay::{AudioFormat, Waits};
use crate::rewriter::Dropped;
use crate::rtp::Pt;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A second of 500 Hz.
fn tone(rate: u32) -> HoldMusic {
    let turn = 500.0 * std::f64::consts::TAU / f64::from(rate);
    let sample = |at| ((turn * f64::from(at)).sin() * 10_000.0) as i16;
    let samples: Vec<_> = (0..rate).map(sample).collect();
    let (music, encoding) = HoldMusic::new(samples, rate).expect("a second");
    encoding.run(|| true);
    music
}

fn held(music: &HoldMusic, waits: Waits) -> Path {
    Path {
        open: waits == Waits::UntilHeard,
        waits,
        music: Some(music.clone()),
        ..path(AudioCodec::Pcma, Some(EventClock::Khz8))
    }
}

fn talking() -> Path {
    path(AudioCodec::Pcma, Some(EventClock::Khz8))
}

/// How strong 500 Hz is in all the A-law that was sent, as a peak.
fn peak(way: &Way) -> f64 {
    let bytes: Vec<u8> = way
        .sent
        .iter()
        .flat_map(|sent| sent.payload.clone())
        .collect();
    let mut pcm = vec![0; bytes.len()];
    let count = PcmaDecoder::new()
        .decode_into(&bytes, &mut pcm)
        .expect("room");
    let turn = 500.0 * std::f64::consts::TAU / 8_000.0;
    let sum = pcm[..count]
        .iter()
        .enumerate()
        .fold((0.0, 0.0), |sum, (at, sample)| {
            let (sine, cosine) = (turn * at as f64).sin_cos();
            let sample = f64::from(*sample);
            (sum.0 + sample * cosine, sum.1 + sample * sine)
        });
    2.0 * f64::hypot(sum.0, sum.1) / count as f64
}

#[test]
fn who_is_put_on_hold_hears_the_music_over_and_over() {
    for rate in [8_000, 44_100, 48_000] {
        let music = tone(rate);
        let mut way = Way::new(held(&music, Waits::InSilence));
        way.pass(ms(5_000));
        assert!((250..=252).contains(&way.sent.len()), "{}", way.sent.len());
        assert!(way.sent.iter().all(|sent| sent.payload.len() == 160));
        let peak = peak(&way);
        assert!((peak - 10_000.0).abs() < 500.0, "{peak}");
        way.assert_no_gap();
    }
}

#[test]
fn numbers_and_times_go_on_over_holds() {
    let music = tone(8_000);
    let mut way = Way::new(talking());
    for round in 0..4 {
        for _ in 0..20 {
            way.audio();
        }
        way.rewriter.replan(held(&music, Waits::InSilence), way.now);
        let before = way.sent.len();
        for _ in 0..50 {
            assert_eq!(way.audio(), dropped(Dropped::Closed));
        }
        assert!((48..=52).contains(&(way.sent.len() - before)));
        way.pass(ms(round * 7));
        way.rewriter.replan(talking(), way.now);
    }
    way.audio();
    way.assert_no_gap();
    for pair in way.sent.windows(2) {
        let step = pair[1].header.timestamp.since(pair[0].header.timestamp);
        let passed = pair[1].at.duration_since(pair[0].at).as_millis() as i64 * 8;
        assert!(step > 0 && (step - passed).abs() <= 320, "{step} {passed}");
    }
}

#[test]
fn a_far_end_that_plays_itself_is_heard_and_nothing_else() {
    let music = tone(8_000);
    let mut way = Way::new(held(&music, Waits::UntilHeard));
    way.pass(ms(490));
    assert_eq!(way.sent.len(), 0, "it may still begin");
    way.pass(ms(510));
    let ours = way.sent.len();
    assert!((25..=27).contains(&ours), "{ours}");
    for _ in 0..50 {
        assert!(matches!(way.audio(), Outcome::Send(_)));
    }
    assert!(way.sent.len() - ours <= 51, "not both");
    way.pass(ms(1_000));
    assert!(way.sent.len() - ours > 70, "again when it has ceased");
    way.assert_no_gap();
}

#[test]
fn keys_come_first_and_a_closed_gate_lets_nothing_pass() {
    let music = tone(8_000);
    let mut way = Way::new(held(&music, Waits::UntilHeard));
    way.pass(ms(1_000));
    let digit = Digit::from_char('3').expect("a digit");
    let duration = ms(100);
    way.rewriter.handle_told(Dtmf { digit, duration }, way.now);
    way.drain();
    let before = way.sent.len();
    way.pass(ms(100));
    assert!(
        way.sent[before..]
            .iter()
            .all(|sent| sent.header.payload_type != Pt::PCMA)
    );
    way.pass(ms(200));
    assert_eq!(
        way.sent.last().map(|sent| sent.header.payload_type),
        Some(Pt::PCMA)
    );
    way.rewriter.set_gate(false, way.now);
    way.pass(FRAME);
    let before = way.sent.len();
    way.pass(ms(500));
    assert_eq!(way.sent.len(), before);
    way.assert_no_gap();
}

#[test]
fn there_is_a_packet_of_each_codec_and_length() {
    let music = tone(48_000);
    for codec in AudioCodec::ALL {
        for ptime in [10, 20, 30, 60] {
            let mut path = held(&music, Waits::InSilence);
            path.to = AudioFormat { codec, ptime };
            path.from = path.to;
            let mut way = Way::new(path);
            way.pass(ms(2_400));
            let each = if codec == AudioCodec::Opus { 20 } else { ptime };
            let expected = 2_400 / usize::from(each);
            assert!(
                way.sent.len().abs_diff(expected) <= 2,
                "{codec} {ptime}: {}",
                way.sent.len()
            );
            for sent in &way.sent {
                match codec {
                    AudioCodec::Opus => assert!(sent.payload.len() > 10),
                    AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => {
                        assert_eq!(sent.payload.len(), usize::from(ptime) * 8);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_too_short_or_of_an_odd_rate_is_refused() {
    let refused = |rate| HoldMusic::new(vec![0; 100], rate).map(drop);
    assert_eq!(refused(8_000), Err(MusicError::Length));
    assert_eq!(refused(4_000), Err(MusicError::Rate(4_000)));
}

#[test]
fn until_it_is_encoded_nothing_is_heard_and_then_the_numbers_go_on() {
    let (music, encoding) = HoldMusic::new(vec![1_000; 8_000], 8_000).expect("a second");
    let mut way = Way::new(talking());
    way.audio();
    way.rewriter.replan(held(&music, Waits::InSilence), way.now);
    way.pass(ms(1_000));
    assert_eq!(way.sent.len(), 1);
    encoding.run(|| true);
    way.pass(ms(1_000));
    assert!((50..=52).contains(&way.sent.len()), "{}", way.sent.len());
    way.assert_no_gap();
}

#[test]
fn encoding_ends_when_it_is_not_wanted_any_more() {
    let (music, encoding) = HoldMusic::new(vec![1_000; 8_000], 8_000).expect("a second");
    let asked = std::cell::Cell::new(0);
    encoding.run(|| asked.replace(asked.get() + 1) < 60);
    assert_eq!(asked.get(), 61);
    for (codec, there) in [(AudioCodec::Pcmu, true), (AudioCodec::Pcma, false)] {
        let mut path = held(&music, Waits::InSilence);
        path.to = AudioFormat { codec, ptime: 20 };
        path.from = path.to;
        let mut way = Way::new(path);
        way.pass(ms(100));
        assert_eq!(!way.sent.is_empty(), there, "{codec}");
    }
}
