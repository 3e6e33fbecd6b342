//! What one leg allows for the agreed codec, and two of them joined to a relay.

use super::opus;
use crate::codec::AudioCodec;
use crate::relay::{
    AudioFormat, EventClock, EventFormat, Path, PayloadKind, ReceiveMap, Relay, SendFormats,
};
use crate::rtp::Pt;
use crate::sdp::{Direction, Format, Formats};

/// Milliseconds per packet when nobody says.
const DEFAULT_PTIME: u16 = 20;

/// A format that a description of ours lists: the far end may send with its payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnFormat {
    pub(super) pt: Pt,
    pub(super) kind: OwnKind,
}

impl OwnFormat {
    pub(super) fn is_codec(&self, codec: AudioCodec) -> bool {
        matches!(self.kind, OwnKind::Audio(listed, _) if listed == codec)
    }
}

/// What stands behind the payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnKind {
    /// A codec, with its format parameters.
    Audio(AudioCodec, Option<String>),
    /// telephone-event.
    Event(EventClock),
    /// Comfort noise.
    ComfortNoise,
}

/// One leg, as far as the agreed codec goes. Plain numbers: this lives as long as the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Side {
    /// The meaning of what comes from there.
    pub(super) receive: ReceiveMap,
    /// The payload type that the far end wants the audio in.
    pub(super) audio: Pt,
    /// The payload types that it takes events in, by clock.
    pub(super) khz8: Option<Pt>,
    pub(super) khz48: Option<Pt>,
    /// Its payload type of comfort noise.
    pub(super) comfort_noise: Option<Pt>,
    /// Seen from the far end.
    pub(super) direction: Direction,
    /// What it wants to receive: Opus parameters fit to be told to the other leg.
    pub(super) fmtp: Option<String>,
    /// Milliseconds per packet that it wants to receive, and at most.
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
}

impl Side {
    /// A leg whose far end described `formats`, while we described `own`. `None` when the far end
    /// does not take `codec`.
    pub(super) fn new(
        codec: AudioCodec,
        formats: &Formats,
        own: &[OwnFormat],
        direction: Direction,
        (ptime, maxptime): (Option<u16>, Option<u16>),
    ) -> Option<Self> {
        let audio = formats.codec(codec)?;
        let mut side = Self {
            receive: ReceiveMap::new(),
            audio: audio.pt,
            khz8: event(formats, EventClock::Khz8),
            khz48: event(formats, EventClock::Khz48),
            comfort_noise: match codec {
                AudioCodec::Opus => None,
                AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => {
                    formats.comfort_noise().map(|format| format.pt)
                }
            },
            direction,
            fmtp: carried_fmtp(codec, audio),
            ptime,
            maxptime,
        };
        // We are sent what WE listed (RFC 3264 §5.1); but some send by their own numbers.
        for format in own {
            let kind = match format.kind {
                OwnKind::Audio(listed, _) if listed == codec => PayloadKind::Audio,
                OwnKind::Audio(..) => continue,
                OwnKind::Event(clock) => PayloadKind::Event(clock),
                OwnKind::ComfortNoise => PayloadKind::ComfortNoise,
            };
            side.receive.insert(format.pt, kind);
        }
        let listed = |pt: Pt| own.iter().any(|format| format.pt == pt);
        let own_numbers = [
            (Some(side.audio), PayloadKind::Audio),
            (side.khz8, PayloadKind::Event(EventClock::Khz8)),
            (side.khz48, PayloadKind::Event(EventClock::Khz48)),
            (side.comfort_noise, PayloadKind::ComfortNoise),
        ];
        for (pt, kind) in own_numbers {
            if let Some(pt) = pt.filter(|pt| !listed(*pt)) {
                side.receive.insert(pt, kind);
            }
        }
        Some(side)
    }

    /// The same leg after its far end has described itself again, while what we described holds:
    /// every number that had a meaning keeps it.
    pub(super) fn described_again(
        &self,
        codec: AudioCodec,
        formats: &Formats,
        direction: Direction,
        times: (Option<u16>, Option<u16>),
    ) -> Option<Self> {
        let mut side = Self::new(codec, formats, &[], direction, times)?;
        let news = std::mem::replace(&mut side.receive, self.receive.clone());
        side.receive.fill(&news);
        Some(side)
    }

    /// The event format to send there: of the audio's clock (RFC 4733 §2.1), else the other one.
    fn event(&self, codec: AudioCodec) -> Option<EventFormat> {
        let by_clock = |clock: EventClock| {
            let payload_type = match clock {
                EventClock::Khz8 => self.khz8,
                EventClock::Khz48 => self.khz48,
            };
            payload_type.map(|payload_type| EventFormat {
                payload_type,
                clock,
            })
        };
        let [first, second] = event_clocks(codec);
        by_clock(first).or_else(|| by_clock(second))
    }

    fn send(&self, codec: AudioCodec, other: &Self) -> SendFormats {
        SendFormats {
            audio: self.audio,
            event: self.event(codec),
            comfort_noise: self.comfort_noise.filter(|_| other.comfort_noise.is_some()),
        }
    }
}

/// The event clocks beside a codec: its own first.
pub(super) fn event_clocks(codec: AudioCodec) -> [EventClock; 2] {
    match codec {
        AudioCodec::Opus => [EventClock::Khz48, EventClock::Khz8],
        AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => {
            [EventClock::Khz8, EventClock::Khz48]
        }
    }
}

/// The parameters of a codec that the other leg is told.
pub(super) fn carried_fmtp(codec: AudioCodec, format: &Format) -> Option<String> {
    match codec {
        AudioCodec::Opus => format.fmtp.as_deref().and_then(opus::carried),
        AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => None,
    }
}

/// Joins two legs. `to_phone` and `to_browser` say which ways are open.
pub(super) fn relay(
    codec: AudioCodec,
    browser: &Side,
    phone: &Side,
    to_phone: bool,
    to_browser: bool,
) -> Relay {
    let format = |side| {
        let ptime = packet_time(side);
        AudioFormat { codec, ptime }
    };
    let (phone_format, browser_format) = (format(phone), format(browser));
    Relay {
        codec,
        ptime: packet_time(phone),
        to_phone: Path {
            receive: browser.receive.clone(),
            send: phone.send(codec, browser),
            from: phone_format,
            to: phone_format,
            open: to_phone,
        },
        to_browser: Path {
            receive: phone.receive.clone(),
            send: browser.send(codec, phone),
            from: browser_format,
            to: browser_format,
            open: to_browser,
        },
    }
}

/// What a far end wants to receive in one packet.
fn packet_time(side: &Side) -> u16 {
    let wanted = side.ptime.unwrap_or(DEFAULT_PTIME);
    wanted.min(side.maxptime.unwrap_or(wanted))
}

fn event(formats: &Formats, clock: EventClock) -> Option<Pt> {
    formats.event(clock.rate()).map(|format| format.pt)
}
