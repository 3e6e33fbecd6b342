//! Provisional responses to a call that came in (RFC 3261 §13.3.1.1), reliable ones
//! (RFC 3262 §3), and the PRACKs that acknowledge those.

use std::time::Instant;

use bytes::Bytes;

use super::{Timer, UserAgent, headers};
use crate::account::{DESCRIPTIONS, SessionId};
use crate::event::{EndedBy, SessionEvent};
use crate::invite::Usage;
use crate::invite::body::Body;
use crate::invite::change::Change;
use crate::invite::reliable::{self, Acknowledgement, Demand};
use crate::invite::server::REPEAT_PROVISIONAL;
use crate::message::{HeaderName, HeaderValue, Request, StatusCode};
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

impl UserAgent {
    pub(super) fn say_provisional(
        &mut self,
        id: SessionId,
        code: u16,
        sdp: Option<Bytes>,
        now: Instant,
    ) {
        let status = match StatusCode::new(code) {
            Ok(status) if (101..=199).contains(&code) => status,
            Ok(_) | Err(_) => return,
        };
        let Some(mut response) = self.ringing_reply(id, status) else {
            return;
        };
        let (timers, keys) = (self.core.config.timers, self.core.keys_go());
        let account = self.sessions.get(&id).map(|session| session.account);
        self.capabilities(account).push(&mut response.headers);
        let Some(ringing) = self.ringing(id) else {
            return;
        };
        // What is settled needs no words.
        let sdp = sdp.filter(|sdp| {
            let by = ringing.source.transport;
            matches!(ringing.change, Change::Opening) && !keys.exposes(sdp, by)
        });
        let reliable = ringing.sent.is_wanted(sdp.is_some());
        if reliable && ringing.sent.is_pending() {
            return ringing.sent.queue(status, sdp);
        }
        let sdp = sdp.filter(|_| reliable || ringing.has_offer());
        if let Some(sdp) = sdp.clone() {
            headers::set_sdp(&mut response.headers, &mut response.body, sdp);
        }
        let transaction = ringing.transaction;
        let mut repeat = now + REPEAT_PROVISIONAL;
        let mut give_up = None;
        if reliable {
            ringing.sent.send(&mut response, &timers);
            if sdp.is_some() {
                ringing.local = sdp;
            }
            repeat = now + timers.t1;
            give_up = Some(now + timers.give_up());
        }
        // Beside one that waits for its PRACK the timers are that one's.
        let has_timers = reliable || !ringing.sent.is_pending();
        ringing.provisional = Some(response.clone());
        self.core.respond(transaction, response, now);
        if has_timers {
            self.core.timers.set(Timer::Repeat(id), Some(repeat));
            self.core.timers.set(Timer::GiveUp(id), give_up);
        }
    }

    /// `Timer::Repeat` of a call that still rings.
    pub(super) fn repeat_provisional(&mut self, id: SessionId, now: Instant) {
        let Some(ringing) = self.ringing(id) else {
            return;
        };
        let transaction = ringing.transaction;
        if let Some((response, next)) = ringing.sent.next_repeat(now) {
            self.core.respond(transaction, response, now);
            return self.core.timers.set(Timer::Repeat(id), Some(next));
        }
        let Some(response) = ringing.provisional.clone() else {
            return;
        };
        if reliable::number_of(&response).is_some() {
            return self.say_provisional(id, response.status.code(), None, now);
        }
        self.core.respond(transaction, response, now);
        let repeat = now + REPEAT_PROVISIONAL;
        self.core.timers.set(Timer::Repeat(id), Some(repeat));
    }

    /// `Timer::GiveUp`: no PRACK in 64*T1 (RFC 3262 §3).
    pub(super) fn never_pracked(&mut self, id: SessionId, now: Instant) {
        let timeout = StatusCode::SERVER_TIME_OUT;
        self.refuse(id, timeout, None, EndedBy::Timeout, now);
    }

    /// 421, where we insist on reliable provisional responses and the caller cannot
    /// receive them. True: refused.
    pub(super) fn refuses_unreliable(
        &mut self,
        transaction: ServerTransactionId,
        invite: &Request,
        now: Instant,
    ) -> bool {
        let refused =
            self.core.config.require_100rel && Demand::of(&invite.headers) == Demand::None;
        if refused {
            let mut response = self.reply(invite, StatusCode::EXTENSION_REQUIRED);
            let tag = HeaderValue::from_static(reliable::TAG);
            response.headers.push(HeaderName::Require, tag);
            self.core.respond(transaction, response, now);
        }
        refused
    }

    pub(super) fn handle_prack(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: Request,
        source: Source,
        now: Instant,
    ) {
        let sdp = match Body::read(&request.headers, &request.body) {
            Body::Sdp(sdp) => Some(sdp),
            Body::Absent => None,
            Body::Unsupported => {
                return self.answer_unsupported_media(transaction, &request, &DESCRIPTIONS, now);
            }
        };
        let keys = self.core.keys_go();
        let sdp = sdp.map(|sdp| keys.heard(sdp, source.transport));
        let prack = Acknowledgement::of_prack(&request);
        let usage = self.sessions.get_mut(&id).map(|session| &mut session.usage);
        let acknowledged = match (usage, prack) {
            (Some(Usage::Ringing(ringing)), Some(prack)) => ringing.sent.acknowledged(prack),
            (Some(Usage::Established(established)), Some(prack)) => {
                let is_it = |one: &mut Acknowledgement| *one == prack;
                established.unpracked.take_if(is_it).map(|_| false)
            }
            (Some(Usage::Calling(_)) | None, _) | (_, None) => None,
        };
        let Some(had_sdp) = acknowledged else {
            let unknown = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return self.answer(transaction, &request, unknown, now);
        };
        let Some(ringing) = self.ringing(id) else {
            return self.answer(transaction, &request, StatusCode::OK, now);
        };
        let (opening, they_offered) = (
            matches!(ringing.change, Change::Opening),
            ringing.has_offer(),
        );
        if had_sdp && opening {
            ringing.change = Change::Settled;
        }
        let settled = matches!(ringing.change, Change::Settled);
        let repeat = now + REPEAT_PROVISIONAL;
        self.core.timers.set(Timer::Repeat(id), Some(repeat));
        self.core.timers.stop(Timer::GiveUp(id));
        match sdp {
            // Ours was the offer.
            sdp if had_sdp && opening && !they_offered => {
                self.answer(transaction, &request, StatusCode::OK, now);
                self.core.tell_session(id, SessionEvent::Reinvited { sdp });
            }
            Some(_)
                if settled && self.refuses_overheard(transaction, id, &request, &source, now) => {}
            Some(offer) if settled => {
                self.ask(transaction, id, request, source, Some(offer), now);
            }
            Some(_) | None => self.answer(transaction, &request, StatusCode::OK, now),
        }
        self.after_prack(id, now);
    }

    /// What had to wait for a PRACK.
    fn after_prack(&mut self, id: SessionId, now: Instant) {
        let queued = self
            .ringing(id)
            .and_then(|ringing| ringing.sent.take_queued());
        match queued {
            Some((status, sdp)) if self.is_not_accepting(id) => {
                self.say_provisional(id, status.code(), sdp, now);
            }
            Some(_) | None => self.accept_if_ready(id, now),
        }
    }

    fn is_not_accepting(&mut self, id: SessionId) -> bool {
        self.ringing(id)
            .is_some_and(|ringing| ringing.accepting.is_none())
    }
}
