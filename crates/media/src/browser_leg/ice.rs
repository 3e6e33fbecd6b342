//! The lite end of ICE (RFC 8445 §2.5, §7.3): answers connectivity checks, never sends any.
//!
//! A check with our user name and a valid MESSAGE-INTEGRITY validates the address it came
//! from; one with USE-CANDIDATE makes that address the leg's destination, also in the middle
//! of a call (roaming). Consent (RFC 7675) is the other face of the same thing: no check for
//! a while, no leg. Everything behind MESSAGE-INTEGRITY is cut off before it is looked at,
//! and no answer is larger than its question. The peer's candidates are never needed.

use std::time::{Duration, Instant};

use rtc_crypto::RTCCrypto;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY, ATTR_PRIORITY,
    ATTR_UNKNOWN_ATTRIBUTES, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc_stun::error_code::{
    CODE_BAD_REQUEST, CODE_ROLE_CONFLICT, CODE_UNAUTHORIZED, CODE_UNKNOWN_ATTRIBUTE, ErrorCode,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, MAGIC_COOKIE, Message, Setter,
};
use rtc_stun::xoraddr::XorMappedAddress;

use super::BrowserAddr;
use super::credentials::{Credentials, Ufrag};

/// Addresses a leg may have validated at one time: a browser with a few interfaces, twice.
const MAX_ADDRESSES: usize = 8;

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
        let mut request = Message::new();
        request.unmarshal_binary(datagram).ok()?;
        if request.typ != BINDING_REQUEST || FINGERPRINT.check(&request).is_err() {
            return None;
        }
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
        if nominates || self.destination.is_none() {
            self.destination = Some(from);
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

/// The leg a connectivity check is for: the part of USERNAME before the colon. Looks at
/// nothing else and allocates nothing, so that strangers' packets cost little.
pub(crate) fn ufrag_of_check(datagram: &[u8]) -> Option<Ufrag> {
    let (header, mut rest) = datagram.split_at_checked(20)?;
    if header[..2] != [0, 1] || header[4..8] != MAGIC_COOKIE.to_be_bytes() {
        return None;
    }
    while let &[t0, t1, l0, l1, ref body @ ..] = rest {
        let kind = u16::from_be_bytes([t0, t1]);
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if kind == ATTR_USERNAME.0 {
            let username = body.get(..length)?;
            let colon = username.iter().position(|b| *b == b':')?;
            return Ufrag::parse(&username[..colon]);
        }
        if kind == ATTR_MESSAGE_INTEGRITY.0 {
            return None;
        }
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// A check whose integrity has been verified and whose unsigned tail has been cut off.
struct Check(Message);

/// A check that gets an error response.
struct Refusal {
    request: Message,
    code: ErrorCode,
    unknown: Vec<u16>,
}

impl Check {
    fn authenticate(
        mut request: Message,
        pwd: &str,
        crypto: &dyn RTCCrypto,
    ) -> Result<Self, Refusal> {
        let signature = request
            .attributes
            .0
            .iter()
            .position(|attribute| attribute.typ == ATTR_MESSAGE_INTEGRITY);
        let Some(signature) = signature else {
            return Err(Refusal::new(request, CODE_BAD_REQUEST));
        };
        if MessageIntegrity::check(&mut request, pwd.as_bytes(), crypto).is_err() {
            return Err(Refusal::new(request, CODE_UNAUTHORIZED));
        }
        request.attributes.0.truncate(signature);
        Ok(Self(request))
    }

    /// A lite end is always controlled; attributes it must understand, it must understand.
    fn admit(&self) -> Result<(), Refusal> {
        let known = [ATTR_USERNAME, ATTR_PRIORITY, ATTR_USE_CANDIDATE];
        let unknown: Vec<u16> = self
            .0
            .attributes
            .0
            .iter()
            .filter(|attribute| attribute.typ.required() && !known.contains(&attribute.typ))
            .map(|attribute| attribute.typ.0)
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal {
                request: self.0.clone(),
                code: CODE_UNKNOWN_ATTRIBUTE,
                unknown,
            });
        }
        if self.0.contains(ATTR_ICE_CONTROLLED) && !self.0.contains(ATTR_ICE_CONTROLLING) {
            return Err(Refusal::new(self.0.clone(), CODE_ROLE_CONFLICT));
        }
        Ok(())
    }

    fn nominates(&self) -> bool {
        self.0.contains(ATTR_USE_CANDIDATE)
    }

    fn success(&self, from: BrowserAddr, pwd: &str, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        build(&[
            Box::new(self.0.transaction_id),
            Box::new(BINDING_SUCCESS),
            Box::new(XorMappedAddress {
                // A dual-stack socket shows IPv4 peers in IPv6 form; they know themselves as IPv4.
                ip: from.0.ip().to_canonical(),
                port: from.0.port(),
            }),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                pwd.to_owned(),
                crypto,
            )),
            Box::new(FINGERPRINT),
        ])
    }
}

impl Refusal {
    fn new(request: Message, code: ErrorCode) -> Self {
        Self {
            request,
            code,
            unknown: Vec::new(),
        }
    }

    /// Signed once the asker has proven to know the password.
    fn answer(self, pwd: Option<&str>, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let mut parts: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(self.request.transaction_id),
            Box::new(BINDING_ERROR),
            Box::new(self.code),
        ];
        if !self.unknown.is_empty() {
            parts.push(Box::new(UnknownAttributes(self.unknown)));
        }
        if let Some(pwd) = pwd {
            parts.push(Box::new(
                MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), crypto),
            ));
        }
        parts.push(Box::new(FINGERPRINT));
        build(&parts)
    }
}

struct UnknownAttributes(Vec<u16>);

impl Setter for UnknownAttributes {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        let value: Vec<u8> = self.0.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        message.add(ATTR_UNKNOWN_ATTRIBUTES, &value);
        Ok(())
    }
}

fn build(parts: &[Box<dyn Setter + '_>]) -> Option<Vec<u8>> {
    let mut message = Message::new();
    message.build(parts).ok()?;
    Some(message.raw)
}
