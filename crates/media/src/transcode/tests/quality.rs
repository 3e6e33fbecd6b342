//! Between all codecs and packet times: a tone stays that tone, as loud as it was.

use rusty_opus::repacketizer::Repacketizer;

use super::{AMPLITUDE, HERTZ, Source, Way, format, ms, regular, tone};
use crate::codec::AudioCodec;
use crate::rtp::SeqNo;
use crate::transcode::decode::Decoder;
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

#[test]
fn every_packet_time_of_every_codec_is_made_as_asked() {
    for codec in AudioCodec::ALL {
        for ptime in [10, 20, 30, 40, 50, 60] {
            let (from, to) = (format(AudioCodec::Pcma, 20), format(codec, ptime));
            let mut way = Way::new(from, to);
            way.run(regular(&mut Source::new(from), 150), ms(0));
            way.assert_continuous();
            let rate = sample_rate(codec);
            let lasts = rate as usize * usize::from(ptime) / 1_000;
            let decoder = Decoder::new(codec, rate).expect("a rate of the codec");
            for (_, _, payload) in &way.left {
                assert_eq!(decoder.duration(payload), lasts, "{codec} of {ptime} ms");
            }
            let heard = &way.heard()[rate as usize / 10..];
            let (amplitude, other) = tone(heard, rate, HERTZ, 1);
            let what = format!("{codec} of {ptime} ms: {amplitude} {other}");
            // Frames of 10 ms spend more of their bits on themselves.
            assert!(amplitude > 0.75 * AMPLITUDE && other < 0.05, "{what}");
        }
    }
}

#[test]
fn opus_keeps_its_mode_within_a_packet_whatever_is_said() {
    for ptime in [30, 50] {
        let (from, to) = (
            format(AudioCodec::G722, 20),
            format(AudioCodec::Opus, ptime),
        );
        let mut way = Way::new(from, to);
        let mut source = Source::new(from);
        let mut packets = Vec::new();
        for at in 0..600_u64 {
            // Silence, low and high tones by turns.
            source.hertz = [0.0, 300.0, 3_000.0, 6_900.0][(at / 7 % 4) as usize];
            let (header, payload) = source.packet();
            packets.push((ms(20 * at), header, payload));
        }
        way.run(packets, ms(0));
        let decoder = Decoder::new(AudioCodec::Opus, 48_000).expect("a rate of Opus");
        let lasts = 48 * usize::from(ptime);
        let short = way
            .left
            .iter()
            .filter(|(_, _, payload)| decoder.duration(payload) != lasts);
        assert_eq!(short.count(), 0, "of {}", way.left.len());
    }
}

#[test]
fn packets_of_up_to_120_ms_are_heard() {
    for (codec, joined) in [
        (AudioCodec::Pcmu, 4),
        (AudioCodec::G722, 5),
        (AudioCodec::Pcma, 6),
        (AudioCodec::Opus, 4),
        (AudioCodec::Opus, 6),
    ] {
        let (from, to) = (format(codec, 20), format(AudioCodec::Pcma, 20));
        let mut source = Source::new(from);
        let packets = (0..30_u64).map(|at| {
            let pieces: Vec<_> = (0..joined).map(|_| source.packet()).collect();
            let mut header = pieces[0].0.clone();
            header.sequence = SeqNo(at as u16);
            let pieces = pieces.into_iter().map(|(_, payload)| payload);
            (ms(at * 20 * joined), header, join(codec, pieces))
        });
        let packets = packets.collect();
        let mut way = Way::new(from, to);
        way.run(packets, ms(0));
        way.assert_continuous();
        let heard = &way.heard()[1_600..];
        let (amplitude, other) = tone(heard, 8_000, HERTZ, 1);
        let what = format!("{codec} of {} ms: {amplitude} {other}", 20 * joined);
        assert!(amplitude > 0.75 * AMPLITUDE && other < 0.03, "{what}");
        let least = 30 * joined as usize - 8;
        assert!(way.left.len() >= least, "{what}: {}", way.left.len());
    }
}

/// One payload out of several.
fn join(codec: AudioCodec, pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    match codec {
        AudioCodec::Opus => {
            let mut frames = Repacketizer::new();
            for piece in pieces {
                frames.cat(&piece).expect("of the same mode");
            }
            frames.out().expect("some")
        }
        AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => pieces.flatten().collect(),
    }
}
