//! The INVITE usage (RFC 3261 §13-15): calls, from the INVITE to the last BYE.
//!
//! Here is what a call *is* in each of its states and what a message means to it. Who
//! sends what then, and what the application hears, is `user_agent`'s business.

use crate::account::AccountId;

pub(crate) mod body;
pub(crate) mod called;
pub(crate) mod change;
pub(crate) mod client;
pub(crate) mod early;
pub(crate) mod established;
pub(crate) mod reliable;
pub(crate) mod server;
pub(crate) mod session_timer;

use change::Exchange;
use client::Calling;
use established::Established;
use server::Ringing;

/// A call and whose it is.
pub(crate) struct Session {
    pub(crate) account: AccountId,
    pub(crate) usage: Usage,
}

/// How far a call has come.
pub(crate) enum Usage {
    /// Our INVITE has no final response.
    Calling(Box<Calling>),
    /// A peer's INVITE has no final response of ours.
    Ringing(Box<Ringing>),
    /// Answered with 2xx.
    Established(Box<Established>),
}

impl Usage {
    /// The dialog in which this holds, with its offer and answer.
    pub(crate) fn exchange(
        &mut self,
        holds: impl Fn(&Exchange<'_>) -> bool,
    ) -> Option<Exchange<'_>> {
        match self {
            Self::Calling(calling) => calling.exchanges().find(holds),
            Self::Ringing(ringing) => Some(Exchange {
                number: 0,
                dialog: &mut ringing.dialog,
                change: &mut ringing.change,
                peer: &mut ringing.peer,
                local: &mut ringing.local,
            })
            .filter(holds),
            Self::Established(established) => Some(Exchange {
                number: 0,
                dialog: &mut established.dialog,
                change: &mut established.change,
                peer: &mut established.peer,
                local: &mut established.local,
            })
            .filter(holds),
        }
    }
}
