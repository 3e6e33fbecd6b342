//! Streams that peers opened to us: how many there may be, and who makes room when there are
//! too many.
//!
//! A peer is a stranger until something has come by its stream that the door let in. Strangers
//! are shown out, oldest first, when somebody else wants to come in; but each has a moment
//! to say its first word.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::transport::FlowId;

/// Streams that one address may have opened to us at a time.
pub(super) const MAX_PER_ADDRESS: usize = 64;
/// How long a stranger may stay though others want to come in.
const GRACE: Duration = Duration::from_secs(5);

/// Every stream that a peer opened.
pub(super) struct Accepted {
    max: usize,
    openers: HashMap<FlowId, IpAddr>,
    by_address: HashMap<IpAddr, usize>,
    strangers: BTreeMap<FlowId, Instant>,
}

/// Whether one more may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is room.
    Yes,
    /// If this one is closed.
    InsteadOf(FlowId),
    /// There is none.
    No,
}

impl Accepted {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            openers: HashMap::new(),
            by_address: HashMap::new(),
            strangers: BTreeMap::new(),
        }
    }

    /// `full`: there are too many streams in all, ours included.
    pub(super) fn room_for(&self, address: IpAddr, full: bool, now: Instant) -> Room {
        let of_address = self.by_address.get(&address).copied().unwrap_or(0);
        if of_address >= MAX_PER_ADDRESS {
            return Room::No;
        }
        if !full && self.openers.len() < self.max {
            return Room::Yes;
        }
        match self.strangers.first_key_value() {
            Some((oldest, since)) if now.saturating_duration_since(*since) >= GRACE => {
                Room::InsteadOf(*oldest)
            }
            Some(_) | None => Room::No,
        }
    }

    pub(super) fn insert(&mut self, id: FlowId, address: IpAddr, now: Instant) {
        self.openers.insert(id, address);
        *self.by_address.entry(address).or_default() += 1;
        self.strangers.insert(id, now);
    }

    /// Something came by this stream that concerned us.
    pub(super) fn note_known(&mut self, id: FlowId) {
        self.strangers.remove(&id);
    }

    pub(super) fn remove(&mut self, id: FlowId) {
        self.strangers.remove(&id);
        let Some(address) = self.openers.remove(&id) else {
            return;
        };
        if let Some(number) = self.by_address.get_mut(&address) {
            *number -= 1;
            if *number == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_stranger_makes_room_after_its_moment() {
        let now = epoch();
        let mut accepted = Accepted::new(2);
        accepted.insert(FlowId(1), ip(1), now);
        accepted.insert(FlowId(2), ip(2), now);
        assert_eq!(accepted.room_for(ip(3), false, now), Room::No);
        let later = now + GRACE;
        let instead = Room::InsteadOf(FlowId(1));
        assert_eq!(accepted.room_for(ip(3), false, later), instead);

        accepted.note_known(FlowId(1));
        let instead = Room::InsteadOf(FlowId(2));
        assert_eq!(accepted.room_for(ip(3), false, later), instead);
        accepted.note_known(FlowId(2));
        assert_eq!(accepted.room_for(ip(3), false, later), Room::No);
        accepted.remove(FlowId(1));
        assert_eq!(accepted.room_for(ip(3), false, later), Room::Yes);
    }

    #[test]
    fn one_address_has_its_share_and_no_more() {
        let now = epoch();
        let mut accepted = Accepted::new(1000);
        for number in (1..).take(MAX_PER_ADDRESS) {
            accepted.insert(FlowId(number), ip(1), now);
        }
        assert_eq!(accepted.room_for(ip(1), false, now + GRACE), Room::No);
        assert_eq!(accepted.room_for(ip(2), false, now), Room::Yes);
        accepted.remove(FlowId(1));
        assert_eq!(accepted.room_for(ip(1), false, now), Room::Yes);
    }

    fn ip(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
