//! Reason phrases (RFC 3261 section 7.2): free text for people, carried as sent.

use std::fmt;
use std::ops::Deref;

use smol_str::SmolStr;

use super::error::Refused;
use super::grammar::breaks_lines;
use super::status::StatusCode;

/// The phrase of a response; one line, possibly empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ReasonPhrase(SmolStr);

impl ReasonPhrase {
    /// A phrase of our own making.
    ///
    /// # Errors
    /// [`Refused::LineBreak`] if there is a CR, LF or NUL in it.
    pub fn new(text: &str) -> Result<Self, Refused> {
        if breaks_lines(text.as_bytes()) {
            return Err(Refused::LineBreak);
        }
        Ok(Self(text.into()))
    }

    /// The phrase that the RFC which defines the code gives it; empty for unknown codes.
    pub fn usual(status: StatusCode) -> Self {
        Self(SmolStr::new_static(status.usual_reason()))
    }

    /// What the network sent; bytes that are not UTF-8 become U+FFFD.
    pub(super) fn received(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into())
    }

    /// The phrase as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for ReasonPhrase {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReasonPhrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
