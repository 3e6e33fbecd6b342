//! Payloads to samples, at the rate that is wanted: no codec's output is resampled.
//!
//! Opus decodes to any of its rates, G.722 can leave out its upper band. What is missing is made
//! up here too: by Opus itself, by [`Concealer`] for the others.

use audio_codec::Decoder as _;
use audio_codec::g722::{Bitrate, G722Decoder};
use audio_codec::pcma::PcmaDecoder;
use audio_codec::pcmu::PcmuDecoder;
use rusty_opus::OpusDecoder;

use super::conceal::{Concealer, clamp};
use crate::codec::AudioCodec;

/// Milliseconds a packet holds at most (RFC 6716 §3.2.5; others are held to it).
const LONGEST: usize = 120;

/// The payload is not of this codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecodable;

pub(super) struct Decoder {
    rate: usize,
    kind: Kind,
}

enum Kind {
    Opus {
        core: Box<OpusDecoder>,
        decoded: Vec<f32>,
    },
    Sampled {
        core: Sampled,
        concealer: Concealer,
    },
}

/// Codecs whose payload is a row of samples.
enum Sampled {
    G722(Box<G722Decoder>),
    Pcmu(PcmuDecoder),
    Pcma(PcmaDecoder),
}

impl Decoder {
    pub(super) fn new(codec: AudioCodec, rate: u32) -> Option<Self> {
        let core = match codec {
            AudioCodec::Opus => {
                let core = OpusDecoder::new(i32::try_from(rate).ok()?, 1).ok()?;
                let decoded = vec![0.0; LONGEST * rate as usize / 1000];
                let core = Box::new(core);
                return Some(Self {
                    rate: rate as usize,
                    kind: Kind::Opus { core, decoded },
                });
            }
            AudioCodec::G722 => {
                let narrow = rate == 8_000;
                let core = G722Decoder::with_options(Bitrate::Mode1_64000, false, narrow);
                Sampled::G722(Box::new(core))
            }
            AudioCodec::Pcmu => Sampled::Pcmu(PcmuDecoder::new()),
            AudioCodec::Pcma => Sampled::Pcma(PcmaDecoder::new()),
        };
        let concealer = Concealer::new(rate);
        Some(Self {
            rate: rate as usize,
            kind: Kind::Sampled { core, concealer },
        })
    }

    /// Samples a payload holds; 0 if it is none of this codec.
    pub(super) fn duration(&self, payload: &[u8]) -> usize {
        let samples = match &self.kind {
            Kind::Opus { .. } => opus_frames(payload).map_or(0, |(frame, count)| {
                // In 1/400 s, the shortest frame.
                frame * count * self.rate / 400
            }),
            // One byte per 1/8,000 s.
            Kind::Sampled { .. } => payload.len() * self.rate / 8_000,
        };
        if samples * 1000 > LONGEST * self.rate {
            0
        } else {
            samples
        }
    }

    /// Decodes behind `out`, and says how many samples.
    pub(super) fn decode(
        &mut self,
        payload: &[u8],
        out: &mut Vec<i16>,
    ) -> Result<usize, Undecodable> {
        let count = self.duration(payload);
        if count == 0 {
            return Err(Undecodable);
        }
        match &mut self.kind {
            Kind::Opus { core, decoded } => {
                // A byte alone says that nothing is sent (DTX): as if it had not come.
                let payload = if payload.len() < 2 { &[] } else { payload };
                let decoded = decoded.get_mut(..count).ok_or(Undecodable)?;
                let made = core.decode(payload, count, decoded);
                let made = made.map_err(|_| Undecodable)?.min(count);
                append(&decoded[..made], out);
                Ok(made)
            }
            Kind::Sampled { core, concealer } => {
                let start = out.len();
                out.resize(start + count, 0);
                let fresh = &mut out[start..];
                let made = match core {
                    Sampled::G722(core) => core.decode_into(payload, fresh),
                    Sampled::Pcmu(core) => core.decode_into(payload, fresh),
                    Sampled::Pcma(core) => core.decode_into(payload, fresh),
                };
                let made = made.unwrap_or(0).min(count);
                out.truncate(start + made);
                concealer.heard(&mut out[start..]);
                Ok(made)
            }
        }
    }

    /// Whether a payload also holds the packet before it (RFC 6716 §2.1.7).
    pub(super) fn holds_previous(&self, payload: &[u8]) -> bool {
        match &self.kind {
            Kind::Opus { .. } => has_redundancy(payload),
            Kind::Sampled { .. } => false,
        }
    }

    /// Decodes the packet before this one out of it.
    pub(super) fn decode_previous(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        let count = self.duration(payload);
        match &mut self.kind {
            Kind::Opus { core, decoded } => {
                if let Some(decoded) = decoded.get_mut(..count)
                    && core.decode_fec(payload, count, decoded).is_ok()
                {
                    append(decoded, out);
                }
            }
            Kind::Sampled { concealer, .. } => concealer.conceal(count, out),
        }
    }

    /// Makes up `count` samples, whole units of 10 ms.
    pub(super) fn conceal(&mut self, count: usize, out: &mut Vec<i16>) {
        match &mut self.kind {
            Kind::Opus { core, decoded } => {
                let count = count.min(decoded.len());
                let decoded = &mut decoded[..count];
                if core.decode(&[], count, decoded).is_err() {
                    decoded.fill(0.0);
                }
                append(decoded, out);
            }
            Kind::Sampled { concealer, .. } => concealer.conceal(count, out),
        }
    }
}

fn append(decoded: &[f32], out: &mut Vec<i16>) {
    let samples = decoded
        .iter()
        .map(|sample| clamp((sample * 32_768.0).round() as i32));
    out.extend(samples);
}

/// How long the frames of a packet are, in 1/400 s, and how many it has (RFC 6716 §3.1, §3.2).
fn opus_frames(payload: &[u8]) -> Option<(usize, usize)> {
    let toc = *payload.first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [4, 8, 16, 24][usize::from(config & 3)],
        config @ 12..16 => [4, 8][usize::from(config & 1)],
        config @ 16.. => [1, 2, 4, 8][usize::from(config & 3)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(payload.get(1)? & 0x3f),
    };
    (count > 0).then_some((frame, count))
}

/// Whether the LBRR flag stands behind the voice activity flags of a packet of one frame
/// (RFC 6716 §4.2.3, §4.2.4): they are its first bits, as even odds are written.
fn has_redundancy(payload: &[u8]) -> bool {
    let &[toc, flags, ..] = payload else {
        return false;
    };
    // Our decoder repairs mono only.
    if toc & 0x04 != 0 {
        return false;
    }
    let inner_frames = match toc >> 3 {
        config @ 0..12 => [1, 1, 2, 3][usize::from(config & 3)],
        12..16 => 1,
        16.. => return false,
    };
    toc & 3 == 0 && flags & (0x80 >> inner_frames) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opus_packet_tells_its_duration() {
        assert_eq!(opus_frames(&[0x78, 1]), Some((8, 1)));
        assert_eq!(opus_frames(&[0x08, 1]), Some((8, 1)));
        assert_eq!(opus_frames(&[0xf9, 1]), Some((8, 2)));
        assert_eq!(opus_frames(&[0x1b, 0x83]), Some((24, 3)));
        assert_eq!(opus_frames(&[0x1b, 0x80]), None);
        assert_eq!(opus_frames(&[0x03]), None);
        assert_eq!(opus_frames(&[]), None);
    }

    #[test]
    fn a_packet_longer_than_any_is_none() {
        let opus = Decoder::new(AudioCodec::Opus, 8_000).expect("a rate of Opus");
        assert_eq!(opus.duration(&[0x1b, 0x3f]), 0);
        assert_eq!(opus.duration(&[0xfb, 0x06]), 960);
        let pcmu = Decoder::new(AudioCodec::Pcmu, 8_000).expect("the rate of G.711");
        assert_eq!(pcmu.duration(&[0; 961]), 0);
        assert_eq!(pcmu.duration(&[0; 160]), 160);
    }
}
