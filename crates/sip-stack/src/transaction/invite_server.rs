//! Server INVITE transaction (RFC 3261 §17.2.1, as amended by RFC 6026).
//!
//! Says 100 when the user agent takes longer than 200 ms, repeats the last response to a
//! repeated INVITE, and repeats a failure until its ACK comes. Once a 2xx is sent it only
//! absorbs: the user agent repeats the 2xx, and gets the ACKs.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::repeat::Repeat;
use super::{TimerValues, TooLate};
use crate::message::StatusCode;

/// How long the user agent may be silent before 100 is sent for it (§17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);

/// The state, with what exists in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InviteServer {
    /// No final response yet.
    Proceeding {
        /// When 100 is due; `None` once anything was sent.
        trying_at: Option<Instant>,
        /// The last provisional response.
        last: Option<Bytes>,
    },
    /// A failure was sent. Timers G and H.
    Completed {
        response: Bytes,
        repeat: Option<Repeat>,
        give_up: Instant,
    },
    /// The failure was acknowledged; further ACKs may come. Timer I.
    Confirmed { until: Instant },
    /// A 2xx was sent. Timer L.
    Accepted { until: Instant },
    /// Over.
    Terminated,
}

/// What a timer wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Send 100 for the user agent.
    Trying,
    /// Send this again (Timer G).
    Repeat(Bytes),
    /// No ACK came (Timer H).
    NotAcknowledged,
    /// The peer no longer waits for an answer (RFC 4320 §4.2).
    NeverAnswered,
    /// The wait for repeats is over (Timer I, J or L).
    Over,
}

impl InviteServer {
    /// The INVITE has just come.
    pub(super) fn new(now: Instant) -> Self {
        Self::Proceeding {
            trying_at: Some(now + TRYING_AFTER),
            last: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Proceeding { trying_at, .. } => *trying_at,
            Self::Completed {
                repeat, give_up, ..
            } => Some(repeat.map_or(*give_up, |repeat| repeat.at.min(*give_up))),
            Self::Confirmed { until } | Self::Accepted { until } => Some(*until),
            Self::Terminated => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, timers: &TimerValues, now: Instant) -> Option<Fired> {
        match self {
            Self::Proceeding { trying_at, .. } => {
                trying_at.take_if(|at| *at <= now).map(|_| Fired::Trying)
            }
            Self::Completed { give_up, .. } if *give_up <= now => {
                *self = Self::Terminated;
                Some(Fired::NotAcknowledged)
            }
            Self::Completed {
                response,
                repeat: Some(repeat),
                ..
            } if repeat.at <= now => {
                *repeat = repeat.again(timers.t2, now);
                Some(Fired::Repeat(response.clone()))
            }
            Self::Confirmed { until } | Self::Accepted { until } if *until <= now => {
                *self = Self::Terminated;
                Some(Fired::Over)
            }
            Self::Completed { .. }
            | Self::Confirmed { .. }
            | Self::Accepted { .. }
            | Self::Terminated => None,
        }
    }

    /// 100 was sent for the user agent: repeats of the INVITE get it again.
    pub(super) fn handle_trying_sent(&mut self, trying: Bytes) {
        match self {
            Self::Proceeding { last, .. } => *last = Some(trying),
            Self::Completed { .. }
            | Self::Confirmed { .. }
            | Self::Accepted { .. }
            | Self::Terminated => {}
        }
    }

    /// The same INVITE came again: what to send again, if anything.
    pub(super) fn handle_repeat(&self) -> Option<Bytes> {
        match self {
            Self::Proceeding { last, .. } => last.clone(),
            Self::Completed { response, .. } => Some(response.clone()),
            Self::Confirmed { .. } | Self::Accepted { .. } | Self::Terminated => None,
        }
    }

    /// An ACK with the INVITE's branch came. True: it is for the user agent, because it
    /// acknowledges a 2xx (RFC 6026 §7.1).
    pub(super) fn handle_ack(
        &mut self,
        reliable: bool,
        timers: &TimerValues,
        now: Instant,
    ) -> bool {
        match self {
            Self::Completed { .. } => {
                *self = Self::Confirmed {
                    until: if reliable { now } else { now + timers.t4 },
                };
                false
            }
            Self::Accepted { .. } => true,
            Self::Proceeding { .. } | Self::Confirmed { .. } | Self::Terminated => false,
        }
    }

    /// The user agent answers. `Ok` means: send it.
    pub(super) fn respond(
        &mut self,
        status: StatusCode,
        response: &Bytes,
        reliable: bool,
        timers: &TimerValues,
        now: Instant,
    ) -> Result<(), TooLate> {
        match self {
            Self::Proceeding { trying_at, last } if status.is_provisional() => {
                *trying_at = None;
                *last = Some(response.clone());
                Ok(())
            }
            Self::Proceeding { .. } if status.is_success() => {
                *self = Self::Accepted {
                    until: now + timers.give_up(),
                };
                Ok(())
            }
            Self::Proceeding { .. } => {
                *self = Self::Completed {
                    response: response.clone(),
                    repeat: Repeat::unless_reliable(reliable, timers.t1, now),
                    give_up: now + timers.give_up(),
                };
                Ok(())
            }
            Self::Accepted { .. } if status.is_success() => Ok(()),
            Self::Accepted { .. }
            | Self::Completed { .. }
            | Self::Confirmed { .. }
            | Self::Terminated => Err(TooLate),
        }
    }
}
