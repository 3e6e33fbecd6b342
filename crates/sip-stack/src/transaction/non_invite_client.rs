//! Client transaction of everything but INVITE and ACK (RFC 3261 §17.1.2).

use std::time::{Duration, Instant};

use super::TimerValues;
use super::invite_client::{Fired, Verdict};
use super::repeat::Repeat;
use crate::message::StatusCode;

/// The state, with the deadlines that exist in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonInviteClient {
    /// Sent, nothing heard. Timer E, and Timer F or less.
    Trying {
        repeat: Option<Repeat>,
        give_up: Instant,
        timer_f: Instant,
    },
    /// A provisional response came: repeats go on, every T2. Timers E and F.
    Proceeding {
        repeat: Option<Repeat>,
        give_up: Instant,
    },
    /// Answered; the answer may be repeated. Timer K.
    Completed { until: Instant },
    /// Over.
    Terminated,
}

impl NonInviteClient {
    /// The request has just been sent. Unless something is heard, it is given up after
    /// `patience`: Timer F, or less while there are other servers to try.
    pub(super) fn new(
        reliable: bool,
        timers: &TimerValues,
        patience: Duration,
        now: Instant,
    ) -> Self {
        Self::Trying {
            repeat: Repeat::unless_reliable(reliable, timers.t1, now),
            give_up: now + patience,
            timer_f: now + timers.give_up(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Trying {
                repeat, give_up, ..
            }
            | Self::Proceeding { repeat, give_up } => {
                Some(repeat.map_or(*give_up, |repeat| repeat.at.min(*give_up)))
            }
            Self::Completed { until } => Some(*until),
            Self::Terminated => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, timers: &TimerValues, now: Instant) -> Option<Fired> {
        match *self {
            Self::Trying { give_up, .. } | Self::Proceeding { give_up, .. } if give_up <= now => {
                *self = Self::Terminated;
                Some(Fired::GaveUp)
            }
            Self::Trying {
                repeat: Some(repeat),
                give_up,
                timer_f,
            } if repeat.at <= now => {
                *self = Self::Trying {
                    repeat: Some(repeat.again(timers.t2, now)),
                    give_up,
                    timer_f,
                };
                Some(Fired::Repeat)
            }
            Self::Proceeding {
                repeat: Some(repeat),
                give_up,
            } if repeat.at <= now => {
                *self = Self::Proceeding {
                    repeat: Some(Repeat::every(timers.t2, now)),
                    give_up,
                };
                Some(Fired::Repeat)
            }
            Self::Completed { until } if until <= now => {
                *self = Self::Terminated;
                Some(Fired::Over)
            }
            Self::Trying { .. }
            | Self::Proceeding { .. }
            | Self::Completed { .. }
            | Self::Terminated => None,
        }
    }

    pub(super) fn handle_response(
        &mut self,
        status: StatusCode,
        reliable: bool,
        timers: &TimerValues,
        now: Instant,
    ) -> Verdict {
        match *self {
            Self::Trying {
                repeat, timer_f, ..
            } if status.is_provisional() => {
                *self = Self::Proceeding {
                    repeat,
                    give_up: timer_f,
                };
                Verdict::PassUp
            }
            Self::Proceeding { .. } if status.is_provisional() => Verdict::PassUp,
            Self::Trying { .. } | Self::Proceeding { .. } => {
                *self = Self::Completed {
                    until: if reliable { now } else { now + timers.t4 },
                };
                Verdict::PassUp
            }
            Self::Completed { .. } | Self::Terminated => Verdict::Absorb,
        }
    }
}
