//! Handing a call to somebody else (RFC 5589): at once, or after a call to ask him first; and
//! doing what the other side asks for, telling it how that goes.

use rand::RngExt;

use super::users::{ACCOUNT, Moment, Users, hang_up, other_than};
use crate::account::SessionId;
use crate::command::Command;
use crate::event::{SessionEvent, StatusReason};
use crate::refer::{ReferProgress, ReferTarget, Referral};

impl Users {
    /// Whether somebody is going to be handed over.
    pub(super) fn plan_transfer(
        &mut self,
        agent: usize,
        session: SessionId,
        moment: &mut Moment<'_>,
    ) -> bool {
        let target = other_than(agent, moment).to_owned();
        let at = moment.within(0.0, 15.0);
        match moment.rng.random_range(0..10) {
            0 | 1 => {
                let target = ReferTarget::Address(target);
                self.at(at, agent, Command::Refer { session, target });
            }
            2 | 3 => {
                let second = self.next_further();
                self.consulted.insert((agent, second), session);
                let invite = Command::Invite {
                    account: ACCOUNT,
                    session: second,
                    target,
                    sdp: Some(moment.sdp()),
                    headers: Vec::new(),
                };
                self.at(at, agent, invite);
            }
            _ => return false,
        }
        true
    }

    /// A call was answered: perhaps it was placed to join its far end with that of another.
    pub(super) fn plan_joining(
        &mut self,
        agent: usize,
        second: SessionId,
        moment: &mut Moment<'_>,
    ) {
        let Some(first) = self.consulted.remove(&(agent, second)) else {
            return;
        };
        let (session, other) = match moment.happens(70) {
            true => (first, second),
            false => (second, first),
        };
        let target = ReferTarget::Session(other);
        let at = moment.within(0.0, 4.0);
        self.at(at, agent, Command::Refer { session, target });
    }

    /// Somebody is asked to call somebody else; mostly he does, now and then he says nothing.
    pub(super) fn plan_referred(
        &mut self,
        agent: usize,
        session: SessionId,
        referral: Referral,
        moment: &mut Moment<'_>,
    ) {
        let at = moment.within(0.0, 3.0);
        let answer = match moment.rng.random_range(0..10) {
            0 => return,
            1 => Err(603),
            _ => Ok(()),
        };
        self.at(at, agent, Command::AnswerRefer { session, answer });
        if answer.is_err() {
            return;
        }
        let new = self.next_further();
        let invite = Command::InviteReferred {
            account: ACCOUNT,
            session: new,
            referral,
            sdp: moment.sdp(),
        };
        self.at(at, agent, invite);
        // Who asked may never hear how it goes.
        if moment.happens(90) {
            self.asked_for.insert((agent, new), session);
        }
        let later = moment.within(0.0, 40.0) - moment.now;
        if moment.happens(10) {
            self.at(at + later, agent, hang_up(new));
        }
    }

    /// Tells who asked for a call how that goes.
    pub(super) fn pass_on_progress(
        &mut self,
        agent: usize,
        new: SessionId,
        event: &SessionEvent,
        moment: &Moment<'_>,
    ) {
        let Some(session) = self.asked_for.get(&(agent, new)).copied() else {
            return;
        };
        let status = match event {
            SessionEvent::Provisional { code, phrase, .. } => StatusReason::new(*code, phrase),
            SessionEvent::Accepted { .. } => StatusReason::new(200, "OK"),
            SessionEvent::Ended { reason, .. } => reason.clone(),
            _ => return,
        };
        if status.code >= 200 {
            self.asked_for.remove(&(agent, new));
        }
        self.at(moment.now, agent, Command::NotifyRefer { session, status });
    }

    /// Who has handed a call over leaves it, mostly.
    pub(super) fn hear_of_referred(
        &mut self,
        agent: usize,
        session: SessionId,
        progress: &ReferProgress,
        moment: &mut Moment<'_>,
    ) {
        let ReferProgress::Done(status) = progress else {
            return;
        };
        self.tally.referred += 1;
        if (200..300).contains(&status.code) && moment.happens(80) {
            let at = moment.within(0.0, 1.0);
            self.at(at, agent, hang_up(session));
        }
    }
}
