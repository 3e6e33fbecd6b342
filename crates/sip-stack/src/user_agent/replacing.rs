//! Calls that take the place of another (RFC 3891 §3): which one an INVITE with Replaces means,
//! and when it is refused.

use std::time::Instant;

use super::UserAgent;
use crate::account::AccountId;
use crate::invite::Usage;
use crate::message::{HeaderName, Method, Request, StatusCode};
use crate::replaces::{Replaced, Replaces};
use crate::transaction::ServerTransactionId;

impl UserAgent {
    /// Answers 400 if Replaces stands where it may not, or more than once.
    pub(super) fn refuses_replaces(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) -> bool {
        let count = request.headers.lines(&HeaderName::Replaces).count();
        let allowed = if request.method == Method::Invite {
            1
        } else {
            0
        };
        if count > allowed {
            self.answer(id, request, StatusCode::BAD_REQUEST, now);
        }
        count > allowed
    }

    /// The call that a new INVITE for `account` is to replace, if it names one; or the status
    /// that refuses it.
    ///
    /// Only calls of the same account can be meant: whoever may call it, and knows the three
    /// parts of its dialog, has been told of it by one of the two who talk in it.
    pub(super) fn replaced(
        &self,
        account: AccountId,
        invite: &Request,
    ) -> Result<Option<Replaced>, StatusCode> {
        let Some(value) = invite.headers.get(&HeaderName::Replaces) else {
            return Ok(None);
        };
        let replaces = Replaces::parse(&value.text()).ok_or(StatusCode::BAD_REQUEST)?;
        let id = replaces
            .dialogs()
            .find_map(|dialog| self.dialogs.get(&dialog).copied());
        let session = id.and_then(|id| self.sessions.get(&id));
        let (Some(id), Some(session)) = (id, session) else {
            return Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        };
        if session.account != account {
            return Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        }
        match &session.usage {
            Usage::Established(call) if call.is_leaving() => Err(StatusCode::DECLINE),
            Usage::Established(_) if replaces.early_only => Err(StatusCode::BUSY_HERE),
            Usage::Established(_) | Usage::Calling(_) => Ok(Some(Replaced {
                session: id,
                early_only: replaces.early_only,
            })),
            // Only who made an early dialog can be asked to leave it.
            Usage::Ringing(_) => Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
        }
    }

    /// Whether a call that was to be picked up while it rang has been answered meanwhile.
    pub(super) fn comes_too_late(&self, replaced: Option<Replaced>) -> bool {
        replaced
            .filter(|replaced| replaced.early_only)
            .and_then(|replaced| self.sessions.get(&replaced.session))
            .is_some_and(|session| matches!(session.usage, Usage::Established(_)))
    }
}
