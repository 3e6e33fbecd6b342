//! An INVITE of ours that has had no final response (RFC 3261 §13.2).
//!
//! Knows what was sent, and which early dialogs the provisional responses of a forked
//! call have made.

use super::body::Body;
use crate::account::Attempt;
use crate::dialog::DialogId;
use crate::event::SessionEvent;
use crate::message::Response;
use crate::transaction::ClientTransactionId;

/// Early dialogs of one call that are told apart; further ones count as the last.
const MAX_FORKS: usize = 32;

pub(crate) struct Calling {
    pub(crate) transaction: ClientTransactionId,
    pub(crate) attempt: Attempt,
    /// Early dialogs, in the order of their first response.
    early: Vec<DialogId>,
}

impl Calling {
    pub(crate) fn new(transaction: ClientTransactionId, attempt: Attempt) -> Self {
        Self {
            transaction,
            attempt,
            early: Vec::new(),
        }
    }

    /// Early dialogs so far.
    pub(crate) fn early(&self) -> &[DialogId] {
        &self.early
    }

    /// The INVITE is sent again, with credentials: what its predecessor reached is void.
    pub(crate) fn sent_again(&mut self, transaction: ClientTransactionId) -> Vec<DialogId> {
        self.transaction = transaction;
        std::mem::take(&mut self.early)
    }

    /// A provisional response: what to tell, and the early dialog if it is a new one.
    /// `None` for 100, which says nothing about the called side.
    pub(crate) fn progress(
        &mut self,
        response: &Response,
    ) -> Option<(SessionEvent, Option<DialogId>)> {
        if response.status.code() == 100 {
            return None;
        }
        let (dialog, new) = self.number(response);
        let event = SessionEvent::Provisional {
            code: response.status.code(),
            phrase: response.reason.as_str().to_owned(),
            sdp: Body::read(&response.headers, &response.body).sdp(),
            dialog,
        };
        Some((event, new))
    }

    /// The number of the early dialog a response belongs to, and its identity if this is
    /// the first time it is seen.
    pub(crate) fn number(&mut self, response: &Response) -> (u32, Option<DialogId>) {
        let tagged = response.headers.to().is_ok_and(|to| to.tag().is_some());
        let Some(id) = DialogId::of_response(response) else {
            return (0, None);
        };
        if let Some(at) = self.early.iter().position(|known| *known == id) {
            return (number(at), None);
        }
        if !tagged || self.early.len() == MAX_FORKS {
            return (number(self.early.len().saturating_sub(1)), None);
        }
        self.early.push(id.clone());
        (number(self.early.len() - 1), Some(id))
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
