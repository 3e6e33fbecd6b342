//! What is said of codecs, in `[media]` for all calls and in `[[sip.domain]]` for those of one domain.

use media::codec::AudioCodec;
use media::plan::{CodecPolicy, KeyPolicy, Route, Transcoding};
use serde::Deserialize;

use super::Problem;

/// The packet times that may be asked for, in milliseconds.
const PACKET_TIMES: [u16; 5] = [10, 20, 30, 40, 60];

/// A codec by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Codec {
    /// Opus.
    #[serde(rename = "opus", alias = "OPUS", alias = "Opus")]
    Opus,
    /// G.722.
    #[serde(rename = "G722", alias = "g722")]
    G722,
    /// G.711 mu-law.
    #[serde(rename = "PCMU", alias = "pcmu")]
    Pcmu,
    /// G.711 A-law.
    #[serde(rename = "PCMA", alias = "pcma")]
    Pcma,
}

impl From<Codec> for AudioCodec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Opus => Self::Opus,
            Codec::G722 => Self::G722,
            Codec::Pcmu => Self::Pcmu,
            Codec::Pcma => Self::Pcma,
        }
    }
}

/// Whether audio may be transcoded, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TranscodingRule {
    /// A call without a common codec is refused.
    Never,
    /// Where nothing can be relayed.
    LastResort,
    /// Browsers speak Opus with every phone.
    Opus,
}

impl From<TranscodingRule> for Transcoding {
    fn from(rule: TranscodingRule) -> Self {
        match rule {
            TranscodingRule::Never => Self::Never,
            TranscodingRule::LastResort => Self::LastResort,
            TranscodingRule::Opus => Self::OpusForBrowsers,
        }
    }
}

/// How keys (DTMF) reach phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DtmfRule {
    /// telephone-events, else INFO, else tones: what the phone says that it takes.
    Auto,
    /// telephone-events.
    Rtp,
    /// INFO.
    Info,
    /// Tones in the sound.
    Inband,
}

impl From<DtmfRule> for KeyPolicy {
    fn from(rule: DtmfRule) -> Self {
        match rule {
            DtmfRule::Auto => Self::Auto,
            DtmfRule::Rtp => Self::Events,
            DtmfRule::Info => Self::Info,
            DtmfRule::Inband => Self::Tones,
        }
    }
}

/// These settings, as far as they are given.
#[derive(Debug, Clone, Copy)]
pub struct Audio<'a> {
    /// Towards phones; empty: all of ours, in the order of whoever offers.
    pub codecs: Option<&'a [Codec]>,
    /// When to transcode.
    pub transcoding: Option<TranscodingRule>,
    /// Milliseconds per packet towards phones.
    pub ptime: Option<u16>,
    /// How keys reach phones.
    pub dtmf: Option<DtmfRule>,
}

impl Audio<'_> {
    /// The route of these keys; what is not given is that of `common`.
    #[must_use]
    pub fn route(&self, common: &Route) -> Route {
        Route {
            codecs: match self.codecs {
                None => common.codecs.clone(),
                Some([]) => CodecPolicy::Offerer,
                Some(codecs) => {
                    let codecs = codecs.iter().copied();
                    CodecPolicy::Listed(codecs.map(AudioCodec::from).collect())
                }
            },
            transcoding: self
                .transcoding
                .map_or(common.transcoding, Transcoding::from),
            ptime: self.ptime.or(common.ptime),
            music: common.music.clone(),
            keys: self.dtmf.map_or(common.keys, KeyPolicy::from),
        }
    }

    pub(super) fn check(&self, key: &str, problems: &mut Vec<Problem>) {
        if self
            .ptime
            .is_some_and(|ptime| !PACKET_TIMES.contains(&ptime))
        {
            let text = "must be 10, 20, 30, 40 or 60";
            problems.push(Problem::new(format!("{key}.ptime"), text));
        }
        let codecs = self.codecs.unwrap_or_default();
        let twice = |(index, codec)| codecs[..index].contains(codec);
        if codecs.iter().enumerate().any(twice) {
            let text = "names a codec twice";
            problems.push(Problem::new(format!("{key}.codecs"), text));
        }
    }
}
