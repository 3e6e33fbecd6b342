//! The lines of a session description, sorted into session and media sections (RFC 8866 §5).
//!
//! Knows `b=`, `c=`, `m=` and `a=` no deeper than their first word; every other line is passed
//! over. Lines may end in CR LF, LF or CR, stand in any order and be unknown.

use std::fmt;

/// Largest description that is read, in bytes.
pub const MAX_SDP_BYTES: usize = 65_536;
/// Most lines that are read.
pub const MAX_LINES: usize = 4_096;
/// Most media sections.
pub const MAX_MEDIA_SECTIONS: usize = 64;
/// Most payload types of one media section that are looked at.
pub(super) const MAX_FORMATS: usize = 128;

/// Why a description cannot be read at all. Everything less is tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdpError {
    /// More than [`MAX_SDP_BYTES`], [`MAX_LINES`] or [`MAX_MEDIA_SECTIONS`].
    TooLarge,
    /// No line of it is SDP.
    NotSdp,
    /// A media line without medium, port and protocol.
    BadMediaLine,
    /// No audio section, or it is disabled by port 0.
    NoAudio,
    /// Audio, but not over a protocol that this kind of leg speaks.
    WrongProtocol,
    /// A browser's description without ICE user name fragment and password.
    NoIceCredentials,
    /// A browser's description without a SHA-256 fingerprint.
    NoFingerprint,
    /// A browser's description without `a=rtcp-mux`.
    NoRtcpMux,
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "session description too large",
            Self::NotSdp => "not a session description",
            Self::BadMediaLine => "malformed media line",
            Self::NoAudio => "no audio",
            Self::WrongProtocol => "audio over another protocol",
            Self::NoIceCredentials => "no ICE credentials",
            Self::NoFingerprint => "no SHA-256 fingerprint",
            Self::NoRtcpMux => "RTCP not multiplexed",
        })
    }
}

impl std::error::Error for SdpError {}

/// A description's lines, in sections.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Before the first `m=`.
    pub(super) session: Section,
    /// One per `m=`, in order.
    pub(super) media: Vec<(MediaLine, Section)>,
}

/// What may stand on session level and in a media section alike.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// The value of the last `c=`.
    pub(super) connection: Option<String>,
    /// The most bits per second that are wanted, by `b=`: that of RFC 3890 before that of RFC 8866.
    pub(super) bandwidth: Option<u32>,
    /// `a=` lines as (name in lower case, value; empty when there is none).
    pub(super) attributes: Vec<(String, String)>,
}

impl Section {
    /// `b=AS:<kilobits per second>` or `b=TIAS:<bits per second>`.
    fn limit(&mut self, value: &str) {
        match value.split_once(':') {
            Some(("TIAS", bits)) => self.bandwidth = bits.parse().ok().or(self.bandwidth),
            Some(("AS", kilobits)) if self.bandwidth.is_none() => {
                let bits = kilobits.parse::<u32>().ok();
                self.bandwidth = bits.and_then(|kilobits| kilobits.checked_mul(1_000));
            }
            Some(_) | None => {}
        }
    }

    /// The values of all attributes of that (lower case) name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first of them.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether there is one.
    pub(super) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }
}

/// `m=<media> <port> <proto> <fmt> ...`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLine {
    /// `audio`, `video`, `application` ...
    pub media: String,
    /// 0 when refused or disabled.
    pub port: u16,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF` ...
    pub protocol: String,
    /// Payload types, or whatever the protocol wants there.
    pub formats: Vec<String>,
}

impl Lines {
    /// Sorts the lines of `sdp`. Bytes that are not UTF-8 are replaced.
    pub(super) fn read(sdp: &[u8]) -> Result<Self, SdpError> {
        if sdp.len() > MAX_SDP_BYTES {
            return Err(SdpError::TooLarge);
        }
        let text = String::from_utf8_lossy(sdp);
        let mut lines = Self::default();
        let mut known = false;
        for (count, line) in text
            .split(['\r', '\n'])
            .filter(|line| !line.is_empty())
            .enumerate()
        {
            if count >= MAX_LINES {
                return Err(SdpError::TooLarge);
            }
            let Some((key, value)) = line.trim().split_once('=') else {
                continue;
            };
            let value = value.trim();
            known |= matches!(key, "v" | "o" | "m");
            match key {
                "m" => {
                    if lines.media.len() >= MAX_MEDIA_SECTIONS {
                        return Err(SdpError::TooLarge);
                    }
                    lines
                        .media
                        .push((MediaLine::read(value)?, Section::default()));
                }
                "b" => lines.current().limit(value),
                "c" => lines.current().connection = Some(value.to_owned()),
                "a" => {
                    let (name, value) = value.split_once(':').unwrap_or((value, ""));
                    let attribute = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
                    lines.current().attributes.push(attribute);
                }
                _ => {}
            }
        }
        if known {
            Ok(lines)
        } else {
            Err(SdpError::NotSdp)
        }
    }

    fn current(&mut self) -> &mut Section {
        match self.media.last_mut() {
            Some((_, section)) => section,
            None => &mut self.session,
        }
    }
}

impl MediaLine {
    fn read(value: &str) -> Result<Self, SdpError> {
        let mut words = value.split_ascii_whitespace();
        let (Some(media), Some(port), Some(protocol)) = (words.next(), words.next(), words.next())
        else {
            return Err(SdpError::BadMediaLine);
        };
        // "49170/2" asks for two port pairs: the first one is enough.
        let port = port.split('/').next().unwrap_or(port);
        if !is_token(media) || !protocol.split('/').all(is_token) {
            return Err(SdpError::BadMediaLine);
        }
        Ok(Self {
            media: media.to_ascii_lowercase(),
            port: port.parse().map_err(|_| SdpError::BadMediaLine)?,
            protocol: protocol.to_owned(),
            formats: words
                .filter(|word| is_token(word))
                .take(MAX_FORMATS)
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The line that refuses this one: port 0, the rest repeated (RFC 3264 §6).
    pub fn refusal(&self) -> String {
        // One format is enough, and there must be one even when the offer forgot it.
        let format = self.formats.first().map_or("0", String::as_str);
        format!("m={} 0 {} {format}\r\n", self.media, self.protocol)
    }
}

/// Whether `word` is a token (RFC 8866 §9), and so may be repeated in our own descriptions.
pub(crate) fn is_token(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte))
}
