//! The relay plan: what a worker needs to know to pass the media of one call.
//!
//! The result of codec planning ([`crate::plan`]) as plain data: which payload types mean what on
//! each leg, and which ways are open. No state, no addresses, no keys; a
//! `Rewriter` executes one [`Path`] of it.

use std::fmt;
use std::time::Duration;

use crate::codec::AudioCodec;
use crate::music::HoldMusic;
use crate::rtp::Pt;

/// What both ways of one call do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The codec that the browser speaks; the phone speaks another one where the ways are
    /// transcoded.
    pub codec: AudioCodec,
    /// Milliseconds of audio per packet towards the phone: what it asked for (`a=ptime`), or the
    /// route wants; else 20. Where the audio is relayed, this is what both were told.
    pub ptime: u16,
    /// From the browser to the phone.
    pub to_phone: Path,
    /// From the phone to the browser.
    pub to_browser: Path,
}

impl Relay {
    /// The same with neither way open.
    #[must_use]
    pub fn closed(mut self) -> Self {
        for path in [&mut self.to_phone, &mut self.to_browser] {
            path.open = false;
            path.waits = Waits::No;
        }
        self
    }

    /// Whoever waits hears `music`.
    pub fn play(&mut self, music: Option<&HoldMusic>) {
        for path in [&mut self.to_phone, &mut self.to_browser] {
            path.music = match path.waits {
                Waits::No => None,
                Waits::InSilence | Waits::UntilHeard => music.cloned(),
            };
        }
    }
}

/// One way of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The meaning of the payload types that arrive.
    pub receive: ReceiveMap,
    /// The payload types that leave.
    pub send: SendFormats,
    /// What arrives; as `to` where the audio is relayed, untouched. Where it differs, the way is
    /// transcoded.
    pub from: AudioFormat,
    /// What leaves: its codec is that of [`SendFormats::audio`], its clock that of all that is
    /// sent, its packet time the beat of generated DTMF.
    pub to: AudioFormat,
    /// What is done about keys within the sound.
    pub in_band: InBand,
    /// Whether media may pass: false while held (`a=sendonly`, `a=inactive`, `c=0.0.0.0`).
    pub open: bool,
    /// Whether the receiver has been put on hold by the other side.
    pub waits: Waits,
    /// What who waits hears.
    pub music: Option<HoldMusic>,
}

/// Whether who receives on a way has been put on hold by the other side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Waits {
    /// No.
    #[default]
    No,
    /// Yes, and nothing comes from there.
    InSilence,
    /// Yes; but the other side may send music of its own, and is then heard.
    UntilHeard,
}

/// What is done about keys within the sound of a way (ITU-T Q.23).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InBand {
    /// Nothing.
    #[default]
    Off,
    /// Keys leave as tones in place of the audio.
    Play,
    /// Tones in the audio are keys. It passes as it is. G.711 and what is transcoded can be
    /// listened to.
    Listen,
}

/// Audio as one leg sends or receives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFormat {
    /// How it is coded.
    pub codec: AudioCodec,
    /// Milliseconds of audio per packet (`a=ptime`).
    pub ptime: u16,
}

impl AudioFormat {
    /// How long a packet lasts.
    #[must_use]
    pub fn frame(self) -> Duration {
        Duration::from_millis(u64::from(self.ptime))
    }
}

/// What a received payload type carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadKind {
    /// Nothing that was negotiated.
    Unknown,
    /// The agreed codec.
    Audio,
    /// telephone-event (RFC 4733), durations counted by this clock.
    Event(EventClock),
    /// Comfort noise (RFC 3389).
    ComfortNoise,
}

/// Payload type to meaning, one look-up without a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiveMap([PayloadKind; 128]);

impl ReceiveMap {
    /// A map that knows no payload type.
    pub const fn new() -> Self {
        Self([PayloadKind::Unknown; 128])
    }

    /// Gives `pt` a meaning unless it already has one.
    pub fn insert(&mut self, pt: Pt, kind: PayloadKind) {
        if self.0[pt.index()] == PayloadKind::Unknown {
            self.0[pt.index()] = kind;
        }
    }

    /// Takes over from `other` the payload types that have no meaning here yet.
    pub(crate) fn fill(&mut self, other: &Self) {
        for (own, kind) in self.0.iter_mut().zip(other.0) {
            if *own == PayloadKind::Unknown {
                *own = kind;
            }
        }
    }

    /// The payload types of one meaning, as bits.
    pub(crate) fn mask(&self, kind: PayloadKind) -> u128 {
        let known = self.0.iter().enumerate();
        known
            .filter(|(_, known)| **known == kind)
            .fold(0, |mask, (index, _)| mask | (1 << index))
    }

    /// What `pt` carries.
    pub fn kind(&self, pt: Pt) -> PayloadKind {
        self.0[pt.index()]
    }
}

impl Default for ReceiveMap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReceiveMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, kind)| **kind != PayloadKind::Unknown);
        f.debug_map().entries(known).finish()
    }
}

/// The payload types to send with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendFormats {
    /// The agreed codec.
    pub audio: Pt,
    /// telephone-event, when the receiver takes it.
    pub event: Option<EventFormat>,
    /// Comfort noise, when both legs take it.
    pub comfort_noise: Option<Pt>,
}

/// A negotiated telephone-event format (RFC 4733).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventFormat {
    /// Its payload type.
    pub payload_type: Pt,
    /// The clock of its durations; usually that of the audio beside it.
    pub clock: EventClock,
}

/// The clock rates of telephone-event that occur beside our codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventClock {
    /// 8,000 Hz.
    Khz8,
    /// 48,000 Hz.
    Khz48,
}

impl EventClock {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Khz8, Self::Khz48];

    /// In Hz.
    pub const fn rate(self) -> u32 {
        match self {
            Self::Khz8 => 8_000,
            Self::Khz48 => 48_000,
        }
    }

    /// The clock of that rate in Hz, if it is one of ours.
    pub fn from_rate(rate: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|clock| clock.rate() == rate)
    }
}
