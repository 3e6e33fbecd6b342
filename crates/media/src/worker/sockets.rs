//! A worker's sockets: the browsers' one, and two for each phone leg.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

use super::batch::{BATCH, Batch};
use super::egress::{Channel, Egress};
use crate::browser_leg::BrowserAddr;
use crate::ports::PhoneSockets;

pub(crate) const WAKER: Token = Token(0);
pub(crate) const BROWSERS: Token = Token(1);
const FIRST_PHONE: usize = 2;

/// Datagrams asked for at a time of a phone's socket, which nearly always has one.
const PHONE_BATCH: usize = 4;
/// So often is a phone's socket asked before the others get their turn.
const PHONE_BATCHES: usize = 16;
/// The same of the one socket that all browsers share.
const BROWSER_BATCHES: usize = 16;

/// The phone leg and channel a token stands for.
pub(crate) fn owner(token: Token) -> Option<(usize, Channel)> {
    let index = token.0.checked_sub(FIRST_PHONE)?;
    let channel = if index % 2 == 0 {
        Channel::Rtp
    } else {
        Channel::Rtcp
    };
    Some((index / 2, channel))
}

fn token(key: usize, channel: Channel) -> Token {
    let odd = match channel {
        Channel::Rtp => 0,
        Channel::Rtcp => 1,
    };
    Token(FIRST_PHONE + 2 * key + odd)
}

/// Sockets that may have more to read. Readiness comes once; it is kept until it is used up.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    tokens: Vec<Token>,
    /// So many of them are from earlier turns. Within a turn, each socket is named once.
    kept: usize,
}

impl Ready {
    pub(crate) fn mark(&mut self, token: Token) {
        if token != WAKER && !self.tokens[..self.kept].contains(&token) {
            self.tokens.push(token);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Keeps the sockets of which `more` says that they have more.
    pub(crate) fn retain(&mut self, mut more: impl FnMut(Token) -> bool) {
        self.kept = 0;
        self.tokens.retain(|token| more(*token));
        self.kept = self.tokens.len();
    }
}

/// The sockets.
pub(crate) struct Sockets {
    registry: Registry,
    browsers: UdpSocket,
    phones: Vec<Option<PhoneSockets>>,
}

impl Sockets {
    pub(crate) fn new(registry: Registry, mut browsers: UdpSocket) -> io::Result<Self> {
        registry.register(&mut browsers, BROWSERS, Interest::READABLE)?;
        Ok(Self {
            registry,
            browsers,
            phones: Vec::new(),
        })
    }

    /// Takes the sockets of phone leg `key`.
    pub(crate) fn adopt(&mut self, key: usize, mut sockets: PhoneSockets) {
        let rtp = token(key, Channel::Rtp);
        let rtcp = token(key, Channel::Rtcp);
        let registered = self
            .registry
            .register(&mut sockets.rtp, rtp, Interest::READABLE)
            .and_then(|()| {
                self.registry
                    .register(&mut sockets.rtcp, rtcp, Interest::READABLE)
            });
        if let Err(error) = registered {
            // The leg lives and can send; its silence will be noticed.
            tracing::error!(%error, "cannot listen on a phone leg's sockets");
        }
        if self.phones.len() <= key {
            self.phones.resize_with(key + 1, || None);
        }
        self.phones[key] = Some(sockets);
    }

    /// Closes the sockets of phone leg `key` and frees its ports.
    pub(crate) fn release(&mut self, key: usize) {
        if let Some(slot) = self.phones.get_mut(key) {
            *slot = None;
        }
    }

    /// Reads browsers' datagrams; says whether there may be more.
    pub(super) fn receive_browsers(
        &mut self,
        batch: &mut Batch,
        mut take: impl FnMut(&[u8], SocketAddr, &mut Self),
    ) -> bool {
        for _ in 0..BROWSER_BATCHES {
            let more = batch.receive(&self.browsers, BATCH);
            for (datagram, from) in batch.datagrams() {
                take(datagram, from, self);
            }
            if !more {
                return false;
            }
        }
        true
    }

    /// Reads a phone leg's datagrams; says whether there may be more.
    pub(super) fn receive_phone(
        &mut self,
        key: usize,
        channel: Channel,
        batch: &mut Batch,
        mut take: impl FnMut(&mut [u8], SocketAddr, &mut Self),
    ) -> bool {
        for _ in 0..PHONE_BATCHES {
            let Some(socket) = self.phone(key, channel) else {
                return false;
            };
            let more = batch.receive(socket, PHONE_BATCH);
            for (datagram, from) in batch.datagrams() {
                take(datagram, from, self);
            }
            if !more {
                return false;
            }
        }
        true
    }

    fn phone(&self, key: usize, channel: Channel) -> Option<&UdpSocket> {
        let sockets = self.phones.get(key)?.as_ref()?;
        Some(match channel {
            Channel::Rtp => &sockets.rtp,
            Channel::Rtcp => &sockets.rtcp,
        })
    }
}

impl Egress for Sockets {
    fn to_browser(&mut self, to: BrowserAddr, datagram: &[u8]) -> bool {
        self.browsers.send_to(datagram, to.0).is_ok()
    }

    fn to_phone(&mut self, leg: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        let Some(sockets) = self.phones.get(leg).and_then(Option::as_ref) else {
            return false;
        };
        let to = match to {
            SocketAddr::V4(to) if sockets.is_ipv6() => {
                SocketAddr::new(to.ip().to_ipv6_mapped().into(), to.port())
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => to,
        };
        let socket = match channel {
            Channel::Rtp => &sockets.rtp,
            Channel::Rtcp => &sockets.rtcp,
        };
        socket.send_to(datagram, to).is_ok()
    }
}
