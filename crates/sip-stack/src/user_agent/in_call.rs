//! What happens within dialogs (RFC 3261 §12.2.2, §13.3.1.4, §15.1.2): ACK, BYE, and polite
//! answers to what nothing else takes.

use std::time::Instant;

use bytes::Bytes;

use super::{Timer, UserAgent, headers};
use crate::account::SessionId;
use crate::dialog::DialogId;
use crate::event::{EndedBy, SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::invite::body::Body;
use crate::invite::established::{Answering, Change, Established, Unacknowledged};
use crate::message::{Method, Request, StatusCode};
use crate::reason;
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

impl UserAgent {
    pub(super) fn handle_in_dialog(
        &mut self,
        transaction: ServerTransactionId,
        dialog: &DialogId,
        request: Request,
        source: Source,
        now: Instant,
    ) {
        let unknown = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
        let Some(id) = self.dialogs.get(dialog).copied() else {
            if request.method == Method::Notify {
                return self.answer_stray_notify(transaction, &request, now);
            }
            return self.answer(transaction, &request, unknown, now);
        };
        if !self.is_in_order(id, dialog, &request) {
            let late = StatusCode::SERVER_INTERNAL_ERROR;
            return self.answer(transaction, &request, late, now);
        }
        if self.refuses_extensions(transaction, &request, now) {
            return;
        }
        match &request.method {
            Method::Bye => self.handle_bye(transaction, id, &request, now),
            Method::Invite | Method::Update => {
                self.handle_reinvite(transaction, id, request, source, now);
            }
            Method::Info => self.handle_info(transaction, id, &request, now),
            Method::Options => self.answer_options(transaction, &request, now),
            Method::Notify => self.handle_notify(transaction, id, &request, now),
            Method::Refer => self.handle_refer(transaction, id, request, source, now),
            Method::Prack => self.handle_prack(transaction, id, request, source, now),
            Method::Ack | Method::Cancel => {
                self.answer(transaction, &request, unknown, now);
            }
            Method::Subscribe => self.answer_bad_event(transaction, &request, now),
            Method::Message => {
                self.handle_session_message(transaction, id, &request, &source, now);
            }
            Method::Register | Method::Publish => {
                self.answer_not_allowed(transaction, &request, now);
            }
            Method::Other(_) => self.answer_not_implemented(transaction, &request, now),
        }
    }

    /// The ACK of a 2xx of ours.
    pub(super) fn handle_ack(&mut self, ack: &Request, source: &Source, now: Instant) {
        let Some(id) = DialogId::of_request(ack).and_then(|id| self.dialogs.get(&id).copied())
        else {
            return;
        };
        let Some(established) = self.established(id) else {
            return;
        };
        let number = ack.headers.cseq().map(|cseq| cseq.number);
        let matches = |unacknowledged: &Unacknowledged| number == Ok(unacknowledged.cseq);
        match &established.change {
            Change::Answered(unacknowledged) if matches(unacknowledged) => {}
            Change::Answered(_)
            | Change::Opening
            | Change::Settled
            | Change::Ours(_)
            | Change::Glare { .. }
            | Change::Theirs(_)
            | Change::Offered(_) => return,
        }
        let sdp = Body::read(&ack.headers, &ack.body).sdp();
        let sdp = sdp.map(|sdp| self.core.keys_go().heard(sdp, source.transport));
        self.confirmed(id, sdp, now);
    }

    /// Our 2xx has arrived at the peer.
    pub(super) fn confirmed(&mut self, id: SessionId, sdp: Option<Bytes>, now: Instant) {
        let Some(established) = self.established(id) else {
            return;
        };
        let Change::Answered(answered) = &mut established.change else {
            return;
        };
        let (offered, cause) = (answered.offered, answered.what.clone());
        established.change = Change::Settled;
        self.core.timers.stop(Timer::Repeat(id));
        self.core.timers.stop(Timer::GiveUp(id));
        let sdp = sdp.filter(|_| offered);
        match cause {
            Answering::Call => self.core.tell_session(id, SessionEvent::Confirmed { sdp }),
            Answering::CallThenBye(reason) => self.leave(id, reason.as_ref(), now),
            Answering::Reinvite if offered => {
                self.core.tell_session(id, SessionEvent::Reinvited { sdp });
            }
            Answering::Reinvite => {}
        }
    }

    /// Sends a 2xx to an INVITE, and goes on until it is acknowledged.
    pub(super) fn send_2xx(&mut self, id: SessionId, mut answered: Unacknowledged, now: Instant) {
        let timers = self.core.config.timers;
        let next = answered.next_repeat(&timers, now);
        self.core
            .respond(answered.transaction, answered.response.clone(), now);
        if let Some(established) = self.established(id) {
            established.change = Change::Answered(Box::new(answered));
            self.core.timers.set(Timer::Repeat(id), Some(next));
            let give_up = now + timers.give_up();
            self.core.timers.set(Timer::GiveUp(id), Some(give_up));
        }
    }

    /// `Timer::Repeat` of a 2xx.
    pub(super) fn repeat_2xx(&mut self, id: SessionId, now: Instant) {
        let timers = self.core.config.timers;
        if let Some(established) = self.established(id)
            && let Change::Answered(answered) = &mut established.change
        {
            let next = answered.next_repeat(&timers, now);
            let (transaction, response) = (answered.transaction, answered.response.clone());
            self.core.respond(transaction, response, now);
            self.core.timers.set(Timer::Repeat(id), Some(next));
        }
    }

    /// Checks the sequence number, and learns what the peer says of itself.
    fn is_in_order(&mut self, id: SessionId, dialog: &DialogId, request: &Request) -> bool {
        let (Ok(cseq), Some(session)) = (request.headers.cseq(), self.sessions.get_mut(&id)) else {
            return false;
        };
        let Some(exchange) = session.usage.exchange(|one| one.dialog.id() == dialog) else {
            return false;
        };
        exchange.peer.learn(&request.headers);
        exchange.dialog.check_order(cseq.number).is_ok()
    }

    fn handle_bye(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: &Request,
        now: Instant,
    ) {
        self.answer(transaction, request, StatusCode::OK, now);
        let elsewhere = headers::is_answered_elsewhere(request);
        let usage = self.sessions.get(&id).map(|session| &session.usage);
        match usage {
            Some(Usage::Ringing(_)) => self.taken_back(id, elsewhere, now),
            Some(Usage::Established(established)) => {
                let told = !established.is_leaving();
                self.refuse_theirs(id, 0, StatusCode::REQUEST_TERMINATED, now);
                self.abandon_ours(id, now);
                self.acknowledge_unanswered(id, now);
                if self.remove_session(id).is_some() && told {
                    let usual = StatusReason::new(200, "Session Terminated");
                    let reason = reason::of_bye(&request.headers, usual);
                    self.tell_ended(id, reason, EndedBy::Remote, elsewhere);
                }
            }
            // Only a caller may end an early dialog so; the final response will come.
            Some(Usage::Calling(_)) | None => {}
        }
    }

    pub(super) fn established(&mut self, id: SessionId) -> Option<&mut Established> {
        match &mut self.sessions.get_mut(&id)?.usage {
            Usage::Established(established) => Some(established),
            Usage::Calling(_) | Usage::Ringing(_) => None,
        }
    }
}
