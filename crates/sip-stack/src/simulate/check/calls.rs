//! Which sessions are ends of one call, and when each was answered and ended: exactly once, with
//! nothing told of it before its beginning or after its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::account::SessionId;
use crate::event::{Event, SessionEvent};

/// How much later one end of an answered call may end than the other: 64*T1, with a margin
/// for the way.
pub(super) const APART: Duration = Duration::from_secs(35);

/// One end of a call: which agent's, and its number there.
pub(super) type End = (usize, SessionId);

#[derive(Default)]
pub(super) struct Calls {
    /// When each session ended.
    ended: BTreeMap<End, Option<Instant>>,
    answered: BTreeMap<End, Instant>,
    call_ids: BTreeMap<End, String>,
    /// Sessions that nobody refreshed in time (RFC 4028).
    expired: Vec<End>,
}

impl Calls {
    pub(super) fn begins(&mut self, end: End) {
        let before = self.ended.insert(end, None);
        assert!(before.is_none(), "{end:?} begins twice");
    }

    pub(super) fn told(&mut self, agent: usize, event: &Event, now: Instant) {
        match event {
            Event::Incoming {
                session, call_id, ..
            } => {
                self.begins((agent, *session));
                self.call_ids.insert((agent, *session), call_id.clone());
            }
            Event::Session { session, event } => self.told_of((agent, *session), event, now),
            _ => {}
        }
    }

    fn told_of(&mut self, end: End, event: &SessionEvent, now: Instant) {
        let Some(ended) = self.ended.get_mut(&end) else {
            panic!("{event:?} of {end:?}, which never began");
        };
        assert!(ended.is_none(), "{event:?} of {end:?} after its end");
        match event {
            SessionEvent::Ended { reason, .. } => {
                *ended = Some(now);
                if reason.phrase == "Session Expired" {
                    self.expired.push(end);
                }
            }
            SessionEvent::Accepted { .. } | SessionEvent::Confirmed { .. } => {
                self.answered.entry(end).or_insert(now);
            }
            SessionEvent::Sent { call_id } => {
                self.call_ids.insert(end, call_id.clone());
            }
            _ => {}
        }
    }

    pub(super) fn all_ended(&self) -> bool {
        self.ended.values().all(Option::is_some)
    }

    pub(super) fn ended(&self, end: End) -> Option<Instant> {
        self.ended.get(&end).copied().flatten()
    }

    pub(super) fn answered(&self, end: End) -> Option<Instant> {
        self.answered.get(&end).copied()
    }

    pub(super) fn call_id(&self, end: End) -> Option<&str> {
        self.call_ids.get(&end).map(String::as_str)
    }

    /// The other ends of the same call; more than one if it forked.
    pub(super) fn others(&self, end: End) -> impl Iterator<Item = End> + '_ {
        let call_id = self.call_id(end);
        let all = self.call_ids.iter().map(|(end, call_id)| (*end, call_id));
        all.filter(move |(other, its)| *other != end && Some(its.as_str()) == call_id)
            .map(|(other, _)| other)
    }

    /// Both ends of an answered call end together. A call that reached somebody twice, by two
    /// proxies, has more than two.
    pub(super) fn end_together(&self) {
        let mut times: BTreeMap<&str, Vec<Instant>> = BTreeMap::new();
        for (end, call_id) in &self.call_ids {
            if let (Some(_), Some(ended)) = (self.answered(*end), self.ended(*end)) {
                times.entry(call_id).or_default().push(ended);
            }
        }
        for (call_id, times) in times {
            let &[one, other] = times.as_slice() else {
                continue;
            };
            let apart = one.max(other) - one.min(other);
            assert!(apart < APART, "the ends of {call_id} ended {apart:?} apart");
        }
    }

    /// Where little is lost, every refresh comes in time.
    pub(super) fn none_expired(&self) {
        assert!(self.expired.is_empty(), "expired: {:?}", self.expired);
    }
}
