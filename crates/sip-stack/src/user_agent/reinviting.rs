//! Changes of the session that we ask for (RFC 3261 §14.1, RFC 3311 §5.1): re-INVITE in
//! confirmed dialogs, UPDATE in early ones; tried again after a glare, and taken back when
//! nothing comes of them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;

use super::client_user::{Answered, ClientUser};
use super::{Timer, UserAgent, headers};
use crate::account::{Attempt, SessionId, is_challenge};
use crate::command::Reason;
use crate::dialog::DialogId;
use crate::event::{EndedBy, SessionEvent, StatusReason};
use crate::invite::Usage;
use crate::invite::body::Body;
use crate::invite::change::{
    Change, Exchange, MAX_GLARES, OUR_REINVITE_LIMIT, Ours, REINVITE_LIMIT, Wish,
};
use crate::message::{HeaderName, Method, Response, StatusCode};
use crate::transaction::{ClientTransactionId, Failure};
use crate::transport::Source;

impl UserAgent {
    pub(super) fn reinvite(&mut self, id: SessionId, sdp: Bytes, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let is_early = !matches!(session.usage, Usage::Established(_));
        // Of several early dialogs the youngest: its media are heard.
        let free = |one: &Exchange<'_>| {
            matches!(one.change, Change::Settled) && (!is_early || one.peer.takes_update)
        };
        let mut youngest = None;
        while let Some(exchange) = session
            .usage
            .exchange(|one| free(one) && youngest.as_ref().is_none_or(|(n, _)| one.number > *n))
        {
            youngest = Some((exchange.number, exchange.dialog.id().clone()));
        }
        match youngest {
            Some((_, dialog)) => self.send_ours(id, &dialog, Wish::Offer(sdp), 0, now),
            None => {
                self.tell_reinvite_failed(id, StatusReason::usual(StatusCode::REQUEST_PENDING));
            }
        }
    }

    /// `Timer::Glare`: our turn.
    pub(super) fn reinvite_again(&mut self, id: SessionId, now: Instant) {
        while let Some(session) = self.sessions.get_mut(&id)
            && let Some(exchange) = session
                .usage
                .exchange(|one| matches!(one.change, Change::Glare { .. }))
        {
            let dialog = exchange.dialog.id().clone();
            match std::mem::replace(exchange.change, Change::Settled) {
                Change::Glare { wish, glares } => self.send_ours(id, &dialog, wish, glares, now),
                other @ (Change::Opening
                | Change::Settled
                | Change::Answered(_)
                | Change::Ours(_)
                | Change::Theirs(_)
                | Change::Offered(_)) => *exchange.change = other,
            }
        }
    }

    /// Sends an offer within a dialog where nothing else is under way.
    pub(super) fn send_ours(
        &mut self,
        id: SessionId,
        dialog: &DialogId,
        wish: Wish,
        glares: u8,
        now: Instant,
    ) {
        let account = self.sessions.get(&id).map(|session| session.account);
        let capabilities = self.capabilities(account);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (method, timer) = match &session.usage {
            Usage::Established(established) => (Method::Invite, established.timer.clone()),
            Usage::Calling(_) | Usage::Ringing(_) => (Method::Update, None),
        };
        let Some(exchange) = session.usage.exchange(|one| one.dialog.id() == dialog) else {
            return;
        };
        let mut request = exchange.dialog.request(method);
        capabilities.push(&mut request.headers);
        if let Some(timer) = timer {
            timer.ask_again(&mut request.headers);
        }
        headers::set_sdp(&mut request.headers, &mut request.body, wish.sdp().clone());
        let attempt = Attempt::within(exchange.dialog, request);
        self.transmit_ours(id, dialog, attempt, wish, glares, now);
    }

    fn transmit_ours(
        &mut self,
        id: SessionId,
        dialog: &DialogId,
        mut attempt: Attempt,
        wish: Wish,
        glares: u8,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Some(exchange), Some(account)) = (
            session.usage.exchange(|one| one.dialog.id() == dialog),
            self.accounts.get_mut(&session.account),
        ) else {
            return;
        };
        account.name_software(
            &mut attempt.request.headers,
            HeaderName::UserAgent,
            &self.core,
        );
        let is_invite = attempt.request.method == Method::Invite;
        match account.send(&mut attempt, &mut self.core, now) {
            Ok(transaction) => {
                *exchange.change = Change::Ours(Box::new(Ours {
                    transaction,
                    attempt,
                    wish,
                    glares,
                }));
                self.add_client(transaction, ClientUser::Reinvite(id));
                if is_invite {
                    let limit = now + OUR_REINVITE_LIMIT;
                    self.core.timers.set(Timer::GiveUp(id), Some(limit));
                }
            }
            Err(_) => {
                *exchange.change = Change::Settled;
                let full = StatusReason::new(503, "Too Many Transactions");
                self.wish_failed(id, &wish, full, now);
            }
        }
    }

    pub(super) fn reinvite_response(
        &mut self,
        id: SessionId,
        transaction: ClientTransactionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if response.status.is_provisional() {
            return;
        }
        let Some((dialog, ours)) = self.take_ours(id, transaction) else {
            return;
        };
        let is_established = self.established(id).is_some();
        match response.status.code() {
            200..=299 => {
                self.reinvite_agreed(id, &dialog, *ours, response, source, now);
            }
            491 if ours.glares < MAX_GLARES => self.wait_after_glare(id, &dialog, *ours, now),
            422 if self.session_lengthened(id, response) => {
                self.remove_client(transaction);
                self.send_ours(id, &dialog, ours.wish, ours.glares, now);
            }
            _ if is_challenge(response) => {
                self.reinvite_challenged(id, &dialog, *ours, response, source, now);
            }
            481 if is_established => {
                self.remove_client(transaction);
                self.end_session(id, StatusReason::of(response), EndedBy::Remote);
            }
            408 if is_established => {
                self.reinvite_unanswered(id, StatusReason::of(response), EndedBy::Timeout, now);
            }
            _ => self.wish_failed(id, &ours.wish, StatusReason::of(response), now),
        }
        self.accept_if_ready(id, now);
    }

    pub(super) fn reinvite_failure(
        &mut self,
        id: SessionId,
        transaction: ClientTransactionId,
        why: Failure,
        now: Instant,
    ) {
        let Some((_, ours)) = self.take_ours(id, transaction) else {
            return;
        };
        let reason = StatusReason::of_failure(why);
        let is_established = self.established(id).is_some();
        match why {
            Failure::Timeout if is_established => {
                self.reinvite_unanswered(id, reason, EndedBy::Timeout, now);
            }
            Failure::Exposed if matches!(ours.wish, Wish::Refresh(_)) => {
                self.refresh_exposed(id, now);
            }
            // As good as 503 (§8.1.3.1): the call may live on.
            Failure::Timeout
            | Failure::Transport(_)
            | Failure::Unresolvable(_)
            | Failure::Exposed
            | Failure::Cancelled => self.wish_failed(id, &ours.wish, reason, now),
        }
        self.accept_if_ready(id, now);
    }

    /// The peer is gone, or knows nothing of the call (§12.2.1.2).
    fn reinvite_unanswered(
        &mut self,
        id: SessionId,
        reason: StatusReason,
        by: EndedBy,
        now: Instant,
    ) {
        let told = Reason::of_status(&reason);
        self.end_call(id, Some(&told), reason, by, now);
    }

    /// `Timer::GiveUp`: a peer that answered 100 says nothing more.
    pub(super) fn reinvite_expired(&mut self, id: SessionId, now: Instant) {
        let wish = match self.established(id).map(|established| &established.change) {
            Some(Change::Ours(ours)) => ours.wish.clone(),
            Some(
                Change::Opening
                | Change::Settled
                | Change::Answered(_)
                | Change::Glare { .. }
                | Change::Theirs(_)
                | Change::Offered(_),
            )
            | None => return,
        };
        self.abandon_ours(id, now);
        let timeout = StatusReason::usual(StatusCode::REQUEST_TIMEOUT);
        self.wish_failed(id, &wish, timeout, now);
    }

    fn reinvite_agreed(
        &mut self,
        id: SessionId,
        dialog: &DialogId,
        ours: Ours,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let keys = self.core.keys_go();
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let account = session.account;
        let Some(exchange) = session.usage.exchange(|one| one.dialog.id() == dialog) else {
            return;
        };
        exchange.dialog.refresh_target(&response.headers);
        exchange.peer.learn(&response.headers);
        *exchange.local = Some(ours.wish.sdp().clone());
        let number = exchange.number;
        let dialog = exchange.dialog.clone();
        let sdp = Body::read(&response.headers, &response.body).sdp();
        let sdp = sdp.map(|sdp| keys.heard(sdp, source.transport));
        if let Usage::Calling(calling) = &mut session.usage
            && let Some(early) = calling.early_mut(number)
        {
            early.remote.clone_from(&sdp);
        }
        if ours.is_invite() {
            let acknowledged = self.acknowledge(&dialog, &ours.attempt.request, None, now);
            let answered = Answered {
                account,
                invite: ours.attempt.request,
                acks: vec![acknowledged],
                unanswered: None,
                early: Vec::new(),
                may_fork: false,
                is_open: false,
            };
            self.add_client(ours.transaction, ClientUser::Answered(Box::new(answered)));
        }
        self.granted_to_us(id, &response.headers, now);
        match (ours.wish, sdp) {
            (Wish::Offer(_), sdp) => self.core.tell_session(id, SessionEvent::Reinvited { sdp }),
            (Wish::Refresh(_), Some(sdp)) => {
                self.core.tell_session(id, SessionEvent::Refreshed { sdp });
            }
            (Wish::Refresh(_), None) => {}
        }
    }

    fn wait_after_glare(&mut self, id: SessionId, dialog: &DialogId, ours: Ours, now: Instant) {
        self.remove_client(ours.transaction);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(exchange) = session.usage.exchange(|one| one.dialog.id() == dialog) else {
            return;
        };
        *exchange.change = Change::Glare {
            wish: ours.wish,
            glares: ours.glares + 1,
        };
        let is_ours = exchange.dialog.is_ours();
        self.wait_for_turn(id, is_ours, now);
    }

    /// RFC 3261 §14.1: in units of 10 ms; who made the Call-ID waits longer.
    fn wait_for_turn(&mut self, id: SessionId, is_ours: bool, now: Instant) {
        let units = match is_ours {
            true => self.core.rng.random_range(210..=400),
            false => self.core.rng.random_range(0..=200),
        };
        let wait = Duration::from_millis(units * 10);
        self.core.timers.set(Timer::Glare(id), Some(now + wait));
    }

    /// A call is answered while something is under way in its early dialog: the timers
    /// that belong to it in a confirmed one.
    pub(super) fn wait_for_change(&mut self, id: SessionId, now: Instant) {
        let Some(established) = self.established(id) else {
            return;
        };
        let is_ours = established.dialog.is_ours();
        match &established.change {
            Change::Theirs(_) | Change::Offered(_) => {
                let limit = now + REINVITE_LIMIT;
                self.core.timers.set(Timer::GiveUp(id), Some(limit));
            }
            Change::Glare { .. } => self.wait_for_turn(id, is_ours, now),
            Change::Opening | Change::Settled | Change::Answered(_) | Change::Ours(_) => {}
        }
    }

    fn reinvite_challenged(
        &mut self,
        id: SessionId,
        dialog: &DialogId,
        mut ours: Ours,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        self.remove_client(ours.transaction);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Some(exchange), Some(account)) = (
            session.usage.exchange(|one| one.dialog.id() == dialog),
            self.accounts.get_mut(&session.account),
        ) else {
            return;
        };
        match account.take_challenges(&mut ours.attempt, response, source, &self.core) {
            Ok(()) => {
                exchange.dialog.renumber(&mut ours.attempt.request);
                self.transmit_ours(id, dialog, ours.attempt, ours.wish, ours.glares, now);
            }
            Err(why) => self.wish_failed(id, &ours.wish, why.reason(response), now),
        }
    }

    fn take_ours(
        &mut self,
        id: SessionId,
        transaction: ClientTransactionId,
    ) -> Option<(DialogId, Box<Ours>)> {
        let session = self.sessions.get_mut(&id)?;
        let is_established = matches!(session.usage, Usage::Established(_));
        let exchange = session.usage.exchange(|one| match &*one.change {
            Change::Ours(ours) => ours.transaction == transaction,
            Change::Opening
            | Change::Settled
            | Change::Answered(_)
            | Change::Glare { .. }
            | Change::Theirs(_)
            | Change::Offered(_) => false,
        })?;
        let dialog = exchange.dialog.id().clone();
        let Change::Ours(ours) = std::mem::replace(exchange.change, Change::Settled) else {
            return None;
        };
        if is_established {
            self.core.timers.stop(Timer::GiveUp(id));
        }
        Some((dialog, ours))
    }

    pub(super) fn tell_reinvite_failed(&mut self, id: SessionId, reason: StatusReason) {
        let failed = SessionEvent::ReinviteFailed {
            code: reason.code,
            phrase: reason.phrase,
        };
        self.core.tell_session(id, failed);
    }
}
