//! Whose packets come from an address, and what becomes of addresses.
//!
//! A leg claims an address by a check from there (RFC 8445 §7.3.1). Nearly always one address is
//! one leg's. But who has a call of his own can forge another's address, before that one comes or
//! after. So a check proves no more than that packets from there may be the leg's, and while
//! several legs are checked from one address, each packet is theirs whose key opens it. Nobody can
//! take another's packets, and nobody can keep them from him.
//!
//! A handshake has no key yet, and a browser takes part in one alone. So of legs that are in their
//! handshake at one address the first has it for itself: others are silent until it is done, and
//! so is one that has its keys from elsewhere.
//! Who was there before the browser, and is in his handshake still, spoils the browser's: only a
//! check of ours would tell them apart, which a lite end does not make (RFC 8445 §2.5).

use std::time::Instant;

use super::egress::Egress;
use super::legs::{LegKey, Legs};
use crate::browser_leg::{BrowserAddr, ConnectionId, DatagramKind, Via};

/// Legs besides the first that may claim an address; who was checked from there the longest time
/// ago makes room.
const MAX_RIVALS: usize = 7;

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
    /// After a check for leg `at`: whether packets from the address may be that leg's.
    pub(super) fn claim(&mut self, at: usize, from: BrowserAddr, now: Instant) -> Standing {
        let leg = self.browsers.get(at).filter(|slot| slot.live);
        if !leg.is_some_and(|slot| slot.core.accepts(from)) {
            return Standing::Named;
        }
        let owner = self.by_address.get(&from).copied();
        match owner {
            Some(owner) if owner == at => {}
            Some(owner) if self.is_checked(owner, from, now) => self.rival(at, from),
            Some(_) | None => {
                self.by_address.insert(from, at);
            }
        }
        Standing::Validated
    }

    fn is_checked(&self, at: usize, from: BrowserAddr, now: Instant) -> bool {
        let leg = self.browsers.get(at).filter(|slot| slot.live);
        leg.is_some_and(|slot| slot.core.is_checked(from, now))
    }

    /// Leg `at` claims an address that is another's, too.
    fn rival(&mut self, at: usize, from: BrowserAddr) {
        let rivals = self.rivals.entry(from).or_default();
        if rivals.contains(&at) {
            return;
        }
        if rivals.len() >= MAX_RIVALS {
            let browsers = &self.browsers;
            let last_check = |at: &usize| browsers.get(*at)?.core.last_check(from);
            let stalest = (0..rivals.len()).min_by_key(|place| last_check(&rivals[*place]));
            if let Some(stalest) = stalest {
                rivals.remove(stalest);
            }
        }
        rivals.push(at);
    }

    /// Whether leg `at` has to be silent at an address while another one is in its handshake
    /// there: one that came before, or any if the keys of leg `at` come from elsewhere.
    pub(super) fn yields(&self, at: usize, address: BrowserAddr, now: Instant) -> bool {
        let handshakes = |at: usize| {
            let leg = self.browsers.get(at).filter(|slot| slot.live);
            leg.is_some_and(|slot| slot.core.is_handshaking())
        };
        let rivals = self.rivals.get(&address).into_iter().flatten();
        let owner = self.by_address.get(&address);
        let mut claimants = owner.into_iter().chain(rivals).copied();
        let busy = |claimant: usize| {
            let slot = self.browsers.get(claimant).filter(|slot| slot.live);
            slot.is_some_and(|slot| slot.core.claims_handshake(now))
                && self.is_checked(claimant, address, now)
        };
        if handshakes(at) {
            return claimants.take_while(|claimant| *claimant != at).any(busy);
        }
        let keyed_here = self
            .browsers
            .get(at)
            .is_some_and(|slot| slot.core.keyed_at() == Some(address));
        !keyed_here && claimants.any(busy)
    }

    /// Takes a packet from an address that several legs claim, if it is one; DTLS is for all of
    /// them to judge who need not be silent, SRTP for the one that opens it, which is asked first
    /// from then on.
    pub(super) fn handle_contested(
        &mut self,
        kind: DatagramKind,
        datagram: &[u8],
        from: BrowserAddr,
        now: Instant,
        egress: &mut impl Egress,
    ) -> Option<Standing> {
        let rivals = self.rivals.get(&from)?;
        let owner = self.by_address.get(&from).copied();
        let claimants = owner.into_iter().chain(rivals.iter().copied());
        let accepts = |at: &usize| {
            let leg = self.browsers.get(*at).filter(|slot| slot.live);
            leg.is_some_and(|slot| slot.core.accepts(from))
        };
        let yields = |at: &usize| kind == DatagramKind::Dtls && self.yields(*at, from, now);
        let claimants: Vec<usize> = claimants.filter(accepts).filter(|at| !yields(at)).collect();
        let mut refused = None;
        for at in &claimants {
            let mut taken = Ok(());
            self.serve(LegKey::Browser(*at), now, egress, |legs, egress| {
                taken = legs.take_from_browser(*at, kind, datagram, from, now, egress);
            });
            match (taken, kind) {
                (Err(why), _) => refused = refused.or(Some((*at, why))),
                (Ok(()), DatagramKind::Rtp | DatagramKind::Rtcp) => {
                    self.prefer(*at, from);
                    return Some(Standing::Validated);
                }
                (Ok(()), DatagramKind::Stun | DatagramKind::Dtls | DatagramKind::Other) => {}
            }
        }
        if let Some((at, why)) = refused
            && let Some(slot) = self.browsers.get_mut(at)
        {
            slot.tally.refused(why);
        }
        Some(Standing::Validated)
    }

    /// Of those who claim an address, `at` has been heard from there.
    pub(super) fn prefer(&mut self, at: usize, from: BrowserAddr) {
        if let Some(rivals) = self.rivals.get_mut(&from)
            && let Some(place) = rivals.iter().position(|rival| *rival == at)
            && let Some(owner) = self.by_address.insert(from, at)
        {
            // The order in which the others came is kept.
            rivals.remove(place);
            rivals.insert(0, owner);
        }
    }

    /// A leg has no use for an address any more. It may be another's by now.
    pub(super) fn forget_address(&mut self, address: BrowserAddr, at: usize) {
        let mut next = None;
        let is_owner = self.by_address.get(&address) == Some(&at);
        if let Some(rivals) = self.rivals.get_mut(&address) {
            rivals.retain(|rival| *rival != at);
            if is_owner && !rivals.is_empty() {
                next = Some(rivals.remove(0));
            }
            if rivals.is_empty() {
                self.rivals.remove(&address);
            }
        }
        match (is_owner, next, address.via) {
            (false, _, _) => {}
            (true, Some(next), _) => {
                self.by_address.insert(address, next);
            }
            (true, None, via) => {
                self.by_address.remove(&address);
                match via {
                    Via::Tcp(connection) => self.unneeded.push(connection),
                    Via::Udp(_) => {}
                }
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
        let rivals = self.rivals.get(&address).cloned().unwrap_or_default();
        let owner = self.by_address.get(&address).copied();
        for at in owner.into_iter().chain(rivals) {
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
