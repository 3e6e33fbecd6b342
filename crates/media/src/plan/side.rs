//! What one leg allows for the agreed codec, and two of them joined to a relay.

use super::abilities::{Abilities, Events};
use super::decide::{DEFAULT_PTIME, Decision, Party, browser_sends, decide, packet_time};
use super::video::VideoSide;
use super::{Policy, Refusal, opus};
use crate::codec::AudioCodec;
use crate::relay::{
    AudioFormat, EventClock, InBand, Path, PayloadKind, ReceiveMap, Relay, SendFormats, Waits,
};
use crate::rtp::Pt;
use crate::sdp::{Direction, Format, Formats};

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

/// What a call comes to: the codecs of both legs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) browser: AudioCodec,
    pub(super) phone: AudioCodec,
    /// Milliseconds per packet towards the phone, where the route has a say in it.
    pub(super) insists: Option<u16>,
}

impl Policy {
    /// Decides on both legs' codecs; see [`decide`].
    pub(super) fn pair(
        &self,
        browser: &Abilities,
        phone: &Abilities,
        decider: Party,
    ) -> Result<Pair, Refusal> {
        let decision = decide(browser, phone, &self.route, decider);
        let (browser, phone) = decision.choices()?;
        let insists = self.route.ptime.map(|_| phone.ptime).filter(|ptime| {
            let transcoded = matches!(decision, Decision::Transcode { .. });
            transcoded || browser_sends(browser.codec, *ptime)
        });
        Ok(Pair {
            browser: browser.codec,
            phone: phone.codec,
            insists,
        })
    }

    /// What an answer of a phone commits it to. Where nothing can be transcoded, it may still be
    /// brought to send another codec that it has accepted.
    pub(super) fn commitment(&self, phone: Abilities) -> Abilities {
        match self.route.transcodes() {
            true => phone.committed(),
            false => phone,
        }
    }
}

/// One leg, as far as the agreed codec goes. Plain numbers: this lives as long as the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Side {
    /// What is spoken there.
    pub(super) codec: AudioCodec,
    /// The meaning of what comes from there.
    pub(super) receive: ReceiveMap,
    /// The payload type that the far end wants the audio in.
    pub(super) audio: Pt,
    /// The payload types that it takes events in.
    pub(super) events: Events,
    /// Its payload type of comfort noise.
    pub(super) comfort_noise: Option<Pt>,
    /// Seen from the far end.
    pub(super) direction: Direction,
    /// What it wants to receive: Opus parameters fit to be told to the other leg.
    pub(super) fmtp: Option<String>,
    /// Milliseconds per packet that it wants to receive, and at most.
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
    /// Milliseconds per packet that the route insists on there, whatever the other side sends.
    pub(super) insists: Option<u16>,
    /// The video beside it.
    pub(super) video: Option<VideoSide>,
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
            codec,
            receive: ReceiveMap::new(),
            audio: audio.pt,
            events: Events::new(formats),
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
            insists: None,
            video: None,
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
            (side.events.khz8, PayloadKind::Event(EventClock::Khz8)),
            (side.events.khz48, PayloadKind::Event(EventClock::Khz48)),
            (side.comfort_noise, PayloadKind::ComfortNoise),
        ];
        for (pt, kind) in own_numbers {
            if let Some(pt) = pt.filter(|pt| !listed(*pt)) {
                side.receive.insert(pt, kind);
            }
        }
        Some(side)
    }

    /// The same with this video.
    pub(super) fn with_video(mut self, video: Option<VideoSide>) -> Self {
        self.video = video;
        self
    }

    /// The same leg after its far end has described itself again, while what we described holds:
    /// every number that had a meaning keeps it.
    pub(super) fn described_again(
        &self,
        formats: &Formats,
        direction: Direction,
        times: (Option<u16>, Option<u16>),
    ) -> Option<Self> {
        let mut side = Self::new(self.codec, formats, &[], direction, times)?;
        let news = std::mem::replace(&mut side.receive, self.receive.clone());
        side.receive.fill(&news);
        side.insists = self.insists;
        Some(side)
    }

    /// What the far end is able to do as far as it has been told: one codec.
    pub(super) fn abilities(&self) -> Abilities {
        Abilities {
            codecs: vec![(self.codec, self.audio)],
            events: self.events,
            ptime: self.ptime,
            maxptime: self.maxptime,
        }
    }

    /// The same with the packet time that the route wants there.
    pub(super) fn insisting(self, insists: Option<u16>) -> Self {
        Self { insists, ..self }
    }

    /// The parameters that the other leg is told, which speaks `codec`: those of this one where
    /// the audio passes untouched, else ours.
    pub(super) fn fmtp_for(&self, codec: AudioCodec) -> Option<String> {
        if codec == self.codec {
            self.fmtp.clone()
        } else {
            own_fmtp(codec)
        }
    }

    fn send(&self, other: &Self) -> SendFormats {
        let relayed = self.codec == other.codec && other.comfort_noise.is_some();
        SendFormats {
            audio: self.audio,
            event: self.events.beside(self.codec),
            comfort_noise: self.comfort_noise.filter(|_| relayed),
        }
    }

    /// What is sent there.
    fn format(&self) -> AudioFormat {
        AudioFormat {
            codec: self.codec,
            ptime: self
                .insists
                .unwrap_or_else(|| packet_time(self.ptime, self.maxptime)),
        }
    }
}

/// Whether the audio passes untouched.
pub(super) fn is_relayed(browser: &Side, phone: &Side) -> bool {
    let in_time = |ptime| browser_sends(browser.codec, ptime);
    browser.codec == phone.codec && phone.insists.is_none_or(in_time)
}

/// `a=ptime` and `a=maxptime` for the phone: what the browser wants where the audio is relayed.
pub(super) fn times_for_phone(browser: &Side, phone: &Side) -> (Option<u16>, Option<u16>) {
    let (ptime, maxptime) = match is_relayed(browser, phone) {
        true => (browser.ptime.or(phone.ptime), browser.maxptime),
        false => (phone.ptime, None),
    };
    (phone.insists.or(ptime), maxptime)
}

/// The parameters of a codec that the other leg is told.
pub(super) fn carried_fmtp(codec: AudioCodec, format: &Format) -> Option<String> {
    match codec {
        AudioCodec::Opus => format.fmtp.as_deref().and_then(opus::carried),
        AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => None,
    }
}

/// The parameters of a codec that we decode ourselves (RFC 7587 §6.1).
pub(super) fn own_fmtp(codec: AudioCodec) -> Option<String> {
    match codec {
        AudioCodec::Opus => Some("minptime=10;useinbandfec=1".to_owned()),
        AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => None,
    }
}

/// Joins two legs. `to_phone` and `to_browser` say which ways are open.
pub(super) fn relay(browser: &Side, phone: &Side, to_phone: bool, to_browser: bool) -> Relay {
    let (phone_gets, browser_gets) = (phone.format(), browser.format());
    // What comes is in packets of the sender's choice; where it is relayed it leaves so.
    let comes = |side: &Side, leaves: AudioFormat| match is_relayed(browser, phone) {
        true => leaves,
        false => AudioFormat {
            codec: side.codec,
            ptime: DEFAULT_PTIME,
        },
    };
    Relay {
        codec: browser.codec,
        ptime: phone_gets.ptime,
        to_phone: Path {
            receive: browser.receive.clone(),
            send: phone.send(browser),
            from: comes(browser, phone_gets),
            to: phone_gets,
            in_band: InBand::Off,
            open: to_phone,
            waits: Waits::No,
            music: None,
        },
        to_browser: Path {
            receive: phone.receive.clone(),
            send: browser.send(phone),
            from: match browser.codec == phone.codec {
                // Browsers take packets of any length.
                true => browser_gets,
                false => comes(phone, browser_gets),
            },
            to: browser_gets,
            in_band: InBand::Off,
            open: to_browser,
            waits: Waits::No,
            music: None,
        },
    }
}
