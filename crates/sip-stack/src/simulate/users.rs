//! People at the agents: they call, ring, answer, change, press keys and hang up, at times
//! and in combinations that chance decides. Now and then both ends act at the same moment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::tally::Tally;
use crate::account::{AccountId, SessionId};
use crate::command::{Command, Reason};
use crate::event::{Event, RegistrationState, SessionEvent};

pub(super) const ACCOUNT: AccountId = AccountId::new(1);
/// Who has a phone, if only two of them have, bob has two.
pub(super) const NAMES: [&str; 3] = ["alice", "bob", "carol"];
/// Calls that are placed in the course of others: numbers that no other call has.
const FURTHER: u64 = 1 << 32;

/// Commands to come.
pub(super) type Plan = BTreeMap<(Instant, u64), (usize, Command)>;

#[derive(Default)]
pub(super) struct Users {
    pub(super) plan: Plan,
    pub(super) tally: Tally,
    /// Whether each agent's registrar has its binding, as far as it knows.
    pub(super) registered: Vec<bool>,
    /// Whether each agent's user wants to be registered.
    wants: Vec<bool>,
    /// Whether a call ends by itself when the other side is gone.
    pub(super) sessions_expire: bool,
    serial: u64,
    further: u64,
    pub(super) texts: u64,
    pub(super) call_ids: BTreeMap<(usize, SessionId), String>,
    /// When both ends of a call hang up, or change it, at the same moment.
    pub(super) appointments: BTreeMap<(String, bool), Instant>,
    /// Calls to ask somebody, with those that are to be handed over to him.
    pub(super) consulted: BTreeMap<(usize, SessionId), SessionId>,
    /// Calls that a REFER asked for, with those that it came in.
    pub(super) asked_for: BTreeMap<(usize, SessionId), SessionId>,
}

/// Chance and time, as the users see them.
pub(super) struct Moment<'a> {
    pub(super) now: Instant,
    pub(super) rng: &'a mut StdRng,
}

impl Moment<'_> {
    pub(super) fn within(&mut self, from: f64, to: f64) -> Instant {
        let millis = self.rng.random_range(0..=1000_u32);
        let part = f64::from(millis) / 1000.0;
        self.now + Duration::from_secs_f64(from + (to - from) * part)
    }

    pub(super) fn happens(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// A description; now and then one that no datagram should carry.
    pub(super) fn sdp(&mut self) -> Bytes {
        match self.happens(10) {
            true => Bytes::from(format!("v=0\r\ns={}\r\n", "long".repeat(400))),
            false => Bytes::from_static(b"v=0\r\n"),
        }
    }
}

impl Users {
    pub(super) fn new(agents: usize) -> Self {
        Self {
            registered: vec![false; agents],
            wants: vec![false; agents],
            ..Self::default()
        }
    }

    pub(super) fn at(&mut self, at: Instant, agent: usize, command: Command) {
        self.serial += 1;
        self.plan.insert((at, self.serial), (agent, command));
    }

    pub(super) fn next_further(&mut self) -> SessionId {
        self.further += 1;
        SessionId::outgoing(FURTHER + self.further)
    }

    pub(super) fn register(&mut self, agent: usize, at: Instant) {
        self.wants[agent] = true;
        self.at(at, agent, Command::Register { account: ACCOUNT });
    }

    pub(super) fn is_idle(&self) -> bool {
        self.plan.is_empty()
    }

    pub(super) fn everybody_is_where_he_wants_to_be(&self) -> bool {
        self.registered == self.wants && self.is_idle()
    }

    /// Now and then somebody unregisters, or leaves for good, in the midst of it all.
    pub(super) fn plan_quitting(&mut self, moment: &mut Moment<'_>) {
        let agent = moment.rng.random_range(0..self.wants.len());
        let (first, second) = (moment.within(0.0, 60.0), moment.within(60.0, 90.0));
        match moment.rng.random_range(0..10) {
            0 => {
                self.wants[agent] = false;
                self.at(first, agent, Command::RemoveAccount { account: ACCOUNT });
            }
            1 => {
                self.wants[agent] = false;
                self.at(first, agent, Command::Unregister { account: ACCOUNT });
            }
            2 => {
                self.at(first, agent, Command::Unregister { account: ACCOUNT });
                self.register(agent, second);
            }
            3 => self.register(agent, first),
            _ => {}
        }
    }

    /// Somebody calls somebody some time in the next `seconds`. Says who.
    pub(super) fn plan_call(
        &mut self,
        number: u32,
        seconds: f64,
        moment: &mut Moment<'_>,
    ) -> usize {
        let caller = moment.rng.random_range(0..self.registered.len());
        let callee = match moment.happens(4) {
            true => "nobody",
            // Now and then oneself, which is refused as a loop.
            false if moment.happens(10) => NAMES[caller],
            false => other_than(caller, moment),
        };
        let session = SessionId::outgoing(number.into());
        let start = moment.within(0.0, seconds);
        let sdp = moment.sdp();
        let invite = Command::Invite {
            account: ACCOUNT,
            session,
            target: callee.to_owned(),
            sdp: moment.happens(85).then_some(sdp),
            headers: Vec::new(),
        };
        self.at(start, caller, invite);
        self.tally.calls += 1;
        let later = moment.within(0.0, 6.0) - moment.now;
        if moment.happens(30) {
            self.at(start + later, caller, hang_up(session));
        }
        caller
    }

    pub(super) fn react(&mut self, agent: usize, event: Event, moment: &mut Moment<'_>) {
        match event {
            Event::Registration { state, .. } => {
                self.registered[agent] = matches!(state, RegistrationState::Registered { .. });
            }
            Event::Incoming {
                session, call_id, ..
            } => {
                self.call_ids.insert((agent, session), call_id);
                self.ring(agent, session, moment);
            }
            Event::Session { session, event } => {
                self.pass_on_progress(agent, session, &event, moment);
                self.react_in_session(agent, session, event, moment);
            }
            #[allow(
                unreachable_patterns,
                reason = "events that only some user agents tell"
            )]
            _ => {}
        }
    }

    fn ring(&mut self, agent: usize, session: SessionId, moment: &mut Moment<'_>) {
        for code in [180, 183] {
            if moment.happens(60) {
                let at = moment.within(0.0, 0.5);
                let sdp = (code == 183).then(|| moment.sdp());
                self.at(at, agent, Command::Provisional { session, code, sdp });
            }
        }
        let answer = match moment.rng.random_range(0..10) {
            0 => Command::Reject {
                session,
                code: [302, 404, 486, 603][moment.rng.random_range(0..4)],
                reason: None,
            },
            1 => return,
            _ => Command::Accept {
                session,
                sdp: moment.sdp(),
                headers: Vec::new(),
            },
        };
        let at = moment.within(0.0, 8.0);
        self.at(at, agent, answer);
    }

    fn react_in_session(
        &mut self,
        agent: usize,
        session: SessionId,
        event: SessionEvent,
        moment: &mut Moment<'_>,
    ) {
        match event {
            SessionEvent::Sent { call_id } => {
                self.call_ids.insert((agent, session), call_id);
            }
            SessionEvent::Ended { reason, .. } => {
                self.tally.timeouts += u32::from(reason.code == 408);
            }
            SessionEvent::Provisional { sdp: Some(_), .. } if moment.happens(20) => {
                let (at, sdp) = (moment.within(0.0, 1.0), moment.sdp());
                self.at(at, agent, Command::Reinvite { session, sdp });
            }
            SessionEvent::Offered { dialog, .. } => {
                self.answer_offer(agent, session, dialog, moment);
            }
            SessionEvent::Accepted { dialog, .. } => {
                // Heard only if the call was placed without an offer.
                self.answer_offer(agent, session, dialog, moment);
                self.tally.answered += 1;
                self.talk(agent, session, moment);
                self.plan_joining(agent, session, moment);
            }
            SessionEvent::Confirmed { .. } => self.talk(agent, session, moment),
            SessionEvent::Reinvite { .. } => {
                let answer = match moment.happens(80) {
                    true => Ok(moment.sdp()),
                    false => Err(488),
                };
                let at = match moment.happens(70) {
                    true => moment.now,
                    false => moment.within(0.0, 12.0),
                };
                self.at(at, agent, Command::AnswerReinvite { session, answer });
            }
            SessionEvent::Refer(referral) => {
                self.plan_referred(agent, session, referral, moment);
            }
            SessionEvent::ReferProgress(progress) => {
                self.hear_of_referred(agent, session, &progress, moment);
            }
            SessionEvent::Reinvited { .. } => self.tally.changed += 1,
            SessionEvent::Refreshed { .. } => self.tally.refreshed += 1,
            SessionEvent::ReinviteFailed { .. } => self.tally.unchanged += 1,
            _ => {}
        }
    }

    fn answer_offer(
        &mut self,
        agent: usize,
        session: SessionId,
        dialog: u32,
        moment: &mut Moment<'_>,
    ) {
        let answer = match moment.happens(90) {
            true => Ok(moment.sdp()),
            false => Err(488),
        };
        let at = moment.within(0.0, 2.0);
        let answer = Command::AnswerOffer {
            session,
            dialog,
            answer,
        };
        self.at(at, agent, answer);
    }
}

/// One of those who can be called, but not whose agent this is.
pub(super) fn other_than(agent: usize, moment: &mut Moment<'_>) -> &'static str {
    NAMES[(agent + moment.rng.random_range(1..NAMES.len())) % NAMES.len()]
}

pub(super) fn hang_up(session: SessionId) -> Command {
    Command::HangUp {
        session,
        reason: Some(Reason::sip(200, "Bye")),
    }
}
