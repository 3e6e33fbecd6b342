//! What an account can do, as Allow, Accept and Supported say it (RFC 3261 §20.1, §20.5,
//! §20.37): the one place that every request and response takes them from.

use super::AccountConfig;
use crate::invite::{reliable, session_timer};
use crate::message::{HeaderName, HeaderValue, Headers};
use crate::page_message;
use crate::replaces;
use crate::user_agent::UserAgentConfig;

/// Session descriptions, plain or wrapped.
pub(crate) const DESCRIPTIONS: [&str; 2] = ["application/sdp", "multipart/mixed"];
/// Keys, as INFO brings them.
pub(crate) const KEYS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];
/// A wish for a keyframe (RFC 5168), from phones without feedback in RTCP.
pub(crate) const MEDIA_CONTROL: [&str; 1] = ["application/media_control+xml"];

const METHODS: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, NOTIFY, REFER";
const METHODS_WITHOUT_MESSAGE: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, NOTIFY, REFER";

/// What can be said of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    messages: bool,
    session_timers: bool,
}

impl Capabilities {
    pub(crate) fn of(account: &AccountConfig, config: &UserAgentConfig) -> Self {
        Self {
            messages: account.takes_messages,
            ..Self::of_any(config)
        }
    }

    /// Where nobody is named.
    pub(crate) fn of_any(config: &UserAgentConfig) -> Self {
        Self {
            messages: true,
            session_timers: config.session_expires > 0,
        }
    }

    /// Allow.
    pub(crate) fn methods(self) -> HeaderValue {
        HeaderValue::from_static(match self.messages {
            true => METHODS,
            false => METHODS_WITHOUT_MESSAGE,
        })
    }

    /// Whether an extension is known, by its option tag (RFC 3261 §19.2).
    pub(crate) fn has(self, tag: &str) -> bool {
        self.tags().any(|known| known.eq_ignore_ascii_case(tag))
    }

    /// Writes them into what begins or changes a call.
    pub(crate) fn push(self, headers: &mut Headers) {
        self.push_with(headers, &DESCRIPTIONS);
    }

    /// Writes them into the answer to OPTIONS, where all kinds of bodies count (§11.2).
    pub(crate) fn push_all(self, headers: &mut Headers) {
        let mut bodies = [&DESCRIPTIONS[..], &KEYS, &MEDIA_CONTROL].concat();
        if self.messages {
            bodies.extend(page_message::ACCEPT);
        }
        self.push_with(headers, &bodies);
        let identity = HeaderValue::from_static("identity");
        headers.push(HeaderName::AcceptEncoding, identity);
    }

    fn push_with(self, headers: &mut Headers, bodies: &[&str]) {
        headers.push(HeaderName::Allow, self.methods());
        headers.push(HeaderName::Accept, list(bodies));
        let tags: Vec<_> = self.tags().collect();
        headers.push(HeaderName::Supported, list(&tags));
    }

    fn tags(self) -> impl Iterator<Item = &'static str> {
        let timer = self.session_timers.then_some(session_timer::TAG);
        [replaces::TAG, reliable::TAG].into_iter().chain(timer)
    }
}

fn list(words: &[&str]) -> HeaderValue {
    HeaderValue::new(words.join(", ")).expect("our own words hold no line break")
}
