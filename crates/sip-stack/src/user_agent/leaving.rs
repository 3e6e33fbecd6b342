//! Ending calls (RFC 3261 §15), and what is left of a call on the wire when the
//! application has forgotten it.

use std::time::Instant;

use super::client_user::{Acknowledged, Answered, ClientUser, Farewell};
use super::{Timer, UserAgent, headers};
use crate::account::{AccountId, Attempt, SessionId, is_challenge};
use crate::command::Reason;
use crate::dialog::Dialog;
use crate::event::{EndedBy, StatusReason};
use crate::invite::Usage;
use crate::invite::change::{Answering, Change, OfferedBy};
use crate::message::{HeaderName, Headers, Method, Response, StatusCode};
use crate::transaction::ClientTransactionId;
use crate::transport::Source;

/// Answered forks of one INVITE that are ended one by one; a peer that makes more is not
/// worth it.
const MAX_FORKS: usize = 32;

impl UserAgent {
    pub(super) fn hang_up(&mut self, id: SessionId, reason: Option<&Reason>, now: Instant) {
        match self.sessions.get(&id).map(|session| &session.usage) {
            Some(Usage::Calling(_)) => {
                let ended = StatusReason::usual(StatusCode::REQUEST_TERMINATED);
                self.abandon(id, reason, ended, EndedBy::Local, now);
            }
            Some(Usage::Ringing(_)) => {
                self.refuse(id, StatusCode::BUSY_HERE, None, EndedBy::Local, now);
            }
            Some(Usage::Established(established)) if !established.is_leaving() => {
                let ended = StatusReason::new(200, "to BYE");
                self.end_call(id, reason, ended, EndedBy::Local, now);
            }
            Some(Usage::Established(_)) | None => {}
        }
    }

    /// Ends an answered call: tells the application, and the peer by BYE, which waits for
    /// the ACK of the 2xx that made the dialog (§15.1.1).
    pub(super) fn end_call(
        &mut self,
        id: SessionId,
        reason: Option<&Reason>,
        ended: StatusReason,
        by: EndedBy,
        now: Instant,
    ) {
        self.refuse_theirs(id, 0, StatusCode::REQUEST_TERMINATED, now);
        let Some(established) = self.established(id) else {
            return;
        };
        match &mut established.change {
            Change::Answered(answered) if answered.what == Answering::Call => {
                answered.what = Answering::CallThenBye(reason.cloned());
            }
            Change::Offered(OfferedBy::Final(transaction)) => {
                let transaction = *transaction;
                self.acknowledge_late(id, transaction, None, now);
                self.leave(id, reason, now);
            }
            Change::Answered(_)
            | Change::Offered(OfferedBy::Provisional(_))
            | Change::Opening
            | Change::Settled
            | Change::Ours(_)
            | Change::Glare { .. }
            | Change::Theirs(_) => self.leave(id, reason, now),
        }
        self.tell_ended(id, ended, by, false);
    }

    /// Sends BYE and forgets the session.
    pub(super) fn leave(&mut self, id: SessionId, reason: Option<&Reason>, now: Instant) {
        self.abandon_ours(id, now);
        self.tell_rest_of_refer(id, now);
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let account = session.account;
        let Usage::Established(established) = &session.usage else {
            return;
        };
        let dialog = established.dialog.clone();
        if let Some(refresh) = established.refresh {
            self.core.cancel(refresh, Headers::new(), now);
        }
        self.say_bye(account, dialog, reason, now);
        self.remove_session(id);
    }

    /// `Timer::GiveUp` of a 2xx: nobody acknowledged it in 64*T1 (§13.3.1.4, §14.2).
    pub(super) fn never_acknowledged(&mut self, id: SessionId, now: Instant) {
        self.core.timers.stop(Timer::Repeat(id));
        let Some(established) = self.established(id) else {
            return;
        };
        let told = !established.is_leaving();
        established.change = Change::Settled;
        let reason = StatusReason::new(408, "Answer Not Acknowledged");
        self.leave(id, Some(&Reason::of_status(&reason)), now);
        if told {
            self.tell_ended(id, reason, EndedBy::Timeout, false);
        }
    }

    /// Takes back a re-INVITE (or forgets an UPDATE) of ours that has no final response, because its call ends
    /// or because it takes too long. A 2xx that crosses the CANCEL still wants its ACK;
    /// and without the CANCEL, a peer that said 100 and is gone would never let the
    /// transaction end.
    pub(super) fn abandon_ours(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Usage::Established(established) = &mut session.usage else {
            return;
        };
        match std::mem::replace(&mut established.change, Change::Settled) {
            Change::Ours(ours) if !ours.is_invite() => {
                self.core.cancel(ours.transaction, Headers::new(), now);
            }
            Change::Ours(ours) => {
                let invite = &ours.attempt.request;
                let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
                let answered = Answered {
                    account: session.account,
                    acks: vec![Acknowledged {
                        dialog: established.dialog.id().clone(),
                        ack: established.dialog.ack(number),
                        route: established.dialog.route(),
                    }],
                    invite: invite.clone(),
                    unanswered: None,
                    early: Vec::new(),
                    may_fork: false,
                    is_open: false,
                };
                self.add_client(ours.transaction, ClientUser::Answered(Box::new(answered)));
                self.core.cancel(ours.transaction, Headers::new(), now);
            }
            other @ (Change::Opening
            | Change::Settled
            | Change::Answered(_)
            | Change::Glare { .. }
            | Change::Theirs(_)
            | Change::Offered(_)) => established.change = other,
        }
    }

    /// A response to an INVITE that is answered or given up already.
    pub(super) fn answered_response(
        &mut self,
        transaction: ClientTransactionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if response.status.is_failure() {
            self.remove_client(transaction);
        }
        if !response.status.is_success() {
            return;
        }
        let Some(ClientUser::Answered(answered)) = self.clients.get(&transaction) else {
            return;
        };
        let Ok(mut dialog) = Dialog::from_response(&answered.invite, response, source) else {
            return;
        };
        if answered.unanswered.as_ref() == Some(dialog.id()) {
            return;
        }
        let acknowledged = answered.acks.iter().find(|ack| ack.dialog == *dialog.id());
        if let Some(acknowledged) = acknowledged {
            let (ack, route) = (acknowledged.ack.clone(), acknowledged.route.clone());
            return self.core.layer.send_ack(ack, route, now);
        }
        if !answered.may_fork || answered.acks.len() >= MAX_FORKS {
            return;
        }
        let mut early = answered.early.iter();
        if let Some(early) = early.find(|early| early.id() == dialog.id()) {
            dialog.continue_from(early);
        }
        let (account, invite) = (answered.account, answered.invite.clone());
        // Another phone was faster; unless nobody was, and the call was given up.
        let elsewhere = !answered.acks.is_empty() || answered.unanswered.is_some();
        let acknowledged = self.acknowledge(&dialog, &invite, None, now);
        if let Some(ClientUser::Answered(answered)) = self.clients.get_mut(&transaction) {
            answered.acks.push(acknowledged);
        }
        let told = elsewhere.then(Reason::answered_elsewhere);
        self.say_bye(account, dialog, told.as_ref(), now);
    }

    /// Sends BYE in a dialog that nobody uses any more.
    pub(super) fn say_bye(
        &mut self,
        account: AccountId,
        mut dialog: Dialog,
        reason: Option<&Reason>,
        now: Instant,
    ) {
        let Some(owner) = self.accounts.get(&account) else {
            return;
        };
        let mut request = dialog.request(Method::Bye);
        for line in headers::reason_headers(reason).iter() {
            request
                .headers
                .push(line.name().clone(), line.value().clone());
        }
        owner.name_software(&mut request.headers, HeaderName::UserAgent, &self.core);
        let attempt = Attempt::within(&dialog, request);
        let farewell = Farewell {
            account,
            dialog,
            attempt,
        };
        self.transmit_bye(farewell, now);
    }

    pub(super) fn farewell_response(
        &mut self,
        mut farewell: Farewell,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if is_challenge(response)
            && let Some(account) = self.accounts.get_mut(&farewell.account)
            && account
                .take_challenges(&mut farewell.attempt, response, source, &self.core)
                .is_ok()
        {
            farewell.dialog.renumber(&mut farewell.attempt.request);
            self.transmit_bye(farewell, now);
        }
    }

    fn transmit_bye(&mut self, mut farewell: Farewell, now: Instant) {
        let Some(account) = self.accounts.get_mut(&farewell.account) else {
            return;
        };
        if let Ok(transaction) = account.send(&mut farewell.attempt, &mut self.core, now) {
            self.add_client(transaction, ClientUser::Farewell(Box::new(farewell)));
        }
    }
}
