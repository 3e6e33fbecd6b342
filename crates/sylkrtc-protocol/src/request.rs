//! What a page may ask for.

mod account;
mod extension;
mod later;
mod message;
mod name;
mod session;

pub use account::AccountAdd;
pub use extension::{SessionTransfer, TransferTarget};
pub use later::LaterRequest;
pub use message::SessionMessage;
pub(crate) use name::lookup;
pub use session::{
    SessionAnswer, SessionCreate, SessionDtmfInfo, SessionTerminate, SessionTrickle, SessionUpdate,
};

use std::time::Duration;

use crate::{AccountAddress, SessionId};

/// A request, the same for every dialect.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `ping`: proves to the client that we live. Acknowledged, nothing else.
    Ping,
    /// `account-add`, `add_account`, `bind`: makes an account known on this connection.
    AccountAdd(AccountAdd),
    /// `account-remove`, `remove_account`, `unbind`.
    AccountRemove {
        /// The account to forget, its registration included.
        account: AccountAddress,
    },
    /// `account-register`, `register`.
    AccountRegister {
        /// The account to register.
        account: AccountAddress,
    },
    /// `account-unregister`, `unregister`: no event follows.
    AccountUnregister {
        /// The account to unregister.
        account: AccountAddress,
    },
    /// `session-create`, `call`: calls someone.
    SessionCreate(SessionCreate),
    /// `session-answer`, `answer`: accepts an incoming call.
    SessionAnswer(SessionAnswer),
    /// `session-trickle`, `trickle`: candidates, or their end.
    SessionTrickle(SessionTrickle),
    /// `session-terminate`, `terminate`: cancels, rejects or hangs up.
    SessionTerminate(SessionTerminate),
    /// `session-dtmf-info`: tones by SIP INFO.
    SessionDtmfInfo(SessionDtmfInfo),
    /// `session-update`: the page changes an established call, or answers a change.
    SessionUpdate(SessionUpdate),
    /// `session-message`: a message within a call.
    SessionMessage(SessionMessage),
    /// `session-ring`, an extension: the page has begun to ring. For accounts with
    /// [`AccountAdd::explicit_ringing`].
    SessionRing {
        /// The incoming call.
        session: SessionId,
    },
    /// `session-hold`, an extension: puts the far end on hold, or takes it back.
    SessionHold {
        /// The call.
        session: SessionId,
        /// Whether it is to be held.
        hold: bool,
    },
    /// `session-transfer`, an extension: connects the far end with somebody else.
    SessionTransfer(SessionTransfer),
    /// `session-quality`, an extension: how the call sounds, again and again.
    SessionQuality {
        /// The call.
        session: SessionId,
        /// Between two events, 1 to 60 seconds; `None` for no more of them.
        interval: Option<Duration>,
    },
    /// A request of sylkRTC that this gateway does not carry out yet; its fields are not looked at.
    /// To be refused with [`Refusal::NotSupportedYet`](crate::Refusal::NotSupportedYet).
    Later(LaterRequest),
}

impl Request {
    /// Whether the sender is a client that applies the SDP of `early-media` as the answer.
    ///
    /// Only versions that do so ever send these requests. To such a client, SDP goes with
    /// `early-media` and never again with `accepted`; to all others it goes with `accepted` only.
    #[must_use]
    pub fn proves_early_media(&self) -> bool {
        match self {
            Self::Ping | Self::Later(LaterRequest::AccountFetchAddressbook) => true,
            Self::AccountAdd(_)
            | Self::AccountRemove { .. }
            | Self::AccountRegister { .. }
            | Self::AccountUnregister { .. }
            | Self::SessionCreate(_)
            | Self::SessionAnswer(_)
            | Self::SessionTrickle(_)
            | Self::SessionTerminate(_)
            | Self::SessionDtmfInfo(_)
            | Self::SessionUpdate(_)
            | Self::SessionMessage(_)
            | Self::SessionRing { .. }
            | Self::SessionHold { .. }
            | Self::SessionTransfer(_)
            | Self::SessionQuality { .. }
            | Self::Later(_) => false,
        }
    }

    /// Whether the sender is a client that knows `session-update`, and so can be put a change of
    /// the far end. Versions that do are the only ones to send these requests.
    #[must_use]
    pub fn proves_updates(&self) -> bool {
        match self {
            Self::SessionUpdate(_)
            | Self::SessionDtmfInfo(_)
            | Self::Later(LaterRequest::AccountFetchAddressbook) => true,
            Self::Ping
            | Self::AccountAdd(_)
            | Self::AccountRemove { .. }
            | Self::AccountRegister { .. }
            | Self::AccountUnregister { .. }
            | Self::SessionCreate(_)
            | Self::SessionAnswer(_)
            | Self::SessionTrickle(_)
            | Self::SessionTerminate(_)
            | Self::SessionMessage(_)
            | Self::SessionRing { .. }
            | Self::SessionHold { .. }
            | Self::SessionTransfer(_)
            | Self::SessionQuality { .. }
            | Self::Later(_) => false,
        }
    }

    /// Whether the sender knows this gateway's extensions of sylkRTC: it says so, or asks for one.
    ///
    /// No published version of the client library ever does. Extension events
    /// ([`Event::is_extension`](crate::Event::is_extension)) are for such connections only.
    #[must_use]
    pub fn proves_extensions(&self) -> bool {
        match self {
            Self::AccountAdd(add) => add.extensions || add.explicit_ringing,
            Self::SessionTerminate(terminate) => {
                terminate.code.is_some() || terminate.reason.is_some()
            }
            Self::SessionRing { .. }
            | Self::SessionHold { .. }
            | Self::SessionTransfer(_)
            | Self::SessionQuality { .. } => true,
            Self::Ping
            | Self::AccountRemove { .. }
            | Self::AccountRegister { .. }
            | Self::AccountUnregister { .. }
            | Self::SessionCreate(_)
            | Self::SessionAnswer(_)
            | Self::SessionTrickle(_)
            | Self::SessionDtmfInfo(_)
            | Self::SessionUpdate(_)
            | Self::SessionMessage(_)
            | Self::Later(_) => false,
        }
    }
}
