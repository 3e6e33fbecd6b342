//! Where legs send: the worker's sockets, or a test's record of what was sent.

use std::net::SocketAddr;

use crate::browser_leg::BrowserAddr;

/// Which of a phone leg's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Rtp,
    Rtcp,
}

/// Takes datagrams at once or not at all; says which.
pub(crate) trait Egress {
    fn to_browser(&mut self, to: BrowserAddr, datagram: &[u8]) -> bool;
    fn to_phone(&mut self, leg: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool;
}
