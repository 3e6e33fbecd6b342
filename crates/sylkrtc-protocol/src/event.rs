//! What the gateway tells a page on its own account.

mod account;
mod extension;
mod message;
mod quality;
mod session;

pub use account::{IncomingSession, RegistrationState};
pub use extension::{HoldBy, SessionExtension, TransferState};
pub use message::{Disposition, Message, MessageState};
pub use quality::{Judgement, Quality, WayQuality};
pub use session::{Accepted, EarlyMedia, SessionState, SessionUpdateState};

use crate::dialect::{v1, v2};
use crate::{AccountAddress, Dialect, Originator, SessionId, Vocabulary};

/// An event, the same for every dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection can be used.
    Ready,
    /// The registration of an account has changed.
    RegistrationState {
        /// The account.
        account: AccountAddress,
        /// What has become of it.
        state: RegistrationState,
    },
    /// Someone calls.
    IncomingSession(IncomingSession),
    /// Someone called in vain.
    MissedSession {
        /// Who was called.
        account: AccountAddress,
        /// Who called.
        originator: Originator,
    },
    /// A call has changed.
    SessionState {
        /// The call.
        session: SessionId,
        /// What has become of it.
        state: SessionState,
    },
    /// A change of an established call goes on. Only clients that know `session-update`
    /// ([`Request::proves_updates`](crate::Request::proves_updates)) are told `received`.
    SessionUpdate {
        /// The call.
        session: SessionId,
        /// How it goes.
        update: SessionUpdateState,
    },
    /// Somebody wrote to an account; `sylkRTC-2` only.
    AccountMessage {
        /// The account.
        account: AccountAddress,
        /// The message.
        message: Message,
    },
    /// The far end of a call wrote; `sylkRTC-2` only.
    SessionMessage {
        /// The call.
        session: SessionId,
        /// The message.
        message: Message,
    },
    /// What has become of a `session-message`; `sylkRTC-2` only.
    SessionDisposition {
        /// The call.
        session: SessionId,
        /// What has become of it.
        disposition: Disposition,
    },
    /// An extension: something has happened in a call that sylkRTC has no words for.
    SessionExtension {
        /// The call.
        session: SessionId,
        /// What happened.
        extension: SessionExtension,
    },
}

impl Event {
    /// Whether only connections that have proven to know extensions
    /// ([`Request::proves_extensions`](crate::Request::proves_extensions)) may be told.
    #[must_use]
    pub fn is_extension(&self) -> bool {
        match self {
            Self::SessionExtension { .. } => true,
            Self::Ready
            | Self::RegistrationState { .. }
            | Self::IncomingSession(_)
            | Self::MissedSession { .. }
            | Self::SessionUpdate { .. }
            | Self::AccountMessage { .. }
            | Self::SessionMessage { .. }
            | Self::SessionDisposition { .. }
            | Self::SessionState { .. } => false,
        }
    }
}

/// The text of an event, or `None` if that dialect or vocabulary has no such event.
///
/// `sylkRTC-2` has all of them and only one vocabulary. `sylkRTC-1` has neither `proceeding`,
/// `ringing`, `early-media` nor messages, and its names of 2015 have no missed calls.
#[must_use]
pub fn encode_event(dialect: Dialect, vocabulary: Vocabulary, event: &Event) -> Option<String> {
    match dialect {
        Dialect::V1 => v1::event(vocabulary, event),
        Dialect::V2 => Some(v2::event(event)),
    }
}
