//! REFER of the peer's (RFC 3515 §2.4.2-2.4.5): the application is asked, and what comes of it is
//! told by NOTIFY.

use std::time::Instant;

use super::client_user::{ClientUser, Info};
use super::referring::state_value;
use super::{Timer, UserAgent};
use crate::account::{Attempt, SessionId, is_challenge};
use crate::event::{SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::message::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use crate::refer::{
    ANSWER_LIMIT, Followed, Fragment, OUTCOME_LIMIT, REFER_SUB, Referral, Theirs, is_silent,
};
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

impl UserAgent {
    pub(super) fn handle_refer(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: Request,
        source: Source,
        now: Instant,
    ) {
        let anonymous = match self.established(id) {
            Some(call) if !call.is_leaving() => {
                call.dialog.refresh_target(&request.headers);
                call.dialog.is_anonymous()
            }
            Some(_) | None => {
                return self.answer(transaction, &request, StatusCode::DECLINE, now);
            }
        };
        let referral = match Referral::read(&request) {
            Ok(referral) => Referral {
                anonymous,
                ..referral
            },
            Err(status) => return self.answer(transaction, &request, status, now),
        };
        let further = match self.refers.theirs.get(&id) {
            None => false,
            Some(Theirs::Over) => true,
            Some(Theirs::Asked { .. } | Theirs::Followed(_)) => {
                return self.answer(transaction, &request, StatusCode::REQUEST_PENDING, now);
            }
        };
        let asked = Theirs::Asked {
            transaction,
            request: Box::new(request),
            source,
            further,
        };
        self.refers.theirs.insert(id, asked);
        let limit = now + ANSWER_LIMIT;
        self.core.timers.set(Timer::Referred(id), Some(limit));
        self.core.tell_session(id, SessionEvent::Refer(referral));
    }

    pub(super) fn answer_refer(&mut self, id: SessionId, answer: Result<(), u16>, now: Instant) {
        let Some(Theirs::Asked {
            transaction,
            request,
            source,
            further,
        }) = self.take_asked(id)
        else {
            return;
        };
        let status = match answer {
            Ok(()) if self.established(id).is_some() => StatusCode::ACCEPTED,
            Ok(()) => StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
            Err(code) => match StatusCode::new(code) {
                Ok(status) if code >= 300 => status,
                Ok(_) | Err(_) => StatusCode::DECLINE,
            },
        };
        if !status.is_success() {
            return self.answer(transaction, &request, status, now);
        }
        let silent = is_silent(&request.headers);
        let mut response = self.reply(&request, status);
        if let Some(contact) = self.contact_in(id, &request, &source) {
            response.headers.push(HeaderName::Contact, contact);
        }
        if silent && let Ok(name) = HeaderName::parse(REFER_SUB) {
            response
                .headers
                .push(name, HeaderValue::from_static("false"));
        }
        self.core.respond(transaction, response, now);
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let followed = Followed {
            id: further.then_some(number),
            silent,
            notifying: false,
            next: None,
        };
        self.refers.theirs.insert(id, Theirs::Followed(followed));
        let limit = now + OUTCOME_LIMIT;
        self.core.timers.set(Timer::Referred(id), Some(limit));
        self.notify_refer(id, StatusReason::usual(StatusCode::TRYING), now);
    }

    /// The Contact of a 2xx within a call.
    fn contact_in(&self, id: SessionId, request: &Request, source: &Source) -> Option<HeaderValue> {
        let account = self.sessions.get(&id)?.account;
        let account = self.accounts.get(&account)?;
        account.contact_towards(source, request.uri.is_sips(), &self.core)
    }

    fn take_asked(&mut self, id: SessionId) -> Option<Theirs> {
        match self.refers.theirs.remove(&id)? {
            asked @ Theirs::Asked { .. } => {
                self.core.timers.stop(Timer::Referred(id));
                if self.sessions.contains_key(&id) {
                    self.refers.theirs.insert(id, Theirs::Over);
                }
                Some(asked)
            }
            other @ (Theirs::Followed(_) | Theirs::Over) => {
                self.refers.theirs.insert(id, other);
                None
            }
        }
    }

    /// Tells the peer how the call goes that it asked for; one NOTIFY at a time, so that none
    /// overtakes another.
    pub(super) fn notify_refer(&mut self, id: SessionId, status: StatusReason, now: Instant) {
        let Some(Theirs::Followed(followed)) = self.refers.theirs.get_mut(&id) else {
            return;
        };
        if followed.silent {
            if status.code >= 200 {
                self.refer_told(id);
            }
            return;
        }
        if followed.notifying {
            followed.next = Some(status);
            return;
        }
        followed.notifying = true;
        let event = match followed.id {
            Some(number) => {
                HeaderValue::new(format!("refer;id={number}")).expect("digits hold no line break")
            }
            None => HeaderValue::from_static("refer"),
        };
        let is_final = status.code >= 200;
        if is_final {
            self.refer_told(id);
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Usage::Established(established), Some(account)) =
            (&mut session.usage, self.accounts.get(&session.account))
        else {
            return;
        };
        let mut request = established.dialog.request(Method::Notify);
        let fields = &mut request.headers;
        fields.push(HeaderName::Event, event);
        let state = state_value((!is_final).then_some(OUTCOME_LIMIT));
        fields.push(HeaderName::SubscriptionState, state);
        fields.push(
            HeaderName::ContentType,
            HeaderValue::from_static(Fragment::TYPE),
        );
        account.name_software(fields, HeaderName::UserAgent, &self.core);
        request.body = Fragment(status).to_string().into();
        let attempt = Attempt::within(&established.dialog, request);
        let notify = Info {
            account: session.account,
            session: id,
            attempt,
        };
        self.transmit_notify(notify, now);
    }

    fn transmit_notify(&mut self, mut notify: Info, now: Instant) {
        let session = notify.session;
        let Some(account) = self.accounts.get_mut(&notify.account) else {
            return;
        };
        match account.send(&mut notify.attempt, &mut self.core, now) {
            Ok(transaction) => self.add_client(transaction, ClientUser::Notify(Box::new(notify))),
            Err(_) => self.notify_unheard(session),
        }
    }

    pub(super) fn notify_response(
        &mut self,
        mut notify: Info,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let id = notify.session;
        if is_challenge(response)
            && let Some(account) = self.accounts.get_mut(&notify.account)
            && account
                .take_challenges(&mut notify.attempt, response, source, &self.core)
                .is_ok()
            && let Some(established) = self.established(id)
        {
            established.dialog.renumber(&mut notify.attempt.request);
            return self.transmit_notify(notify, now);
        }
        if !response.status.is_success() {
            return self.notify_unheard(id);
        }
        let Some(Theirs::Followed(followed)) = self.refers.theirs.get_mut(&id) else {
            return;
        };
        followed.notifying = false;
        if let Some(status) = followed.next.take() {
            self.notify_refer(id, status, now);
        }
    }

    /// The peer does not take our news: it gets no more (RFC 6665 §4.2.2).
    pub(super) fn notify_unheard(&mut self, id: SessionId) {
        if matches!(self.refers.theirs.get(&id), Some(Theirs::Followed(_))) {
            self.refer_told(id);
        }
    }

    /// `Timer::Referred`: the application has not answered, or not told what came of it.
    pub(super) fn referred_expired(&mut self, id: SessionId, now: Instant) {
        match self.refers.theirs.get_mut(&id) {
            Some(Theirs::Asked { .. }) => {
                self.answer_refer(id, Err(StatusCode::DECLINE.code()), now);
            }
            Some(Theirs::Followed(followed)) => {
                // One that is still on its way has had its time.
                followed.notifying = false;
                let timeout = StatusReason::usual(StatusCode::REQUEST_TIMEOUT);
                self.notify_refer(id, timeout, now);
            }
            Some(Theirs::Over) | None => {}
        }
    }

    /// The call ends: what waits for its turn is told at once.
    pub(super) fn tell_rest_of_refer(&mut self, id: SessionId, now: Instant) {
        if let Some(Theirs::Followed(followed)) = self.refers.theirs.get_mut(&id)
            && let Some(status) = followed.next.take()
        {
            followed.notifying = false;
            self.notify_refer(id, status, now);
        }
    }

    fn refer_told(&mut self, id: SessionId) {
        self.core.timers.stop(Timer::Referred(id));
        self.refers.theirs.insert(id, Theirs::Over);
    }

    /// The call is over. A REFER that the application has not answered still wants its response.
    pub(super) fn forget_refers(&mut self, id: SessionId) {
        if self.refers.ours.remove(&id).is_some() {
            self.core.timers.stop(Timer::Refer(id));
        }
        match self.refers.theirs.get(&id) {
            Some(Theirs::Followed(_) | Theirs::Over) => {
                self.core.timers.stop(Timer::Referred(id));
                self.refers.theirs.remove(&id);
            }
            Some(Theirs::Asked { .. }) | None => {}
        }
    }
}
