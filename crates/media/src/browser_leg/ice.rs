//! The lite end of ICE (RFC 8445 §2.5, §7.3): answers connectivity checks, never sends any.
//!
//! A check with our user name and a valid MESSAGE-INTEGRITY validates the address it came
//! from; one with USE-CANDIDATE makes that address the leg's destination, also in the middle
//! of a call (roaming). Consent (RFC 7675) is the other face of the same thing: no check for
//! a while, no leg. No answer is larger than its question. The peer's candidates are never
//! needed. How a check is read and answered is in [`check`].

mod check;

use std::time::{Duration, Instant};

use rtc_crypto::RTCCrypto;

use super::BrowserAddr;
use super::credentials::{Credentials, Ufrag};
use check::Check;

pub(crate) use check::ufrag_of_check;

/// Addresses a leg may have validated at one time: a browser with a few interfaces, twice.
const MAX_ADDRESSES: usize = 8;

/// An address that was not checked for so long has been left: browsers check every 2.5 s
/// (Chromium) or 5 s (RFC 7675 §5.1), and one check or another may be lost.
const LEFT: Duration = Duration::from_secs(12);

/// How long a browser may stay unheard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IceLimits {
    /// Until the first authenticated check.
    pub(crate) first_check: Duration,
    /// Between authenticated checks (RFC 7675 §5.1: 30 s).
    pub(crate) consent: Duration,
}

/// Why a leg's ICE is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IceFailure {
    NeverValidated,
    ConsentExpired,
}

/// A change in the set of addresses a leg accepts packets from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressChange {
    Validated(BrowserAddr),
    Forgotten(BrowserAddr),
}

/// The lite end of one leg.
#[derive(Debug)]
pub(crate) struct Responder {
    credentials: Credentials,
    /// Those before an ICE restart, valid until the new ones are first used.
    previous: Option<Credentials>,
    addresses: Vec<Validated>,
    destination: Option<BrowserAddr>,
    heard: Heard,
    limits: IceLimits,
    changes: Vec<AddressChange>,
}

#[derive(Clone, Copy, Debug)]
struct Validated {
    address: BrowserAddr,
    last_check: Instant,
}

/// When the last authenticated check came.
#[derive(Clone, Copy, Debug)]
enum Heard {
    /// The browser need not know our credentials yet: a call may ring for long before.
    Unexpected,
    /// The browser has known them since.
    NotSince(Instant),
    Last(Instant),
}

impl Responder {
    pub(crate) fn new(credentials: Credentials, limits: IceLimits) -> Self {
        Self {
            credentials,
            previous: None,
            addresses: Vec::new(),
            destination: None,
            heard: Heard::Unexpected,
            limits,
            changes: Vec::new(),
        }
    }

    /// Where to send: the nominated address, or the first validated one until there is one.
    pub(crate) fn destination(&self) -> Option<BrowserAddr> {
        self.destination
    }

    /// Whether packets from `address` are this leg's.
    pub(crate) fn accepts(&self, address: BrowserAddr) -> bool {
        self.addresses.iter().any(|known| known.address == address)
    }

    /// The addresses it accepts.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = BrowserAddr> + '_ {
        self.addresses.iter().map(|known| known.address)
    }

    /// The user name fragments checks may name.
    pub(crate) fn ufrags(&self) -> impl Iterator<Item = Ufrag> + '_ {
        let previous = self.previous.iter().map(|old| old.ufrag);
        std::iter::once(self.credentials.ufrag).chain(previous)
    }

    /// The browser has our description: its first check has a time limit from here on.
    pub(crate) fn expect_checks(&mut self, now: Instant) {
        match self.heard {
            Heard::Unexpected => self.heard = Heard::NotSince(now),
            Heard::NotSince(_) | Heard::Last(_) => {}
        }
    }

    /// Takes new credentials (ICE restart, RFC 8445 §9). Media keeps its address meanwhile.
    pub(crate) fn restart(&mut self, credentials: Credentials) {
        let old = std::mem::replace(&mut self.credentials, credentials);
        self.previous = Some(old);
    }

    /// Answers a connectivity check; `None` when silence is the answer.
    pub(crate) fn handle_check(
        &mut self,
        datagram: &[u8],
        from: BrowserAddr,
        now: Instant,
        crypto: &dyn RTCCrypto,
    ) -> Option<Vec<u8>> {
        let request = check::read(datagram)?;
        let ufrag = ufrag_of_check(datagram)?;
        let pwd = self.pwd_of(ufrag)?.to_owned();
        let answer = match Check::authenticate(request, &pwd, crypto) {
            Err(refusal) => refusal.answer(None, crypto),
            Ok(check) => match check.admit() {
                Err(refusal) => refusal.answer(Some(&pwd), crypto),
                Ok(()) => {
                    self.handle_valid(ufrag, check.nominates(), from, now);
                    check.success(from, &pwd, crypto)
                }
            },
        }?;
        // A forged source address must never get more than was sent in its name.
        (answer.len() <= datagram.len()).then_some(answer)
    }

    fn pwd_of(&self, ufrag: Ufrag) -> Option<&str> {
        std::iter::once(&self.credentials)
            .chain(&self.previous)
            .find(|ours| ours.ufrag == ufrag)
            .map(|ours| ours.pwd.as_str())
    }

    fn handle_valid(&mut self, ufrag: Ufrag, nominates: bool, from: BrowserAddr, now: Instant) {
        if ufrag == self.credentials.ufrag {
            self.previous = None;
        }
        self.heard = Heard::Last(now);
        match self
            .addresses
            .iter_mut()
            .find(|known| known.address == from)
        {
            Some(known) => known.last_check = now,
            None => self.learn(from, now),
        }
        // A browser whose NAT gave it another address does not know that it has moved, and has
        // nothing to nominate.
        let left = |address| !self.is_checked(address, now);
        if nominates || self.destination.is_none_or(left) {
            self.destination = Some(from);
        }
    }

    /// Whether `address` is this leg's and is still checked from.
    pub(crate) fn is_checked(&self, address: BrowserAddr, now: Instant) -> bool {
        let checked = self.last_check(address);
        checked.is_some_and(|last| now < last + LEFT)
    }

    /// When a check last came from `address`.
    pub(crate) fn last_check(&self, address: BrowserAddr) -> Option<Instant> {
        let known = self.addresses.iter().find(|known| known.address == address);
        known.map(|known| known.last_check)
    }

    /// The way to `address` is gone. The browser has until consent ends to find another one.
    pub(crate) fn handle_lost(&mut self, address: BrowserAddr) {
        if let Some(at) = self.addresses.iter().position(|k| k.address == address) {
            self.addresses.swap_remove(at);
            self.changes.push(AddressChange::Forgotten(address));
            self.move_from_forgotten();
        }
    }

    fn learn(&mut self, address: BrowserAddr, now: Instant) {
        if self.addresses.len() >= MAX_ADDRESSES {
            self.forget_oldest();
        }
        self.addresses.push(Validated {
            address,
            last_check: now,
        });
        self.changes.push(AddressChange::Validated(address));
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .addresses
            .iter()
            .enumerate()
            .filter(|(_, known)| Some(known.address) != self.destination)
            .min_by_key(|(_, known)| known.last_check)
            .map(|(at, _)| at);
        if let Some(at) = oldest {
            let gone = self.addresses.swap_remove(at);
            self.changes.push(AddressChange::Forgotten(gone.address));
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.heard {
            Heard::Unexpected => None,
            Heard::NotSince(expected) => Some(expected + self.limits.first_check),
            Heard::Last(heard) => {
                let stalest = self.addresses.iter().map(|known| known.last_check).min();
                Some(stalest.unwrap_or(heard) + self.limits.consent)
            }
        }
    }

    /// Lets addresses without consent go.
    ///
    /// # Errors
    /// When the last of them has gone, or none ever came.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), IceFailure> {
        match self.heard {
            Heard::NotSince(expected) if now >= expected + self.limits.first_check => {
                Err(IceFailure::NeverValidated)
            }
            Heard::Last(heard) if now >= heard + self.limits.consent => {
                Err(IceFailure::ConsentExpired)
            }
            Heard::Unexpected | Heard::NotSince(_) => Ok(()),
            Heard::Last(_) => {
                self.expire(now);
                Ok(())
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        let consent = self.limits.consent;
        let changes = &mut self.changes;
        self.addresses.retain(|known| {
            let fresh = now < known.last_check + consent;
            if !fresh {
                changes.push(AddressChange::Forgotten(known.address));
            }
            fresh
        });
        self.move_from_forgotten();
    }

    fn move_from_forgotten(&mut self) {
        if self
            .destination
            .is_some_and(|address| !self.accepts(address))
        {
            let freshest = self.addresses.iter().max_by_key(|known| known.last_check);
            self.destination = freshest.map(|known| known.address);
        }
    }

    /// The next change in the set of accepted addresses.
    pub(crate) fn poll_change(&mut self) -> Option<AddressChange> {
        (!self.changes.is_empty()).then(|| self.changes.remove(0))
    }
}
