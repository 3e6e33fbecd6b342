//! Music for a side that waits, read from a file and encoded once for each codec.
//!
//! All calls share what was encoded; each has its own place in it. At its end it begins again.
//! Encoding takes seconds and is somebody else's to run ([`Encoding`]): until it has come to a
//! codec, who waits hears nothing in it.
//! When it is played is up to a [`crate::relay::Path`], and who plays it is the rewriter of that way.

mod resample;
mod wav;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use resample::resampled;

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
    pcmu: OnceLock<Packets>,
    pcma: OnceLock<Packets>,
    g722: OnceLock<Packets>,
    opus: OnceLock<Packets>,
}

/// Packets of 20 ms one behind the other, and where each ends.
struct Packets {
    bytes: Vec<u8>,
    /// Empty where they can be cut anywhere.
    ends: Vec<usize>,
}

impl Encoded {
    fn of(&self, codec: AudioCodec) -> &OnceLock<Packets> {
        match codec {
            AudioCodec::Opus => &self.opus,
            AudioCodec::G722 => &self.g722,
            AudioCodec::Pcmu => &self.pcmu,
            AudioCodec::Pcma => &self.pcma,
        }
    }
}

/// The work of encoding a piece of music.
pub struct Encoding {
    music: HoldMusic,
    samples: Vec<i16>,
    rate: u32,
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoding({:?})", self.music)
    }
}

impl Encoding {
    /// Does it, which takes some seconds for the longest pieces: to be run where that hurts nobody.
    /// Ends early when `goes_on`, which is asked for each packet, says no.
    pub fn run(self, goes_on: impl Fn() -> bool) {
        // The quickest first.
        let order = [
            AudioCodec::Pcmu,
            AudioCodec::Pcma,
            AudioCodec::G722,
            AudioCodec::Opus,
        ];
        for codec in order {
            let Some(packets) = encoded(codec, &self.samples, self.rate, &goes_on) else {
                return;
            };
            self.music.0.of(codec).get_or_init(|| packets);
        }
    }
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
    /// Reads a WAV file (PCM of 16 bits, mono or stereo); what is left to do is encoding it.
    ///
    /// # Errors
    /// [`MusicError`].
    pub fn read(path: &Path) -> Result<(Self, Encoding), MusicError> {
        let (samples, rate) = wav::read(path)?;
        Self::new(samples, rate)
    }

    /// Whether the header of a file says that it can be played. Quick; what [`Self::read`] makes
    /// of the rest is not known yet.
    ///
    /// # Errors
    /// [`MusicError`].
    pub fn probe(path: &Path) -> Result<(), MusicError> {
        wav::open(path).map(drop)
    }

    /// Music of a mono sound, and the work of encoding it.
    ///
    /// # Errors
    /// [`MusicError::Rate`], [`MusicError::Length`].
    pub fn new(samples: Vec<i16>, rate: u32) -> Result<(Self, Encoding), MusicError> {
        let length = check(samples.len() as u64, rate)?;
        let music = Self(Arc::new(Encoded {
            length,
            pcmu: OnceLock::new(),
            pcma: OnceLock::new(),
            g722: OnceLock::new(),
            opus: OnceLock::new(),
        }));
        let encoding = Encoding {
            music: music.clone(),
            samples,
            rate,
        };
        Ok((music, encoding))
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
    /// it is. It lasts for [`Self::packet_time`]. `None` until it has been encoded.
    pub(crate) fn packet(
        &self,
        codec: AudioCodec,
        frame: Duration,
        at: Duration,
        out: &mut [u8; MAX_PAYLOAD],
    ) -> Option<usize> {
        let Packets { bytes, ends } = self.0.of(codec).get()?;
        if !ends.is_empty() {
            return Some(opus_packet(bytes, ends, at, out));
        }
        // One byte for 1/8,000 s.
        let place = |time: Duration| usize::try_from(time.as_micros() / 125).unwrap_or_default();
        let length = place(Self::packet_time(codec, frame)).min(MAX_PAYLOAD);
        let start = place(at).checked_rem(bytes.len()).unwrap_or_default();
        let music = bytes[start..].iter().chain(bytes.iter().cycle());
        for (out, byte) in out.iter_mut().zip(music.take(length)) {
            *out = *byte;
        }
        Some(length)
    }
}

fn opus_packet(bytes: &[u8], ends: &[usize], at: Duration, out: &mut [u8; MAX_PAYLOAD]) -> usize {
    let number = usize::try_from(at.as_micros() / OPUS_FRAME.as_micros()).unwrap_or_default();
    let number = number.checked_rem(ends.len()).unwrap_or_default();
    let before = number.checked_sub(1).and_then(|last| ends.get(last));
    let start = before.copied().unwrap_or_default();
    let end = ends.get(number).copied().unwrap_or_default();
    let packet = bytes.get(start..end).unwrap_or_default();
    out[..packet.len()].copy_from_slice(packet);
    packet.len()
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

/// A sound in a codec; `None` when it is not wanted any more.
fn encoded(
    codec: AudioCodec,
    samples: &[i16],
    rate: u32,
    goes_on: impl Fn() -> bool,
) -> Option<Packets> {
    let clock = match codec {
        AudioCodec::Pcmu | AudioCodec::Pcma => 8_000,
        AudioCodec::G722 => 16_000,
        AudioCodec::Opus => 48_000,
    };
    let mut encoder = Encoder::new(codec, clock)?;
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    let mut out = [0; MAX_PAYLOAD];
    let length = clock as usize / 50;
    let mut frame = Vec::with_capacity(length);
    // What is left over at the end is less than a packet.
    for sample in resampled(samples, rate, clock) {
        frame.push(sample);
        if frame.len() < length {
            continue;
        }
        if !goes_on() {
            return None;
        }
        let length = encoder.encode(&frame, &mut out);
        bytes.extend_from_slice(&out[..length]);
        if codec == AudioCodec::Opus {
            ends.push(bytes.len());
        }
        frame.clear();
    }
    bytes.shrink_to_fit();
    ends.shrink_to_fit();
    Some(Packets { bytes, ends })
}
