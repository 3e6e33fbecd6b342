//! How loud a packet is, without decoding it where that can be helped.
//!
//! Levels are those of RFC 6464: decibels below the loudest a system can say (dBov). Inside they
//! are mean squares with full scale at 2^30, which can be added up.

mod g722;

use std::fmt;

use crate::codec::AudioCodec;

/// A level in dBov: 0 is full scale, -127 digital silence (RFC 6464 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dbov(pub i8);

impl Dbov {
    /// The softest that can be said.
    pub const SILENCE: Self = Self(-127);

    /// The level of a mean square.
    #[must_use]
    pub(crate) fn of_power(power: f64) -> Self {
        if power < 1.0 {
            return Self::SILENCE;
        }
        let decibels = 10.0 * (power / FULL_SCALE as f64).log10();
        #[expect(clippy::cast_possible_truncation, reason = "between -127 and 0")]
        let decibels = decibels.clamp(-127.0, 0.0).round() as i8;
        Self(decibels)
    }
}

impl fmt::Display for Dbov {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dBov", self.0)
    }
}

/// A mean square, full scale at 2^30.
pub(crate) type Power = u64;

const FULL_SCALE: Power = 1 << 30;
/// Softer than this is silence: -70 dBov. A quiet room at a microphone is around -60, a muted one far below.
pub(crate) const SILENCE: Power = 107;

/// What a packet says of its loudness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// So loud.
    Measured(Power),
    /// Too small to hold any sound.
    Empty,
    /// Only a decoder could tell.
    Unknown,
}

/// Reads the payloads of one stream.
#[derive(Debug, Default)]
pub(super) struct PayloadReader {
    g722: g722::Follower,
}

impl PayloadReader {
    /// Of a packet's payload. Opus is not decoded: its encoders make a packet of one to three bytes
    /// of silence (a frame that is not transmitted, RFC 6716 §3.1, or one without content), and of
    /// anything else what cannot be told.
    pub(super) fn loudness(&mut self, codec: AudioCodec, payload: &[u8]) -> Loudness {
        match codec {
            AudioCodec::Pcmu => mean(payload, &PCMU),
            AudioCodec::Pcma => mean(payload, &PCMA),
            AudioCodec::G722 => match self.g722.power(payload) {
                Some(power) => Loudness::Measured(power),
                None => Loudness::Empty,
            },
            AudioCodec::Opus if payload.len() <= 3 => Loudness::Empty,
            AudioCodec::Opus => Loudness::Unknown,
        }
    }
}

/// Of a level by RFC 6464: seven bits of decibels below full scale.
pub(crate) fn of_extension(byte: u8) -> Loudness {
    Loudness::Measured(DECIBELS[usize::from(byte & 0x7f)])
}

fn mean(payload: &[u8], squares: &[u32; 256]) -> Loudness {
    let sum: u64 = payload
        .iter()
        .map(|byte| u64::from(squares[usize::from(*byte)]))
        .sum();
    let count = payload.len() as u64;
    sum.checked_div(count)
        .map_or(Loudness::Empty, Loudness::Measured)
}

static PCMU: [u32; 256] = squares(true);
static PCMA: [u32; 256] = squares(false);
static DECIBELS: [Power; 128] = decibels();

/// The squares of all sixteen-bit samples of a law (ITU-T G.711). The smallest step of A-law,
/// which has no zero, counts as silence: it is what an idle channel sends.
const fn squares(mu: bool) -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte: usize = 0;
    while byte < 256 {
        let magnitude = if mu { mu_law(byte) } else { a_law(byte) };
        table[byte] = magnitude * magnitude;
        byte += 1;
    }
    table
}

const fn mu_law(byte: usize) -> u32 {
    let code = !(byte as u32) & 0x7f;
    let (exponent, mantissa) = (code >> 4, code & 0x0f);
    (((mantissa << 3) + 0x84) << exponent) - 0x84
}

const fn a_law(byte: usize) -> u32 {
    let code = (byte as u32 ^ 0x55) & 0x7f;
    let (exponent, mantissa) = (code >> 4, code & 0x0f);
    match exponent {
        0 if mantissa == 0 => 0,
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    }
}

const fn decibels() -> [Power; 128] {
    let mut table = [0; 128];
    let mut power = FULL_SCALE as f64;
    let mut index = 0;
    while index < 128 {
        table[index] = power as Power;
        // A decibel.
        power *= 0.794_328_234_724_281_5;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(loudness: Loudness) -> Dbov {
        match loudness {
            Loudness::Measured(power) => Dbov::of_power(power as f64),
            Loudness::Empty | Loudness::Unknown => panic!("{loudness:?}"),
        }
    }

    /// The byte of a law whose sample is nearest.
    fn encode(squares: &[u32; 256], sample: f64) -> u8 {
        let wanted = sample * sample;
        let distance = |byte: &u8| (f64::from(squares[usize::from(*byte)]) - wanted).abs();
        (0..=255)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .expect("not empty")
    }

    #[test]
    fn the_laws_reach_the_values_of_the_standard() {
        // G.711, tables 1a and 2a, in sixteen bits.
        assert_eq!(
            (mu_law(0x80), mu_law(0xff), mu_law(0x00)),
            (32_124, 0, 32_124)
        );
        assert_eq!((a_law(0xaa), a_law(0xd5), a_law(0x2a)), (32_256, 0, 32_256));
        assert_eq!(a_law(0xd4), 24);
    }

    #[test]
    fn a_sine_is_three_decibels_below_its_peak() {
        for table in [&PCMU, &PCMA] {
            for (peak, expected) in [(32_000.0, -3), (3_200.0, -23), (320.0, -43)] {
                let samples: Vec<u8> = (0..160)
                    .map(|at| {
                        let phase = f64::from(at) * std::f64::consts::TAU / 16.0;
                        encode(table, peak * phase.sin())
                    })
                    .collect();
                let level = level(mean(&samples, table));
                assert!((level.0 - expected).abs() <= 1, "{level} at {peak}");
            }
        }
    }

    #[test]
    fn idle_channels_are_silent() {
        for (codec, idle) in [(AudioCodec::Pcmu, 0xff), (AudioCodec::Pcma, 0xd5)] {
            let mut reader = PayloadReader::default();
            let loudness = reader.loudness(codec, &[idle; 160]);
            assert_eq!(loudness, Loudness::Measured(0));
            assert_eq!(reader.loudness(codec, &[]), Loudness::Empty);
        }
    }

    #[test]
    fn opus_tells_only_that_there_is_nothing() {
        let mut reader = PayloadReader::default();
        let mut of = |payload: &[u8]| reader.loudness(AudioCodec::Opus, payload);
        assert_eq!(of(&[0xf8]), Loudness::Empty);
        assert_eq!(of(&[0xf8, 0xff, 0xfe]), Loudness::Empty);
        assert_eq!(of(&[0x78; 60]), Loudness::Unknown);
    }

    #[test]
    fn a_browsers_level_is_taken_at_its_word() {
        // The top bit says that it is speech.
        for (byte, expected) in [(0, 0), (30, -30), (0x80 | 30, -30), (70, -70), (127, -127)] {
            assert_eq!(level(of_extension(byte)), Dbov(expected));
        }
        let Loudness::Measured(threshold) = of_extension(70) else {
            panic!("a level");
        };
        assert!(threshold.abs_diff(SILENCE) <= 1);
    }
}
