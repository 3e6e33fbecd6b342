//! SRTP of a phone leg: keys come with descriptions, and change with them (RFC 4568 §7).
//!
//! A key of ours that was used once is kept with its numbers until the leg is closed: one of several
//! phones that were called may bring it back. It is none for long pauses: whose numbers have gone
//! on by more than 32,768 without it would be taken for old, so that the plan finds another key
//! for a phone that comes back to a suite. When
//! the phone changes its key, packets under the old one are still on their way: they are taken for
//! a few more seconds. While nothing is agreed the leg is plain.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::{Inbound, Outbound, Probing, Provider, Refused, SdesKey, SdesKeys};

/// Keys of ours that are kept: one for each suite, and some for a phone that changes its mind
/// again and again. Beyond, it hears nothing more.
const MAX_OWN_KEYS: usize = 32;
/// How long packets under the phone's last key are still taken.
const GRACE: Duration = Duration::from_secs(5);

/// The SRTP session of a phone leg.
pub(crate) struct SdesSession {
    provider: Provider,
    own: Vec<(SdesKey, Outbound)>,
    state: State,
}

enum State {
    Plain,
    Encrypted {
        /// Which of our keys; `None` if it cannot be had, and nothing is sent.
        own: Option<usize>,
        /// The phone's key; `None` if nothing can be made of it, and nothing is opened.
        inbound: Option<Box<Theirs>>,
        before: Option<(Box<Theirs>, Instant)>,
    },
}

/// A key of the phone's.
struct Theirs {
    key: SdesKey,
    inbound: Inbound,
}

impl SdesSession {
    /// A leg that is plain so far.
    pub(crate) fn new(provider: Provider) -> Self {
        Self {
            provider,
            own: Vec::new(),
            state: State::Plain,
        }
    }

    /// The keys that hold from here on, or none. Those that are in use go on.
    pub(crate) fn set_keys(&mut self, keys: Option<SdesKeys>, now: Instant) {
        let Some(keys) = keys else {
            self.state = State::Plain;
            return;
        };
        let own = self.own_key(keys.local);
        let (current, before) = match std::mem::replace(&mut self.state, State::Plain) {
            State::Plain => (None, None),
            State::Encrypted {
                inbound, before, ..
            } => (inbound, before),
        };
        let (inbound, before) = match current {
            Some(current) if current.key == keys.remote => (Some(current), before),
            Some(current) => {
                // One that was given up a moment ago comes back with what it has seen.
                let back = before.filter(|(theirs, _)| theirs.key == keys.remote);
                let inbound = back.map(|(theirs, _)| theirs);
                let inbound = inbound.or_else(|| self.their_key(keys.remote, now));
                (inbound, Some((current, now + GRACE)))
            }
            None => (self.their_key(keys.remote, now), None),
        };
        self.state = State::Encrypted {
            own,
            inbound,
            before,
        };
    }

    /// Which key of ours is in use: none where the leg is plain, `Some(None)` where it cannot be
    /// had.
    pub(crate) fn own_in_use(&self) -> Option<Option<usize>> {
        match &self.state {
            State::Plain => None,
            State::Encrypted { own, .. } => Some(*own),
        }
    }

    fn own_key(&mut self, key: SdesKey) -> Option<usize> {
        let known = self.own.iter().position(|(known, _)| *known == key);
        if known.is_some() || self.own.len() >= MAX_OWN_KEYS {
            return known;
        }
        let outbound = Outbound::new(&self.provider, key.profile(), &key.master()).ok()?;
        self.own.push((key, outbound));
        Some(self.own.len() - 1)
    }

    fn their_key(&self, key: SdesKey, now: Instant) -> Option<Box<Theirs>> {
        let (provider, profile) = (self.provider.clone(), key.profile());
        let inbound = Inbound::new(provider, profile, key.master(), Probing::PHONE, now).ok()?;
        Some(Box::new(Theirs { key, inbound }))
    }

    /// Opens an RTP packet; `None` where the leg is plain.
    pub(crate) fn open_rtp(
        &mut self,
        packet: &[u8],
        now: Instant,
    ) -> Option<Result<BytesMut, Refused>> {
        self.open(now, |theirs| theirs.inbound.open_rtp(packet, now))
    }

    /// Opens an RTCP packet; `None` where the leg is plain.
    pub(crate) fn open_rtcp(
        &mut self,
        packet: &[u8],
        now: Instant,
    ) -> Option<Result<BytesMut, Refused>> {
        self.open(now, |theirs| theirs.inbound.open_rtcp(packet, now))
    }

    fn open(
        &mut self,
        now: Instant,
        open: impl Fn(&mut Theirs) -> Result<BytesMut, Refused>,
    ) -> Option<Result<BytesMut, Refused>> {
        let State::Encrypted {
            inbound, before, ..
        } = &mut self.state
        else {
            return None;
        };
        let opened = match inbound {
            Some(theirs) => open(theirs),
            None => Err(Refused::NotOpen),
        };
        let Err(Refused::Unauthentic | Refused::UnknownSsrc) = &opened else {
            return Some(opened);
        };
        if before.as_ref().is_some_and(|(_, until)| now >= *until) {
            *before = None;
        }
        match before {
            Some((theirs, _)) => Some(open(theirs).or(opened)),
            None => Some(opened),
        }
    }

    /// Encrypts an RTP packet of ours; `None` where the leg is plain.
    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Option<Result<BytesMut, Refused>> {
        self.seal(|outbound| outbound.seal_rtp(packet))
    }

    /// Encrypts an RTCP packet of ours; `None` where the leg is plain.
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Option<Result<BytesMut, Refused>> {
        self.seal(|outbound| outbound.seal_rtcp(packet))
    }

    fn seal(
        &mut self,
        seal: impl FnOnce(&mut Outbound) -> Result<BytesMut, Refused>,
    ) -> Option<Result<BytesMut, Refused>> {
        let State::Encrypted { own, .. } = &self.state else {
            return None;
        };
        let outbound = own.and_then(|at| self.own.get_mut(at));
        Some(match outbound {
            Some((_, outbound)) => seal(outbound),
            None => Err(Refused::NotOpen),
        })
    }
}

impl fmt::Debug for SdesSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encrypted = matches!(self.state, State::Encrypted { .. });
        f.debug_struct("SdesSession")
            .field("encrypted", &encrypted)
            .finish_non_exhaustive()
    }
}
