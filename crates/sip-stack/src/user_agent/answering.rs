//! Calls to us up to their answer (RFC 3261 §13.3).

use std::time::Instant;

use bytes::Bytes;
use rand::RngExt;

use super::{Timer, UserAgent, headers};
use crate::account::{AccountId, DESCRIPTIONS, SessionId};
use crate::command::Reason;
use crate::dialog::Dialog;
use crate::event::{EndedBy, Event, StatusReason};
use crate::invite::body::Body;
use crate::invite::change::{Answering, Change, Peer, Unacknowledged};
use crate::invite::established::Established;
use crate::invite::reliable::Sent;
use crate::invite::server::{Accepting, Ringing};
use crate::invite::{Session, Usage, session_timer};
use crate::message::{HeaderName, ReasonPhrase, Request, Response, StatusCode};
use crate::transaction::{Failure, ServerTransactionId};
use crate::transport::{Source, Transport};

impl UserAgent {
    pub(super) fn handle_invite(
        &mut self,
        transaction: ServerTransactionId,
        account: AccountId,
        request: Request,
        source: Source,
        now: Instant,
    ) {
        if request.headers.max_forwards() == Ok(Some(0)) {
            return self.answer(transaction, &request, StatusCode::TOO_MANY_HOPS, now);
        }
        if self.is_own_call(account, &request) {
            return self.answer(transaction, &request, StatusCode::LOOP_DETECTED, now);
        }
        let sdp = match Body::read(&request.headers, &request.body) {
            Body::Sdp(sdp) => Some(sdp),
            Body::Absent => None,
            Body::Unsupported => {
                return self.answer_unsupported_media(transaction, &request, &DESCRIPTIONS, now);
            }
        };
        if self.refuses_unreliable(transaction, &request, now)
            || self.refuses_short_session(transaction, &request, now)
        {
            return;
        }
        if let Err(status) = self.takes_calls(account) {
            return self.answer(transaction, &request, status, now);
        }
        let replaces = match self.replaced(account, &request) {
            Ok(replaces) => replaces,
            Err(status) => return self.answer(transaction, &request, status, now),
        };
        if let Err(status) = self.has_room(account) {
            return self.answer(transaction, &request, status, now);
        }
        let tag = self.core.token();
        let dialog = match Dialog::from_request(&request, &tag, &source) {
            Ok(dialog) => dialog,
            Err(why) => {
                let mut response = self.reply(&request, StatusCode::BAD_REQUEST);
                if let Ok(phrase) = ReasonPhrase::new(&why.to_string()) {
                    response.reason = phrase;
                }
                return self.core.respond(transaction, response, now);
            }
        };

        let from = self.originator(account, &request.headers, &source);
        self.incoming += 1;
        let id = SessionId::incoming(self.incoming);
        let incoming = Event::Incoming {
            account,
            session: id,
            from: from.clone(),
            call_id: dialog.id().call_id.to_string(),
            sdp,
            replaces: replaces.map(|replaced| replaced.session),
            over_tls: source.transport == Transport::Tls,
            headers: self.shown(account, &request.headers, &source),
        };
        self.dialogs.insert(dialog.id().clone(), id);
        self.servers.insert(transaction, id);
        let first_rseq = self.core.rng.random_range(1..=0xffff);
        let ringing = Ringing {
            transaction,
            sent: Sent::new(&request.headers, first_rseq),
            peer: Peer::of(&request.headers),
            from,
            request,
            source,
            dialog,
            replaces,
            change: Change::Opening,
            provisional: None,
            local: None,
            accepting: None,
        };
        self.add_session(
            id,
            Session {
                account,
                usage: Usage::Ringing(Box::new(ringing)),
            },
        );
        let limit = now + self.core.config.incoming_ringing;
        self.core.timers.set(Timer::Ringing(id), Some(limit));
        self.core.tell(incoming);
    }

    /// What an INVITE for this account would be refused with, were it to come now.
    pub(super) fn admits_call(&self, id: AccountId) -> Result<(), StatusCode> {
        self.takes_calls(id)?;
        self.has_room(id)?;
        let full = self.accounts.get(&id).is_some_and(|account| {
            let limit = account.config.max_calls;
            limit.is_some_and(|limit| account.sessions >= limit)
        });
        match full {
            true => Err(StatusCode::BUSY_HERE),
            false => Ok(()),
        }
    }

    fn takes_calls(&self, id: AccountId) -> Result<(), StatusCode> {
        match self.accounts.get(&id).filter(|account| !account.leaving) {
            Some(account) if account.config.takes_calls => Ok(()),
            Some(_) => Err(StatusCode::FORBIDDEN),
            None => Err(StatusCode::TEMPORARILY_UNAVAILABLE),
        }
    }

    fn has_room(&self, id: AccountId) -> Result<(), StatusCode> {
        let full = |full: StatusReason| StatusCode::new(full.code);
        self.check_limits(id)
            .map_err(|why| full(why).unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
    }

    pub(super) fn accept(
        &mut self,
        id: SessionId,
        sdp: Bytes,
        headers: Vec<(String, String)>,
        now: Instant,
    ) {
        if let Some(ringing) = self.ringing(id) {
            ringing.accepting = Some(Accepting { sdp, headers });
            self.accept_if_ready(id, now);
        }
    }

    /// Sends the 200 that the application wants, unless something has to be settled first.
    pub(super) fn accept_if_ready(&mut self, id: SessionId, now: Instant) {
        let Some(ringing) = self.ringing(id) else {
            return;
        };
        if !ringing.may_be_accepted() {
            return;
        }
        let replaced = ringing.replaces;
        if self.comes_too_late(replaced) {
            return self.refuse(id, StatusCode::BUSY_HERE, None, EndedBy::Local, now);
        }
        let keys = self.core.keys_go();
        let Some(ringing) = self.ringing(id) else {
            return;
        };
        let by = ringing.source.transport;
        let accepting = ringing.accepting.as_ref();
        if accepting.is_some_and(|accepting| keys.exposes(&accepting.sdp, by)) {
            let exposed = StatusReason::of_failure(Failure::Exposed);
            let status = StatusCode::NOT_ACCEPTABLE_HERE;
            return self.refuse(id, status, Some(&exposed.phrase), EndedBy::Local, now);
        }
        let Some(Accepting {
            sdp,
            headers: extra,
        }) = ringing.accepting.take()
        else {
            return;
        };
        let Some(mut response) = self.ringing_reply(id, StatusCode::OK) else {
            return;
        };
        let Some(session) = self.remove_session(id) else {
            return;
        };
        let account = session.account;
        let Usage::Ringing(ringing) = session.usage else {
            return;
        };
        let replaces = ringing.replaces;
        self.capabilities(Some(account)).push(&mut response.headers);
        headers::push_extra(&mut response.headers, &extra);
        // What has been agreed on by a reliable response is not said again.
        let settled = matches!(ringing.change, Change::Settled);
        let local = match settled {
            true => ringing.local.clone(),
            false => {
                headers::set_sdp(&mut response.headers, &mut response.body, sdp.clone());
                Some(sdp)
            }
        };
        let preferred = self.core.config.session_expires;
        let granted = session_timer::grant(&ringing.request.headers, preferred, None);
        let granted = granted.ok().flatten();
        if let Some(granted) = granted {
            granted.write(&mut response.headers);
        }
        self.servers.remove(&ringing.transaction);
        let cseq = ringing.request.headers.cseq().map_or(0, |cseq| cseq.number);
        let unacknowledged = Unacknowledged::new(
            ringing.transaction,
            response,
            cseq,
            !settled && !ringing.has_offer(),
            Answering::Call,
            &self.core.config.timers,
        );
        self.dialogs.insert(ringing.dialog.id().clone(), id);
        let mut established =
            Established::new(ringing.dialog, Change::Settled, ringing.peer, local);
        established.unpracked = ringing.sent.unacknowledged();
        established.caller = Some(ringing.from);
        established.timer = granted.map(|granted| granted.starts_as_uas(now, None));
        self.add_session(
            id,
            Session {
                account,
                usage: Usage::Established(Box::new(established)),
            },
        );
        self.set_session_timer(id);
        self.send_2xx(id, unacknowledged, now);
        if let Some(replaced) = replaces {
            let reason = Reason::sip(200, "Replaced");
            self.hang_up(replaced.session, Some(&reason), now);
        }
    }

    pub(super) fn reject(&mut self, id: SessionId, code: u16, phrase: Option<&str>, now: Instant) {
        let status = match StatusCode::new(code) {
            Ok(status) if code >= 300 => status,
            Ok(_) | Err(_) => StatusCode::TEMPORARILY_UNAVAILABLE,
        };
        self.refuse(id, status, phrase, EndedBy::Local, now);
    }

    /// Answers a call with a failure and ends it.
    pub(super) fn refuse(
        &mut self,
        id: SessionId,
        status: StatusCode,
        phrase: Option<&str>,
        by: EndedBy,
        now: Instant,
    ) {
        if let Some(reason) = self.say_failure(id, status, phrase, now) {
            self.end_session(id, reason, by);
        }
    }

    /// The peer takes its INVITE back.
    pub(super) fn handle_cancel(
        &mut self,
        transaction: ServerTransactionId,
        cancel: &Request,
        now: Instant,
    ) {
        let Some(id) = self.servers.get(&transaction).copied() else {
            return;
        };
        if self.ringing(id).is_none() {
            return self.cancel_theirs(id, transaction, now);
        }
        let elsewhere = headers::is_answered_elsewhere(cancel);
        self.taken_back(id, elsewhere, now);
    }

    /// The caller gives up, by CANCEL or by BYE in the early dialog.
    pub(super) fn taken_back(&mut self, id: SessionId, answered_elsewhere: bool, now: Instant) {
        let terminated = StatusCode::REQUEST_TERMINATED;
        if let Some(reason) = self.say_failure(id, terminated, None, now)
            && self.remove_session(id).is_some()
        {
            self.tell_ended(id, reason, EndedBy::Remote, answered_elsewhere);
        }
    }

    fn say_failure(
        &mut self,
        id: SessionId,
        status: StatusCode,
        phrase: Option<&str>,
        now: Instant,
    ) -> Option<StatusReason> {
        let mut response = self.ringing_reply(id, status)?;
        if let Some(phrase) = phrase.and_then(|phrase| ReasonPhrase::new(phrase).ok()) {
            response.reason = phrase;
        }
        let reason = StatusReason::of(&response);
        let transaction = self.ringing(id)?.transaction;
        self.servers.remove(&transaction);
        self.core.respond(transaction, response, now);
        Some(reason)
    }

    /// A response to a call's INVITE: our tag, Contact, and the Record-Route that make
    /// the dialog (§12.1.1).
    pub(super) fn ringing_reply(&self, id: SessionId, status: StatusCode) -> Option<Response> {
        let session = self.sessions.get(&id)?;
        let Usage::Ringing(ringing) = &session.usage else {
            return None;
        };
        let mut response = ringing.request.reply(status);
        if let Ok(mut to) = response.headers.to() {
            let tag = &ringing.dialog.id().local_tag;
            to.set_tag(tag).expect("a token holds no line break");
            response.headers.set(HeaderName::To, to);
        }
        let account = self.accounts.get(&session.account)?;
        if !status.is_failure() {
            let secure = ringing.request.uri.is_sips();
            self.make_dialog_response(
                &mut response,
                &ringing.request,
                account.contact_towards(&ringing.source, secure, &self.core),
            );
        }
        account.name_software(&mut response.headers, HeaderName::Server, &self.core);
        Some(response)
    }

    pub(super) fn ringing(&mut self, id: SessionId) -> Option<&mut Ringing> {
        match &mut self.sessions.get_mut(&id)?.usage {
            Usage::Ringing(ringing) => Some(ringing),
            Usage::Calling(_) | Usage::Established(_) => None,
        }
    }
}
