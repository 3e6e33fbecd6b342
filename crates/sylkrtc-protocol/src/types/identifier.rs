//! Names that clients make up and that we only repeat: transactions and sessions.

use std::fmt;

use crate::limits::{MAX_SESSION_ID, MAX_TRANSACTION};

/// What ties an answer to its request. The answer carries the identical text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction(String);

impl Transaction {
    /// Takes any text of at most [`MAX_TRANSACTION`] bytes.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (text.len() <= MAX_TRANSACTION).then_some(Self(text))
    }

    /// The text, exactly as the client sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a call on one connection.
///
/// The client chooses it for outgoing calls, the gateway for incoming ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(String);

impl SessionId {
    /// Takes a text of 1 to [`MAX_SESSION_ID`] bytes.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (1..=MAX_SESSION_ID)
            .contains(&text.len())
            .then_some(Self(text))
    }

    /// The text, exactly as it was chosen.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
