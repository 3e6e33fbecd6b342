//! Timers of the usages. Those of transactions are the transaction layer's.

use std::time::Instant;

use super::{Timer, UserAgent};
use crate::account::SessionId;
use crate::command::Reason;
use crate::event::{EndedBy, StatusReason};
use crate::invite::Usage;
use crate::invite::established::Change;
use crate::message::StatusCode;

impl UserAgent {
    pub(super) fn fire_timers(&mut self, now: Instant) {
        while let Some(timer) = self.core.timers.pop_expired(now) {
            match timer {
                Timer::Registration(account) => self.registration_due(account, now),
                Timer::BindingEnd(account) => self.binding_ended(account, now),
                Timer::Ringing(session) => self.rang_too_long(session, now),
                Timer::Repeat(session) => {
                    self.repeat_provisional(session, now);
                    self.repeat_2xx(session, now);
                }
                Timer::Session(session) => self.session_due(session, now),
                Timer::GiveUp(session) => self.given_up(session, now),
                Timer::Glare(session) => self.reinvite_again(session, now),
                Timer::Refer(session) => self.refer_expired(session),
                Timer::Referred(session) => self.referred_expired(session, now),
            }
        }
    }

    fn rang_too_long(&mut self, id: SessionId, now: Instant) {
        match self.sessions.get(&id).map(|session| &session.usage) {
            Some(Usage::Calling(_)) => {
                let ended = StatusReason::usual(StatusCode::REQUEST_TIMEOUT);
                let told = Reason::of_status(&ended);
                self.abandon(id, Some(&told), ended, EndedBy::Timeout, now);
            }
            Some(Usage::Ringing(_)) => {
                let unavailable = StatusCode::TEMPORARILY_UNAVAILABLE;
                self.refuse(id, unavailable, None, EndedBy::Timeout, now);
            }
            Some(Usage::Established(_)) | None => {}
        }
    }

    fn given_up(&mut self, id: SessionId, now: Instant) {
        if self.ringing(id).is_some() {
            return self.never_pracked(id, now);
        }
        match self.established(id).map(|established| &established.change) {
            Some(Change::Answered(_)) => self.never_acknowledged(id, now),
            Some(Change::Theirs(_)) => self.reinvite_ignored(id, now),
            Some(Change::Ours(_)) => self.reinvite_expired(id, now),
            Some(Change::Offered(_)) => self.offer_ignored(id, now),
            Some(Change::Opening | Change::Settled | Change::Glare { .. }) | None => {}
        }
    }
}
