//! Why a call or a registration ended.

use std::fmt;

/// A status code and its phrase, `486 Busy Here` on the wire.
///
/// Clients look for the digits, so there is always a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    code: u16,
    phrase: String,
}

impl Reason {
    /// A reason; blanks around the phrase are taken off.
    #[must_use]
    pub fn new(code: u16, phrase: &str) -> Self {
        Self {
            code,
            phrase: phrase.trim().to_owned(),
        }
    }

    /// The status code: SIP's, or 904.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The phrase beside it.
    #[must_use]
    pub fn phrase(&self) -> &str {
        &self.phrase
    }

    /// What a registration with a wrong password ends in. Web applications look for `904`.
    #[must_use]
    pub fn no_matching_challenge() -> Self {
        Self::new(904, "Operation has no matching challenge")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phrase.as_str() {
            "" => write!(f, "{}", self.code),
            phrase => write!(f, "{} {phrase}", self.code),
        }
    }
}
