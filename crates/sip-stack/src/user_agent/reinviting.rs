//! Changing an established session (RFC 3261 §14, RFC 3311 §5.2): re-INVITE in both
//! directions, UPDATE from the peer, and what happens when both want to.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;

use super::client_user::{Answered, ClientUser};
use super::{Timer, UserAgent, headers};
use crate::account::{Account, Attempt, SessionId, is_challenge};
use crate::event::{EndedBy, SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::invite::body::Body;
use crate::invite::established::{
    Answering, Change, Established, MAX_GLARES, OUR_REINVITE_LIMIT, Ours, REINVITE_LIMIT, Theirs,
    Unacknowledged,
};
use crate::message::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use crate::transaction::{Failure, ServerTransactionId};
use crate::transport::Source;

/// What to do with a re-INVITE or UPDATE of the peer.
enum Verdict {
    /// Ask the application.
    Ask,
    /// UPDATE without offer: it refreshes the target and wants a 200.
    JustAgree,
    /// Both at once: 491.
    Glare,
    /// One at a time: 500, to be tried again soon.
    Busy,
}

impl UserAgent {
    // The peer's.

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
                let accept = ["application/sdp", "multipart/mixed"];
                return self.answer_unsupported_media(transaction, &request, &accept, now);
            }
        };
        match self.judge(id, &request, sdp.is_some()) {
            Verdict::Ask => self.ask(transaction, id, request, source, sdp, now),
            Verdict::JustAgree => {
                if let Some(established) = self.established(id) {
                    established.dialog.refresh_target(&request.headers);
                }
                let Some(response) = self.agreement(id, &request, &source) else {
                    return;
                };
                self.core.respond(transaction, response, now);
            }
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

    fn judge(&self, id: SessionId, request: &Request, has_offer: bool) -> Verdict {
        let is_update = request.method == Method::Update;
        if is_update && !has_offer {
            return Verdict::JustAgree;
        }
        match self.sessions.get(&id).map(|session| &session.usage) {
            // Our offer is out, and only a 2xx will answer it for good.
            Some(Usage::Calling(_)) => Verdict::Glare,
            Some(Usage::Ringing(_)) | None => Verdict::Busy,
            Some(Usage::Established(established)) => match &established.change {
                Change::Settled | Change::Glare { .. } => Verdict::Ask,
                Change::Ours(_) => Verdict::Glare,
                Change::Theirs(_) => Verdict::Busy,
                // A peer that goes on to the next INVITE has seen our answer to this one:
                // its ACK was lost or overtaken.
                Change::Answered(answered)
                    if !is_update && !answered.offered && !established.is_leaving() =>
                {
                    Verdict::Ask
                }
                Change::Answered(_) => Verdict::Busy,
            },
        }
    }

    fn ask(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: Request,
        source: Source,
        sdp: Option<Bytes>,
        now: Instant,
    ) {
        self.confirmed(id, None, now);
        let Some(established) = self.established(id) else {
            return;
        };
        let theirs = Theirs {
            transaction,
            request,
            source,
            has_offer: sdp.is_some(),
        };
        let before = std::mem::replace(&mut established.change, Change::Theirs(Box::new(theirs)));
        self.servers.insert(transaction, id);
        self.core.timers.stop(Timer::Glare(id));
        let limit = now + REINVITE_LIMIT;
        self.core.timers.set(Timer::GiveUp(id), Some(limit));
        if let Change::Glare { .. } = before {
            self.tell_reinvite_failed(id, StatusReason::usual(StatusCode::REQUEST_PENDING));
        }
        self.core.tell_session(id, SessionEvent::Reinvite { sdp });
    }

    pub(super) fn answer_reinvite(
        &mut self,
        id: SessionId,
        answer: Result<Bytes, u16>,
        now: Instant,
    ) {
        match answer {
            Ok(sdp) => self.agree(id, sdp, now),
            Err(code) => {
                let status = match StatusCode::new(code) {
                    Ok(status) if code >= 300 => status,
                    Ok(_) | Err(_) => StatusCode::NOT_ACCEPTABLE_HERE,
                };
                self.refuse_theirs(id, status, now);
            }
        }
    }

    fn agree(&mut self, id: SessionId, sdp: Bytes, now: Instant) {
        let Some(theirs) = self.take_theirs(id) else {
            return;
        };
        if let Some(established) = self.established(id) {
            established.dialog.refresh_target(&theirs.request.headers);
        }
        let Some(mut response) = self.agreement(id, &theirs.request, &theirs.source) else {
            return;
        };
        headers::set_sdp(&mut response.headers, &mut response.body, sdp);
        if theirs.request.method == Method::Update {
            return self.core.respond(theirs.transaction, response, now);
        }
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

    /// Refuses the peer's change, if one is waiting. The session stays as it was.
    pub(super) fn refuse_theirs(&mut self, id: SessionId, status: StatusCode, now: Instant) {
        if let Some(theirs) = self.take_theirs(id) {
            self.answer(theirs.transaction, &theirs.request, status, now);
        }
    }

    /// The peer takes its re-INVITE back.
    pub(super) fn cancel_theirs(
        &mut self,
        id: SessionId,
        transaction: ServerTransactionId,
        now: Instant,
    ) {
        let is_it = |established: &mut Established| match &established.change {
            Change::Theirs(theirs) => theirs.transaction == transaction,
            Change::Settled | Change::Answered(_) | Change::Ours(_) | Change::Glare { .. } => false,
        };
        if self.established(id).is_some_and(is_it) {
            self.refuse_theirs(id, StatusCode::REQUEST_TERMINATED, now);
        }
    }

    /// `Timer::GiveUp`: the application did not answer in time.
    pub(super) fn reinvite_ignored(&mut self, id: SessionId, now: Instant) {
        self.refuse_theirs(id, StatusCode::NOT_ACCEPTABLE_HERE, now);
    }

    fn take_theirs(&mut self, id: SessionId) -> Option<Box<Theirs>> {
        let established = self.established(id)?;
        match std::mem::replace(&mut established.change, Change::Settled) {
            Change::Theirs(theirs) => {
                self.core.timers.stop(Timer::GiveUp(id));
                self.servers.remove(&theirs.transaction);
                Some(theirs)
            }
            other @ (Change::Settled
            | Change::Answered(_)
            | Change::Ours(_)
            | Change::Glare { .. }) => {
                established.change = other;
                None
            }
        }
    }

    /// A 200 to a target refresh request.
    fn agreement(&mut self, id: SessionId, request: &Request, source: &Source) -> Option<Response> {
        let mut response = self.reply(request, StatusCode::OK);
        let account = self.sessions.get(&id)?.account;
        let account = self.accounts.get(&account)?;
        let secure = request.uri.is_sips();
        let contact = account.contact_towards(source, secure, &self.core);
        self.make_dialog_response(&mut response, request, contact);
        headers::push_capabilities(&mut response.headers);
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

    // Ours.

    pub(super) fn reinvite(&mut self, id: SessionId, sdp: Bytes, now: Instant) {
        match self.established(id).map(|established| &established.change) {
            Some(Change::Settled) => self.send_reinvite(id, sdp, 0, now),
            Some(
                Change::Answered(_) | Change::Ours(_) | Change::Glare { .. } | Change::Theirs(_),
            ) => {
                self.tell_reinvite_failed(id, StatusReason::usual(StatusCode::REQUEST_PENDING));
            }
            None => {}
        }
    }

    /// `Timer::Glare`: our turn.
    pub(super) fn reinvite_again(&mut self, id: SessionId, now: Instant) {
        let Some(established) = self.established(id) else {
            return;
        };
        if let Change::Glare { sdp, glares } = &established.change {
            let (sdp, glares) = (sdp.clone(), *glares);
            self.send_reinvite(id, sdp, glares, now);
        }
    }

    fn send_reinvite(&mut self, id: SessionId, sdp: Bytes, glares: u8, now: Instant) {
        let Some((established, account)) = self.established_and_account(id) else {
            return;
        };
        let mut request = established.dialog.request(Method::Invite);
        headers::push_capabilities(&mut request.headers);
        headers::set_sdp(&mut request.headers, &mut request.body, sdp.clone());
        let attempt = Attempt::within(&established.dialog, request);
        let name = account.config.user_agent.clone();
        self.transmit_reinvite(id, attempt, sdp, glares, name.as_deref(), now);
    }

    fn transmit_reinvite(
        &mut self,
        id: SessionId,
        mut attempt: Attempt,
        sdp: Bytes,
        glares: u8,
        name: Option<&str>,
        now: Instant,
    ) {
        if let Ok(name) = HeaderValue::new(name.unwrap_or(&self.core.config.user_agent)) {
            attempt.request.headers.set(HeaderName::UserAgent, name);
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Usage::Established(established), Some(account)) =
            (&mut session.usage, self.accounts.get_mut(&session.account))
        else {
            return;
        };
        match account.send(&mut attempt, &mut self.core, now) {
            Ok(transaction) => {
                established.change = Change::Ours(Box::new(Ours {
                    transaction,
                    attempt,
                    sdp,
                    glares,
                }));
                self.add_client(transaction, ClientUser::Reinvite(id));
                let limit = now + OUR_REINVITE_LIMIT;
                self.core.timers.set(Timer::GiveUp(id), Some(limit));
            }
            Err(_) => {
                established.change = Change::Settled;
                self.tell_reinvite_failed(id, StatusReason::new(503, "Too Many Transactions"));
            }
        }
    }

    pub(super) fn reinvite_response(
        &mut self,
        id: SessionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if response.status.is_provisional() {
            return;
        }
        let Some(ours) = self.take_ours(id) else {
            return;
        };
        match response.status.code() {
            200..=299 => self.reinvite_agreed(id, *ours, response, now),
            491 if ours.glares < MAX_GLARES => self.wait_after_glare(id, *ours, now),
            _ if is_challenge(response) => {
                self.reinvite_challenged(id, *ours, response, source, now);
            }
            481 => {
                self.remove_client(ours.transaction);
                self.end_session(id, StatusReason::of(response), EndedBy::Remote);
            }
            408 => self.reinvite_unanswered(id, StatusReason::of(response), EndedBy::Timeout, now),
            _ => self.tell_reinvite_failed(id, StatusReason::of(response)),
        }
    }

    pub(super) fn reinvite_failure(&mut self, id: SessionId, why: Failure, now: Instant) {
        if self.take_ours(id).is_some() {
            let by = EndedBy::of_failure(why);
            self.reinvite_unanswered(id, StatusReason::of_failure(why), by, now);
        }
    }

    /// The peer is gone, or knows nothing of the call (§12.2.1.2).
    fn reinvite_unanswered(
        &mut self,
        id: SessionId,
        reason: StatusReason,
        by: EndedBy,
        now: Instant,
    ) {
        self.end_call(id, None, reason, by, now);
    }

    /// `Timer::GiveUp`: a peer that answered 100 says nothing more.
    pub(super) fn reinvite_expired(&mut self, id: SessionId, now: Instant) {
        self.abandon_ours(id, now);
        self.tell_reinvite_failed(id, StatusReason::usual(StatusCode::REQUEST_TIMEOUT));
    }

    fn reinvite_agreed(&mut self, id: SessionId, ours: Ours, response: &Response, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Usage::Established(established) = &mut session.usage else {
            return;
        };
        let account = session.account;
        established.dialog.refresh_target(&response.headers);
        let dialog = established.dialog.clone();
        let acknowledged = self.acknowledge(&dialog, &ours.attempt.request, now);
        let answered = Answered {
            account,
            invite: ours.attempt.request,
            acks: vec![acknowledged],
            may_fork: false,
            is_open: false,
        };
        self.add_client(ours.transaction, ClientUser::Answered(Box::new(answered)));
        let sdp = Body::read(&response.headers, &response.body).sdp();
        self.core.tell_session(id, SessionEvent::Reinvited { sdp });
    }

    fn wait_after_glare(&mut self, id: SessionId, ours: Ours, now: Instant) {
        self.remove_client(ours.transaction);
        let Some(established) = self.established(id) else {
            return;
        };
        established.change = Change::Glare {
            sdp: ours.sdp,
            glares: ours.glares + 1,
        };
        // RFC 3261 §14.1: in units of 10 ms; who made the Call-ID waits longer.
        let units = match established.dialog.is_ours() {
            true => self.core.rng.random_range(210..=400),
            false => self.core.rng.random_range(0..=200),
        };
        let wait = Duration::from_millis(units * 10);
        self.core.timers.set(Timer::Glare(id), Some(now + wait));
    }

    fn reinvite_challenged(
        &mut self,
        id: SessionId,
        mut ours: Ours,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        self.remove_client(ours.transaction);
        let Some((established, account)) = self.established_and_account(id) else {
            return;
        };
        match account.take_challenges(&mut ours.attempt, response, source) {
            Ok(()) => {
                established.dialog.renumber(&mut ours.attempt.request);
                let name = account.config.user_agent.clone();
                let Ours {
                    attempt,
                    sdp,
                    glares,
                    ..
                } = ours;
                self.transmit_reinvite(id, attempt, sdp, glares, name.as_deref(), now);
            }
            Err(why) => self.tell_reinvite_failed(id, why.reason(response)),
        }
    }

    fn take_ours(&mut self, id: SessionId) -> Option<Box<Ours>> {
        let established = self.established(id)?;
        match std::mem::replace(&mut established.change, Change::Settled) {
            Change::Ours(ours) => {
                self.core.timers.stop(Timer::GiveUp(id));
                Some(ours)
            }
            other @ (Change::Settled
            | Change::Answered(_)
            | Change::Theirs(_)
            | Change::Glare { .. }) => {
                established.change = other;
                None
            }
        }
    }

    fn tell_reinvite_failed(&mut self, id: SessionId, reason: StatusReason) {
        let failed = SessionEvent::ReinviteFailed {
            code: reason.code,
            phrase: reason.phrase,
        };
        self.core.tell_session(id, failed);
    }

    fn established_and_account(
        &mut self,
        id: SessionId,
    ) -> Option<(&mut Established, &mut Account)> {
        let session = self.sessions.get_mut(&id)?;
        let account = self.accounts.get_mut(&session.account)?;
        match &mut session.usage {
            Usage::Established(established) => Some((established, account)),
            Usage::Calling(_) | Usage::Ringing(_) => None,
        }
    }
}
