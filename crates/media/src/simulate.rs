//! A network and a browser for tests, on virtual time: seeded, repeatable, without sockets.

mod browser;
mod dtls_peer;
mod link;

use std::time::Instant;

pub(crate) use browser::{BROWSER_SSRC, CheckKind, SimBrowser, check, rtp_packet};
pub(crate) use dtls_peer::{DtlsPeer, PeerEvent};
pub(crate) use link::{End, Link, Weather};

/// Where virtual time begins.
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time; nothing waits for it"
)]
pub(crate) fn beginning() -> Instant {
    Instant::now()
}
