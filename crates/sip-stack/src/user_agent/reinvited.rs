//! Changes of the session that the peer asks for (RFC 3261 §14.2, RFC 3311 §5.2):
//! re-INVITE and UPDATE, in confirmed dialogs and UPDATE in early ones, and what happens
//! when both sides want to at once.

use std::time::Instant;

use bytes::Bytes;
use rand::RngExt;

use super::{Timer, UserAgent, headers};
use crate::account::{Capabilities, DESCRIPTIONS, SessionId};
use crate::dialog::DialogId;
use crate::event::{SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::invite::body::Body;
use crate::invite::change::{
    Answering, Change, Exchange, REINVITE_LIMIT, Theirs, Unacknowledged, Wish,
};
use crate::message::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use crate::transaction::{Failure, ServerTransactionId};
use crate::transport::Source;

/// What to do with a re-INVITE or UPDATE of the peer.
enum Verdict {
    /// Ask the application.
    Ask,
    /// UPDATE without offer: it refreshes target and session, and wants a 200.
    JustAgree,
    /// Both at once: 491.
    Glare,
    /// One at a time: 500, to be tried again soon.
    Busy,
}

impl UserAgent {
    pub(super) fn handle_reinvite(
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
        if self.refuses_short_session(transaction, &request, now)
            || self.refuses_overheard(transaction, id, &request, &source, now)
        {
            return;
        }
        let sdp = sdp.map(|sdp| self.core.keys_go().heard(sdp, source.transport));
        match self.judge(id, &request, sdp.is_some()) {
            Verdict::Ask => self.ask(transaction, id, request, source, sdp, now),
            Verdict::JustAgree => self.just_agree(transaction, id, &request, &source, now),
            Verdict::Glare => {
                self.answer(transaction, &request, StatusCode::REQUEST_PENDING, now);
            }
            Verdict::Busy => {
                let mut response = self.reply(&request, StatusCode::SERVER_INTERNAL_ERROR);
                let seconds: u32 = self.core.rng.random_range(0..=10);
                response.headers.push(HeaderName::RetryAfter, seconds);
                self.core.respond(transaction, response, now);
            }
        }
    }

    /// 488, if keys come by a clear hop into a dialog that was made over TLS: it was trusted
    /// to keep them. True: refused.
    pub(super) fn refuses_overheard(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: &Request,
        source: &Source,
        now: Instant,
    ) -> bool {
        let keys = self.core.keys_go();
        let clear = keys.check(&request.headers, &request.body, source.transport);
        let session = self.sessions.get_mut(&id);
        let exchange = session.and_then(|session| exchange_of(&mut session.usage, request));
        let refused = clear.is_err() && exchange.is_some_and(|one| one.dialog.is_over_tls());
        if refused {
            tracing::info!("keys refused that came without TLS");
            self.answer(transaction, request, StatusCode::NOT_ACCEPTABLE_HERE, now);
        }
        refused
    }

    fn judge(&mut self, id: SessionId, request: &Request, has_offer: bool) -> Verdict {
        let is_update = request.method == Method::Update;
        if is_update && !has_offer {
            return Verdict::JustAgree;
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return Verdict::Busy;
        };
        let (we_offer, is_early) = match &session.usage {
            // Our offer is out, or the wish for one.
            Usage::Calling(_) => (true, true),
            Usage::Ringing(ringing) => (!ringing.has_offer() && ringing.sent.holds_sdp(), true),
            Usage::Established(established) => {
                // A peer that goes on to the next INVITE has seen our answer to this one:
                // its ACK was lost or overtaken.
                if let Change::Answered(answered) = &established.change
                    && !is_update
                    && !answered.offered
                    && !established.is_leaving()
                {
                    return Verdict::Ask;
                }
                (false, false)
            }
        };
        let Some(exchange) = exchange_of(&mut session.usage, request) else {
            return Verdict::Busy;
        };
        match &*exchange.change {
            // A second INVITE before the first is answered.
            Change::Opening | Change::Settled | Change::Glare { .. } if is_early && !is_update => {
                match we_offer {
                    true => Verdict::Glare,
                    false => Verdict::Busy,
                }
            }
            Change::Opening if we_offer => Verdict::Glare,
            Change::Settled | Change::Glare { .. } => Verdict::Ask,
            Change::Ours(_) => Verdict::Glare,
            Change::Opening | Change::Theirs(_) | Change::Offered(_) | Change::Answered(_) => {
                Verdict::Busy
            }
        }
    }

    fn just_agree(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: &Request,
        source: &Source,
        now: Instant,
    ) {
        self.refresh_target(id, request);
        if let Some(mut response) = self.agreement(id, request, source) {
            self.granted_by_us(id, request, &mut response, now);
            self.core.respond(transaction, response, now);
        }
    }

    /// Puts an offer of the peer, or its wish for one, to the application.
    pub(super) fn ask(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: Request,
        source: Source,
        sdp: Option<Bytes>,
        now: Instant,
    ) {
        self.confirmed(id, None, now);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let is_established = matches!(session.usage, Usage::Established(_));
        let Some(exchange) = exchange_of(&mut session.usage, &request) else {
            return;
        };
        let number = exchange.number;
        let theirs = Theirs {
            transaction,
            request,
            source,
            has_offer: sdp.is_some(),
        };
        let before = std::mem::replace(exchange.change, Change::Theirs(Box::new(theirs)));
        self.servers.insert(transaction, id);
        self.gave_way(id, before, now);
        match sdp {
            Some(sdp) if !is_established => {
                let dialog = number;
                self.core
                    .tell_session(id, SessionEvent::Offered { sdp, dialog });
            }
            sdp => {
                let limit = now + REINVITE_LIMIT;
                self.core.timers.set(Timer::GiveUp(id), Some(limit));
                self.core.tell_session(id, SessionEvent::Reinvite { sdp });
            }
        }
    }

    /// The peer was first: what of ours was waiting for its turn is void.
    fn gave_way(&mut self, id: SessionId, before: Change, now: Instant) {
        match before {
            Change::Glare { wish, .. } => {
                self.core.timers.stop(Timer::Glare(id));
                let pending = StatusReason::usual(StatusCode::REQUEST_PENDING);
                self.wish_failed(id, &wish, pending, now);
            }
            Change::Opening
            | Change::Settled
            | Change::Answered(_)
            | Change::Ours(_)
            | Change::Theirs(_)
            | Change::Offered(_) => {}
        }
    }

    pub(super) fn answer_reinvite(
        &mut self,
        id: SessionId,
        answer: Result<Bytes, u16>,
        now: Instant,
    ) {
        self.answer_theirs(id, 0, answer, now);
    }

    pub(super) fn answer_theirs(
        &mut self,
        id: SessionId,
        number: u32,
        answer: Result<Bytes, u16>,
        now: Instant,
    ) {
        match answer {
            Ok(sdp) => self.agree(id, number, sdp, now),
            Err(code) => {
                let status = match StatusCode::new(code) {
                    Ok(status) if code >= 300 => status,
                    Ok(_) | Err(_) => StatusCode::NOT_ACCEPTABLE_HERE,
                };
                self.refuse_theirs(id, number, status, now);
            }
        }
    }

    fn agree(&mut self, id: SessionId, number: u32, sdp: Bytes, now: Instant) {
        let Some(theirs) = self.take_theirs(id, |one, _| one.number == number) else {
            return;
        };
        if self.core.keys_go().exposes(&sdp, theirs.source.transport) {
            let status = StatusCode::NOT_ACCEPTABLE_HERE;
            self.answer(theirs.transaction, &theirs.request, status, now);
            self.tell_reinvite_failed(id, StatusReason::of_failure(Failure::Exposed));
            return self.accept_if_ready(id, now);
        }
        self.agreed_with(id, &theirs, &sdp);
        if theirs.request.method != Method::Prack {
            self.refresh_target(id, &theirs.request);
        }
        let Some(mut response) = self.agreement(id, &theirs.request, &theirs.source) else {
            return;
        };
        headers::set_sdp(&mut response.headers, &mut response.body, sdp);
        if theirs.request.method != Method::Invite {
            self.granted_by_us(id, &theirs.request, &mut response, now);
            self.core.respond(theirs.transaction, response, now);
            return self.accept_if_ready(id, now);
        }
        self.granted_by_us(id, &theirs.request, &mut response, now);
        let cseq = theirs.request.headers.cseq().map_or(0, |cseq| cseq.number);
        let answered = Unacknowledged::new(
            theirs.transaction,
            response,
            cseq,
            !theirs.has_offer,
            Answering::Reinvite,
            &self.core.config.timers,
        );
        self.send_2xx(id, answered, now);
    }

    /// Notes the descriptions that hold from now on.
    fn agreed_with(&mut self, id: SessionId, theirs: &Theirs, ours: &Bytes) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(exchange) = exchange_of(&mut session.usage, &theirs.request) else {
            return;
        };
        *exchange.local = Some(ours.clone());
        let number = exchange.number;
        let offer = Body::read(&theirs.request.headers, &theirs.request.body).sdp();
        let keys = self.core.keys_go();
        let offer = offer.map(|offer| keys.heard(offer, theirs.source.transport));
        if let (Usage::Calling(calling), Some(offer)) = (&mut session.usage, offer)
            && let Some(early) = calling.early_mut(number)
        {
            early.remote = Some(offer);
        }
    }

    /// Refuses the peer's change, if one is waiting. The session stays as it was.
    pub(super) fn refuse_theirs(
        &mut self,
        id: SessionId,
        number: u32,
        status: StatusCode,
        now: Instant,
    ) {
        if let Some(theirs) = self.take_theirs(id, |one, _| one.number == number) {
            self.answer(theirs.transaction, &theirs.request, status, now);
            self.accept_if_ready(id, now);
        }
    }

    /// The peer takes its re-INVITE back.
    pub(super) fn cancel_theirs(
        &mut self,
        id: SessionId,
        transaction: ServerTransactionId,
        now: Instant,
    ) {
        if let Some(theirs) = self.take_theirs(id, |_, theirs| theirs.transaction == transaction) {
            let status = StatusCode::REQUEST_TERMINATED;
            self.answer(theirs.transaction, &theirs.request, status, now);
            self.core.tell_session(id, SessionEvent::ReinviteWithdrawn);
        }
    }

    /// `Timer::GiveUp`: the application did not answer in time.
    pub(super) fn reinvite_ignored(&mut self, id: SessionId, now: Instant) {
        self.refuse_theirs(id, 0, StatusCode::NOT_ACCEPTABLE_HERE, now);
        self.core.tell_session(id, SessionEvent::ReinviteWithdrawn);
    }

    fn take_theirs(
        &mut self,
        id: SessionId,
        is_it: impl Fn(&Exchange<'_>, &Theirs) -> bool,
    ) -> Option<Box<Theirs>> {
        let session = self.sessions.get_mut(&id)?;
        let is_established = matches!(session.usage, Usage::Established(_));
        let exchange = session.usage.exchange(|one| match &*one.change {
            Change::Theirs(theirs) => is_it(one, theirs),
            Change::Opening
            | Change::Settled
            | Change::Answered(_)
            | Change::Ours(_)
            | Change::Glare { .. }
            | Change::Offered(_) => false,
        })?;
        let Change::Theirs(theirs) = std::mem::replace(exchange.change, Change::Settled) else {
            return None;
        };
        if is_established {
            self.core.timers.stop(Timer::GiveUp(id));
        }
        self.servers.remove(&theirs.transaction);
        Some(theirs)
    }

    /// Contact of a target refresh request (§12.2.2).
    fn refresh_target(&mut self, id: SessionId, request: &Request) {
        if let Some(session) = self.sessions.get_mut(&id)
            && let Some(exchange) = exchange_of(&mut session.usage, request)
        {
            exchange.dialog.refresh_target(&request.headers);
        }
    }

    /// A 200 to a request within the dialog that may change the session.
    fn agreement(&mut self, id: SessionId, request: &Request, source: &Source) -> Option<Response> {
        let mut response = self.reply(request, StatusCode::OK);
        let account = self.sessions.get(&id)?.account;
        let account = self.accounts.get(&account)?;
        let secure = request.uri.is_sips();
        let contact = account.contact_towards(source, secure, &self.core);
        self.make_dialog_response(&mut response, request, contact);
        Capabilities::of(&account.config, &self.core.config).push(&mut response.headers);
        Some(response)
    }

    /// Contact and Record-Route, as every response that makes or refreshes a dialog has
    /// them (§12.1.1).
    pub(super) fn make_dialog_response(
        &self,
        response: &mut Response,
        request: &Request,
        contact: Option<HeaderValue>,
    ) {
        for value in request.headers.lines(&HeaderName::RecordRoute) {
            response
                .headers
                .push(HeaderName::RecordRoute, value.clone());
        }
        if let Some(contact) = contact {
            response.headers.push(HeaderName::Contact, contact);
        }
    }

    /// A wish of ours has come to nothing.
    pub(super) fn wish_failed(
        &mut self,
        id: SessionId,
        wish: &Wish,
        reason: StatusReason,
        now: Instant,
    ) {
        match wish {
            Wish::Offer(_) => self.tell_reinvite_failed(id, reason),
            Wish::Refresh(_) => self.refresh_put_off(id, now),
        }
    }
}

/// The dialog that a request of the peer belongs to.
pub(super) fn exchange_of<'a>(usage: &'a mut Usage, request: &Request) -> Option<Exchange<'a>> {
    let id = DialogId::of_request(request)?;
    usage.exchange(|one| *one.dialog.id() == id)
}
