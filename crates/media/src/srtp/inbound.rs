//! What a peer sends under one key: sources that are let in, and what they may not send twice.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_srtp::context::Context;

use super::replay::ReplayWindow;
use super::{MasterKey, Provider, Refused, SrtpProfile, header_for_decryption, refusal};
use crate::endpoints::Ssrc;

const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const SRTCP_INDEX: usize = 4;

/// How freely sources are let in that nobody announced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probing {
    /// Sources one key may have. More are refused until the key changes.
    sources: usize,
    /// Packets of unknown sources whose key is tried in a second.
    probes: u32,
}

impl Probing {
    /// Browsers announce their sources, nearly all of them: another one for each camera that is
    /// switched on.
    pub(crate) const BROWSER: Self = Self {
        sources: 32,
        probes: 8,
    };

    /// Phones announce none, and many take another one whenever the call changes. A flood of
    /// forgeries must leave room for the phone's own first packet.
    pub(crate) const PHONE: Self = Self {
        sources: 64,
        probes: 500,
    };
}

/// One key of the peer's.
pub(crate) struct Inbound {
    provider: Provider,
    profile: SrtpProfile,
    key: MasterKey,
    context: Context,
    sources: Vec<Source>,
    probing: Probing,
    probes_left: u32,
    refill: Instant,
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

impl Inbound {
    pub(crate) fn new(
        provider: Provider,
        profile: SrtpProfile,
        key: MasterKey,
        probing: Probing,
        now: Instant,
    ) -> Result<Self, Refused> {
        Ok(Self {
            context: context(&provider, profile, &key)?,
            provider,
            profile,
            key,
            sources: Vec::new(),
            probing,
            probes_left: probing.probes,
            refill: now + PROBE_INTERVAL,
        })
    }

    /// Allows these sources without a probe.
    pub(crate) fn announce(&mut self, announced: &[Ssrc]) {
        for ssrc in announced {
            let known = self.sources.iter().any(|source| source.ssrc == *ssrc);
            if self.sources.len() < self.probing.sources && !known {
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
        let opened = self.context.decrypt_rtp_with_header(packet, &header);
        let opened = opened.map_err(refusal)?;
        self.sources[at].rtp.accept(sequence);
        Ok(opened)
    }

    /// Authenticates and decrypts an RTCP packet.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8], now: Instant) -> Result<BytesMut, Refused> {
        let &[_, _, _, _, s0, s1, s2, s3, ..] = packet else {
            return Err(Refused::Malformed);
        };
        let trailer = self.profile.rtcp_tag_length() + SRTCP_INDEX;
        let place = packet.len().checked_sub(trailer);
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
        let opened = self.context.decrypt_rtcp(packet).map_err(refusal)?;
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
        if now >= self.refill {
            self.probes_left = self.probing.probes;
            self.refill = now + PROBE_INTERVAL;
        }
        if self.sources.len() >= self.probing.sources || self.probes_left == 0 {
            return Err(Refused::UnknownSsrc);
        }
        self.probes_left -= 1;
        let mut probe = context(&self.provider, self.profile, &self.key)?;
        if !opens(&mut probe) {
            return Err(Refused::Unauthentic);
        }
        self.sources.push(Source::new(ssrc));
        Ok(self.sources.len() - 1)
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("profile", &self.profile)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

fn context(
    provider: &Provider,
    profile: SrtpProfile,
    MasterKey { key, salt }: &MasterKey,
) -> Result<Context, Refused> {
    let protection = profile.protection();
    Context::new(key, salt, protection, None, None, provider.crypto())
        .map_err(|_| Refused::Malformed)
}
