//! Calls of ours up to their answer (RFC 3261 §13.2).

use std::time::Instant;

use bytes::Bytes;

use super::client_user::{Acknowledged, Answered, ClientUser};
use super::identifying::Wish;
use super::{Timer, UserAgent, headers};
use crate::account::{AccountId, Attempt, Capabilities, SessionId, is_challenge};
use crate::command::Reason;
use crate::dialog::Dialog;
use crate::event::{EndedBy, SessionEvent, StatusReason};
use crate::invite::body::Body;
use crate::invite::called::Called;
use crate::invite::change::{Change, OfferedBy, Peer};
use crate::invite::client::Calling;
use crate::invite::established::Established;
use crate::invite::{Session, Usage, reliable, session_timer};
use crate::message::{
    CSeq, HeaderName, HeaderValue, Method, NameAddr, Request, Response, StatusCode,
};
use crate::reason;
use crate::transaction::{ClientTransactionId, Failure};
use crate::transport::Source;

impl UserAgent {
    pub(super) fn invite(
        &mut self,
        account: AccountId,
        session: SessionId,
        target: Called<'_>,
        sdp: Option<Bytes>,
        extra: &[(String, String)],
        now: Instant,
    ) {
        if self.sessions.contains_key(&session) {
            tracing::warn!(%session, "session id is in use");
            return;
        }
        if let Err(reason) = self.try_invite(account, session, target, sdp, extra, now) {
            self.tell_ended(session, reason, EndedBy::Local, false);
        }
    }

    fn try_invite(
        &mut self,
        id: AccountId,
        session: SessionId,
        target: Called<'_>,
        sdp: Option<Bytes>,
        extra: &[(String, String)],
        now: Instant,
    ) -> Result<(), StatusReason> {
        self.check_limits(id)?;
        let account = self
            .accounts
            .get_mut(&id)
            .filter(|account| !account.leaving)
            .ok_or_else(|| StatusReason::new(480, "No Such Account"))?;
        let called = target.uri(&account.registrar)?;
        let (mut request, next_hop, challenger) = account.request_to(Method::Invite, &called);
        let (tag, call_id) = (self.core.token(), self.core.call_id());
        let wish = Wish::read(extra, target.is_anonymous());
        let fields = &mut request.headers;
        fields.push(HeaderName::From, wish.from(account, &tag));
        fields.push(HeaderName::To, NameAddr::new(called));
        fields.push(HeaderName::CallId, call_id.clone());
        fields.push(HeaderName::CSeq, CSeq::new(1, Method::Invite));
        Capabilities::of(&account.config, &self.core.config).push(fields);
        if self.core.config.require_100rel {
            fields.push(HeaderName::Require, HeaderValue::from_static(reliable::TAG));
        }
        session_timer::ask(fields, self.core.config.session_expires);
        account.name_software(fields, HeaderName::UserAgent, &self.core);
        wish.push_headers(fields, account, challenger, extra);
        target.push_headers(fields);
        if let Some(sdp) = sdp {
            headers::set_sdp(&mut request.headers, &mut request.body, sdp);
        }

        let mut attempt = Attempt::new(request, next_hop, challenger);
        let transaction = account
            .send(&mut attempt, &mut self.core, now)
            .map_err(|_| StatusReason::new(503, "Too Many Transactions"))?;
        self.add_client(transaction, ClientUser::Calling(session));
        self.add_session(
            session,
            Session {
                account: id,
                usage: Usage::Calling(Box::new(Calling::new(transaction, attempt))),
            },
        );
        let limit = now + self.core.config.outgoing_ringing;
        self.core.timers.set(Timer::Ringing(session), Some(limit));
        self.core.tell_session(
            session,
            SessionEvent::Sent {
                call_id: call_id.text().into_owned(),
            },
        );
        Ok(())
    }

    /// Whether the account may have one more session.
    pub(super) fn check_limits(&self, account: AccountId) -> Result<(), StatusReason> {
        if self.shutting_down {
            return Err(StatusReason::new(503, "Shutting Down"));
        }
        if self.sessions.len() >= self.core.config.sessions {
            return Err(StatusReason::new(503, "Too Many Calls"));
        }
        let limit = self.core.config.sessions_per_account;
        let account = self.accounts.get(&account);
        if account.is_some_and(|account| account.sessions >= limit) {
            return Err(StatusReason::new(486, "Too Many Calls of This Account"));
        }
        Ok(())
    }

    pub(super) fn calling_response(
        &mut self,
        id: SessionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let Some((account, calling)) = self.calling(id) else {
            return;
        };
        if calling.attempt.is_own() {
            let transaction = calling.transaction;
            self.note_known(account, transaction, source);
        }
        if response.status.is_provisional() {
            self.calling_progress(id, response, source, now);
        } else if response.status.is_success() {
            self.calling_answered(id, response, source, now);
        } else if is_challenge(response) {
            self.calling_challenged(id, response, source, now);
        } else if response.status == StatusCode::SESSION_INTERVAL_TOO_SMALL {
            self.calling_too_short(id, response, now);
        } else {
            self.calling_over(id, reason::of_failure(response), EndedBy::Remote);
        }
    }

    pub(super) fn calling_failure(&mut self, id: SessionId, why: Failure) {
        if self.calling(id).is_some() {
            let by = EndedBy::of_failure(why);
            self.end_session(id, StatusReason::of_failure(why), by);
        }
    }

    /// Gives a call of ours up before it is answered. What still comes of it is seen to
    /// in the background: a 2xx that crosses the CANCEL is acknowledged and ended.
    pub(super) fn abandon(
        &mut self,
        id: SessionId,
        reason: Option<&Reason>,
        ended: StatusReason,
        by: EndedBy,
        now: Instant,
    ) {
        let Some((account, calling)) = self.calling(id) else {
            return;
        };
        let transaction = calling.transaction;
        let answered = Answered {
            account,
            invite: calling.attempt.request.clone(),
            acks: Vec::new(),
            unanswered: None,
            early: calling.dialogs(),
            may_fork: true,
            is_open: true,
        };
        self.add_client(transaction, ClientUser::Answered(Box::new(answered)));
        let extra = headers::reason_headers(reason);
        self.core.cancel(transaction, extra, now);
        self.end_session(id, ended, by);
    }

    /// A 2xx: the call is answered, in the early dialog that it names if there is one.
    fn calling_answered(
        &mut self,
        id: SessionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let keys = self.core.keys_go();
        let Some((_, calling)) = self.calling(id) else {
            return;
        };
        let mut dialog = match Dialog::from_response(&calling.attempt.request, response, source) {
            Ok(dialog) => dialog,
            Err(why) => {
                let reason = StatusReason::new(500, why.to_string());
                return self.calling_over(id, reason, EndedBy::Remote);
            }
        };
        let number = calling.place(response, source, keys).number();
        let Some(session) = self.remove_session(id) else {
            return;
        };
        let (account, Usage::Calling(mut calling)) = (session.account, session.usage) else {
            return;
        };
        let chosen = calling.take_early(dialog.id());
        if let Some(chosen) = &chosen {
            dialog.continue_from(&chosen.dialog);
        }
        if let Some(account) = self.accounts.get_mut(&account) {
            account.accepted(&calling.attempt, response);
        }
        let brought = Body::read(&response.headers, &response.body).sdp();
        let brought = brought.map(|sdp| keys.heard(sdp, source.transport));
        let transaction = calling.transaction;
        let asks = calling.asks_for_offer(chosen.as_ref());
        let unanswered = (asks && brought.is_some()).then(|| dialog.id().clone());
        let early = calling.dialogs();
        let acknowledged = unanswered
            .is_none()
            .then(|| self.acknowledge(&dialog, &calling.attempt.request, None, now));
        let accepted = SessionEvent::Accepted {
            sdp: brought.or_else(|| chosen.as_ref()?.remote.clone()),
            call_id: dialog.id().call_id.to_string(),
            headers: self.shown(account, &response.headers, source),
            dialog: number,
        };
        let (change, mut peer, local) = match chosen {
            Some(chosen) => (chosen.change, chosen.peer, chosen.local),
            None => {
                let offered = calling.offered(keys, source);
                (Change::Settled, Peer::default(), offered)
            }
        };
        peer.learn(&response.headers);
        let change = match change {
            _ if unanswered.is_some() => Change::Offered(OfferedBy::Final(transaction)),
            Change::Opening | Change::Offered(_) => Change::Settled,
            under_way @ (Change::Settled
            | Change::Answered(_)
            | Change::Ours(_)
            | Change::Glare { .. }
            | Change::Theirs(_)) => under_way,
        };
        let answered = Answered {
            account,
            invite: calling.attempt.request,
            acks: acknowledged.into_iter().collect(),
            unanswered,
            early,
            may_fork: true,
            is_open: false,
        };
        self.add_client(transaction, ClientUser::Answered(Box::new(answered)));
        self.dialogs.insert(dialog.id().clone(), id);
        let usage = Established::new(dialog, change, peer, local);
        self.add_session(
            id,
            Session {
                account,
                usage: Usage::Established(Box::new(usage)),
            },
        );
        self.wait_for_change(id, now);
        self.granted_to_us(id, &response.headers, now);
        self.core.tell_session(id, accepted);
    }

    fn calling_challenged(
        &mut self,
        id: SessionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Usage::Calling(calling), Some(account)) =
            (&mut session.usage, self.accounts.get_mut(&session.account))
        else {
            return;
        };
        let before = calling.transaction;
        let sent = match account.take_challenges(&mut calling.attempt, response, source, &self.core)
        {
            Ok(()) => {
                calling.attempt.count_up();
                account
                    .send(&mut calling.attempt, &mut self.core, now)
                    .map_err(|_| StatusReason::new(503, "Too Many Transactions"))
            }
            Err(why) => Err(why.reason(response)),
        };
        match sent {
            Ok(transaction) => self.calling_sent_again(id, before, transaction),
            Err(reason) => self.calling_over(id, reason, EndedBy::Remote),
        }
    }

    /// 422: once more, with the interval that is wanted (RFC 4028 §7.3).
    fn calling_too_short(&mut self, id: SessionId, response: &Response, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Usage::Calling(calling), Some(account)) =
            (&mut session.usage, self.accounts.get_mut(&session.account))
        else {
            return;
        };
        let before = calling.transaction;
        let attempt = &mut calling.attempt;
        if !session_timer::ask_longer(&mut attempt.request.headers, &response.headers) {
            return self.calling_over(id, StatusReason::of(response), EndedBy::Remote);
        }
        attempt.count_up();
        match account.send(attempt, &mut self.core, now) {
            Ok(transaction) => self.calling_sent_again(id, before, transaction),
            Err(_) => {
                let full = StatusReason::new(503, "Too Many Transactions");
                self.calling_over(id, full, EndedBy::Local);
            }
        }
    }

    fn calling_sent_again(
        &mut self,
        id: SessionId,
        before: ClientTransactionId,
        transaction: ClientTransactionId,
    ) {
        let Some((_, calling)) = self.calling(id) else {
            return;
        };
        let void = calling.sent_again(transaction);
        for early in void {
            self.dialogs.remove(early.dialog.id());
        }
        self.remove_client(before);
        self.add_client(transaction, ClientUser::Calling(id));
    }

    fn calling_over(&mut self, id: SessionId, reason: StatusReason, by: EndedBy) {
        if let Some((_, calling)) = self.calling(id) {
            let transaction = calling.transaction;
            self.remove_client(transaction);
            self.end_session(id, reason, by);
        }
    }

    /// Sends the ACK of a 2xx to an INVITE of ours (§13.2.2.4), with the answer if the
    /// 2xx carried the offer.
    pub(super) fn acknowledge(
        &mut self,
        dialog: &Dialog,
        invite: &Request,
        sdp: Option<Bytes>,
        now: Instant,
    ) -> Acknowledged {
        let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
        let mut ack = dialog.ack(number);
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            for value in invite.headers.lines(&name) {
                ack.headers.push(name.clone(), value.clone());
            }
        }
        if let Some(sdp) = sdp {
            headers::set_sdp(&mut ack.headers, &mut ack.body, sdp);
        }
        let route = dialog.route();
        self.core.layer.send_ack(ack.clone(), route.clone(), now);
        Acknowledged {
            dialog: dialog.id().clone(),
            ack,
            route,
        }
    }

    pub(super) fn calling(&mut self, id: SessionId) -> Option<(AccountId, &mut Calling)> {
        let session = self.sessions.get_mut(&id)?;
        match &mut session.usage {
            Usage::Calling(calling) => Some((session.account, calling)),
            Usage::Ringing(_) | Usage::Established(_) => None,
        }
    }
}
