//! A nonce in use: the challenge it came with and how often it was answered.
//!
//! Reusing a nonce saves the round trip of a new challenge. The count must never repeat for
//! one nonce, so one `NonceState` answers for one (account, realm).

use crate::message::grammar::breaks_lines;
use crate::message::{HeaderValue, Method};

use super::answer::{DigestError, answer};
use super::challenge::Challenge;
use super::credentials::Credentials;
use super::params::AuthParams;

/// The challenge last accepted from a realm, with its nonce count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonceState {
    challenge: Challenge,
    count: u32,
}

impl NonceState {
    /// A nonce that was not answered yet.
    pub fn new(challenge: Challenge) -> Self {
        Self {
            challenge,
            count: 0,
        }
    }

    /// The challenge that is being answered.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Whether this state belongs to the realm.
    pub fn is_for(&self, realm: &str) -> bool {
        self.challenge.realm() == realm
    }

    /// How often the nonce was answered.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Answers once more; see [`answer`].
    ///
    /// # Errors
    /// As [`answer`].
    pub fn answer(
        &mut self,
        credentials: &Credentials,
        method: &Method,
        uri: &str,
        cnonce: &str,
    ) -> Result<HeaderValue, DigestError> {
        let nc = self.count.saturating_add(1);
        let value = answer(&self.challenge, credentials, method, uri, cnonce, nc)?;
        self.count = nc;
        Ok(value)
    }

    /// Takes the next nonce out of an Authentication-Info header, if it names one
    /// (RFC 2617 section 3.2.3). A server that names the same again goes on counting.
    pub fn handle_authentication_info(&mut self, line: &str) {
        let next = AuthParams::parse(line).inner("nextnonce");
        let is_new =
            |next: &&str| !breaks_lines(next.as_bytes()) && **next != *self.challenge.nonce;
        if let Some(next) = next.filter(is_new) {
            self.challenge.nonce = next.into();
            self.challenge.stale = false;
            self.count = 0;
        }
    }
}
