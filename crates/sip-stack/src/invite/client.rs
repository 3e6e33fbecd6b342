//! An INVITE of ours that has had no final response (RFC 3261 §13.2).
//!
//! Knows what was sent, and which early dialogs the provisional responses of a forked
//! call have made.

use bytes::Bytes;

use super::change::{Change, Exchange, Peer};
use super::early::Early;
use super::reliable::Received;
use crate::account::Attempt;
use crate::dialog::{Dialog, DialogId};
use crate::keying::KeysGo;
use crate::message::Response;
use crate::transaction::ClientTransactionId;
use crate::transport::Source;

/// Early dialogs of one call that are told apart; further ones count as the last, and
/// their reliable responses are not acknowledged.
const MAX_FORKS: usize = 32;

pub(crate) struct Calling {
    pub(crate) transaction: ClientTransactionId,
    pub(crate) attempt: Attempt,
    /// Early dialogs, in the order of their first response.
    early: Vec<Early>,
    /// The one whose description came last.
    heard: Option<u32>,
}

/// Where a response belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An early dialog that is known.
    Known(u32),
    /// One that this response made.
    New(u32, DialogId),
    /// None, but it is told as if of this one: there is no To tag, or there are too many.
    Outside(u32),
}

impl Place {
    pub(crate) fn number(&self) -> u32 {
        match self {
            Self::Known(number) | Self::New(number, _) | Self::Outside(number) => *number,
        }
    }
}

impl Calling {
    pub(crate) fn new(transaction: ClientTransactionId, attempt: Attempt) -> Self {
        Self {
            transaction,
            attempt,
            early: Vec::new(),
            heard: None,
        }
    }

    /// Whether our INVITE carried the offer.
    pub(crate) fn has_offered(&self) -> bool {
        !self.attempt.request.body.is_empty()
    }

    /// Early dialogs so far.
    pub(crate) fn early(&self) -> &[Early] {
        &self.early
    }

    pub(crate) fn early_mut(&mut self, number: u32) -> Option<&mut Early> {
        self.early.get_mut(usize::try_from(number).ok()?)
    }

    /// A description has come in this early dialog.
    pub(crate) fn hears(&mut self, number: u32) {
        self.heard = Some(number);
    }

    /// The early dialog that is heard: whose description came last, else the last one.
    pub(crate) fn heard(&mut self) -> Option<&mut Early> {
        match self.heard {
            Some(number) => self.early_mut(number),
            None => self.early.last_mut(),
        }
    }

    /// The early dialog with this identity.
    pub(crate) fn find(&self, id: &DialogId) -> Option<&Early> {
        self.early.iter().find(|early| early.dialog.id() == id)
    }

    pub(crate) fn exchanges(&mut self) -> impl Iterator<Item = Exchange<'_>> {
        let numbered = self.early.iter_mut().zip(0..);
        numbered.map(|(early, number)| early.exchange(number))
    }

    /// The INVITE is sent again, with credentials or another interval: what its
    /// predecessor reached is void.
    pub(crate) fn sent_again(&mut self, transaction: ClientTransactionId) -> Vec<Early> {
        self.transaction = transaction;
        self.heard = None;
        std::mem::take(&mut self.early)
    }

    /// The early dialog that a 2xx has chosen. The numbers of the others are void then.
    pub(crate) fn take_early(&mut self, id: &DialogId) -> Option<Early> {
        let at = self
            .early
            .iter()
            .position(|early| early.dialog.id() == id)?;
        Some(self.early.remove(at))
    }

    /// Early dialogs, to go on numbering in when their 2xx comes after all.
    pub(crate) fn dialogs(&self) -> Vec<Dialog> {
        let dialogs = self.early.iter().map(|early| early.dialog.clone());
        dialogs.collect()
    }

    /// Whether a description in a 2xx is an offer: nobody has made one in this dialog.
    pub(crate) fn asks_for_offer(&self, chosen: Option<&Early>) -> bool {
        let open = chosen.is_none_or(|early| match &early.change {
            Change::Opening | Change::Offered(_) => true,
            Change::Settled
            | Change::Answered(_)
            | Change::Ours(_)
            | Change::Glare { .. }
            | Change::Theirs(_) => false,
        });
        open && !self.has_offered()
    }

    /// Our offer as it went the way that the responses come; `None` if there was none.
    pub(crate) fn offered(&self, keys: KeysGo, source: &Source) -> Option<Bytes> {
        let body = self.attempt.request.body.clone();
        self.has_offered()
            .then(|| keys.said(body, source.transport))
    }

    /// The early dialog a response belongs to; it is made if there is none.
    pub(crate) fn place(&mut self, response: &Response, source: &Source, keys: KeysGo) -> Place {
        let last = number(self.early.len().saturating_sub(1));
        let tagged = response.headers.to().is_ok_and(|to| to.tag().is_some());
        let Ok(dialog) = Dialog::from_response(&self.attempt.request, response, source) else {
            return Place::Outside(last);
        };
        let id = dialog.id().clone();
        let known = self.early.iter().position(|early| *early.dialog.id() == id);
        if let Some(at) = known {
            return Place::Known(number(at));
        }
        if !tagged || self.early.len() == MAX_FORKS {
            return Place::Outside(last);
        }
        let local = self.offered(keys, source);
        self.early.push(Early {
            dialog,
            change: Change::Opening,
            peer: Peer::default(),
            received: Received::default(),
            local,
            remote: None,
        });
        Place::New(number(self.early.len() - 1), id)
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
