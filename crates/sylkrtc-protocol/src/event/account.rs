//! Events of an account.

use crate::{AccountAddress, Header, Originator, Reason, SessionId};

/// What has become of a registration. Refreshes are not reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// REGISTER is on its way.
    Registering,
    /// The registrar has accepted it.
    Registered,
    /// It was refused, or ended against our will.
    Failed {
        /// Why.
        reason: Reason,
    },
}

/// An incoming call. The browser is to answer our offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingSession {
    /// Who is called.
    pub account: AccountAddress,
    /// The name that the gateway gives the call.
    pub session: SessionId,
    /// Who calls.
    pub originator: Originator,
    /// Our offer. Every direction must be written out, or clients think there is no audio.
    pub sdp: String,
    /// The SIP Call-ID; `sylkRTC-2` only.
    pub call_id: String,
    /// The SIP headers that the account asked for; `sylkRTC-2` only.
    pub headers: Vec<Header>,
}
