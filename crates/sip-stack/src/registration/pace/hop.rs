//! One next hop: who waits for it, how many it is busy with, and whether it is there at all.
//!
//! A hop is in trouble when nobody has been served since two accounts (or its only one)
//! failed. It is then asked by one account after the other, together no more often than
//! each would ask by RFC 5626 §4.5; everybody else keeps quiet until it answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

use super::PaceConfig;
use crate::account::AccountId;
use crate::event::StatusReason;
use crate::target::Target;

/// First and longest wait of one account between attempts (RFC 5626 §4.5).
const BASE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(1800);
/// What one account that asks in person has to wait after the last attempt.
const IN_PERSON: Duration = Duration::from_millis(250);

/// Who comes first: living bindings by their end, then all others as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The refresh of a binding that ends then.
    Refresh(Instant),
    /// Anything else, wanted since then.
    Other(Instant),
}

/// Nobody is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Since then.
    pub(crate) since: Instant,
    /// It did not even answer: what it knew of us may be lost.
    pub(crate) silent: bool,
    pub(crate) reason: StatusReason,
    last_attempt: Instant,
    next_attempt: Instant,
}

pub(super) struct Hop {
    pub(super) target: Target,
    /// Accounts that register here.
    pub(super) accounts: usize,
    pub(super) queue: BTreeMap<(Rank, AccountId), Arc<str>>,
    pub(super) in_flight: usize,
    /// When the next turn would begin at even intervals.
    even_turn: Option<Instant>,
    pub(super) paused_until: Option<Instant>,
    pub(super) trouble: Option<Trouble>,
    /// The one account that failed last, if nobody has been served since.
    failed: Option<(AccountId, Instant, bool)>,
}

impl Hop {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            accounts: 0,
            queue: BTreeMap::new(),
            in_flight: 0,
            even_turn: None,
            paused_until: None,
            trouble: None,
            failed: None,
        }
    }

    /// When the next turn may begin; `None` while there is nobody to go or no room.
    pub(super) fn gate(&self, config: &PaceConfig, now: Instant) -> Option<Instant> {
        if self.queue.is_empty() || self.in_flight >= config.in_flight {
            return None;
        }
        let trouble = self.trouble.as_ref().map(|trouble| trouble.next_attempt);
        let turn = self
            .even_turn
            .and_then(|even| even.checked_sub(config.tolerance()));
        let gates = [turn, self.paused_until, trouble];
        Some(gates.into_iter().flatten().max().unwrap_or(now))
    }

    /// A turn begins.
    pub(super) fn begun(
        &mut self,
        config: &PaceConfig,
        least_probe: Duration,
        now: Instant,
        rng: &mut impl Rng,
    ) {
        self.in_flight += 1;
        let even = self.even_turn.map_or(now, |even| even.max(now));
        self.even_turn = Some(even + config.interval());
        let waiting = self.waiting();
        if let Some(trouble) = &mut self.trouble {
            let each = (now - trouble.since).clamp(BASE, LONGEST);
            let each = each.mul_f64(rng.random_range(0.5..1.0));
            trouble.last_attempt = now;
            trouble.next_attempt = now + (each / waiting).max(least_probe.min(each));
        }
    }

    pub(super) fn urge(&mut self, least_probe: Duration) {
        let soon = (IN_PERSON * self.waiting()).min(least_probe);
        if let Some(trouble) = &mut self.trouble {
            trouble.next_attempt = trouble.next_attempt.min(trouble.last_attempt + soon);
        }
    }

    pub(super) fn answered(&mut self) -> Option<Trouble> {
        self.failed = None;
        self.trouble.take()
    }

    pub(super) fn not_served(
        &mut self,
        account: AccountId,
        silent: bool,
        reason: &StatusReason,
        now: Instant,
    ) -> bool {
        if let Some(trouble) = &mut self.trouble {
            trouble.silent |= silent;
            trouble.reason = reason.clone();
            return false;
        }
        let (before, since, silent) = match self.failed {
            Some((before, since, was_silent)) => (Some(before), since, silent || was_silent),
            None => (None, now, silent),
        };
        self.failed = Some((account, since, silent));
        let by_all = self.accounts == 1 || before.is_some_and(|before| before != account);
        if by_all {
            self.trouble = Some(Trouble {
                since,
                silent,
                reason: reason.clone(),
                last_attempt: now,
                next_attempt: now + BASE / 2 / self.waiting(),
            });
        }
        by_all
    }

    /// Accounts that want something of this hop, at least one: those that wait for their turn,
    /// and those whose turn it is. With the pace lifted all of them can be the latter.
    fn waiting(&self) -> u32 {
        let waiting = self.queue.len() + self.in_flight;
        u32::try_from(waiting).unwrap_or(u32::MAX).max(1)
    }
}
