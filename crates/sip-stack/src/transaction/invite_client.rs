//! Client INVITE transaction (RFC 3261 §17.1.1, as amended by RFC 6026).
//!
//! Retransmits the INVITE until something answers, absorbs repeats of a failure and has
//! each of them acknowledged. A 2xx is passed up every time: its ACK belongs to the
//! dialog, not to this transaction. How long a phone may ring is not decided here.

use std::time::{Duration, Instant};

use super::TimerValues;
use super::repeat::Repeat;
use crate::message::StatusCode;

/// The state, with the deadlines that exist in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InviteClient {
    /// Sent, nothing heard. Timers A and B.
    Calling {
        repeat: Option<Repeat>,
        give_up: Instant,
    },
    /// A provisional response came.
    Proceeding,
    /// A 2xx came; others may follow from other forks. Timer M.
    Accepted { until: Instant },
    /// A failure came; it may be repeated. Timer D.
    Completed { until: Instant },
    /// Given up, but the server may have heard the INVITE: what it starts is taken back
    /// (`cancelled`: has been), what it answers is ended.
    Abandoned { until: Instant, cancelled: bool },
    /// Over.
    Terminated,
}

/// What a timer wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Send the request again (Timer A or E).
    Repeat,
    /// Nobody answered (Timer B or F).
    GaveUp,
    /// The wait for repeats is over (Timer D, K or M).
    Over,
}

/// What a response wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Pass it up.
    PassUp,
    /// Acknowledge the failure and pass it up.
    AckAndPassUp,
    /// Acknowledge the repeated failure.
    Ack,
    /// A 2xx behind a failure: the user agent has to end what it stands for.
    Stray,
    /// Send CANCEL: it rings where nobody waits any more.
    TakeBack,
    /// Nothing.
    Absorb,
}

impl InviteClient {
    /// The INVITE has just been sent. Unless something is heard, it is given up after
    /// `patience`: Timer B, or less while there are other servers to try.
    pub(super) fn new(
        reliable: bool,
        timers: &TimerValues,
        patience: Duration,
        now: Instant,
    ) -> Self {
        Self::Calling {
            repeat: Repeat::unless_reliable(reliable, timers.t1, now),
            give_up: now + patience,
        }
    }

    /// Nobody waits for this server any more. It has 64*T1 to show that it heard the INVITE.
    pub(super) fn abandon(&mut self, timers: &TimerValues, now: Instant) {
        *self = Self::Abandoned {
            until: now + timers.give_up(),
            cancelled: false,
        };
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Calling { repeat, give_up } => {
                Some(repeat.map_or(*give_up, |repeat| repeat.at.min(*give_up)))
            }
            Self::Accepted { until }
            | Self::Completed { until }
            | Self::Abandoned { until, .. } => Some(*until),
            Self::Proceeding | Self::Terminated => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, timers: &TimerValues, now: Instant) -> Option<Fired> {
        match *self {
            Self::Calling { give_up, .. } if give_up <= now => {
                *self = Self::Terminated;
                Some(Fired::GaveUp)
            }
            Self::Calling {
                repeat: Some(repeat),
                give_up,
            } if repeat.at <= now => {
                // Timer A doubles without a cap (§17.1.1.2).
                *self = Self::Calling {
                    repeat: Some(repeat.again(timers.give_up(), now)),
                    give_up,
                };
                Some(Fired::Repeat)
            }
            Self::Accepted { until }
            | Self::Completed { until }
            | Self::Abandoned { until, .. }
                if until <= now =>
            {
                *self = Self::Terminated;
                Some(Fired::Over)
            }
            Self::Calling { .. }
            | Self::Proceeding
            | Self::Accepted { .. }
            | Self::Completed { .. }
            | Self::Abandoned { .. }
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
        match self {
            Self::Calling { .. } | Self::Proceeding if status.is_provisional() => {
                *self = Self::Proceeding;
                Verdict::PassUp
            }
            Self::Calling { .. } | Self::Proceeding if status.is_success() => {
                *self = Self::Accepted {
                    until: now + timers.give_up(),
                };
                Verdict::PassUp
            }
            Self::Calling { .. } | Self::Proceeding => {
                *self = Self::Completed {
                    until: if reliable {
                        now
                    } else {
                        now + timers.give_up()
                    },
                };
                Verdict::AckAndPassUp
            }
            Self::Accepted { .. } if status.is_success() => Verdict::PassUp,
            Self::Completed { .. } if status.is_success() => Verdict::Stray,
            Self::Completed { .. } if status.is_failure() => Verdict::Ack,
            Self::Abandoned { .. } if status.is_success() => Verdict::Stray,
            Self::Abandoned { .. } if status.is_failure() => Verdict::Ack,
            Self::Abandoned { cancelled, .. } if !*cancelled => {
                *cancelled = true;
                Verdict::TakeBack
            }
            Self::Accepted { .. }
            | Self::Completed { .. }
            | Self::Abandoned { .. }
            | Self::Terminated => Verdict::Absorb,
        }
    }
}
