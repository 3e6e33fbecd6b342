//! Music for a side that waits, read from a file and encoded once for each codec.
//!
//! All calls share what was encoded; each has its own place in it. At its end it begins again.
//! When it is played is up to a [`crate::relay::Path`], and who plays it is the rewriter of that way.

mod resample;
mod wav;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use resample::resample;

use crate::codec::AudioCodec;
use crate::transcode::{Encoder, MAX_PAYLOAD};

/// Of the file.
pub const MAX_BYTES: u64 = 64 << 20;
/// Shorter or longer than this is refused: what is encoded stays in memory, 29 kB for each second.
pub const LENGTHS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(300);
/// Of a packet of Opus. The other codecs can be cut anywhere.
const OPUS_FRAME: Duration = Duration::from_millis(20);

/// A piece of music. Cheap to clone.
#[derive(Clone)]
pub struct HoldMusic(Arc<Encoded>);

struct Encoded {
    length: Duration,
    pcmu: Vec<u8>,
    pcma: Vec<u8>,
    g722: Vec<u8>,
    /// Packets one behind the other, and where each ends.
    opus: (Vec<u8>, Vec<usize>),
}

/// Why a file cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MusicError {
    /// It cannot be opened, or is no WAV file of samples of 16 bits in one or two channels.
    File(String),
    /// Its sample rate is not between 8 and 192 kHz.
    Rate(u32),
    /// It is too short or too long, or too large.
    Length,
}

impl fmt::Display for MusicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(why) => f.write_str(why),
            Self::Rate(rate) => write!(f, "{rate} Hz is not between 8000 and 192000"),
            Self::Length => write!(
                f,
                "not between half a second and {} s, or more than {} MB",
                LENGTHS.end().as_secs(),
                MAX_BYTES >> 20
            ),
        }
    }
}

impl std::error::Error for MusicError {}

impl fmt::Debug for HoldMusic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HoldMusic({:?})", self.0.length)
    }
}

/// The same piece, not one that sounds alike.
impl PartialEq for HoldMusic {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for HoldMusic {}

impl HoldMusic {
    /// Reads a WAV file (PCM of 16 bits, mono or stereo) and encodes it, which takes some seconds
    /// for the longest.
    ///
    /// # Errors
    /// [`MusicError`].
    pub fn read(path: &Path) -> Result<Self, MusicError> {
        let (samples, rate) = wav::read(path)?;
        Self::new(&samples, rate)
    }

    /// Whether the header of a file says that it can be played. Quick; what [`Self::read`] makes
    /// of the rest is not known yet.
    ///
    /// # Errors
    /// [`MusicError`].
    pub fn probe(path: &Path) -> Result<(), MusicError> {
        wav::open(path).map(drop)
    }

    /// Encodes a mono sound.
    ///
    /// # Errors
    /// [`MusicError::Rate`], [`MusicError::Length`].
    pub fn new(samples: &[i16], rate: u32) -> Result<Self, MusicError> {
        let length = check(samples.len() as u64, rate)?;
        let narrow = resample(samples, rate, 8_000);
        let wide = resample(samples, rate, 16_000);
        let full = resample(samples, rate, 48_000);
        Ok(Self(Arc::new(Encoded {
            length,
            pcmu: joined(AudioCodec::Pcmu, &narrow, 8_000).0,
            pcma: joined(AudioCodec::Pcma, &narrow, 8_000).0,
            g722: joined(AudioCodec::G722, &wide, 16_000).0,
            opus: joined(AudioCodec::Opus, &full, 48_000),
        })))
    }

    /// How long it takes.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.0.length
    }

    /// How long a packet is that should last for `frame`.
    pub(crate) fn packet_time(codec: AudioCodec, frame: Duration) -> Duration {
        match codec {
            AudioCodec::Opus => OPUS_FRAME,
            AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => {
                frame.clamp(Duration::from_millis(10), Duration::from_millis(60))
            }
        }
    }

    /// Writes the packet that begins `at` into the music to the front of `out`, and says how long
    /// it is. It lasts for [`Self::packet_time`].
    pub(crate) fn packet(
        &self,
        codec: AudioCodec,
        frame: Duration,
        at: Duration,
        out: &mut [u8; MAX_PAYLOAD],
    ) -> usize {
        let bytes = match codec {
            AudioCodec::Opus => return self.opus_packet(at, out),
            AudioCodec::G722 => &self.0.g722,
            AudioCodec::Pcmu => &self.0.pcmu,
            AudioCodec::Pcma => &self.0.pcma,
        };
        // One byte for 1/8,000 s.
        let place = |time: Duration| usize::try_from(time.as_micros() / 125).unwrap_or_default();
        let length = place(Self::packet_time(codec, frame)).min(MAX_PAYLOAD);
        let start = place(at).checked_rem(bytes.len()).unwrap_or_default();
        let music = bytes[start..].iter().chain(bytes.iter().cycle());
        for (out, byte) in out.iter_mut().zip(music.take(length)) {
            *out = *byte;
        }
        length
    }

    fn opus_packet(&self, at: Duration, out: &mut [u8; MAX_PAYLOAD]) -> usize {
        let (bytes, ends) = &self.0.opus;
        let number = usize::try_from(at.as_micros() / OPUS_FRAME.as_micros()).unwrap_or_default();
        let number = number.checked_rem(ends.len()).unwrap_or_default();
        let before = number.checked_sub(1).and_then(|last| ends.get(last));
        let start = before.copied().unwrap_or_default();
        let end = ends.get(number).copied().unwrap_or_default();
        let packet = bytes.get(start..end).unwrap_or_default();
        out[..packet.len()].copy_from_slice(packet);
        packet.len()
    }
}

/// How long so many samples of one channel take, if they can be played.
fn check(samples: u64, rate: u32) -> Result<Duration, MusicError> {
    if !(8_000..=192_000).contains(&rate) {
        return Err(MusicError::Rate(rate));
    }
    let length = Duration::from_secs(samples) / rate;
    match LENGTHS.contains(&length) {
        true => Ok(length),
        false => Err(MusicError::Length),
    }
}

/// A sound in packets of 20 ms, one behind the other, and where each ends.
fn joined(codec: AudioCodec, samples: &[i16], rate: u32) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    let Some(mut encoder) = Encoder::new(codec, rate) else {
        return (bytes, ends);
    };
    let mut out = [0; MAX_PAYLOAD];
    // What is left over at the end is less than a packet.
    for frame in samples.chunks_exact(rate as usize / 50) {
        let length = encoder.encode(frame, &mut out);
        bytes.extend_from_slice(&out[..length]);
        ends.push(bytes.len());
    }
    bytes.shrink_to_fit();
    (bytes, ends)
}
