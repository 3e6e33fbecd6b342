//! A REGISTER waits for its turn and is sent. When the turn comes is the
//! [`Pacer`](super::pace::Pacer)'s to say.

use std::time::Instant;

use super::pace::Rank;
use super::{Binding, Next, Purpose, Requesting, State};
use crate::account::{Account, Attempt, Challenger};
use crate::event::StatusReason;
use crate::message::{CSeq, HeaderName, Method};
use crate::transaction::{ClientTransactionId, Route};
use crate::user_agent::{Core, Timer};

impl Account {
    /// It is our turn.
    pub(crate) fn registration_turn(
        &mut self,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        let State::Queued { purpose, .. } = self.registration.state else {
            return None;
        };
        self.registration.state = State::Idle;
        let unproven = purpose == Purpose::Bind && self.registration.binding.is_none();
        if unproven
            && !core
                .domains
                .lets_pass(&self.domain, self.fingerprint(), now)
        {
            let text = "Too Many Wrong Passwords of This Domain, Try Later";
            self.report_failed(StatusReason::new(503, text), false, core);
            return None;
        }
        let wanted = core
            .domains
            .expires(&self.domain, self.registration.expires);
        self.registration.expires = wanted;
        let binding = self.registration.binding.as_ref();
        let way = binding.and_then(|binding| binding.via().cloned());
        let fixed = way.is_some();
        let route = match way {
            Some(way) => Route::Fixed(vec![way]),
            None => self.registrar_route(),
        };
        let request = self.register_request(purpose, core);
        let next = Next {
            attempt: Attempt::new(request, route, Challenger::OwnServer),
            purpose,
            fixed,
            raises: 0,
            then: None,
        };
        self.request(next, core, now)
    }

    /// Waits for its turn: a living binding before it ends, anything else as it came.
    pub(super) fn queue(&mut self, purpose: Purpose, core: &mut Core, now: Instant) {
        let living = self.registration.binding.as_ref().and_then(Binding::living);
        let rank = match (purpose, living) {
            (Purpose::Bind, Some(ends)) => Rank::Refresh(ends),
            (Purpose::Bind, None) | (Purpose::Unbind, _) => Rank::Other(now),
        };
        self.queue_as(purpose, rank, core, now);
    }

    pub(super) fn queue_as(&mut self, purpose: Purpose, rank: Rank, core: &mut Core, now: Instant) {
        self.leave_queue(core, now);
        core.timers.stop(Timer::Registration(self.id));
        core.pacer
            .enqueue(self.hop, &self.address, rank, self.id, now);
        self.registration.state = State::Queued { purpose, rank };
    }

    pub(super) fn leave_queue(&mut self, core: &mut Core, now: Instant) {
        if let State::Queued { rank, .. } = self.registration.state {
            core.pacer
                .withdraw(self.hop, &self.address, rank, self.id, now);
            self.registration.state = State::Idle;
        }
    }

    pub(super) fn request(
        &mut self,
        next: Next,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        let Next {
            mut attempt,
            purpose,
            fixed,
            raises,
            then,
        } = next;
        core.timers.stop(Timer::Registration(self.id));
        self.registration.cseq += 1;
        let cseq = CSeq::new(self.registration.cseq, Method::Register);
        attempt.request.headers.set(HeaderName::CSeq, cseq);
        match self.send(&mut attempt, core, now) {
            Ok(transaction) => {
                self.registration.state = State::Requesting(Box::new(Requesting {
                    transaction,
                    attempt,
                    purpose,
                    fixed,
                    raises,
                    then,
                }));
                Some(transaction)
            }
            Err(_) if purpose == Purpose::Unbind => {
                self.unbound(None, core, now);
                None
            }
            Err(_) => {
                let reason = StatusReason::new(503, "Too Many Transactions");
                self.wait_and_retry(reason, None, core, now);
                None
            }
        }
    }
}
