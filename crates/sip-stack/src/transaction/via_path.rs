//! The way back of a response (RFC 3261 §18.2, RFC 3581 §4).

use std::net::SocketAddr;

use crate::message::{HeaderName, Request, Via};
use crate::transport::{Destination, Source, Transport};

/// Writes `received` and `rport` into the top Via of a request from `source`.
pub(super) fn stamp(request: &mut Request, via: &Via, source: &Source) {
    let mut via = via.clone();
    let ip = source.remote.ip();
    let asked = via.wants_rport();
    if asked {
        via.set_rport(Some(source.remote.port()));
    }
    if asked || via.host.ip() != Some(ip) {
        via.set_received(ip);
    }
    request.headers.replace_first(&HeaderName::Via, via);
}

/// Where the response to a request goes: first this way, then, should the connection be
/// gone, that way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReturnPath {
    pub(super) first: Destination,
    pub(super) fallback: Option<Destination>,
}

impl ReturnPath {
    /// The path for a request whose top Via, as sent, is `via`. `maddr` is not honoured:
    /// it would let a stranger direct our answers at a third party.
    pub(super) fn of(via: &Via, source: &Source) -> Self {
        let sent_by_port = via.port.unwrap_or_else(|| source.transport.default_port());
        let sent_by = SocketAddr::new(source.remote.ip(), sent_by_port);
        match source.transport {
            Transport::Udp => {
                let addr = if via.wants_rport() {
                    source.remote
                } else {
                    sent_by
                };
                Self {
                    first: Destination {
                        addr,
                        ..source.back()
                    },
                    fallback: None,
                }
            }
            Transport::Tcp => Self {
                first: source.back(),
                fallback: Some(Destination::tcp(sent_by)),
            },
            // Whom a certificate would have to name is not known: no new connection.
            Transport::Tls => Self {
                first: source.back(),
                fallback: None,
            },
        }
    }
}
