//! DTMF as named telephone events (RFC 4733), and as sound (ITU-T Q.23).
//!
//! A digit arrives as a series of packets, of which any may be lost or doubled, and leaves as a
//! series of our own. `EventReceiver` makes one digit out of what came, `EventSender` a series
//! out of a digit; the `Rewriter` of each way has one of both.
//! Where a phone takes no events, a `Player` makes tones, and a `Listener` hears them; `Once` sees to
//! it that a key that comes in two forms is one key.

mod listen;
mod once;
mod player;
mod receive;
mod send;
#[cfg(test)]
mod tests;
mod tone;

use std::fmt;
use std::time::Duration;

pub(crate) use listen::Listener;
pub(crate) use once::{Form, Once};
pub(crate) use player::Player;
pub(crate) use receive::{EventReceiver, Heard};
pub(crate) use send::{Beat, EventSender};

/// A key of a telephone: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit(u8);

const DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
];

impl Digit {
    /// The digit of an event code (RFC 4733 §3.2): 0 to 15. Flash and all others are not digits.
    #[must_use]
    pub const fn from_event(code: u8) -> Option<Self> {
        if code < 16 { Some(Self(code)) } else { None }
    }

    /// The digit written as `character`; `a`-`d` are `A`-`D`.
    #[must_use]
    pub fn from_char(character: char) -> Option<Self> {
        let upper = character.to_ascii_uppercase();
        (0..)
            .zip(DIGITS)
            .find(|(_, digit)| *digit == upper)
            .map(|(code, _)| Self(code))
    }

    /// Its event code.
    #[must_use]
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The character on the key.
    #[must_use]
    pub fn as_char(self) -> char {
        DIGITS[usize::from(self.0)]
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_char(), f)
    }
}

/// A digit that was pressed and let go, reported once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dtmf {
    /// Which key.
    pub digit: Digit,
    /// For how long.
    pub duration: Duration,
}

/// The payload of a telephone-event packet (RFC 4733 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventPayload {
    pub(crate) digit: Digit,
    /// The E bit: the event is over.
    pub(crate) end: bool,
    /// Power in -dBm0, 0 to 63.
    pub(crate) volume: u8,
    /// Since the timestamp of the packet, in units of the event clock.
    pub(crate) duration: u16,
}

impl EventPayload {
    pub(crate) const LENGTH: usize = 4;
    pub(crate) const DEFAULT_VOLUME: u8 = 10;

    /// `None`: too short, or no digit.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let &[event, flags, high, low, ..] = payload else {
            return None;
        };
        Some(Self {
            digit: Digit::from_event(event)?,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::LENGTH] {
        let [high, low] = self.duration.to_be_bytes();
        [
            self.digit.event(),
            (u8::from(self.end) << 7) | (self.volume & 0x3f),
            high,
            low,
        ]
    }
}
