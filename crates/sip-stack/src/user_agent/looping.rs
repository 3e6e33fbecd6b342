//! A call of ours that proxies bring back to the account that makes it: it would ring where
//! somebody waits for the answer (RFC 3261 §8.2.2.2). Another account may be called by it, and
//! another device of the same one.

use super::UserAgent;
use super::client_user::ClientUser;
use crate::account::AccountId;
use crate::message::{Method, Request};

impl UserAgent {
    /// Whether this is an INVITE that `account` has sent itself: our Via is the first it got.
    pub(super) fn is_own_call(&self, account: AccountId, invite: &Request) -> bool {
        let vias = invite.headers.vias().unwrap_or_default();
        let branch = vias.last().and_then(|via| via.branch());
        let sent = branch.and_then(|branch| self.core.layer.sent_with(&branch, Method::Invite));
        match sent.and_then(|id| self.clients.get(&id)) {
            Some(ClientUser::Calling(session)) => self
                .sessions
                .get(session)
                .is_some_and(|session| session.account == account),
            Some(ClientUser::Answered(answered)) => answered.account == account,
            Some(
                ClientUser::Registration(_)
                | ClientUser::Reinvite(_)
                | ClientUser::Prack(_)
                | ClientUser::Refresh(_)
                | ClientUser::Info(_)
                | ClientUser::Refer(_)
                | ClientUser::Notify(_)
                | ClientUser::Message(_)
                | ClientUser::Farewell(_),
            )
            | None => false,
        }
    }
}
