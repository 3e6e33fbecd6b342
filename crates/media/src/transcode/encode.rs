//! Samples to payloads, one packet at a time.

use audio_codec::Encoder as _;
use audio_codec::g722::{Bitrate, G722Encoder};
use audio_codec::pcma::PcmaEncoder;
use audio_codec::pcmu::PcmuEncoder;
use rusty_opus::repacketizer::Repacketizer;
use rusty_opus::{Application, OpusEncoder};

use super::MAX_PAYLOAD;
use super::double::Doubler;
use crate::codec::AudioCodec;

/// Effort of the Opus encoder, 0 to 10: docs/performance.md says what each costs.
const COMPLEXITY: i32 = 3;
/// Loss in per cent that the encoder prepares for: enough that it sends each frame again.
const EXPECTED_LOSS: i32 = 10;

/// One codec.
pub(crate) enum Encoder {
    Opus {
        core: Box<OpusEncoder>,
        /// The samples as Opus takes them.
        input: Vec<f32>,
        /// Samples of 10 ms.
        frame: usize,
        /// Frames of one packet.
        frames: Repacketizer,
    },
    G722 {
        core: Box<G722Encoder>,
        /// For audio of 8 kHz.
        doubler: Option<Doubler>,
    },
    Pcmu(PcmuEncoder),
    Pcma(PcmaEncoder),
}

impl Encoder {
    /// Takes samples at `rate` Hz.
    pub(crate) fn new(codec: AudioCodec, rate: u32) -> Option<Self> {
        Some(match codec {
            AudioCodec::Opus => {
                let rate = i32::try_from(rate).ok()?;
                let mut core = OpusEncoder::new(rate, 1, Application::Voip).ok()?;
                core.bitrate_bps = bitrate(rate);
                core.complexity = COMPLEXITY;
                core.use_inband_fec = true;
                core.packet_loss_perc = EXPECTED_LOSS;
                Self::Opus {
                    core: Box::new(core),
                    input: Vec::new(),
                    frame: usize::try_from(rate / 100).ok()?,
                    frames: Repacketizer::new(),
                }
            }
            AudioCodec::G722 => {
                let core = G722Encoder::with_options(Bitrate::Mode1_64000, false, false);
                Self::G722 {
                    core: Box::new(core),
                    doubler: (rate == 8_000).then(Doubler::new),
                }
            }
            AudioCodec::Pcmu => Self::Pcmu(PcmuEncoder::new()),
            AudioCodec::Pcma => Self::Pcma(PcmaEncoder::new()),
        })
    }

    /// Encodes a packet's samples to the front of `out`, and says how many bytes.
    pub(crate) fn encode(&mut self, pcm: &[i16], out: &mut [u8; MAX_PAYLOAD]) -> usize {
        let length = match self {
            Self::Opus {
                core,
                input,
                frame,
                frames,
            } => {
                input.clear();
                input.extend(pcm.iter().map(|sample| f32::from(*sample) / 32_768.0));
                if !is_of_several_frames(pcm.len(), *frame) {
                    return core.encode(input, pcm.len(), out).unwrap_or(0);
                }
                return encode_frames(core, input.chunks_exact(*frame), frames, out);
            }
            Self::G722 { core, doubler } => {
                let pcm = doubler.as_mut().map_or(pcm, |doubler| doubler.double(pcm));
                core.encode_into(pcm, out)
            }
            Self::Pcmu(core) => core.encode_into(pcm, out),
            Self::Pcma(core) => core.encode_into(pcm, out),
        };
        length.unwrap_or(0)
    }
}

/// Opus has packets of one frame, or of several of the same length (RFC 6716 §3.2.5): those of 30
/// and 50 ms are of frames of 10 ms.
fn is_of_several_frames(samples: usize, frame: usize) -> bool {
    samples == 3 * frame || samples == 5 * frame
}

fn encode_frames<'a>(
    core: &mut OpusEncoder,
    input: impl Iterator<Item = &'a [f32]>,
    frames: &mut Repacketizer,
    out: &mut [u8; MAX_PAYLOAD],
) -> usize {
    frames.reset();
    for samples in input {
        let length = core.encode(samples, samples.len(), out).unwrap_or(0);
        let made = out.get(..length).unwrap_or_default();
        if frames.cat(made).is_err() {
            // The encoder has changed its mode, which all frames of a packet share (§3.1): what
            // is left of this packet is made up by who hears it.
            break;
        }
    }
    frames.out_into(out).unwrap_or(0)
}

/// Bits per second, redundancy included, by what the other side's codec has to say.
fn bitrate(rate: i32) -> i32 {
    match rate {
        8_000 => 20_000,
        16_000 => 32_000,
        _ => 40_000,
    }
}
