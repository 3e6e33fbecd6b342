//! All legs of one worker and the tables that find them. Sans-IO.
//!
//! A command or a datagram is for one leg; that leg is served to the end: what it wants to
//! send goes out, what it has to tell is told, its deadline is set. A panic on the way is
//! caught and ends that leg alone.

mod commands;
mod ending;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustc_hash::FxHashMap;
use slab::Slab;

use super::Settings;
use super::browser_slot::BrowserSlot;
use super::egress::Egress;
use super::mailbox::{BrowserOpening, LegId, PhoneOpening};
use super::phone_slot::PhoneSlot;
use super::timers::Timers;
use crate::browser_leg::{
    AddressChange, BrowserAddr, BrowserEvent, ConnectionId, DatagramKind, Ufrag, datagram_kind,
};
use crate::event::{LegEvent, LegFailure, Link};

/// Least time between two wake-ups of one leg.
const SHORTEST_NAP: Duration = Duration::from_millis(1);

/// A leg, by its place in the worker's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LegKey {
    Browser(usize),
    Phone(usize),
}

/// The legs.
pub(crate) struct Legs {
    pub(super) settings: Settings,
    pub(super) rng: StdRng,
    pub(super) browsers: Slab<BrowserSlot>,
    pub(super) phones: Slab<PhoneSlot>,
    by_id: FxHashMap<LegId, LegKey>,
    pub(super) by_ufrag: FxHashMap<Ufrag, usize>,
    pub(super) by_address: FxHashMap<BrowserAddr, usize>,
    /// Further legs that are checked from an address: nearly always none.
    pub(super) rivals: FxHashMap<BrowserAddr, Vec<usize>>,
    /// Connections that no leg needs any more.
    pub(super) unneeded: Vec<ConnectionId>,
    pub(super) timers: Timers,
    /// Datagrams at the browsers' port that no leg was to have.
    pub(super) strangers: u64,
}

impl Legs {
    pub(crate) fn new(settings: Settings, seed: [u8; 32]) -> Self {
        Self {
            settings,
            rng: StdRng::from_seed(seed),
            browsers: Slab::new(),
            phones: Slab::new(),
            by_id: FxHashMap::default(),
            by_ufrag: FxHashMap::default(),
            by_address: FxHashMap::default(),
            rivals: FxHashMap::default(),
            unneeded: Vec::new(),
            timers: Timers::default(),
            strangers: 0,
        }
    }

    /// Browser legs, phone legs, timers.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        (self.browsers.len(), self.phones.len(), self.timers.len())
    }

    /// Datagrams at the browsers' port that no leg was to have.
    pub(crate) fn strangers(&self) -> u64 {
        self.strangers
    }

    pub(crate) fn open_browser(&mut self, id: LegId, opening: BrowserOpening, now: Instant) {
        let ufrag = opening.credentials.ufrag;
        let seed = self.rng.random();
        let slot = BrowserSlot::new(id, opening, &self.settings, seed);
        let key = self.browsers.insert(slot);
        self.by_id.insert(id, LegKey::Browser(key));
        self.by_ufrag.insert(ufrag, key);
        self.rearm(LegKey::Browser(key), now);
    }

    /// Returns the number under which the leg's sockets are to be kept.
    pub(crate) fn open_phone(&mut self, id: LegId, opening: PhoneOpening, now: Instant) -> usize {
        let seed = self.rng.random();
        let entry = self.phones.vacant_entry();
        let key = entry.key();
        entry.insert(PhoneSlot::new(id, key, opening, &self.settings, seed));
        self.by_id.insert(id, LegKey::Phone(key));
        self.rearm(LegKey::Phone(key), now);
        key
    }

    /// The legs there are, to be closed.
    pub(crate) fn ids(&self) -> Vec<LegId> {
        let browsers = self.browsers.iter().map(|(_, slot)| slot.id);
        let phones = self.phones.iter().map(|(_, slot)| slot.id);
        browsers.chain(phones).collect()
    }

    /// Serves one leg; whatever panics on the way ends this leg and nothing else.
    pub(super) fn serve<E: Egress>(
        &mut self,
        key: LegKey,
        now: Instant,
        egress: &mut E,
        work: impl FnOnce(&mut Self, &mut E),
    ) {
        let served = catch_unwind(AssertUnwindSafe(|| {
            work(self, egress);
            if let LegKey::Browser(at) = key {
                self.flush_browser(at, now, egress);
            }
            self.rearm(key, now);
        }));
        if served.is_err() {
            self.detach(key, now);
            let told = catch_unwind(AssertUnwindSafe(|| {
                self.tell(key, LegEvent::Failed(LegFailure::Panicked));
            }));
            if told.is_err() {
                tracing::error!("a leg's event callback panicked");
            }
        }
    }

    fn tell(&self, key: LegKey, event: LegEvent) {
        let sink = match key {
            LegKey::Browser(at) => self.browsers.get(at).map(|slot| &slot.on_event),
            LegKey::Phone(at) => self.phones.get(at).map(|slot| &slot.on_event),
        };
        if let Some(sink) = sink {
            sink(event);
        }
    }

    /// Sends what a browser leg has to send and acts upon what has happened to it.
    pub(super) fn flush_browser(&mut self, at: usize, now: Instant, egress: &mut impl Egress) {
        loop {
            let Some(slot) = self.browsers.get_mut(at) else {
                return;
            };
            let Some((to, datagram)) = slot.core.poll_transmit() else {
                break;
            };
            let of_dtls = datagram_kind(&datagram) == DatagramKind::Dtls;
            if of_dtls && self.yields(at, to, now) {
                // Repeated, as if the network had lost it.
                continue;
            }
            // Lost like on any network; ICE and DTLS repeat.
            let _taken = egress.to_browser(to, &datagram);
        }
        while let Some(event) = self.browsers[at].core.poll_event() {
            match event {
                // Taken when the check has been served: it may be another leg's too.
                BrowserEvent::Address(AddressChange::Validated(_)) => {}
                BrowserEvent::Address(AddressChange::Forgotten(address)) => {
                    self.forget_address(address, at);
                }
                BrowserEvent::IceValidated => {
                    self.browsers[at].tally.link = Link::Handshaking;
                    self.tell(LegKey::Browser(at), LegEvent::IceValidated);
                }
                BrowserEvent::Connected => {
                    self.browsers[at].tally.link = Link::Ready;
                    self.update_silence(at, now);
                    self.tell(LegKey::Browser(at), LegEvent::Connected);
                }
                BrowserEvent::Failed(failure) => {
                    self.browsers[at].tally.link = Link::Failed(failure);
                    self.detach(LegKey::Browser(at), now);
                    self.tell(LegKey::Browser(at), LegEvent::Failed(failure));
                }
            }
        }
    }

    /// A phone leg that can be joined to a browser's: one that has failed stays cut off.
    fn live_phone(&self, id: LegId) -> Option<usize> {
        match self.by_id.get(&id).copied()? {
            LegKey::Phone(at) => self.phones.get(at).filter(|slot| slot.live).map(|_| at),
            LegKey::Browser(_) => None,
        }
    }

    fn is_live(&self, key: LegKey) -> bool {
        match key {
            LegKey::Browser(at) => self.browsers.get(at).is_some_and(|slot| slot.live),
            LegKey::Phone(at) => self.phones.get(at).is_some_and(|slot| slot.live),
        }
    }

    /// The next leg whose timer has fired; it is to be served and armed again.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<LegKey> {
        let key = self.timers.pop_expired(now)?;
        let armed = match key {
            LegKey::Browser(at) => self.browsers.get_mut(at).map(|slot| &mut slot.armed),
            LegKey::Phone(at) => self.phones.get_mut(at).map(|slot| &mut slot.armed),
        };
        if let Some(armed) = armed {
            *armed = None;
        }
        Some(key)
    }

    /// Sets the leg's timer to its next deadline; never to one that has passed, so that no leg
    /// can hold up the others.
    pub(super) fn rearm(&mut self, key: LegKey, now: Instant) {
        match key {
            LegKey::Browser(at) => {
                if let Some(slot) = self.browsers.get_mut(at) {
                    let next = slot.poll_timeout().map(|next| next.max(now + SHORTEST_NAP));
                    self.timers.arm(key, &mut slot.armed, next);
                }
            }
            LegKey::Phone(at) => {
                if let Some(slot) = self.phones.get_mut(at) {
                    let next = slot.poll_timeout().map(|next| next.max(now + SHORTEST_NAP));
                    self.timers.arm(key, &mut slot.armed, next);
                }
            }
        }
    }
}
