//! The controlling end of ICE towards a lite peer (RFC 8445 §7.2, RFC 7675).
//!
//! One candidate pair, nominated with the first check, as there is nothing to choose. Until the
//! first answer checks follow each other faster than a long way there and back, and the answer to
//! any of them will do. Then they go on as consent, at the pace of Chromium. A lite peer never
//! checks us; one that is not gets its answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use rtc_crypto::RTCCrypto;
use rtc_shared::error::Result;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;

use super::Remote;

/// Until the first answer, doubling.
const FIRST_GAP: Duration = Duration::from_millis(50);
const LONGEST_GAP: Duration = Duration::from_millis(1600);
/// Between checks once the pair works: Chromium's interval for a stable one.
const CONSENT_GAP: Duration = Duration::from_millis(2500);
/// Without an answer for this long the pair is dead (RFC 7675 §5.1).
const CONSENT_LIMIT: Duration = Duration::from_secs(30);
/// Checks whose answers may still come: of some seconds.
const OUTSTANDING: usize = 8;
/// Of a peer-reflexive candidate on our only interface (RFC 8445 §5.1.2).
const PRIORITY: u32 = 1_853_824_767;

/// ICE credentials of one end (RFC 8445 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User name fragment.
    pub ufrag: String,
    /// Password.
    pub pwd: String,
}

impl Credentials {
    /// Fresh ones, of a browser's length.
    pub fn random(rng: &mut StdRng) -> Self {
        let mut text = |length: usize| -> String {
            const LETTERS: &[u8] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let letter = |_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
            (0..length).map(letter).collect()
        };
        Self {
            ufrag: text(4),
            pwd: text(24),
        }
    }
}

/// The checks of one pair.
#[derive(Debug)]
pub(super) struct Checks {
    peer: SocketAddr,
    local_pwd: String,
    username: String,
    remote_pwd: String,
    tie_breaker: u64,
    rng: StdRng,
    /// The latest is the last.
    outstanding: VecDeque<TransactionId>,
    gap: Duration,
    next: Instant,
    answered: Option<Instant>,
    started: Instant,
}

impl Checks {
    /// The first check is due at once.
    pub(super) fn new(
        local: &Credentials,
        Remote {
            address,
            credentials: remote,
            ..
        }: &Remote,
        mut rng: StdRng,
        now: Instant,
    ) -> Self {
        Self {
            peer: *address,
            local_pwd: local.pwd.clone(),
            username: format!("{}:{}", remote.ufrag, local.ufrag),
            remote_pwd: remote.pwd.clone(),
            tie_breaker: rng.next_u64(),
            rng,
            outstanding: VecDeque::with_capacity(OUTSTANDING),
            gap: FIRST_GAP,
            next: now,
            answered: None,
            started: now,
        }
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.next
    }

    /// Whether the peer has been silent for too long.
    pub(super) fn is_dead(&self, now: Instant) -> bool {
        now >= self.answered.unwrap_or(self.started) + CONSENT_LIMIT
    }

    /// The next check, if it is time for it.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        crypto: &dyn RTCCrypto,
    ) -> Option<Vec<u8>> {
        if now < self.next {
            return None;
        }
        self.next = now + self.gap;
        if self.answered.is_none() {
            self.gap = (self.gap * 2).min(LONGEST_GAP);
        }
        let mut transaction = TransactionId::default();
        self.rng.fill_bytes(&mut transaction.0);
        if self.outstanding.len() == OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back(transaction);
        self.check(transaction, crypto).ok()
    }

    fn check(&self, transaction: TransactionId, crypto: &dyn RTCCrypto) -> Result<Vec<u8>> {
        let mut message = Message::new();
        message.build(&[
            Box::new(transaction),
            Box::new(BINDING_REQUEST),
            Box::new(TextAttribute::new(ATTR_USERNAME, self.username.clone())),
            Box::new(Raw(ATTR_ICE_CONTROLLING, &self.tie_breaker.to_be_bytes())),
            Box::new(Raw(ATTR_USE_CANDIDATE, &[])),
            Box::new(Raw(ATTR_PRIORITY, &PRIORITY.to_be_bytes())),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                self.remote_pwd.clone(),
                crypto,
            )),
            Box::new(FINGERPRINT),
        ])?;
        Ok(message.raw)
    }

    /// Takes a STUN datagram.
    pub(super) fn handle_datagram(
        &mut self,
        datagram: &[u8],
        now: Instant,
        crypto: &dyn RTCCrypto,
    ) -> Heard {
        let mut message = Message::new();
        let readable = message.unmarshal_binary(datagram).is_ok();
        if readable && message.typ == BINDING_REQUEST {
            let answer = self.answer(&mut message, crypto);
            return answer.map_or(Heard::Nothing, Heard::Check);
        }
        let good = readable
            && message.typ == BINDING_SUCCESS
            && self.outstanding.contains(&message.transaction_id)
            && FINGERPRINT.check(&message).is_ok()
            && MessageIntegrity::check(&mut message, self.remote_pwd.as_bytes(), crypto).is_ok();
        if !good {
            return Heard::Nothing;
        }
        self.gap = CONSENT_GAP;
        self.next = now + CONSENT_GAP;
        match self.answered.replace(now) {
            None => Heard::FirstAnswer,
            Some(_) => Heard::Nothing,
        }
    }

    /// What a peer's own check is answered with (RFC 8445 §7.3).
    fn answer(&self, check: &mut Message, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        MessageIntegrity::check(check, self.local_pwd.as_bytes(), crypto).ok()?;
        let mut message = Message::new();
        message
            .build(&[
                Box::new(check.transaction_id),
                Box::new(BINDING_SUCCESS),
                Box::new(XorMappedAddress {
                    ip: self.peer.ip(),
                    port: self.peer.port(),
                }),
                Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                    self.local_pwd.clone(),
                    crypto,
                )),
                Box::new(FINGERPRINT),
            ])
            .ok()?;
        Some(message.raw)
    }
}

/// What a STUN datagram was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    /// The first good answer: the pair works.
    FirstAnswer,
    /// The peer checks us, and is to be answered with this.
    Check(Vec<u8>),
}

struct Raw<'a>(AttrType, &'a [u8]);

impl Setter for Raw<'_> {
    fn add_to(&self, message: &mut Message) -> Result<()> {
        message.add(self.0, self.1);
        Ok(())
    }
}
