//! Register, call, talk, change, hang up - at random, over a bad network, many times.
//!
//! Whatever happens, every session ends exactly once and last, both sides agree that it
//! is over, and nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;

use super::world::{Side, Weather, World};
use crate::account::{AccountId, SessionId};
use crate::command::Command;
use crate::event::{Event, RegistrationState, SessionEvent, StatusReason};
use crate::page_message::MessageId;
use crate::refer::{ReferProgress, ReferTarget};

const SEEDS: u64 = 300;

#[test]
fn calls_end_once_and_leave_nothing_behind_under_20_percent_loss() {
    let weather = Weather {
        loss: 0.2,
        duplication: 0.1,
        latency: Duration::from_millis(300),
    };
    let mut total = Tally::default();
    for seed in 0..SEEDS {
        total += run(seed, weather, 3);
    }
    // Most calls get through even so.
    assert!(total.answered * 2 > total.calls, "{total:?}");
    assert!(total.changed > 0 && total.referred > 0, "{total:?}");
}

#[test]
fn on_a_good_network_nothing_is_lost() {
    let weather = Weather {
        loss: 0.0,
        duplication: 0.0,
        latency: Duration::from_millis(20),
    };
    let mut total = Tally::default();
    for seed in 0..50 {
        total += run(seed, weather, 2);
    }
    assert!(total.timeouts <= total.ignored, "{total:?}");
}

/// What came of the calls.
#[derive(Debug, Default)]
struct Tally {
    calls: u32,
    answered: u32,
    changed: u32,
    /// REFERs whose outcome was told.
    referred: u32,
    timeouts: u32,
    /// Calls nobody cared to answer.
    ignored: u32,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.changed += other.changed;
        self.referred += other.referred;
        self.timeouts += other.timeouts;
        self.ignored += other.ignored;
    }
}

fn run(seed: u64, weather: Weather, calls: u32) -> Tally {
    let mut play = Play {
        world: World::new(seed, weather),
        plan: BTreeMap::new(),
        serial: 0,
        live: [BTreeSet::new(), BTreeSet::new()],
        seen: BTreeSet::new(),
        registered: [false, false],
        tally: Tally {
            calls,
            ..Tally::default()
        },
        seed,
    };
    for side in [Side::Alice, Side::Bob] {
        let account = AccountId::new(1);
        play.world.command(side, Command::Register { account });
    }
    play.until(900, |play| play.registered == [true, true]);
    assert_eq!(play.registered, [true, true], "seed {seed}: not registered");

    for number in 0..calls {
        let start = Duration::from_secs(20 * u64::from(number));
        play.plan_call(number, start);
    }
    play.until(600, |_| false);
    for side in [Side::Alice, Side::Bob] {
        assert!(
            play.live[side as usize].is_empty(),
            "seed {seed}: a session did not end"
        );
        let account = AccountId::new(1);
        play.world.command(side, Command::RemoveAccount { account });
    }
    play.until(200, |_| false);
    for side in [Side::Alice, Side::Bob] {
        let counts = play.world.ua(side).counts();
        assert!(counts.is_zero(), "seed {seed}: {side:?} keeps {counts:?}");
    }
    play.tally
}

struct Play {
    world: World,
    plan: BTreeMap<(Instant, u64), (Side, Command)>,
    serial: u64,
    live: [BTreeSet<SessionId>; 2],
    seen: BTreeSet<(bool, SessionId)>,
    registered: [bool; 2],
    tally: Tally,
    seed: u64,
}

impl Play {
    fn until(&mut self, seconds: u64, done: impl Fn(&Self) -> bool) {
        let end = self.world.now + Duration::from_secs(seconds);
        while !done(self) && self.world.now < end {
            let next = self.plan.first_key_value().map(|((at, _), _)| *at);
            let limit = next.unwrap_or(end).min(end);
            if !self.world.step(limit)
                && let Some(entry) = self.plan.first_entry()
                && entry.key().0 <= self.world.now
            {
                let (side, command) = entry.remove();
                self.world.command(side, command);
            }
            for side in [Side::Alice, Side::Bob] {
                for event in self.world.events(side) {
                    self.react(side, event);
                }
            }
        }
    }

    fn plan_call(&mut self, number: u32, start: Duration) {
        let (caller, callee) = match self.world.rng.random_bool(0.5) {
            true => (Side::Alice, "bob"),
            false => (Side::Bob, "alice"),
        };
        let session = SessionId::outgoing(number.into());
        self.live[caller as usize].insert(session);
        let invite = Command::Invite {
            account: AccountId::new(1),
            session,
            target: callee.to_owned(),
            sdp: Some(Bytes::from("v=0\r\n")),
            headers: Vec::new(),
        };
        self.later(caller, start, start, invite);
        if self.world.rng.random_bool(0.3) {
            let soon = start + Duration::from_secs(6);
            self.later(caller, start, soon, hang_up(session));
        }
    }

    fn react(&mut self, side: Side, event: Event) {
        match event {
            Event::Registration { state, .. } => {
                self.registered[side as usize] =
                    matches!(state, RegistrationState::Registered { .. });
            }
            Event::Incoming { session, .. } => {
                assert!(self.live[side as usize].insert(session));
                self.ring(side, session);
            }
            Event::Session { session, event } => self.react_in_session(side, session, event),
            Event::Message { .. } | Event::MessageResult { .. } => {}
        }
    }

    fn ring(&mut self, side: Side, session: SessionId) {
        let now = Duration::ZERO;
        let ringing = Command::Provisional {
            session,
            code: 180,
            sdp: None,
        };
        self.later(side, now, Duration::from_millis(500), ringing);
        let answer = match self.world.rng.random_range(0..10) {
            0 => Command::Reject {
                session,
                code: 603,
                reason: None,
            },
            1 => {
                self.tally.ignored += 1;
                return;
            }
            _ => Command::Accept {
                session,
                sdp: Bytes::from("v=0\r\n"),
                headers: Vec::new(),
            },
        };
        let limit = Duration::from_secs(8);
        self.later(side, Duration::from_millis(600), limit, answer);
    }

    fn react_in_session(&mut self, side: Side, session: SessionId, event: SessionEvent) {
        let seed = self.seed;
        let live = &mut self.live[side as usize];
        assert!(
            live.contains(&session),
            "seed {seed}: {event:?} of {session} after its end"
        );
        match event {
            SessionEvent::Ended { reason, .. } => {
                live.remove(&session);
                assert!(
                    self.seen.insert((side == Side::Alice, session)),
                    "seed {seed}: {session} ended twice"
                );
                self.tally.timeouts += u32::from(reason.code == 408);
            }
            SessionEvent::Accepted { .. } => {
                self.tally.answered += 1;
                self.talk(side, session);
            }
            SessionEvent::Confirmed { .. } => self.talk(side, session),
            SessionEvent::Reinvite { .. } => {
                let answer = match self.world.rng.random_bool(0.8) {
                    true => Ok(Bytes::from("v=0\r\n")),
                    false => Err(488),
                };
                let answer = Command::AnswerReinvite { session, answer };
                self.later(side, Duration::ZERO, Duration::from_secs(12), answer);
            }
            SessionEvent::Offered { dialog, .. } => {
                let answer = Ok(Bytes::from("v=0\r\n"));
                let answer = Command::AnswerOffer {
                    session,
                    dialog,
                    answer,
                };
                self.later(side, Duration::ZERO, Duration::from_secs(2), answer);
            }
            SessionEvent::Reinvited { .. } => self.tally.changed += 1,
            SessionEvent::Refer(_) => {
                let answer = match self.world.rng.random_bool(0.8) {
                    true => Ok(()),
                    false => Err(603),
                };
                let limit = Duration::from_secs(12);
                let answer = Command::AnswerRefer { session, answer };
                self.later(side, Duration::ZERO, limit, answer);
                for (code, phrase) in [(180, "Ringing"), (200, "OK")] {
                    let status = StatusReason::new(code, phrase);
                    let told = Command::NotifyRefer { session, status };
                    self.later(side, Duration::from_secs(1), limit, told);
                }
            }
            SessionEvent::ReferProgress(ReferProgress::Done(_)) => self.tally.referred += 1,
            SessionEvent::ReferProgress(ReferProgress::Accepted | ReferProgress::Trying(_))
            | SessionEvent::Sent { .. }
            | SessionEvent::Provisional { .. }
            | SessionEvent::Refreshed { .. }
            | SessionEvent::ReinviteFailed { .. }
            | SessionEvent::ReinviteWithdrawn
            | SessionEvent::Info { .. }
            | SessionEvent::InfoResult { .. }
            | SessionEvent::Message { .. }
            | SessionEvent::MessageResult { .. } => {}
        }
    }

    fn talk(&mut self, side: Side, session: SessionId) {
        let now = Duration::ZERO;
        for _ in 0..self.world.rng.random_range(0..3) {
            let sdp = Bytes::from("v=0\r\n");
            let change = Command::Reinvite { session, sdp };
            self.later(side, now, Duration::from_secs(10), change);
        }
        if self.world.rng.random_bool(0.3) {
            let target = ReferTarget::Address("carol".to_owned());
            let refer = Command::Refer { session, target };
            self.later(side, now, Duration::from_secs(10), refer);
        }
        let info = Command::Info {
            session,
            content_type: "application/dtmf-relay".to_owned(),
            body: Bytes::from("Signal=1\r\n"),
        };
        self.later(side, now, Duration::from_secs(10), info);
        for number in 0..3 {
            let message = Command::SessionMessage {
                session,
                message: MessageId::new(number),
                content_type: "text/plain".to_owned(),
                body: Bytes::from("hello"),
            };
            self.later(side, now, Duration::from_secs(10), message);
        }
        let end = hang_up(session);
        self.later(side, now, Duration::from_secs(15), end);
    }

    /// At some time between `from` and `to` from now.
    fn later(&mut self, side: Side, from: Duration, to: Duration, command: Command) {
        let within = self.world.rng.random_range(0.0..=1.0);
        let at = self.world.now + from + (to - from).mul_f64(within);
        self.serial += 1;
        self.plan.insert((at, self.serial), (side, command));
    }
}

fn hang_up(session: SessionId) -> Command {
    Command::HangUp {
        session,
        reason: None,
    }
}
