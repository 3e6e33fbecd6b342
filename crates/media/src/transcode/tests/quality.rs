//! Between all codecs and packet times: a tone stays that tone, as loud as it was.

use super::{AMPLITUDE, HERTZ, Source, Way, format, ms, regular, tone};
use crate::codec::AudioCodec;
use crate::transcode::sample_rate;

#[test]
fn a_tone_passes_between_all_codecs() {
    for from in AudioCodec::ALL {
        for to in AudioCodec::ALL {
            let (from, to) = (format(from, 20), format(to, 20));
            let mut way = Way::new(from, to);
            way.run(regular(&mut Source::new(from), 150), ms(0));
            way.assert_continuous();
            assert!((148..=150).contains(&way.left.len()), "{}", way.left.len());
            // The first 100 ms swing in.
            let rate = sample_rate(to.codec);
            let heard = &way.heard()[rate as usize / 10..];
            let (amplitude, other) = tone(heard, rate, HERTZ, 1);
            let what = format!("{from:?} to {to:?}: {amplitude} {other}");
            assert!(
                (0.75 * AMPLITUDE..1.2 * AMPLITUDE).contains(&amplitude),
                "{what}"
            );
            assert!(other < 0.03, "15 dB: {what}");
        }
    }
}

#[test]
fn what_a_narrow_codec_cannot_carry_is_not_heard_as_something_else() {
    for from in [AudioCodec::Opus, AudioCodec::G722] {
        let (from, to) = (format(from, 20), format(AudioCodec::Pcma, 20));
        let mut source = Source::new(from);
        source.hertz = 6_000.0;
        let mut way = Way::new(from, to);
        way.run(regular(&mut source, 100), ms(0));
        let heard = &way.heard()[800..];
        let loudest = heard.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest < Some(400), "{from:?}: {loudest:?}");
    }
}

#[test]
fn packets_are_cut_anew_from_10_to_60_ms() {
    for (from, to) in [
        (10, 60),
        (60, 10),
        (20, 30),
        (30, 20),
        (60, 20),
        (20, 60),
        (40, 50),
    ] {
        for (codec, other) in [
            (AudioCodec::Opus, AudioCodec::Pcmu),
            (AudioCodec::Pcmu, AudioCodec::Opus),
            (AudioCodec::Pcma, AudioCodec::Pcma),
        ] {
            let (from, to) = (format(codec, from), format(other, to));
            let mut way = Way::new(from, to);
            way.run(regular(&mut Source::new(from), 120), ms(0));
            way.assert_continuous();
            let rate = sample_rate(to.codec);
            let heard = &way.heard()[rate as usize / 5..];
            // What was needed to wait for the longer packets is made up, once.
            let (amplitude, other) = tone(heard, rate, HERTZ, 3);
            let what = format!("{from:?} to {to:?}: {amplitude} {other}");
            assert!(
                (0.75 * AMPLITUDE..1.2 * AMPLITUDE).contains(&amplitude),
                "{what}"
            );
            assert!(other < 0.05, "13 dB: {what}");
        }
    }
}
