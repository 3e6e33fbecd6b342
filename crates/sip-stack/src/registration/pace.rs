//! When REGISTERs may leave: a queue with a pace for every next hop, so that ten thousand
//! accounts neither flood a registrar that has just come back nor wait for one that is gone.
//!
//! One turn is one registration or removal, from its first REGISTER to its final response;
//! the answer to a challenge belongs to the same turn. Turns of one next hop begin no
//! faster than the pace allows, and so many may be open at a time; those of one
//! address-of-record come one after the other. A queue holds an account at most once: it
//! is bounded by the accounts.
//!
//! It knows nothing of what a REGISTER says, and keeps no bindings.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;

use crate::account::AccountId;
use crate::event::StatusReason;
use crate::target::Target;
use crate::timer::TimerTable;

mod hop;

use hop::Hop;
pub(crate) use hop::{Rank, Trouble};

/// How fast REGISTERs may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceConfig {
    /// Registrations begun each second towards one next hop; 0: without limit.
    pub per_second: u32,
    /// Registrations towards one next hop that wait for their final response.
    pub in_flight: usize,
}

impl Default for PaceConfig {
    fn default() -> Self {
        Self {
            per_second: 50,
            in_flight: 100,
        }
    }
}

impl PaceConfig {
    /// A tenth of a second's turns may begin at once where none have for a while.
    fn burst(&self) -> u32 {
        (self.per_second / 10).max(1)
    }

    /// The time from one beginning to the next in the long run: with the burst, no second
    /// ever sees more than [`per_second`](Self::per_second).
    fn interval(&self) -> Duration {
        match (self.per_second, self.burst()) {
            (0, _) => Duration::ZERO,
            (rate, 1) => Duration::from_secs(1) / rate,
            (rate, burst) => Duration::from_secs(1) / (rate - burst),
        }
    }

    /// How much earlier than at even intervals a turn may begin.
    fn tolerance(&self) -> Duration {
        self.interval() * (self.burst() - 1)
    }
}

/// The next hop of an account's registrations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HopId(u32);

/// All next hops with their queues.
pub(crate) struct Pacer {
    config: PaceConfig,
    by_target: BTreeMap<Target, HopId>,
    hops: BTreeMap<HopId, Hop>,
    /// Addresses-of-record whose turn it is, with the accounts that wait for its end.
    busy: BTreeMap<Arc<str>, VecDeque<Waiter>>,
    /// When a hop may let somebody go.
    gates: TimerTable<HopId>,
    /// Hops that have come back, or gone, and nobody has been told yet.
    news: VecDeque<(HopId, HopNews)>,
    last_hop: u32,
}

/// What has become of a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HopNews {
    /// It answers again.
    Returned(Trouble),
    /// It serves nobody any more.
    Lost,
}

struct Waiter {
    hop: HopId,
    rank: Rank,
    account: AccountId,
}

impl Pacer {
    pub(crate) fn new(config: PaceConfig) -> Self {
        Self {
            config,
            by_target: BTreeMap::new(),
            hops: BTreeMap::new(),
            busy: BTreeMap::new(),
            gates: TimerTable::new(),
            news: VecDeque::new(),
            last_hop: 0,
        }
    }

    /// One more account registers there.
    pub(crate) fn join(&mut self, target: &Target) -> HopId {
        let known = self.by_target.get(target).copied();
        let id = known.unwrap_or_else(|| {
            self.last_hop = self.last_hop.wrapping_add(1);
            let id = HopId(self.last_hop);
            self.by_target.insert(target.clone(), id);
            self.hops.insert(id, Hop::new(target.clone()));
            id
        });
        if let Some(hop) = self.hops.get_mut(&id) {
            hop.accounts += 1;
        }
        id
    }

    /// One account less registers there.
    pub(crate) fn leave(&mut self, id: HopId) {
        let Some(hop) = self.hops.get_mut(&id) else {
            return;
        };
        hop.accounts -= 1;
        if hop.accounts == 0 {
            self.gates.stop(id);
            if let Some(hop) = self.hops.remove(&id) {
                self.by_target.remove(&hop.target);
            }
        }
    }

    /// An account wants its turn. It must not be queued, nor have its turn.
    pub(crate) fn enqueue(
        &mut self,
        id: HopId,
        aor: &Arc<str>,
        rank: Rank,
        account: AccountId,
        now: Instant,
    ) {
        if let Some(hop) = self.hops.get_mut(&id) {
            hop.queue.insert((rank, account), aor.clone());
            self.rearm(id, now);
        }
    }

    /// An account does not want its turn any more.
    pub(crate) fn withdraw(
        &mut self,
        id: HopId,
        aor: &Arc<str>,
        rank: Rank,
        account: AccountId,
        now: Instant,
    ) {
        if let Some(hop) = self.hops.get_mut(&id) {
            hop.queue.remove(&(rank, account));
            self.rearm(id, now);
        }
        if let Some(waiters) = self.busy.get_mut(aor) {
            waiters.retain(|waiter| waiter.account != account);
        }
    }

    /// Somebody asks in person: the next attempt at a hop in trouble comes sooner.
    pub(crate) fn urge(&mut self, id: HopId, now: Instant) {
        let least = self.least_probe_interval();
        if let Some(hop) = self.hops.get_mut(&id) {
            hop.urge(least);
            self.rearm(id, now);
        }
    }

    /// Whose turn it is. Every turn ends with [`Self::finished`].
    pub(crate) fn poll(&mut self, now: Instant, rng: &mut impl Rng) -> Option<AccountId> {
        loop {
            let id = self.gates.pop_expired(now)?;
            let picked = self.pick(id, now, rng);
            self.rearm(id, now);
            if picked.is_some() {
                return picked;
            }
        }
    }

    fn pick(&mut self, id: HopId, now: Instant, rng: &mut impl Rng) -> Option<AccountId> {
        let least = self.least_probe_interval();
        let hop = self.hops.get_mut(&id)?;
        if hop.gate(&self.config, now).is_none_or(|gate| gate > now) {
            return None;
        }
        let ((rank, account), aor) = hop.queue.pop_first()?;
        if let Some(waiters) = self.busy.get_mut(&aor) {
            waiters.push_back(Waiter {
                hop: id,
                rank,
                account,
            });
            return None;
        }
        hop.begun(&self.config, least, now, rng);
        self.busy.insert(aor, VecDeque::new());
        Some(account)
    }

    /// A turn is over.
    pub(crate) fn finished(&mut self, id: HopId, aor: &Arc<str>, now: Instant) {
        if let Some(hop) = self.hops.get_mut(&id) {
            hop.in_flight = hop.in_flight.saturating_sub(1);
        }
        for waiter in self.busy.remove(aor).into_iter().flatten() {
            self.enqueue(waiter.hop, aor, waiter.rank, waiter.account, now);
        }
        self.rearm(id, now);
    }

    /// The hop answers.
    pub(crate) fn answered(&mut self, id: HopId, now: Instant) {
        let trouble = self.hops.get_mut(&id).and_then(Hop::answered);
        if let Some(trouble) = trouble {
            self.news.push_back((id, HopNews::Returned(trouble)));
            self.rearm(id, now);
        }
    }

    /// The hop did not answer this account, or only that it cannot serve anybody.
    pub(crate) fn not_served(
        &mut self,
        id: HopId,
        account: AccountId,
        silent: bool,
        reason: &StatusReason,
        now: Instant,
    ) {
        let Some(hop) = self.hops.get_mut(&id) else {
            return;
        };
        if hop.not_served(account, silent, reason, now) {
            self.news.push_back((id, HopNews::Lost));
        }
        self.rearm(id, now);
    }

    /// What has become of hops.
    pub(crate) fn poll_news(&mut self) -> Option<(HopId, HopNews)> {
        self.news.pop_front()
    }

    /// The hop wants to be left alone (Retry-After).
    pub(crate) fn pause(&mut self, id: HopId, until: Instant, now: Instant) {
        if let Some(hop) = self.hops.get_mut(&id) {
            hop.paused_until = Some(hop.paused_until.map_or(until, |before| before.max(until)));
            self.rearm(id, now);
        }
    }

    /// What is wrong with a hop, as told last.
    pub(crate) fn trouble(&self, id: HopId) -> Option<&StatusReason> {
        let trouble = self.hops.get(&id)?.trouble.as_ref()?;
        Some(&trouble.reason)
    }

    /// Since when nobody has been served by a hop.
    pub(crate) fn trouble_since(&self, id: HopId) -> Option<Instant> {
        let trouble = self.hops.get(&id)?.trouble.as_ref()?;
        Some(trouble.since)
    }

    /// What is wrong with a hop, if others share it: then it may be long until one's own turn.
    pub(crate) fn trouble_of_many(&self, id: HopId) -> Option<&StatusReason> {
        self.trouble(id)
            .filter(|_| self.hops.get(&id).is_some_and(|hop| hop.accounts > 1))
    }

    /// Whether there is no limit to the pace.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.config.per_second == 0
    }

    /// When [`Self::poll`] wants to be called next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.gates.next_timeout()
    }

    /// Running timers, for the ledger.
    pub(crate) fn timers(&self) -> usize {
        self.gates.len()
    }

    /// How often a hop in trouble is asked at most: every 5 s at the usual pace, more often
    /// where the pace is higher.
    fn least_probe_interval(&self) -> Duration {
        const SLOWEST: Duration = Duration::from_secs(5);
        const FASTEST: Duration = Duration::from_millis(500);
        (self.config.interval() * 225).clamp(FASTEST, SLOWEST)
    }

    fn rearm(&mut self, id: HopId, now: Instant) {
        let hop = self.hops.get(&id);
        let gate = hop.and_then(|hop| hop.gate(&self.config, now));
        self.gates.set(id, gate);
    }
}

#[cfg(test)]
mod tests;
