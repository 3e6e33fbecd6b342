//! The INVITE usage (RFC 3261 §13-15): calls, from the INVITE to the last BYE.
//!
//! Here is what a call *is* in each of its states and what a message means to it. Who
//! sends what then, and what the application hears, is `user_agent`'s business.

use crate::account::AccountId;

pub(crate) mod body;
pub(crate) mod called;
pub(crate) mod client;
pub(crate) mod established;
pub(crate) mod server;

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
