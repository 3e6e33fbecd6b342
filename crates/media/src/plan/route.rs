//! What the operator wants of the audio of a route's calls.

use super::KeyPolicy;
use crate::codec::AudioCodec;
use crate::music::HoldMusic;

/// What the operator wants of the calls of a route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The codecs towards phones.
    pub codecs: CodecPolicy,
    /// Whether audio may be transcoded, and when.
    pub transcoding: Transcoding,
    /// Milliseconds per packet towards phones; `None`: what the phone likes. Relayed audio keeps
    /// the browser's packets, so that others than the browser is able to send are transcoded.
    pub ptime: Option<u16>,
    /// How keys reach phones.
    pub keys: KeyPolicy,
    /// What who is put on hold hears.
    pub music: Option<HoldMusic>,
}

impl Route {
    /// Whether anything may be transcoded.
    #[must_use]
    pub fn transcodes(&self) -> bool {
        match self.transcoding {
            Transcoding::Never => false,
            Transcoding::LastResort | Transcoding::OpusForBrowsers => true,
        }
    }

    /// Whether phones may speak `codec`.
    #[must_use]
    pub fn allows(&self, codec: AudioCodec) -> bool {
        match &self.codecs {
            CodecPolicy::Offerer => true,
            CodecPolicy::Listed(listed) => listed.contains(&codec),
        }
    }
}

/// Which codecs phones may speak, and whose preference counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CodecPolicy {
    /// All of ours, in the order of whoever offers.
    #[default]
    Offerer,
    /// Only these; offered in this order.
    Listed(Vec<AudioCodec>),
}

/// Whether audio may be transcoded, and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transcoding {
    /// It may not: a call without a common codec is refused.
    #[default]
    Never,
    /// Where nothing can be relayed.
    LastResort,
    /// Also to let the browser speak Opus with every phone.
    OpusForBrowsers,
}
