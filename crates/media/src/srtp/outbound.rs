//! What we send under one key: each number is used once (RFC 3711 §9.1: a second packet under the
//! same index gives both away).

use std::fmt;

use bytes::BytesMut;
use rtc_srtp::context::Context;

use super::replay::ReplayWindow;
use super::{MasterKey, Provider, Refused, SrtpProfile, refusal};

/// Sources that one leg of ours may have; more are refused.
const MAX_SOURCES: usize = 32;

/// One key of ours and all that was sent under it. Lives as long as the key may be used: to make
/// it again for the same key would begin its numbers again.
pub(crate) struct Outbound {
    context: Context,
    /// The sources that speak, and the numbers they have used.
    sources: Vec<Source>,
}

struct Source {
    ssrc: u32,
    /// While packets of the beginning may still come late, none is sent that would lie on the far
    /// side of zero: rtc-srtp would take it for one long after.
    first: u16,
    beyond_first: bool,
    used: ReplayWindow,
}

impl Outbound {
    pub(crate) fn new(
        provider: &Provider,
        profile: SrtpProfile,
        key: &MasterKey,
    ) -> Result<Self, Refused> {
        let MasterKey { key, salt } = key;
        let protection = profile.protection();
        let context = Context::new(key, salt, protection, None, None, provider.crypto());
        Ok(Self {
            context: context.map_err(|_| Refused::Malformed)?,
            sources: Vec::new(),
        })
    }

    /// Encrypts a packet that begins with a plain twelve-byte header. Anything else is refused, as
    /// is a number that was used before, or may have been.
    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        let &[0x80, marked, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3, ..] = packet else {
            return Err(Refused::Malformed);
        };
        let sequence = u16::from_be_bytes([s0, s1]);
        let ssrc = u32::from_be_bytes([c0, c1, c2, c3]);
        let at = self.place(ssrc, sequence)?;
        if !self.sources[at].may_use(sequence) {
            return Err(Refused::Replayed);
        }
        let header = rtc_rtp::header::Header {
            version: 2,
            marker: marked & 0x80 != 0,
            payload_type: marked & 0x7f,
            sequence_number: sequence,
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc,
            ..Default::default()
        };
        // Used from here on, whatever becomes of it.
        self.sources[at].use_up(sequence);
        self.context
            .encrypt_rtp_with_header(packet, &header)
            .map_err(refusal)
    }

    /// Encrypts a compound RTCP packet of ours. The index counts up by itself.
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        self.context.encrypt_rtcp(packet).map_err(refusal)
    }

    fn place(&mut self, ssrc: u32, first: u16) -> Result<usize, Refused> {
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        match known {
            Some(at) => Ok(at),
            None if self.sources.len() >= MAX_SOURCES => Err(Refused::UnknownSsrc),
            None => {
                self.sources.push(Source::new(ssrc, first));
                Ok(self.sources.len() - 1)
            }
        }
    }
}

impl Source {
    fn new(ssrc: u32, first: u16) -> Self {
        Self {
            ssrc,
            first,
            beyond_first: false,
            used: ReplayWindow::RTP,
        }
    }

    fn may_use(&self, sequence: u16) -> bool {
        let beyond_zero = self.ahead(sequence) < 0 && sequence > self.first;
        (self.beyond_first || !beyond_zero) && self.used.is_new(u32::from(sequence))
    }

    fn use_up(&mut self, sequence: u16) {
        self.used.accept(u32::from(sequence));
        self.beyond_first |= self.ahead(sequence) >= ReplayWindow::LENGTH as i32;
    }

    /// How far ahead of the first number.
    fn ahead(&self, sequence: u16) -> i32 {
        i32::from(sequence.wrapping_sub(self.first) as i16)
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}
