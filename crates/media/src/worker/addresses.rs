//! Whose packets come from an address, and what becomes of addresses.
//!
//! A leg claims an address by a check from there (RFC 8445 §7.3.1). One address is one leg's: a
//! second leg gets it only when the first has stopped checking from it. Otherwise whoever has a
//! call of his own, and forges another's address, would get that one's packets.

use std::time::Instant;

use super::egress::Egress;
use super::legs::{LegKey, Legs};
use crate::browser_leg::{BrowserAddr, ConnectionId, Via};

/// What is known of who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No leg wants it.
    Stranger,
    /// It names a leg, and has proven nothing yet.
    Named,
    /// ICE has validated the address for a leg.
    Validated,
}

impl Legs {
    /// After a check for leg `at`: the address is that leg's if it was validated, and nobody
    /// else's.
    pub(super) fn claim(&mut self, at: usize, from: BrowserAddr, now: Instant) -> Standing {
        let leg = self.browsers.get(at).filter(|slot| slot.live);
        if !leg.is_some_and(|slot| slot.core.accepts(from)) {
            return Standing::Named;
        }
        let owner = self.by_address.get(&from).copied();
        let taken = owner.filter(|owner| *owner != at).is_some_and(|owner| {
            let owner = self.browsers.get(owner).filter(|slot| slot.live);
            owner.is_some_and(|slot| slot.core.is_checked(from, now))
        });
        if taken {
            return Standing::Named;
        }
        if owner != Some(at) {
            self.by_address.insert(from, at);
        }
        Standing::Validated
    }

    /// A leg has no use for an address any more. It may be another's by now.
    pub(super) fn forget_address(&mut self, address: BrowserAddr, at: usize) {
        if self.by_address.get(&address) == Some(&at) {
            self.by_address.remove(&address);
            match address.via {
                Via::Tcp(connection) => self.unneeded.push(connection),
                Via::Udp(_) => {}
            }
        }
    }

    /// A connection has been closed.
    pub(crate) fn handle_lost(
        &mut self,
        address: BrowserAddr,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        if let Some(at) = self.by_address.get(&address).copied() {
            self.serve(LegKey::Browser(at), now, egress, |legs, _| {
                legs.browsers[at].core.handle_lost(address);
            });
        }
    }

    /// The next connection to be closed. Bounded by the legs' addresses.
    pub(crate) fn poll_unneeded(&mut self) -> Option<ConnectionId> {
        self.unneeded.pop()
    }
}
