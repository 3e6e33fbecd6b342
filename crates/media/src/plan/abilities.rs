//! What one side of a call is able to receive, boiled down from its description or from what is left
//! of it later: codecs, telephone-events, packet times.

use crate::codec::AudioCodec;
use crate::relay::{EventClock, EventFormat};
use crate::rtp::Pt;
use crate::sdp::Formats;

/// What one side is able to receive, as it has said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Our codecs among its own with its payload types, most wanted first, each once.
    pub codecs: Vec<(AudioCodec, Pt)>,
    /// Its telephone-events.
    pub events: Events,
    /// Milliseconds per packet that it would like to receive.
    pub ptime: Option<u16>,
    /// Milliseconds per packet that it is able to receive.
    pub maxptime: Option<u16>,
}

impl Abilities {
    /// Those of a description.
    #[must_use]
    pub fn new(formats: &Formats, (ptime, maxptime): (Option<u16>, Option<u16>)) -> Self {
        let mut codecs: Vec<(AudioCodec, Pt)> = Vec::new();
        for (codec, format) in formats.codecs() {
            if codecs.iter().all(|(known, _)| *known != codec) {
                codecs.push((codec, format.pt));
            }
        }
        Self {
            codecs,
            events: Events::new(formats),
            ptime,
            maxptime,
        }
    }

    /// Its payload type of `codec`.
    pub(super) fn payload_type(&self, codec: AudioCodec) -> Option<Pt> {
        let mut codecs = self.codecs.iter();
        codecs
            .find(|(known, _)| *known == codec)
            .map(|(_, payload_type)| *payload_type)
    }

    pub(super) fn has(&self, codec: AudioCodec) -> bool {
        self.payload_type(codec).is_some()
    }

    /// Without the codecs that `keep` says no to.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(AudioCodec) -> bool) -> Self {
        self.codecs.retain(|(codec, _)| keep(*codec));
        self
    }

    /// With the first codec alone: that is what the writer of an answer is going to send, whatever
    /// else it has accepted.
    #[must_use]
    pub fn committed(mut self) -> Self {
        self.codecs.truncate(1);
        self
    }

    /// With the codecs of `order` alone, and in that order.
    #[must_use]
    pub fn ordered(mut self, order: &[AudioCodec]) -> Self {
        let place = |codec: &AudioCodec| order.iter().position(|known| known == codec);
        self.codecs.retain(|(codec, _)| place(codec).is_some());
        self.codecs.sort_by_key(|(codec, _)| place(codec));
        self
    }
}

/// The payload types of telephone-event (RFC 4733), by clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// At 8,000 Hz.
    pub khz8: Option<Pt>,
    /// At 48,000 Hz.
    pub khz48: Option<Pt>,
}

impl Events {
    /// Those of a description.
    #[must_use]
    pub fn new(formats: &Formats) -> Self {
        let of = |clock: EventClock| formats.event(clock.rate()).map(|format| format.pt);
        Self {
            khz8: of(EventClock::Khz8),
            khz48: of(EventClock::Khz48),
        }
    }

    /// The format to send beside `codec`: of the audio's clock (RFC 4733 §2.1), else the other one.
    #[must_use]
    pub fn beside(self, codec: AudioCodec) -> Option<EventFormat> {
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
