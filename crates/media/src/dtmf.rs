//! DTMF as named telephone events (RFC 4733).

use std::fmt;
use std::time::Duration;

/// A key of a telephone: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit(u8);

impl Digit {
    /// The digit of an event code (RFC 4733 §3.2): 0 to 15. Flash and all others are not digits.
    pub const fn from_event(code: u8) -> Option<Self> {
        if code < 16 { Some(Self(code)) } else { None }
    }

    /// The digit written as `character`; `a`-`d` are `A`-`D`.
    pub fn from_char(character: char) -> Option<Self> {
        let upper = character.to_ascii_uppercase();
        DIGITS
            .iter()
            .position(|digit| *digit == upper)
            .map(|at| Self(at as u8))
    }

    /// Its event code.
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The character on the key.
    pub fn as_char(self) -> char {
        DIGITS[usize::from(self.0)]
    }
}

const DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
];

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
