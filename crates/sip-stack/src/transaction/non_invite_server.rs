//! Server transaction of everything but INVITE and ACK (RFC 3261 §17.2.2, RFC 4320).
//!
//! RFC 4320: nothing provisional but 100, and that only once the peer's Timer E has
//! reached T2; no 408; and nothing at all when the peer has stopped listening.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::invite_server::Fired;
use super::{TimerValues, TooLate};
use crate::message::StatusCode;

/// The state, with what exists in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NonInviteServer {
    /// Nothing sent yet.
    Trying {
        trying_at: Instant,
        expires: Instant,
    },
    /// 100 was sent.
    Proceeding { trying: Bytes, expires: Instant },
    /// The final response was sent. Timer J.
    Completed { response: Bytes, until: Instant },
    /// Over.
    Terminated,
}

impl NonInviteServer {
    /// The request has just come.
    pub(super) fn new(timers: &TimerValues, now: Instant) -> Self {
        Self::Trying {
            trying_at: now + timer_e_reaches_t2(timers),
            expires: now + timers.give_up(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Trying { trying_at, expires } => Some(*trying_at.min(expires)),
            Self::Proceeding { expires, .. } => Some(*expires),
            Self::Completed { until, .. } => Some(*until),
            Self::Terminated => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Fired> {
        match self {
            Self::Trying { expires, .. } | Self::Proceeding { expires, .. } if *expires <= now => {
                *self = Self::Terminated;
                Some(Fired::NeverAnswered)
            }
            Self::Trying { trying_at, .. } if *trying_at <= now => Some(Fired::Trying),
            Self::Completed { until, .. } if *until <= now => {
                *self = Self::Terminated;
                Some(Fired::Over)
            }
            Self::Trying { .. }
            | Self::Proceeding { .. }
            | Self::Completed { .. }
            | Self::Terminated => None,
        }
    }

    /// The same request came again: what to send again, if anything.
    pub(super) fn handle_repeat(&self) -> Option<Bytes> {
        match self {
            Self::Proceeding { trying, .. } => Some(trying.clone()),
            Self::Completed { response, .. } => Some(response.clone()),
            Self::Trying { .. } | Self::Terminated => None,
        }
    }

    /// 100 is sent for the user agent.
    pub(super) fn handle_trying_sent(&mut self, trying: Bytes) {
        match self {
            Self::Trying { expires, .. } => {
                *self = Self::Proceeding {
                    trying,
                    expires: *expires,
                };
            }
            Self::Proceeding { .. } | Self::Completed { .. } | Self::Terminated => {}
        }
    }

    /// The user agent answers. `Ok(true)` means: send it.
    pub(super) fn respond(
        &mut self,
        status: StatusCode,
        response: &Bytes,
        reliable: bool,
        timers: &TimerValues,
        now: Instant,
    ) -> Result<bool, TooLate> {
        match self {
            Self::Trying { .. } | Self::Proceeding { .. } if status.is_provisional() => Ok(false),
            Self::Trying { expires, .. } | Self::Proceeding { expires, .. }
                if status == StatusCode::REQUEST_TIMEOUT =>
            {
                // Stays to absorb repeats, and says nothing.
                *self = Self::Trying {
                    trying_at: *expires,
                    expires: *expires,
                };
                Ok(false)
            }
            Self::Trying { .. } | Self::Proceeding { .. } => {
                *self = Self::Completed {
                    response: response.clone(),
                    until: if reliable {
                        now
                    } else {
                        now + timers.give_up()
                    },
                };
                Ok(true)
            }
            Self::Completed { .. } | Self::Terminated => Err(TooLate),
        }
    }
}

/// How long it takes a client's Timer E to be reset to T2: 3.5 s with the usual values.
fn timer_e_reaches_t2(timers: &TimerValues) -> Duration {
    let mut interval = timers.t1;
    let mut elapsed = Duration::ZERO;
    while !interval.is_zero() && interval < timers.t2 {
        elapsed += interval;
        interval *= 2;
    }
    elapsed
}
