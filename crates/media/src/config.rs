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

/// The browser side: for each worker one UDP port and, unless it is off, one TCP port, the same on
/// every address.
#[derive(Clone, Debug)]
pub struct BrowserAddress {
    /// Addresses to bind, the one browsers shall prefer first; not empty.
    pub hosts: Vec<BrowserHost>,
    /// UDP port. Worker *n* takes `port + n`; port 0 lets the system choose each.
    pub port: u16,
    /// Where connections come in (ICE-TCP).
    pub tcp: TcpPort,
}

/// An address of this machine that browsers reach.
#[derive(Clone, Copy, Debug)]
pub struct BrowserHost {
    /// Address to bind.
    pub bind: IpAddr,
    /// Address written into candidates, when it is not the bound one (NAT 1:1).
    pub advertised: Option<IpAddr>,
}

/// Where the browser side listens for TCP connections (RFC 6544).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpPort {
    /// Nowhere: no TCP candidates.
    Off,
    /// At the number of the UDP port.
    SameAsUdp,
    /// Worker *n* takes this port + *n*; 0 lets the system choose each.
    From(u16),
}

impl BrowserAddress {
    /// One address, UDP alone.
    #[must_use]
    pub fn udp(bind: SocketAddr) -> Self {
        Self {
            hosts: vec![BrowserHost {
                bind: bind.ip(),
                advertised: None,
            }],
            port: bind.port(),
            tcp: TcpPort::Off,
        }
    }
}

/// The phone side's RTP/RTCP port pairs.
#[derive(Clone, Debug)]
pub struct PhoneAddress {
    /// Address to bind.
    pub bind: IpAddr,
    /// Addresses written into SDP, when they are not the bound one: one, or one of each family
    /// where sockets hear both (`[::]`), the preferred one first.
    pub advertised: Vec<IpAddr>,
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
