//! SRTP and SRTCP of a leg (RFC 3711, RFC 7714): guards around rtc-srtp, the same for browsers and
//! phones.
//!
//! rtc-srtp trusts more than a network deserves. Here replay protection is our own and always on,
//! because its own learns from forgeries ([`replay`]); state is made only for sources that were
//! announced, or whose first packet proved the key; the header walk is ours, so that no extension
//! can move the payload; what we encrypt has a fresh header of twelve bytes and a number that was
//! not used before; and unencrypted SRTCP, which rtc-srtp lets pass unauthenticated, is refused.
//!
//! Who may speak from where, and where keys come from, is the leg's business.

mod header;
mod inbound;
mod keys;
mod outbound;
mod replay;
mod sdes;
mod sdes_session;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider;
use rtc_shared::error::Error;

pub(crate) use header::header_for_decryption;
pub(crate) use inbound::{Inbound, Probing};
pub(crate) use keys::{MasterKey, SrtpKeys, SrtpProfile};
pub(crate) use outbound::Outbound;
pub use sdes::{SdesKey, SdesKeys, SrtpLocal, SrtpPolicy};
pub(crate) use sdes_session::SdesSession;

use crate::endpoints::Ssrc;

/// What ciphers are made with.
pub(crate) type Provider = Arc<dyn RTCCryptoProvider>;

/// Why a packet was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    Unauthentic,
    /// Seen before; or a number of ours that was used before.
    Replayed,
    UnknownSsrc,
    /// From where ICE has validated nothing.
    UnknownAddress,
    /// No keys, or no proof of whose they are.
    NotOpen,
}

/// The SRTP session of a leg whose keys never change.
pub(crate) struct SrtpSession {
    profile: SrtpProfile,
    inbound: Inbound,
    outbound: Outbound,
}

impl SrtpSession {
    pub(crate) fn new(
        provider: &Provider,
        keys: SrtpKeys,
        announced: &[Ssrc],
        now: Instant,
    ) -> Result<Self, Refused> {
        let profile = keys.profile;
        let outbound = Outbound::new(provider, profile, &keys.local)?;
        let mut inbound = Inbound::new(
            provider.clone(),
            profile,
            keys.remote,
            Probing::BROWSER,
            now,
        )?;
        inbound.announce(announced);
        Ok(Self {
            profile,
            inbound,
            outbound,
        })
    }

    /// Allows these sources without a probe.
    pub(crate) fn announce(&mut self, announced: &[Ssrc]) {
        self.inbound.announce(announced);
    }

    /// Authenticates and decrypts an RTP packet.
    pub(crate) fn open_rtp(&mut self, packet: &[u8], now: Instant) -> Result<BytesMut, Refused> {
        self.inbound.open_rtp(packet, now)
    }

    /// Authenticates and decrypts an RTCP packet.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8], now: Instant) -> Result<BytesMut, Refused> {
        self.inbound.open_rtcp(packet, now)
    }

    /// Encrypts a packet that begins with a plain twelve-byte header; anything else is refused.
    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        self.outbound.seal_rtp(packet)
    }

    /// Encrypts a compound RTCP packet of ours.
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        self.outbound.seal_rtcp(packet)
    }
}

impl fmt::Debug for SrtpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpSession")
            .field("profile", &self.profile)
            .field("inbound", &self.inbound)
            .finish_non_exhaustive()
    }
}

fn refusal(error: Error) -> Refused {
    if matches!(error, Error::ErrTooShortRtp | Error::ErrTooShortRtcp) {
        Refused::Malformed
    } else {
        Refused::Unauthentic
    }
}
