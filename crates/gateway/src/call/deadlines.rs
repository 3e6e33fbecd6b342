//! The deadlines of a call: which there are in each of its states, and what happens at them.

use std::time::{Duration, Instant};

use super::{Call, MediaState, Signalling, reason};

/// How long the 200 to a phone waits for the browser's ICE and DTLS, so that the caller's first
/// word is heard. Long enough for both with lost packets, short enough for the caller's patience.
pub const ANSWER_WAIT: Duration = Duration::from_secs(4);

/// How long the browser's media may take once both sides have accepted.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How long the user agent may take to end a session: the 32 s of an unanswered BYE (RFC 3261
/// timer F) and some air. Only a defect of ours makes a call wait for it.
pub(super) const ENDING_LIMIT: Duration = Duration::from_secs(40);

impl Call {
    /// The deadline of [`Self::poll_timeout`] has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.signalling {
            Signalling::Answering { .. } => {
                tracing::debug!("answering before the browser's media is up");
                self.accept(now);
            }
            Signalling::Accepted { since } => {
                if self.connecting_until().is_some_and(|limit| now >= limit) {
                    self.end(&reason::never_connected(), now);
                } else if self.change_until().is_some_and(|limit| now >= limit) {
                    self.telling_established(now, |call| call.change_timed_out(now));
                } else if self.news_rest_until.is_some_and(|until| now >= until) {
                    self.news_rest_until = None;
                    self.telling_established(now, |_| {});
                } else {
                    self.check_lifetime(since, now);
                }
            }
            Signalling::Ending { .. } => {
                tracing::error!("the user agent did not end the session");
                self.finish();
            }
            Signalling::Calling(_) | Signalling::Alerting | Signalling::Ended => {}
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.signalling {
            Signalling::Answering { deadline, .. } | Signalling::Ending { deadline } => {
                Some(*deadline)
            }
            Signalling::Accepted { since } => {
                let next = self.lifetime.next(*since).into_iter();
                let others = [
                    self.connecting_until(),
                    self.change_until(),
                    self.news_rest_until,
                ];
                next.chain(others.into_iter().flatten()).min()
            }
            Signalling::Calling(_) | Signalling::Alerting | Signalling::Ended => None,
        }
    }

    /// When a change that somebody waits for is given up.
    fn change_until(&self) -> Option<Instant> {
        match self.media {
            MediaState::Connecting => None,
            MediaState::Connected | MediaState::Closed => self.change.poll_timeout(),
        }
    }

    /// When the browser's media has to be up, of an accepted call whose is not.
    fn connecting_until(&self) -> Option<Instant> {
        match (&self.signalling, self.media) {
            (Signalling::Accepted { since }, MediaState::Connecting) => {
                Some(*since + CONNECT_LIMIT)
            }
            (Signalling::Accepted { .. }, MediaState::Connected | MediaState::Closed)
            | (
                Signalling::Calling(_)
                | Signalling::Alerting
                | Signalling::Answering { .. }
                | Signalling::Ending { .. }
                | Signalling::Ended,
                _,
            ) => None,
        }
    }
}
