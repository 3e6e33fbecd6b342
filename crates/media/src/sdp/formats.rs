//! The formats of an audio section: payload types with their `a=rtpmap` and `a=fmtp`.

use super::lines::{MediaLine, Section};
use crate::codec::AudioCodec;
use crate::rtp::Pt;

/// One payload type and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Its number.
    pub pt: Pt,
    /// Encoding name as written.
    pub name: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Channels; 1 when not written.
    pub channels: u8,
    /// Format parameters, as written behind the payload type.
    pub fmtp: Option<String>,
}

impl Format {
    /// Which of our codecs it is.
    pub fn codec(&self) -> Option<AudioCodec> {
        AudioCodec::from_rtpmap(&self.name, self.clock_rate, self.channels)
    }

    /// Whether it is telephone-event (RFC 4733).
    pub fn is_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }

    /// Whether it is comfort noise (RFC 3389) at 8 kHz.
    pub fn is_comfort_noise(&self) -> bool {
        self.name.eq_ignore_ascii_case("CN") && self.clock_rate == 8_000
    }
}

/// All understood formats of a section, in the order of its media line: the writer's preference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formats(Vec<Format>);

impl Formats {
    pub(super) fn read(line: &MediaLine, section: &Section) -> Self {
        let mut formats: Vec<Format> = Vec::new();
        for number in &line.formats {
            let Some(pt) = number.parse().ok().and_then(Pt::new) else {
                continue;
            };
            if formats.iter().any(|known| known.pt == pt) {
                continue;
            }
            let mapped = section.all("rtpmap").find_map(|value| rtpmap(value, pt));
            let Some((name, clock_rate, channels)) = mapped.or_else(|| static_rtpmap(pt)) else {
                continue;
            };
            let fmtp = section
                .all("fmtp")
                .find_map(|value| behind_payload_type(value, pt));
            let fmtp = fmtp.map(str::to_owned);
            formats.push(Format {
                pt,
                name,
                clock_rate,
                channels,
                fmtp,
            });
        }
        Self(formats)
    }

    /// One after the other, most wanted first.
    pub fn iter(&self) -> impl Iterator<Item = &Format> {
        self.0.iter()
    }

    /// The formats that are codecs of ours.
    pub fn codecs(&self) -> impl Iterator<Item = (AudioCodec, &Format)> {
        self.0
            .iter()
            .filter_map(|format| Some((format.codec()?, format)))
    }

    /// The first format of that codec.
    pub fn codec(&self, codec: AudioCodec) -> Option<&Format> {
        self.codecs()
            .find(|(found, _)| *found == codec)
            .map(|(_, format)| format)
    }

    /// telephone-event with that clock rate.
    pub fn event(&self, clock_rate: u32) -> Option<&Format> {
        self.0
            .iter()
            .find(|format| format.is_event() && format.clock_rate == clock_rate)
    }

    /// Comfort noise.
    pub fn comfort_noise(&self) -> Option<&Format> {
        self.0.iter().find(|format| format.is_comfort_noise())
    }
}

/// What stands behind `pt` in "`<pt> <rest>`".
fn behind_payload_type(value: &str, pt: Pt) -> Option<&str> {
    let (number, rest) = value.split_once(|c: char| c.is_ascii_whitespace())?;
    (number.parse() == Ok(pt.number())).then(|| rest.trim())
}

/// `<pt> <name>/<clock>[/<channels>]`, when it is that of `pt`.
fn rtpmap(value: &str, pt: Pt) -> Option<(String, u32, u8)> {
    let mut parts = behind_payload_type(value, pt)?.split('/').map(str::trim);
    let name = parts.next()?.to_owned();
    let clock_rate = parts.next()?.parse().ok()?;
    let channels = parts
        .next()
        .and_then(|channels| channels.parse().ok())
        .unwrap_or(1);
    Some((name, clock_rate, channels))
}

/// The payload types that need no `a=rtpmap` (RFC 3551 §6).
fn static_rtpmap(pt: Pt) -> Option<(String, u32, u8)> {
    if pt == Pt::CN {
        return Some(("CN".to_owned(), 8_000, 1));
    }
    let codec = AudioCodec::ALL
        .into_iter()
        .find(|codec| codec.static_payload_type() == Some(pt))?;
    Some((codec.name().to_owned(), codec.clock_rate(), 1))
}
