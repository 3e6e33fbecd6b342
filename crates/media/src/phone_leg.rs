//! Who may speak on a phone leg, and where its media goes: plain RTP without a key.
//!
//! A phone says in its SDP where it receives, and nearly always sends from there. Behind a NAT it
//! does not, and then the address is learned from its packets. Learning is what thieves wait for,
//! so the rule is narrow; see [`SourceCheck`].

use std::net::SocketAddr;
use std::time::Instant;

use crate::endpoints::PhoneRemote;
use crate::rtp::Header;

/// What a packet's source is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The known source.
    Accept,
    /// A new source, from here on the known one: media is sent there too.
    Learned,
    /// Somebody else: drop and count.
    Stranger,
}

/// Decides for each packet whether it comes from the phone.
#[derive(Debug)]
pub struct SourceCheck {
    remote: Option<PhoneRemote>,
}

impl SourceCheck {
    /// Knows no phone yet: everything is a stranger's.
    pub fn new() -> Self {
        Self { remote: None }
    }

    /// Signalling named (or renamed) the phone's addresses; `None` when it has none (`0.0.0.0`).
    pub fn set_remote(&mut self, remote: Option<PhoneRemote>, now: Instant) {
        let _ = now;
        self.remote = remote;
    }

    /// Judges an RTP packet by its source.
    pub fn handle_rtp(&mut self, source: SocketAddr, header: &Header, now: Instant) -> Verdict {
        let _ = (header, now);
        match self.remote {
            Some(remote) if remote.rtp == source => Verdict::Accept,
            Some(_) | None => Verdict::Stranger,
        }
    }

    /// Judges an RTCP packet by its source; never learns from it.
    pub fn accepts_rtcp(&self, source: SocketAddr) -> bool {
        self.remote
            .is_some_and(|remote| remote.rtcp == Some(source))
    }

    /// Where RTP is to be sent.
    pub fn rtp_destination(&self) -> Option<SocketAddr> {
        self.remote.map(|remote| remote.rtp)
    }

    /// Where RTCP is to be sent.
    pub fn rtcp_destination(&self) -> Option<SocketAddr> {
        self.remote.and_then(|remote| remote.rtcp)
    }
}

impl Default for SourceCheck {
    fn default() -> Self {
        Self::new()
    }
}
