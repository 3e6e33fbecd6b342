//! SRTP and SRTCP of one leg (RFC 3711, RFC 7714): guards around rtc-srtp.
//!
//! rtc-srtp trusts more than a network deserves. Here replay protection is our own and always on,
//! because its own learns from forgeries ([`ReplayWindow`]); state is made only for sources that were announced, or whose first packet proved the key; the header
//! walk is ours, so that no extension can move the payload; what we encrypt has a fresh header
//! of twelve bytes; and unencrypted SRTCP, which rtc-srtp lets pass unauthenticated, is refused.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_shared::error::Error;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::identity::Identity;
use super::replay::ReplayWindow;
use super::srtp_keys::{MasterKey, SrtpKeys, SrtpProfile};
use crate::endpoints::Ssrc;

/// Sources one browser may have.
const MAX_SOURCES: usize = 8;
/// Packets of unknown sources whose key is tried, per [`PROBE_INTERVAL`].
const MAX_PROBES: u32 = 8;
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

const RTP_HEADER: usize = 12;
const SRTCP_INDEX: usize = 4;

/// Why a packet was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    Unauthentic,
    Replayed,
    UnknownSsrc,
    /// From where ICE has validated nothing.
    UnknownAddress,
    /// No keys, or no proof of whose they are.
    NotOpen,
}

/// The SRTP session of a leg.
pub(crate) struct SrtpSession {
    identity: Arc<Identity>,
    keys: SrtpKeys,
    inbound: Context,
    outbound: Context,
    sources: Vec<Source>,
    probes: Probes,
}

/// A source that is let in.
#[derive(Debug)]
struct Source {
    ssrc: Ssrc,
    rtp: ReplayWindow,
    rtcp: ReplayWindow,
}

impl Source {
    fn new(ssrc: Ssrc) -> Self {
        Self {
            ssrc,
            rtp: ReplayWindow::RTP,
            rtcp: ReplayWindow::RTCP,
        }
    }
}

#[derive(Debug)]
struct Probes {
    left: u32,
    refill: Instant,
}

impl SrtpSession {
    pub(crate) fn new(
        identity: Arc<Identity>,
        keys: SrtpKeys,
        announced: &[Ssrc],
        now: Instant,
    ) -> Result<Self, Refused> {
        let inbound = inbound_context(&identity, keys.profile, &keys.remote)?;
        let outbound = Context::new(
            &keys.local.key,
            &keys.local.salt,
            protection(keys.profile),
            None,
            None,
            identity.crypto(),
        )
        .map_err(|_| Refused::Malformed)?;
        let mut session = Self {
            identity,
            keys,
            inbound,
            outbound,
            sources: Vec::new(),
            probes: Probes {
                left: MAX_PROBES,
                refill: now + PROBE_INTERVAL,
            },
        };
        session.announce(announced);
        Ok(session)
    }

    /// Allows these sources without a probe.
    pub(crate) fn announce(&mut self, announced: &[Ssrc]) {
        for ssrc in announced {
            let known = self.sources.iter().any(|source| source.ssrc == *ssrc);
            if self.sources.len() < MAX_SOURCES && !known {
                self.sources.push(Source::new(*ssrc));
            }
        }
    }

    /// Authenticates and decrypts an RTP packet.
    pub(crate) fn open_rtp(&mut self, packet: &[u8], now: Instant) -> Result<BytesMut, Refused> {
        let header = header_for_decryption(packet).ok_or(Refused::Malformed)?;
        let at = self.admit(Ssrc(header.ssrc), now, |context| {
            context.decrypt_rtp_with_header(packet, &header).is_ok()
        })?;
        let sequence = u32::from(header.sequence_number);
        if !self.sources[at].rtp.is_new(sequence) {
            return Err(Refused::Replayed);
        }
        let opened = self.inbound.decrypt_rtp_with_header(packet, &header);
        let opened = opened.map_err(refusal)?;
        self.sources[at].rtp.accept(sequence);
        Ok(opened)
    }

    /// Authenticates and decrypts an RTCP packet.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8], now: Instant) -> Result<BytesMut, Refused> {
        let &[_, _, _, _, s0, s1, s2, s3, ..] = packet else {
            return Err(Refused::Malformed);
        };
        let tag = match self.keys.profile {
            SrtpProfile::Aes128CmSha1_80 => 10,
            SrtpProfile::AeadAes128Gcm => 0,
        };
        let place = packet.len().checked_sub(tag + SRTCP_INDEX);
        let Some(&[i0, i1, i2, i3, ..]) = place.and_then(|at| packet.get(at..)) else {
            return Err(Refused::Malformed);
        };
        if i0 & 0x80 == 0 {
            return Err(Refused::Unauthentic);
        }
        let index = u32::from_be_bytes([i0 & 0x7f, i1, i2, i3]);
        let ssrc = Ssrc(u32::from_be_bytes([s0, s1, s2, s3]));
        let at = self.admit(ssrc, now, |context| context.decrypt_rtcp(packet).is_ok())?;
        if !self.sources[at].rtcp.is_new(index) {
            return Err(Refused::Replayed);
        }
        let opened = self.inbound.decrypt_rtcp(packet).map_err(refusal)?;
        self.sources[at].rtcp.accept(index);
        Ok(opened)
    }

    /// Lets a source in: a known one, or one whose packet opens with the peer's key in a
    /// context made for this one question. Returns its place.
    fn admit(
        &mut self,
        ssrc: Ssrc,
        now: Instant,
        opens: impl FnOnce(&mut Context) -> bool,
    ) -> Result<usize, Refused> {
        if let Some(at) = self.sources.iter().position(|source| source.ssrc == ssrc) {
            return Ok(at);
        }
        if now >= self.probes.refill {
            self.probes = Probes {
                left: MAX_PROBES,
                refill: now + PROBE_INTERVAL,
            };
        }
        if self.sources.len() >= MAX_SOURCES || self.probes.left == 0 {
            return Err(Refused::UnknownSsrc);
        }
        self.probes.left -= 1;
        let mut probe = inbound_context(&self.identity, self.keys.profile, &self.keys.remote)?;
        if !opens(&mut probe) {
            return Err(Refused::Unauthentic);
        }
        self.sources.push(Source::new(ssrc));
        Ok(self.sources.len() - 1)
    }

    /// Encrypts a packet that begins with a plain twelve-byte header; anything else is refused.
    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        let &[0x80, marked, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3, ..] = packet else {
            return Err(Refused::Malformed);
        };
        let header = rtc_rtp::header::Header {
            version: 2,
            marker: marked & 0x80 != 0,
            payload_type: marked & 0x7f,
            sequence_number: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            ..Default::default()
        };
        self.outbound
            .encrypt_rtp_with_header(packet, &header)
            .map_err(refusal)
    }

    /// Encrypts a compound RTCP packet of ours.
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        self.outbound.encrypt_rtcp(packet).map_err(refusal)
    }
}

impl fmt::Debug for SrtpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpSession")
            .field("profile", &self.keys.profile)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

fn protection(profile: SrtpProfile) -> ProtectionProfile {
    match profile {
        SrtpProfile::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        SrtpProfile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
    }
}

fn inbound_context(
    identity: &Identity,
    profile: SrtpProfile,
    key: &MasterKey,
) -> Result<Context, Refused> {
    Context::new(
        &key.key,
        &key.salt,
        protection(profile),
        None,
        None,
        identity.crypto(),
    )
    .map_err(|_| Refused::Malformed)
}

/// The facts rtc-srtp needs of a header, found by our own walk (RFC 3550 §5.1). The length is
/// all it takes from extensions and contributing sources; it is handed over as padding of an
/// extension, which rtc-srtp counts exactly and which takes no memory.
pub(super) fn header_for_decryption(packet: &[u8]) -> Option<rtc_rtp::header::Header> {
    let &[b0, b1, s0, s1, _, _, _, _, c0, c1, c2, c3, ..] = packet else {
        return None;
    };
    if b0 & 0xc0 != 0x80 {
        return None;
    }
    let mut length = RTP_HEADER + 4 * usize::from(b0 & 0x0f);
    if b0 & 0x10 != 0 {
        let words = packet.get(length + 2..length + 4)?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    if length > packet.len() {
        return None;
    }
    Some(rtc_rtp::header::Header {
        version: 2,
        payload_type: b1 & 0x7f,
        sequence_number: u16::from_be_bytes([s0, s1]),
        ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        extension: length > RTP_HEADER,
        extensions_padding: length.saturating_sub(RTP_HEADER + 4),
        ..Default::default()
    })
}

fn refusal(error: Error) -> Refused {
    if matches!(error, Error::ErrTooShortRtp | Error::ErrTooShortRtcp) {
        Refused::Malformed
    } else {
        Refused::Unauthentic
    }
}
