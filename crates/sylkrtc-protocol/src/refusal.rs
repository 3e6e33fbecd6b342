//! Why a well-formed request is refused, in the words of the original server.
//!
//! Applications match on these texts, so they are those of SylkServer 6.6, or of the last
//! older version that had one; situations that it did not have are worded alike. In
//! `sylkRTC-2` an [`ErrorCode`] for programs stands beside the text.

mod code;

use std::fmt;

pub use code::ErrorCode;

use crate::{AccountAddress, LaterRequest, SessionId};

/// The reason for an `error` answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The account is on this connection already.
    AccountAlreadyAdded(AccountAddress),
    /// The domain of the account is not among the configured ones.
    DomainNotAllowed(String),
    /// `account-remove` for an account that was not added.
    UnknownAccountForRemove(AccountAddress),
    /// `account-register` for an account that was not added.
    UnknownAccountForRegister(AccountAddress),
    /// `account-unregister` for an account that was not added.
    UnknownAccountForUnregister(AccountAddress),
    /// `account-devicetoken` for an account that was not added.
    UnknownAccountForToken(AccountAddress),
    /// Any other request for an account that was not added.
    UnknownAccount(AccountAddress),
    /// The request needs an account that has registered.
    AccountNotAuthenticated,
    /// The SIP server of the domain was not found. Carries what DNS said.
    DnsLookup(String),

    /// The account may not call anybody.
    CallsNotAllowed(AccountAddress),
    /// The account may not call this address.
    DestinationNotAllowed(String),
    /// Calls to this address have to be encrypted, and keys would be told in the clear.
    EncryptionImpossible(String),
    /// The client used a session id twice.
    SessionInUse(SessionId),
    /// There is no such call on this connection.
    UnknownSession(SessionId),
    /// `session-answer` for a call that the page itself made.
    CannotAnswerOutgoing(SessionId),
    /// `session-answer` at the wrong moment.
    WrongPhaseForAnswer(SessionId, SessionPhase),
    /// `session-terminate` at the wrong moment.
    WrongPhaseForTerminate(SessionId, SessionPhase),
    /// `session-update` at the wrong moment.
    WrongPhaseForUpdate(SessionId, SessionPhase),
    /// `session-message` at the wrong moment.
    WrongPhaseForMessage(SessionId, SessionPhase),
    /// `session-dtmf-info` at the wrong moment.
    WrongPhaseForDtmf(SessionId, SessionPhase),
    /// `session-ring` for a call that the page itself made.
    CannotRingOutgoing(SessionId),
    /// `session-ring` at the wrong moment.
    WrongPhaseForRing(SessionId, SessionPhase),
    /// `session-hold` at the wrong moment.
    WrongPhaseForHold(SessionId, SessionPhase),
    /// `session-transfer` at the wrong moment.
    WrongPhaseForTransfer(SessionId, SessionPhase),
    /// The call is over. Never the answer to `session-trickle`, which clients take for the end.
    SessionTerminated(SessionId),
    /// The SDP cannot be used. Carries what is wrong with it.
    UnusableSdp(String),

    /// A known request that is not carried out yet.
    NotSupportedYet(LaterRequest),
    /// A request that is decoded and that nothing carries out. Carries its name.
    NotCarriedOut(&'static str),
    /// A binary frame. Only text frames are sylkRTC.
    BinaryFrame,
    /// More requests at a time than are allowed. The connection is closed after this answer.
    TooFast,
    /// No more accounts on one connection. Carries the limit.
    TooManyAccounts(usize),
    /// No more calls on one account, or in all. Carries the limit.
    TooManySessions(usize),
    /// The media path cannot take another call.
    NoMediaResources,
    /// The gateway is about to stop.
    ShuttingDown,
    /// Our own fault.
    Internal,
}

/// How far a call has come, as error texts name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionPhase {
    /// Nothing has been answered yet; also an incoming call that rings.
    Connecting,
    /// The INVITE is out.
    Progress,
    /// The far end rings.
    Ringing,
    /// Sound from the far end before the answer.
    EarlyMedia,
    /// Answered, media not up yet.
    Accepted,
    /// Answered, media up.
    Established,
    /// The page's own update is pending.
    LocalUpdating,
    /// The far end's update is pending.
    RemoteUpdating,
    /// Over.
    Terminated,
}

impl fmt::Display for SessionPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Progress => "progress",
            Self::Ringing => "ringing",
            Self::EarlyMedia => "early_media",
            Self::Accepted => "accepted",
            Self::Established => "established",
            Self::LocalUpdating => "local-updating",
            Self::RemoteUpdating => "remote-updating",
            Self::Terminated => "terminated",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountAlreadyAdded(account) => write!(f, "Account {account} already added"),
            Self::DomainNotAllowed(domain) => write!(f, "SIP domain not allowed: {domain}"),
            Self::UnknownAccountForRemove(account) => {
                write!(f, "Unknown account specified for remove: {account}")
            }
            Self::UnknownAccountForRegister(account) => {
                write!(f, "Unknown account specified for register: {account}")
            }
            Self::UnknownAccountForUnregister(account) => {
                write!(f, "Unknown account specified for unregister: {account}")
            }
            Self::UnknownAccountForToken(account) => {
                write!(f, "Unknown account specified for token: {account}")
            }
            Self::UnknownAccount(account) => write!(f, "Unknown account specified: {account}"),
            Self::AccountNotAuthenticated => f.write_str("Account not authenticated"),
            Self::DnsLookup(detail) => write!(f, "DNS lookup error: {detail}"),
            Self::CallsNotAllowed(account) => write!(f, "Calls not allowed for account {account}"),
            Self::DestinationNotAllowed(uri) => {
                write!(
                    f,
                    "Destination not allowed: {}",
                    crate::json::shortened(uri)
                )
            }
            Self::EncryptionImpossible(uri) => {
                write!(
                    f,
                    "Encryption required, but the signalling is not encrypted: {}",
                    crate::json::shortened(uri)
                )
            }
            Self::SessionInUse(session) => write!(f, "Session ID {session} already in use"),
            Self::UnknownSession(session) => write!(f, "Unknown session {session}"),
            Self::CannotAnswerOutgoing(session) => {
                write!(f, "Cannot answer outgoing session {session}")
            }
            Self::WrongPhaseForAnswer(session, phase) => {
                write!(f, "Invalid state for answering session {session}: {phase}")
            }
            Self::WrongPhaseForTerminate(session, phase) => {
                write!(
                    f,
                    "Invalid state for terminating session {session}: {phase}"
                )
            }
            Self::WrongPhaseForUpdate(session, phase) => {
                write!(f, "Invalid state for updating session {session}: {phase}")
            }
            Self::WrongPhaseForMessage(session, phase) => {
                write!(
                    f,
                    "Invalid state session {session}: {phase} for sending messages"
                )
            }
            Self::WrongPhaseForDtmf(session, phase) => {
                write!(f, "Invalid state session {session}: {phase} for DTMF info")
            }
            Self::CannotRingOutgoing(session) => {
                write!(f, "Cannot ring outgoing session {session}")
            }
            Self::WrongPhaseForRing(session, phase) => {
                write!(f, "Invalid state for ringing session {session}: {phase}")
            }
            Self::WrongPhaseForHold(session, phase) => {
                write!(f, "Invalid state for holding session {session}: {phase}")
            }
            Self::WrongPhaseForTransfer(session, phase) => {
                write!(
                    f,
                    "Invalid state for transferring session {session}: {phase}"
                )
            }
            Self::SessionTerminated(session) => write!(f, "Session {session} is terminated"),
            Self::UnusableSdp(detail) => write!(f, "Unusable SDP: {detail}"),
            Self::NotSupportedYet(request) => {
                write!(f, "Request not supported yet: {}", request.name())
            }
            Self::NotCarriedOut(name) => write!(f, "Request not supported yet: {name}"),
            Self::BinaryFrame => f.write_str("Binary frames are not supported"),
            Self::TooFast => f.write_str("Too many requests"),
            Self::TooManyAccounts(limit) => write!(f, "Too many accounts (at most {limit})"),
            Self::TooManySessions(limit) => write!(f, "Too many sessions (at most {limit})"),
            Self::NoMediaResources => f.write_str("No media resources available"),
            Self::ShuttingDown => f.write_str("The server is shutting down"),
            Self::Internal => f.write_str("Internal error"),
        }
    }
}

impl Refusal {
    /// The code for programs.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::AccountAlreadyAdded(_) => ErrorCode::AccountInUse,
            Self::DomainNotAllowed(_) => ErrorCode::DomainNotAllowed,
            Self::UnknownAccountForRemove(_)
            | Self::UnknownAccountForRegister(_)
            | Self::UnknownAccountForUnregister(_)
            | Self::UnknownAccountForToken(_)
            | Self::UnknownAccount(_) => ErrorCode::UnknownAccount,
            Self::AccountNotAuthenticated => ErrorCode::NotAuthenticated,
            Self::DnsLookup(_) => ErrorCode::DnsLookup,
            Self::CallsNotAllowed(_)
            | Self::DestinationNotAllowed(_)
            | Self::EncryptionImpossible(_) => ErrorCode::CallNotAllowed,
            Self::SessionInUse(_) => ErrorCode::SessionInUse,
            Self::UnknownSession(_) => ErrorCode::UnknownSession,
            Self::CannotAnswerOutgoing(_)
            | Self::WrongPhaseForAnswer(..)
            | Self::WrongPhaseForTerminate(..)
            | Self::WrongPhaseForUpdate(..)
            | Self::WrongPhaseForMessage(..)
            | Self::WrongPhaseForDtmf(..)
            | Self::CannotRingOutgoing(_)
            | Self::WrongPhaseForRing(..)
            | Self::WrongPhaseForHold(..)
            | Self::WrongPhaseForTransfer(..) => ErrorCode::WrongState,
            Self::SessionTerminated(_) => ErrorCode::SessionTerminated,
            Self::UnusableSdp(_) => ErrorCode::UnusableSdp,
            Self::NotSupportedYet(_) | Self::NotCarriedOut(_) => ErrorCode::NotSupported,
            Self::BinaryFrame => ErrorCode::BinaryFrame,
            Self::TooFast => ErrorCode::TooFast,
            Self::TooManyAccounts(_) => ErrorCode::TooManyAccounts,
            Self::TooManySessions(_) => ErrorCode::TooManySessions,
            Self::NoMediaResources => ErrorCode::Unavailable,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
            Self::Internal => ErrorCode::Internal,
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_original_server() {
        let account = || AccountAddress::parse("alice@sylk.test").unwrap();
        let session = || SessionId::new("S").unwrap();
        for (refusal, text, code) in [
            (
                Refusal::AccountAlreadyAdded(account()),
                "Account alice@sylk.test already added",
                "account-in-use",
            ),
            (
                Refusal::DomainNotAllowed("sylk.test".to_owned()),
                "SIP domain not allowed: sylk.test",
                "domain-not-allowed",
            ),
            (
                Refusal::UnknownAccountForRemove(account()),
                "Unknown account specified for remove: alice@sylk.test",
                "unknown-account",
            ),
            (
                Refusal::UnknownAccountForRegister(account()),
                "Unknown account specified for register: alice@sylk.test",
                "unknown-account",
            ),
            (
                Refusal::UnknownAccountForUnregister(account()),
                "Unknown account specified for unregister: alice@sylk.test",
                "unknown-account",
            ),
            (
                Refusal::UnknownAccountForToken(account()),
                "Unknown account specified for token: alice@sylk.test",
                "unknown-account",
            ),
            (
                Refusal::UnknownAccount(account()),
                "Unknown account specified: alice@sylk.test",
                "unknown-account",
            ),
            (
                Refusal::AccountNotAuthenticated,
                "Account not authenticated",
                "not-authenticated",
            ),
            (
                Refusal::DnsLookup("no results found".to_owned()),
                "DNS lookup error: no results found",
                "dns-lookup",
            ),
            (
                Refusal::SessionInUse(session()),
                "Session ID S already in use",
                "session-in-use",
            ),
            (
                Refusal::UnknownSession(session()),
                "Unknown session S",
                "unknown-session",
            ),
            (
                Refusal::CannotAnswerOutgoing(session()),
                "Cannot answer outgoing session S",
                "wrong-state",
            ),
            (
                Refusal::WrongPhaseForAnswer(session(), SessionPhase::Accepted),
                "Invalid state for answering session S: accepted",
                "wrong-state",
            ),
            (
                Refusal::WrongPhaseForTerminate(session(), SessionPhase::Terminated),
                "Invalid state for terminating session S: terminated",
                "wrong-state",
            ),
            (
                Refusal::WrongPhaseForUpdate(session(), SessionPhase::LocalUpdating),
                "Invalid state for updating session S: local-updating",
                "wrong-state",
            ),
            (
                Refusal::WrongPhaseForMessage(session(), SessionPhase::EarlyMedia),
                "Invalid state session S: early_media for sending messages",
                "wrong-state",
            ),
            (
                Refusal::WrongPhaseForDtmf(session(), SessionPhase::Progress),
                "Invalid state session S: progress for DTMF info",
                "wrong-state",
            ),
            (
                Refusal::SessionTerminated(session()),
                "Session S is terminated",
                "session-terminated",
            ),
            (Refusal::Internal, "Internal error", "internal"),
        ] {
            assert_eq!(refusal.to_string(), text);
            assert_eq!(refusal.code().as_str(), code);
        }
    }
}
