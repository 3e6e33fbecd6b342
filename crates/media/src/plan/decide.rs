//! Which codec each side speaks, and whether that needs transcoding: one pure function of what both
//! are able to do and of what the route wants (RFC 3264 §6.1, RFC 7874).
//!
//! Knows no descriptions and no calls. Everything else of [`crate::plan`] asks it, whoever has
//! offered and however late in a call.

use super::Refusal;
use super::abilities::Abilities;
use super::route::{CodecPolicy, Route, Transcoding};
use crate::codec::AudioCodec;
use crate::relay::EventFormat;
use crate::rtp::Pt;

/// Milliseconds per packet when nobody says.
pub(super) const DEFAULT_PTIME: u16 = 20;

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The browser.
    Browser,
    /// The phone.
    Phone,
}

/// What a side is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The codec.
    pub codec: AudioCodec,
    /// That side's payload type of it.
    pub payload_type: Pt,
    /// Milliseconds per packet.
    pub ptime: u16,
    /// How keys are sent there; `None` when it takes no telephone-events.
    pub event: Option<EventFormat>,
}

/// What becomes of the audio of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Untouched: the codec is the same on both sides.
    Relay {
        /// Towards the browser.
        browser: Choice,
        /// Towards the phone.
        phone: Choice,
    },
    /// Decoded and encoded again: codecs or packet times differ.
    Transcode {
        /// Towards the browser.
        browser: Choice,
        /// Towards the phone.
        phone: Choice,
    },
    /// Nothing.
    Refuse(Refusal),
}

impl Decision {
    /// What both sides are sent.
    ///
    /// # Errors
    /// The reason why there is nothing.
    pub fn choices(self) -> Result<(Choice, Choice), Refusal> {
        match self {
            Self::Relay { browser, phone } | Self::Transcode { browser, phone } => {
                Ok((browser, phone))
            }
            Self::Refuse(refusal) => Err(refusal),
        }
    }
}

/// Decides. Among several codecs that can be relayed, the order of `decider` counts, which is the
/// one who has answered (RFC 3264 §6.1); the other one's order does not matter. What a phone
/// speaks where it is transcoded is its own choice, or the route's.
///
/// What can be relayed as the route wants it is never transcoded. A packet time is no reason to
/// refuse a call.
#[must_use]
pub fn decide(browser: &Abilities, phone: &Abilities, route: &Route, decider: Party) -> Decision {
    let allowed = |codec: &AudioCodec| phone.has(*codec) && route.allows(*codec);
    if browser.codecs.is_empty() {
        return Decision::Refuse(Refusal::BrowserHasNoCodec);
    }
    if !AudioCodec::ALL.iter().any(allowed) {
        return Decision::Refuse(Refusal::PhoneHasNoCodec);
    }
    let ptime = wanted_ptime(phone, route);
    let wanted = match route.transcoding {
        Transcoding::OpusForBrowsers => Some(AudioCodec::Opus).filter(|opus| browser.has(*opus)),
        Transcoding::Never | Transcoding::LastResort => None,
    };
    let order = match decider {
        Party::Browser => browser,
        Party::Phone => phone,
    };
    let order = order.codecs.iter().map(|(codec, _)| *codec);
    let shared: Vec<AudioCodec> = order
        .filter(|codec| browser.has(*codec) && allowed(codec))
        .filter(|codec| wanted.is_none_or(|wanted| wanted == *codec))
        .collect();
    let in_time = |codec: &&AudioCodec| route.ptime.is_none() || browser_sends(**codec, ptime);
    let untouched = shared.iter().find(in_time);
    let pair = match (untouched.or_else(|| shared.first()), route.transcoding) {
        (Some(codec), _) => (*codec, *codec),
        (None, Transcoding::Never) => return Decision::Refuse(Refusal::NoCommonCodec),
        (None, Transcoding::LastResort | Transcoding::OpusForBrowsers) => {
            (browsers_best(browser, wanted), phones_best(phone, route))
        }
    };
    let may_relay = untouched.is_some() || route.transcoding == Transcoding::Never;
    let towards = |side: &Abilities, codec, ptime| {
        Some(Choice {
            codec,
            payload_type: side.payload_type(codec)?,
            ptime,
            event: side.events.beside(codec),
        })
    };
    let own_ptime = packet_time(browser.ptime, browser.maxptime);
    let choices = (
        towards(browser, pair.0, own_ptime),
        towards(phone, pair.1, ptime),
    );
    match choices {
        (Some(browser), Some(phone)) if may_relay => Decision::Relay { browser, phone },
        (Some(browser), Some(phone)) => Decision::Transcode { browser, phone },
        (None, _) | (_, None) => Decision::Refuse(Refusal::NoCommonCodec),
    }
}

/// What the browser speaks where it is transcoded: what bears losses best.
fn browsers_best(browser: &Abilities, wanted: Option<AudioCodec>) -> AudioCodec {
    let ours = || {
        AudioCodec::ALL
            .into_iter()
            .find(|codec| browser.has(*codec))
    };
    wanted.or_else(ours).unwrap_or(AudioCodec::Opus)
}

/// What the phone speaks where it is transcoded. One Opus encoder for a call is enough: the
/// phone's own order counts, but for Opus.
fn phones_best(phone: &Abilities, route: &Route) -> AudioCodec {
    let allowed = phone.codecs.iter().map(|(codec, _)| *codec);
    let mut allowed: Vec<AudioCodec> = allowed.filter(|codec| route.allows(*codec)).collect();
    match &route.codecs {
        CodecPolicy::Offerer => allowed.sort_by_key(|codec| *codec == AudioCodec::Opus),
        CodecPolicy::Listed(listed) => {
            allowed.sort_by_key(|codec| listed.iter().position(|known| known == codec));
        }
    }
    allowed.first().copied().unwrap_or(AudioCodec::Pcmu)
}

/// What the phone is to get: the route's packet time, else its own wish, but never more than it
/// takes.
pub(super) fn wanted_ptime(phone: &Abilities, route: &Route) -> u16 {
    packet_time(route.ptime.or(phone.ptime), phone.maxptime)
}

/// What a far end wants to receive in one packet.
pub(super) fn packet_time(ptime: Option<u16>, maxptime: Option<u16>) -> u16 {
    let wanted = ptime.unwrap_or(DEFAULT_PTIME);
    wanted.min(maxptime.unwrap_or(wanted))
}

/// Whether browsers send such packets when `a=ptime` asks them to.
pub(super) fn browser_sends(codec: AudioCodec, ptime: u16) -> bool {
    match codec {
        AudioCodec::Opus => matches!(ptime, 10 | 20 | 40 | 60),
        AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => {
            (10..=60).contains(&ptime) && ptime.is_multiple_of(10)
        }
    }
}
