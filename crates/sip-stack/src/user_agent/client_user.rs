//! What our own requests are for: who hears of their responses.

use super::messaging::Chat;
use crate::account::{AccountId, Attempt, SessionId};
use crate::dialog::{Dialog, DialogId};
use crate::message::Request;
use crate::page_message::MessageId;
use crate::transaction::Route;

/// The user of one client transaction.
pub(super) enum ClientUser {
    /// REGISTER.
    Registration(AccountId),
    /// An INVITE without final response.
    Calling(SessionId),
    /// An INVITE that is answered or given up: repeats of its 2xx want ACK, further
    /// forks an end.
    Answered(Box<Answered>),
    /// A re-INVITE, or an UPDATE with an offer, without final response.
    Reinvite(SessionId),
    /// PRACK.
    Prack(Box<Within>),
    /// An UPDATE that refreshes the session (RFC 4028).
    Refresh(Box<Within>),
    /// INFO.
    Info(Box<Within>),
    /// REFER.
    Refer(Box<Info>),
    /// NOTIFY of what came of a REFER.
    Notify(Box<Info>),
    /// MESSAGE.
    Message(Box<Paging>),
    /// BYE.
    Farewell(Box<Farewell>),
}

/// What is left of an INVITE until its transaction ends.
pub(super) struct Answered {
    pub(super) account: AccountId,
    /// The INVITE as sent.
    pub(super) invite: Request,
    /// Dialogs that 2xx have made, with the ACK of each. All but the one that is talked
    /// in have been ended.
    pub(super) acks: Vec<Acknowledged>,
    /// A dialog whose 2xx brought an offer that the application has not answered: its ACK
    /// has to wait.
    pub(super) unanswered: Option<DialogId>,
    /// Early dialogs that no 2xx has come for yet: requests have been numbered in them.
    pub(super) early: Vec<Dialog>,
    /// Whether a 2xx with another tag makes another dialog: not within one.
    pub(super) may_fork: bool,
    /// Given up without any final response yet: a 2xx would still have to be ended in
    /// the account's name.
    pub(super) is_open: bool,
}

/// A dialog whose 2xx has been acknowledged.
pub(super) struct Acknowledged {
    pub(super) dialog: DialogId,
    pub(super) ack: Request,
    pub(super) route: Route,
}

/// A request within a dialog that goes on whatever comes of it.
pub(super) struct Within {
    pub(super) account: AccountId,
    pub(super) session: SessionId,
    pub(super) dialog: DialogId,
    pub(super) attempt: Attempt,
}

/// A REFER or NOTIFY on its way.
pub(super) struct Info {
    pub(super) account: AccountId,
    pub(super) session: SessionId,
    pub(super) attempt: Attempt,
}

/// A MESSAGE on its way.
pub(super) struct Paging {
    pub(super) account: AccountId,
    pub(super) chat: Chat,
    pub(super) message: MessageId,
    pub(super) attempt: Attempt,
}

/// A BYE on its way, with the dialog that ends by it.
pub(super) struct Farewell {
    pub(super) account: AccountId,
    pub(super) dialog: Dialog,
    pub(super) attempt: Attempt,
}

impl ClientUser {
    /// The account it needs besides a session's own hold on it.
    pub(super) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Registration(_) | Self::Calling(_) | Self::Reinvite(_) => None,
            Self::Answered(answered) => answered.is_open.then_some(answered.account),
            Self::Refer(info) | Self::Notify(info) => Some(info.account),
            Self::Info(within) | Self::Prack(within) | Self::Refresh(within) => {
                Some(within.account)
            }
            Self::Message(paging) => Some(paging.account),
            Self::Farewell(farewell) => Some(farewell.account),
        }
    }
}
