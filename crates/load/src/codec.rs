//! The codecs a call may pretend to speak: their size on the wire is all that matters here.

use clap::ValueEnum;
use media::codec::AudioCodec;

/// Twenty milliseconds of audio per packet, the usual packet time of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Codec {
    /// G.711 mu-law: 160 bytes.
    Pcmu,
    /// Opus at 32 kbit/s: 80 bytes.
    Opus,
}

impl Codec {
    /// Bytes of payload per packet.
    #[must_use]
    pub fn payload_length(self) -> usize {
        match self {
            Self::Pcmu => 160,
            Self::Opus => 80,
        }
    }

    /// Clock units per packet.
    #[must_use]
    pub fn timestamp_step(self) -> u32 {
        self.audio().clock_rate() / 50
    }

    /// The codec as SDP knows it.
    #[must_use]
    pub fn audio(self) -> AudioCodec {
        match self {
            Self::Pcmu => AudioCodec::Pcmu,
            Self::Opus => AudioCodec::Opus,
        }
    }

    /// The payload type our offers give it.
    #[must_use]
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Opus => 111,
        }
    }
}
