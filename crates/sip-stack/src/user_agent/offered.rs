//! Offers that come before a call is settled (RFC 3261 §13.2.1, RFC 3262 §5, RFC 3311
//! §5.2): in a response to our INVITE without one, or in a PRACK or UPDATE. The
//! application answers, and the answer goes where the rules want it.

use std::time::Instant;

use bytes::Bytes;

use super::client_user::ClientUser;
use super::{Timer, UserAgent};
use crate::account::SessionId;
use crate::command::Reason;
use crate::event::{EndedBy, StatusReason};
use crate::invite::Usage;
use crate::invite::change::{Change, OfferedBy};
use crate::message::StatusCode;
use crate::transaction::{ClientTransactionId, ServerTransactionId};

impl UserAgent {
    pub(super) fn answer_offer(
        &mut self,
        id: SessionId,
        dialog: u32,
        answer: Result<Bytes, u16>,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let is_established = matches!(session.usage, Usage::Established(_));
        let here = |number: u32| number == dialog || is_established;
        let Some(exchange) = session.usage.exchange(|one| {
            here(one.number) && matches!(one.change, Change::Offered(_) | Change::Theirs(_))
        }) else {
            return;
        };
        let number = exchange.number;
        match (&*exchange.change, answer) {
            (Change::Offered(by), Ok(sdp)) => {
                let by = *by;
                *exchange.change = Change::Settled;
                *exchange.local = Some(sdp.clone());
                match by {
                    OfferedBy::Provisional(rseq) => {
                        self.send_prack(id, number, rseq, Some(sdp), now);
                    }
                    OfferedBy::Final(transaction) => {
                        self.core.timers.stop(Timer::GiveUp(id));
                        self.acknowledge_late(id, transaction, Some(sdp), now);
                    }
                }
            }
            (Change::Offered(by), Err(code)) => {
                let by = *by;
                self.offer_refused(id, by, code, now);
            }
            (_, answer) => self.answer_theirs(id, number, answer, now),
        }
    }

    /// `Timer::GiveUp`: the application did not answer the offer of a 2xx.
    pub(super) fn offer_ignored(&mut self, id: SessionId, now: Instant) {
        self.answer_offer(id, 0, Err(StatusCode::NOT_ACCEPTABLE_HERE.code()), now);
    }

    /// A response cannot be refused: it is acknowledged, and the call ended.
    fn offer_refused(&mut self, id: SessionId, by: OfferedBy, code: u16, now: Instant) {
        let status = StatusCode::new(code).unwrap_or(StatusCode::NOT_ACCEPTABLE_HERE);
        let reason = StatusReason::usual(status);
        let told = Reason::of_status(&reason);
        match by {
            OfferedBy::Provisional(_) => {
                self.abandon(id, Some(&told), reason, EndedBy::Local, now);
            }
            OfferedBy::Final(_) => self.end_call(id, Some(&told), reason, EndedBy::Local, now),
        }
    }

    /// The call ends, or goes on, with the ACK that its 2xx still waits for.
    pub(super) fn acknowledge_late(
        &mut self,
        id: SessionId,
        transaction: ClientTransactionId,
        answer: Option<Bytes>,
        now: Instant,
    ) {
        let Some(Usage::Established(established)) =
            self.sessions.get(&id).map(|session| &session.usage)
        else {
            return;
        };
        let Some(ClientUser::Answered(answered)) = self.clients.get(&transaction) else {
            return;
        };
        let (dialog, invite) = (established.dialog.clone(), answered.invite.clone());
        let acknowledged = self.acknowledge(&dialog, &invite, answer, now);
        if let Some(ClientUser::Answered(answered)) = self.clients.get_mut(&transaction) {
            answered.unanswered = None;
            answered.acks.push(acknowledged);
        }
    }

    /// The peer ends a call before its 2xx was acknowledged, as the application has not answered
    /// the offer in that: the ACK goes without an answer (RFC 3261 §13.2.2.4).
    pub(super) fn acknowledge_unanswered(&mut self, id: SessionId, now: Instant) {
        if let Some(established) = self.established(id)
            && let Change::Offered(OfferedBy::Final(transaction)) = established.change
        {
            self.acknowledge_late(id, transaction, None, now);
        }
    }

    /// A request with an offer whose transaction has ended without an answer of the
    /// application: the offer is void.
    pub(super) fn never_agreed(&mut self, transaction: ServerTransactionId) {
        if let Some(id) = self.servers.remove(&transaction)
            && let Some(session) = self.sessions.get_mut(&id)
            && let Some(exchange) = session.usage.exchange(|one| match &*one.change {
                Change::Theirs(theirs) => theirs.transaction == transaction,
                Change::Opening
                | Change::Settled
                | Change::Answered(_)
                | Change::Ours(_)
                | Change::Glare { .. }
                | Change::Offered(_) => false,
            })
        {
            *exchange.change = Change::Settled;
        }
    }
}
