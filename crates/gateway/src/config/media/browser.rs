//! `[media.browser]`: where browsers' media comes in.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use super::super::Problem;

/// Addresses that a worker may listen on.
const MAX_ADDRESSES: usize = 16;

/// The browser side of media: on each address one UDP and one TCP port per worker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserMedia {
    /// The addresses to bind, the preferred one first.
    pub address: Addresses,
    /// The addresses browsers are told, one for each that is bound, when they differ.
    pub advertised: Option<Addresses>,
    /// The first worker's UDP port; each further worker takes the next. 0 lets the system choose.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether browsers may come by TCP where UDP does not pass.
    #[serde(default = "yes")]
    pub tcp: bool,
    /// The first worker's TCP port, when it is not the UDP port; each further worker takes the next.
    pub tcp_port: Option<u16>,
}

/// One address, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "an IP address, or a list of them")]
pub enum Addresses {
    /// `"192.0.2.1"`
    One(IpAddr),
    /// `["192.0.2.1", "2001:db8::1"]`
    Several(Vec<IpAddr>),
}

impl Addresses {
    /// All of them, in order.
    pub fn all(&self) -> &[IpAddr] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Several(addresses) => addresses,
        }
    }
}

impl Default for BrowserMedia {
    fn default() -> Self {
        Self {
            address: Addresses::One(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            advertised: None,
            port: port(),
            tcp: true,
            tcp_port: None,
        }
    }
}

impl BrowserMedia {
    /// Each address that is bound, and what browsers are told in its place.
    pub fn hosts(&self) -> impl Iterator<Item = (IpAddr, Option<IpAddr>)> + '_ {
        let told = self.advertised.as_ref().map_or(&[][..], Addresses::all);
        let told = told.iter().copied().map(Some);
        let told = told.chain(std::iter::repeat(None));
        self.address.all().iter().copied().zip(told)
    }

    pub(super) fn check(&self, workers: usize, problems: &mut Vec<Problem>) {
        let bound = self.address.all();
        if bound.is_empty() || bound.len() > MAX_ADDRESSES {
            let text = "must be 1 to 16 addresses";
            problems.push(Problem::new("media.browser.address", text));
        }
        let distinct = |(at, address)| !bound[..at].contains(address);
        if !bound.iter().enumerate().all(distinct) {
            let text = "names an address twice";
            problems.push(Problem::new("media.browser.address", text));
        }
        let told = self.advertised.as_ref().map(Addresses::all);
        if told.is_some_and(|told| told.len() != bound.len()) {
            let text = "must be one for each `address`, in the same order";
            problems.push(Problem::new("media.browser.advertised", text));
        }
        for host in self.hosts() {
            super::check_address("media.browser", host, problems);
        }
        let tcp_port = self.tcp_port.unwrap_or(0);
        for (key, port) in [("port", self.port), ("tcp_port", tcp_port)] {
            let last = usize::from(port) + workers.saturating_sub(1);
            if port != 0 && last > usize::from(u16::MAX) {
                let text = "the workers' ports would pass 65535";
                problems.push(Problem::new(format!("media.browser.{key}"), text));
            }
        }
        if self.tcp_port.is_some() && !self.tcp {
            let text = "has no meaning with `tcp = false`";
            problems.push(Problem::new("media.browser.tcp_port", text));
        }
    }
}

fn port() -> u16 {
    10900
}

fn yes() -> bool {
    true
}
