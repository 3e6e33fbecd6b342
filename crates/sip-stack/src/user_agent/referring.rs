//! REFER of ours (RFC 3515 §2.4, RFC 6665 §4.1.2, RFC 4488): asking the peer to call somebody,
//! and hearing how that goes.

use std::time::{Duration, Instant};

use super::client_user::{ClientUser, Info};
use super::requests::{REFER_EVENT, event_package};
use super::{Timer, UserAgent};
use crate::account::{Attempt, SessionId, is_challenge};
use crate::event::{SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::invite::called::Called;
use crate::message::{HeaderName, HeaderValue, Method, NameAddr, Request, Response, StatusCode};
use crate::refer::{Fragment, OUTCOME_LIMIT, Ours, ReferProgress, ReferTarget, is_silent};
use crate::replaces::Replaces;
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

impl UserAgent {
    pub(super) fn refer(&mut self, id: SessionId, target: &ReferTarget, now: Instant) {
        if self.established(id).is_none_or(|call| call.is_leaving()) {
            return;
        }
        if self.refers.ours.contains_key(&id) {
            return self.tell_done(id, StatusReason::usual(StatusCode::REQUEST_PENDING));
        }
        match self.refer_request(id, target) {
            Ok(refer) => {
                let number = refer
                    .attempt
                    .request
                    .headers
                    .cseq()
                    .map_or(0, |cseq| cseq.number);
                let ours = Ours {
                    number,
                    accepted: false,
                };
                self.refers.ours.insert(id, ours);
                self.transmit_refer(refer, now);
            }
            Err(why) => self.tell_done(id, why),
        }
    }

    fn refer_request(&mut self, id: SessionId, target: &ReferTarget) -> Result<Info, StatusReason> {
        let gone = || StatusReason::usual(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        let account = self
            .sessions
            .get(&id)
            .map(|session| session.account)
            .ok_or_else(gone)?;
        let refer_to = match target {
            ReferTarget::Address(typed) => {
                let owner = self.accounts.get(&account).ok_or_else(gone)?;
                Called::Typed(typed).uri(&owner.registrar)?
            }
            ReferTarget::Session(other) => match self.sessions.get(other) {
                Some(other) if other.account == account => match &other.usage {
                    Usage::Established(other) => {
                        let replaces = Replaces::of_far_end(other.dialog.id());
                        replaces.within(other.dialog.far_end()).ok_or_else(gone)?
                    }
                    Usage::Calling(_) | Usage::Ringing(_) => return Err(gone()),
                },
                Some(_) | None => return Err(gone()),
            },
        };
        let session = self.sessions.get_mut(&id).ok_or_else(gone)?;
        let (Usage::Established(established), Some(owner)) =
            (&mut session.usage, self.accounts.get(&account))
        else {
            return Err(gone());
        };
        let mut request = established.dialog.request(Method::Refer);
        let fields = &mut request.headers;
        fields.push(HeaderName::ReferTo, NameAddr::new(refer_to));
        if !established.dialog.is_anonymous() {
            fields.push(HeaderName::ReferredBy, NameAddr::new(owner.aor.clone()));
        }
        owner.name_software(fields, HeaderName::UserAgent, &self.core);
        let attempt = Attempt::within(&established.dialog, request);
        Ok(Info {
            account,
            session: id,
            attempt,
        })
    }

    fn transmit_refer(&mut self, mut refer: Info, now: Instant) {
        let session = refer.session;
        let Some(account) = self.accounts.get_mut(&refer.account) else {
            return;
        };
        match account.send(&mut refer.attempt, &mut self.core, now) {
            Ok(transaction) => self.add_client(transaction, ClientUser::Refer(Box::new(refer))),
            Err(_) => self.refer_done(session, StatusReason::new(503, "Too Many Transactions")),
        }
    }

    pub(super) fn refer_response(
        &mut self,
        mut refer: Info,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let id = refer.session;
        if !self.refers.ours.contains_key(&id) {
            return;
        }
        if is_challenge(response)
            && let Some(account) = self.accounts.get_mut(&refer.account)
            && account
                .take_challenges(&mut refer.attempt, response, source, &self.core)
                .is_ok()
            && let Some(established) = self.established(id)
        {
            established.dialog.renumber(&mut refer.attempt.request);
            let number = established.dialog.local_seq();
            if let Some(ours) = self.refers.ours.get_mut(&id) {
                ours.number = number;
            }
            return self.transmit_refer(refer, now);
        }
        if !response.status.is_success() {
            return self.refer_done(id, StatusReason::of(response));
        }
        if is_silent(&response.headers) {
            return self.refer_done(id, StatusReason::usual(StatusCode::ACCEPTED));
        }
        // News must begin within 64*T1 (RFC 6665 §4.1.2.4, timer N).
        let limit = now + self.core.config.timers.give_up();
        self.refer_accepted(id, limit);
    }

    /// The peer does it, as a 2xx or the first news tell.
    fn refer_accepted(&mut self, id: SessionId, limit: Instant) {
        let Some(ours) = self.refers.ours.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut ours.accepted, true) {
            self.core.timers.set(Timer::Refer(id), Some(limit));
            let accepted = SessionEvent::ReferProgress(ReferProgress::Accepted);
            self.core.tell_session(id, accepted);
        }
    }

    /// NOTIFY within a call.
    pub(super) fn handle_notify(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        notify: &Request,
        now: Instant,
    ) {
        let is_ours = |ours: &Ours| {
            let event = notify.headers.get(&HeaderName::Event);
            let text = event.map(|event| event.text()).unwrap_or_default();
            event_id(&text).is_none_or(|number| number == ours.number.to_string())
        };
        let is_refer = event_package(notify).as_deref() == Some(REFER_EVENT);
        if !is_refer || !self.refers.ours.get(&id).is_some_and(is_ours) {
            return self.answer_stray_notify(transaction, notify, now);
        }
        let Some(state) = notify.headers.get(&HeaderName::SubscriptionState) else {
            return self.answer(transaction, notify, StatusCode::BAD_REQUEST, now);
        };
        let kind = notify.headers.content_type().ok().flatten();
        if !notify.body.is_empty() && !kind.is_some_and(|kind| kind.is("message/sipfrag")) {
            let accept = ["message/sipfrag"];
            return self.answer_unsupported_media(transaction, notify, &accept, now);
        }
        self.answer(transaction, notify, StatusCode::OK, now);
        let (is_over, expires) = subscription(&state.text());
        let limit = now + expires;
        self.refer_accepted(id, limit);
        self.core.timers.set(Timer::Refer(id), Some(limit));
        match Fragment::read(&notify.body) {
            Some(Fragment(status)) if status.code >= 200 => self.refer_done(id, status),
            // It ends without telling what came of it.
            _ if is_over => self.refer_done(id, StatusReason::new(480, "Outcome Not Told")),
            Some(Fragment(status)) => {
                let trying = SessionEvent::ReferProgress(ReferProgress::Trying(status));
                self.core.tell_session(id, trying);
            }
            None => {}
        }
    }

    /// `Timer::Refer`: the peer does not say how it goes, or no longer.
    pub(super) fn refer_expired(&mut self, id: SessionId) {
        self.refer_done(id, StatusReason::usual(StatusCode::REQUEST_TIMEOUT));
    }

    pub(super) fn refer_done(&mut self, id: SessionId, outcome: StatusReason) {
        if self.refers.ours.remove(&id).is_some() {
            self.core.timers.stop(Timer::Refer(id));
            self.tell_done(id, outcome);
        }
    }

    fn tell_done(&mut self, id: SessionId, outcome: StatusReason) {
        let done = SessionEvent::ReferProgress(ReferProgress::Done(outcome));
        self.core.tell_session(id, done);
    }
}

/// The `id` of an Event header, which names the REFER (RFC 3515 §2.4.6).
fn event_id(event: &str) -> Option<&str> {
    event.split(';').skip(1).find_map(|param| {
        let (name, value) = param.split_once('=')?;
        name.trim().eq_ignore_ascii_case("id").then(|| value.trim())
    })
}

/// Whether a Subscription-State ends the subscription, and how long it lives otherwise.
fn subscription(state: &str) -> (bool, Duration) {
    let mut parts = state.split(';').map(str::trim);
    let is_over = parts
        .next()
        .is_some_and(|state| state.eq_ignore_ascii_case("terminated"));
    let expires = parts.find_map(|param| {
        let (name, value) = param.split_once('=')?;
        let is_it = name.trim().eq_ignore_ascii_case("expires");
        is_it.then(|| value.trim().parse().ok()).flatten()
    });
    let expires = expires.map_or(OUTCOME_LIMIT, Duration::from_secs);
    (is_over, expires.min(OUTCOME_LIMIT))
}

/// A header of our NOTIFYs.
pub(super) fn state_value(active: Option<Duration>) -> HeaderValue {
    match active {
        Some(left) => HeaderValue::new(format!("active;expires={}", left.as_secs()))
            .expect("digits hold no line break"),
        None => HeaderValue::from_static("terminated;reason=noresource"),
    }
}
