//! What the media path is given when it starts.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Configuration of the media path, validated by whoever reads it from a file.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Worker threads; at least one is started.
    pub workers: usize,
    /// Where browsers reach us.
    pub browser: BrowserAddress,
    /// Where phones reach us.
    pub phone: PhoneAddress,
    /// Time limits.
    pub limits: Limits,
}

/// The browser side's UDP port: one per worker.
#[derive(Clone, Copy, Debug)]
pub struct BrowserAddress {
    /// Address to bind. Worker *n* takes `port + n`; port 0 lets the system choose each.
    pub bind: SocketAddr,
    /// Address written into candidates, when it is not the bound one (NAT 1:1).
    pub advertised: Option<IpAddr>,
}

/// The phone side's RTP/RTCP port pairs.
#[derive(Clone, Debug)]
pub struct PhoneAddress {
    /// Address to bind.
    pub bind: IpAddr,
    /// Address written into SDP, when it is not the bound one.
    pub advertised: Option<IpAddr>,
    /// Ports to take pairs from: even for RTP, the next for RTCP.
    pub ports: RangeInclusive<u16>,
}

/// Time limits of legs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A browser leg without any authenticated check fails this long after
    /// [`crate::BrowserLeg::expect_checks`].
    pub ice: Duration,
    /// A browser leg without a further authenticated check fails after this (RFC 7675: 30 s).
    pub consent: Duration,
    /// A DTLS handshake, from the first validated check, fails after this.
    pub dtls: Duration,
    /// Silence on a leg that should be receiving, before [`crate::LegEvent::MediaStopped`]. A
    /// phone that was never heard is sent media no longer than that. Zero: never, and for ever.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ice: Duration::from_secs(60),
            consent: Duration::from_secs(30),
            dtls: Duration::from_secs(30),
            silence: Duration::from_secs(60),
        }
    }
}
