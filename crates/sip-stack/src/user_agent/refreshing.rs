//! Session timers (RFC 4028): refreshing when it is our duty, by UPDATE where the peer
//! takes it and by re-INVITE elsewhere; and ending the session when nobody did.

use std::time::Instant;

use super::client_user::{ClientUser, Within};
use super::{Timer, UserAgent};
use crate::account::{Attempt, Capabilities, SessionId, is_challenge};
use crate::command::Reason;
use crate::event::{EndedBy, StatusReason};
use crate::invite::Usage;
use crate::invite::change::{Change, Wish};
use crate::invite::session_timer::{self, Due, Granted, TooShort};
use crate::message::{HeaderName, Headers, Method, Request, Response, StatusCode};
use crate::transaction::{Failure, ServerTransactionId};
use crate::transport::Source;

impl UserAgent {
    /// 422, if the peer asks for a session shorter than anybody has to bear (§9). True:
    /// refused.
    pub(super) fn refuses_short_session(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        now: Instant,
    ) -> bool {
        let preferred = self.core.config.session_expires;
        let Err(TooShort(least)) = session_timer::grant(&request.headers, preferred, None) else {
            return false;
        };
        let mut response = self.reply(request, StatusCode::SESSION_INTERVAL_TOO_SMALL);
        response.headers.push(HeaderName::MinSe, least);
        self.core.respond(transaction, response, now);
        true
    }

    /// Our 2xx to a session refresh request of the peer: the timer begins anew.
    pub(super) fn granted_by_us(
        &mut self,
        id: SessionId,
        request: &Request,
        response: &mut Response,
        now: Instant,
    ) {
        let preferred = self.core.config.session_expires;
        let refreshes = matches!(request.method, Method::Invite | Method::Update);
        let Some(established) = self.established(id).filter(|_| refreshes) else {
            return;
        };
        let before = established.timer.take();
        let granted = session_timer::grant(&request.headers, preferred, before.as_ref());
        if let Ok(Some(granted)) = granted {
            granted.write(&mut response.headers);
            established.timer = Some(granted.starts_as_uas(now, before.as_ref()));
        }
        self.set_session_timer(id);
    }

    /// A 2xx to a session refresh request of ours: the timer begins anew, or there is none.
    pub(super) fn granted_to_us(&mut self, id: SessionId, response: &Headers, now: Instant) {
        let uses = self.core.config.session_expires > 0;
        let Some(established) = self.established(id) else {
            return;
        };
        let before = established.timer.take();
        let granted = Granted::read(response).filter(|_| uses);
        established.timer = granted.map(|granted| granted.starts_as_uac(now, before.as_ref()));
        self.set_session_timer(id);
    }

    pub(super) fn set_session_timer(&mut self, id: SessionId) {
        let deadline = self
            .established(id)
            .and_then(|established| Some(established.timer.as_ref()?.deadline()));
        self.core.timers.set(Timer::Session(id), deadline);
    }

    /// `Timer::Session`.
    pub(super) fn session_due(&mut self, id: SessionId, now: Instant) {
        let due = self
            .established(id)
            .and_then(|established| established.timer.as_mut()?.due(now));
        match due {
            Some(Due::Refresh) => self.refresh(id, now),
            Some(Due::End) => self.session_expired(id, now),
            None => {}
        }
        self.set_session_timer(id);
    }

    fn session_expired(&mut self, id: SessionId, now: Instant) {
        if self
            .established(id)
            .is_none_or(|established| established.is_leaving())
        {
            return;
        }
        let ended = StatusReason::new(408, "Session Expired");
        let told = Reason::of_status(&ended);
        self.end_call(id, Some(&told), ended, EndedBy::Timeout, now);
    }

    fn refresh(&mut self, id: SessionId, now: Instant) {
        let Some(established) = self.established(id) else {
            return;
        };
        if established.peer.takes_update {
            return self.refresh_by_update(id, now);
        }
        let dialog = established.dialog.id().clone();
        match (&established.change, &established.local) {
            (Change::Settled, Some(local)) => {
                let wish = Wish::Refresh(local.clone());
                self.send_ours(id, &dialog, wish, 0, now);
            }
            // What is under way refreshes the session too, if it comes to something.
            (
                Change::Opening
                | Change::Settled
                | Change::Answered(_)
                | Change::Ours(_)
                | Change::Glare { .. }
                | Change::Theirs(_)
                | Change::Offered(_),
                _,
            ) => self.refresh_put_off(id, now),
        }
    }

    /// The description of a refresh holds keys that a hop on the way must not read. An UPDATE
    /// says none, so it is tried whether or not the peer has named it.
    pub(super) fn refresh_exposed(&mut self, id: SessionId, now: Instant) {
        self.refresh_by_update(id, now);
    }

    /// There is no way to refresh the session that tells nobody its keys: it goes on without
    /// our timer. A peer that has one ends the session when it expires (§10).
    fn leave_refreshing(&mut self, id: SessionId) {
        tracing::info!(session = %id, "no refresh without telling keys: the timer is left to the peer");
        if let Some(established) = self.established(id) {
            established.timer = None;
        }
        self.set_session_timer(id);
    }

    fn refresh_by_update(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (Usage::Established(established), Some(account)) =
            (&mut session.usage, self.accounts.get(&session.account))
        else {
            return;
        };
        let mut request = established.dialog.request(Method::Update);
        Capabilities::of(&account.config, &self.core.config).push(&mut request.headers);
        if let Some(timer) = &established.timer {
            timer.ask_again(&mut request.headers);
        }
        account.name_software(&mut request.headers, HeaderName::UserAgent, &self.core);
        let refresh = Within {
            account: account.id,
            session: id,
            dialog: established.dialog.id().clone(),
            attempt: Attempt::within(&established.dialog, request),
        };
        self.transmit_refresh(refresh, now);
    }

    fn transmit_refresh(&mut self, mut refresh: Within, now: Instant) {
        let Some(account) = self.accounts.get_mut(&refresh.account) else {
            return;
        };
        let id = refresh.session;
        match account.send(&mut refresh.attempt, &mut self.core, now) {
            Ok(transaction) => {
                self.add_client(transaction, ClientUser::Refresh(Box::new(refresh)));
                if let Some(established) = self.established(id) {
                    established.refresh = Some(transaction);
                }
            }
            Err(_) => self.refresh_put_off(id, now),
        }
    }

    pub(super) fn refresh_response(
        &mut self,
        mut refresh: Within,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let id = refresh.session;
        let Some(established) = self.established(id) else {
            return;
        };
        established.refresh = None;
        if established.is_leaving() {
            return;
        }
        match response.status.code() {
            200..=299 => {
                if let Some(established) = self.established(id) {
                    established.dialog.refresh_target(&response.headers);
                    established.peer.learn(&response.headers);
                }
                self.granted_to_us(id, &response.headers, now);
            }
            422 if self.session_lengthened(id, response) => self.refresh_by_update(id, now),
            _ if is_challenge(response) => {
                match self.take_challenges_within(&mut refresh, response, source) {
                    true => self.transmit_refresh(refresh, now),
                    false => self.refresh_put_off(id, now),
                }
            }
            481 => self.end_session(id, StatusReason::of(response), EndedBy::Remote),
            408 => self.refresh_timed_out(id, StatusReason::of(response), now),
            // It had UPDATE in its Allow and does not know it: then by re-INVITE.
            405 | 501 => match self.established(id) {
                Some(call) if call.peer.takes_update => {
                    call.peer.takes_update = false;
                    self.refresh(id, now);
                }
                Some(_) | None => self.leave_refreshing(id),
            },
            _ => self.refresh_put_off(id, now),
        }
    }

    pub(super) fn refresh_failure(&mut self, refresh: &Within, why: Failure, now: Instant) {
        let id = refresh.session;
        if self
            .established(id)
            .is_none_or(|established| established.is_leaving())
        {
            return;
        }
        match why {
            Failure::Timeout => self.refresh_timed_out(id, StatusReason::of_failure(why), now),
            Failure::Transport(_)
            | Failure::Unresolvable(_)
            | Failure::Exposed
            | Failure::Cancelled => {
                self.refresh_put_off(id, now);
            }
        }
    }

    fn refresh_timed_out(&mut self, id: SessionId, ended: StatusReason, now: Instant) {
        let told = Reason::of_status(&ended);
        self.end_call(id, Some(&told), ended, EndedBy::Timeout, now);
    }

    /// A 422 to a refresh: whether it may be tried again with a longer interval.
    pub(super) fn session_lengthened(&mut self, id: SessionId, response: &Response) -> bool {
        self.established(id).is_some_and(|established| {
            let timer = established.timer.as_mut();
            timer.is_some_and(|timer| timer.lengthen(&response.headers))
        })
    }

    /// A refresh came to nothing, but the peer lives: once more, later.
    pub(super) fn refresh_put_off(&mut self, id: SessionId, now: Instant) {
        if let Some(established) = self.established(id)
            && let Some(timer) = &mut established.timer
        {
            timer.refresh_failed(now);
            self.set_session_timer(id);
        }
    }
}
