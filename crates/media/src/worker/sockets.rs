//! A worker's sockets: the browsers' (UDP for all, TCP connections), and two for each phone leg.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::{TcpListener, UdpSocket};
use mio::{Interest, Registry, Token};

use super::addresses::Standing;
use super::batch::{BATCH, Batch};
use super::connections::{Connections, ReadOutcome};
use super::egress::{Channel, Egress};
use super::turns::{ConnectionReads, Served};
use crate::browser_leg::{BrowserAddr, ConnectionId, Via};
use crate::ports::PhoneSockets;

pub(crate) const WAKER: Token = Token(0);
const FIRST_BROWSERS: usize = 1;
const FIRST_LISTENER: usize = FIRST_BROWSERS + MAX_HOSTS;
const FIRST_CONNECTION: usize = 1 << 16;
/// Behind as many connections as a worker may have.
const FIRST_PHONE: usize = 1 << 17;

/// Addresses that a worker may listen on for browsers.
pub(crate) const MAX_HOSTS: usize = 16;

/// Datagrams asked for at a time of a phone's socket, which nearly always has one.
const PHONE_BATCH: usize = 4;
/// So often is a phone's socket asked before the others get their turn.
const PHONE_BATCHES: usize = 16;
/// The same of the one socket that all browsers share.
const BROWSER_BATCHES: usize = 16;
/// The same of one connection, in reads.
const CONNECTION_BATCH: usize = 8;
/// Bytes taken from a connection at once.
const READ: usize = 16 << 10;

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The mailbox.
    Waker,
    /// The browsers' UDP socket with this number.
    Browsers(u8),
    /// Where browsers' connections come in.
    Listener(usize),
    /// A browser's connection.
    Connection(usize),
    /// A phone leg's socket.
    Phone(usize, Channel),
}

pub(crate) fn owner(token: Token) -> Owner {
    match token.0 {
        0 => Owner::Waker,
        at @ FIRST_BROWSERS..FIRST_LISTENER => Owner::Browsers((at - FIRST_BROWSERS) as u8),
        at @ FIRST_LISTENER..FIRST_CONNECTION => Owner::Listener(at - FIRST_LISTENER),
        at @ FIRST_CONNECTION..FIRST_PHONE => Owner::Connection(at - FIRST_CONNECTION),
        at @ FIRST_PHONE.. => {
            let index = at - FIRST_PHONE;
            let channel = if index.is_multiple_of(2) {
                Channel::Rtp
            } else {
                Channel::Rtcp
            };
            Owner::Phone(index / 2, channel)
        }
    }
}

fn token(key: usize, channel: Channel) -> Token {
    let odd = match channel {
        Channel::Rtp => 0,
        Channel::Rtcp => 1,
    };
    Token(FIRST_PHONE + 2 * key + odd)
}

/// The browsers' sockets of a worker, bound.
pub(crate) struct BrowserSockets {
    /// One for each address, at most [`MAX_HOSTS`].
    pub(crate) udp: Vec<UdpSocket>,
    /// None, or one for each address.
    pub(crate) listeners: Vec<TcpListener>,
}

/// The sockets.
pub(crate) struct Sockets {
    registry: Registry,
    /// Each with whether it is an IPv6 one.
    browsers: Vec<(UdpSocket, bool)>,
    connections: Connections,
    phones: Vec<Option<PhoneSockets>>,
    /// What connections bring; none as long as there is none. Taken out while it is served, and
    /// made anew if that panics.
    read_buffer: Vec<u8>,
}

impl Sockets {
    pub(crate) fn new(
        registry: Registry,
        browsers: BrowserSockets,
        now: Instant,
    ) -> io::Result<Self> {
        let BrowserSockets { udp, listeners } = browsers;
        if udp.len() > MAX_HOSTS {
            return Err(io::Error::other("too many addresses towards browsers"));
        }
        let mut browsers = Vec::with_capacity(udp.len());
        for (index, mut socket) in udp.into_iter().enumerate() {
            let token = Token(FIRST_BROWSERS + index);
            registry.register(&mut socket, token, Interest::READABLE)?;
            let ipv6 = socket.local_addr()?.is_ipv6();
            browsers.push((socket, ipv6));
        }
        let mut connections = Connections::new(listeners, now);
        for (index, listener) in connections.listeners().iter_mut().enumerate() {
            registry.register(listener, Token(FIRST_LISTENER + index), Interest::READABLE)?;
        }
        Ok(Self {
            registry,
            browsers,
            connections,
            phones: Vec::new(),
            read_buffer: Vec::new(),
        })
    }

    /// A turn of the worker begins.
    pub(crate) fn begin_turn(&mut self, now: Instant) {
        self.connections.begin_turn(now);
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
        socket: u8,
        batch: &mut Batch,
        mut take: impl FnMut(&[u8], BrowserAddr, &mut Self),
    ) -> Served {
        let via = Via::Udp(socket);
        for _ in 0..BROWSER_BATCHES {
            let Some((socket, ipv6)) = self.browsers.get(usize::from(socket)) else {
                return Served::Empty;
            };
            let more = batch.receive(socket, *ipv6, BATCH);
            for (datagram, address) in batch.datagrams() {
                take(datagram, BrowserAddr { address, via }, self);
            }
            if !more {
                return Served::Empty;
            }
        }
        Served::More
    }

    /// Takes browsers' connections; says whether there may be more.
    pub(crate) fn accept(&mut self, listener: usize, now: Instant) -> Served {
        let token = |slot| Token(FIRST_CONNECTION + slot);
        let more = self
            .connections
            .accept(listener, &self.registry, token, now);
        Served::more(more)
    }

    /// Whether this is a connection that ICE has not validated.
    pub(crate) fn is_unproven(&self, slot: usize) -> bool {
        self.connections.is_unproven(slot)
    }

    /// Whether there are such.
    pub(crate) fn has_unproven(&self) -> bool {
        self.connections.has_unproven()
    }

    /// Writes what waits on a browser's connection and reads its frames, as far as `reads` allows;
    /// says whether there may be more.
    pub(crate) fn receive_connection(
        &mut self,
        slot: usize,
        reads: &mut ConnectionReads,
        mut take: impl FnMut(&[u8], BrowserAddr, &mut Self) -> Standing,
    ) -> Served {
        self.connections.flush(slot);
        let validated = !self.is_unproven(slot);
        let batch = if validated { CONNECTION_BATCH } else { 1 };
        let mut buffer = std::mem::take(&mut self.read_buffer);
        buffer.resize(READ, 0);
        let mut served = Served::NotYet;
        for _ in 0..batch {
            if !reads.take(validated) {
                break;
            }
            let mut more = true;
            match self.connections.read(slot, &mut buffer) {
                ReadOutcome::Bytes {
                    length,
                    mut reading,
                } => {
                    let bytes = &buffer[..length];
                    let wanted = reading.handle_bytes(bytes, |frame, from| take(frame, from, self));
                    more = self.connections.finish(reading, wanted);
                }
                ReadOutcome::Again => {}
                ReadOutcome::Nothing => more = false,
            }
            served = Served::more(more);
            if !more {
                break;
            }
        }
        self.read_buffer = buffer;
        served
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.connections.poll_timeout()
    }

    /// Closes connections that were not validated in time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.connections.handle_timeout(now);
    }

    /// The next connection that is gone, for legs to know.
    pub(crate) fn poll_lost(&mut self) -> Option<BrowserAddr> {
        self.connections.poll_lost()
    }

    /// Closes a connection that no leg needs.
    pub(crate) fn close_connection(&mut self, id: ConnectionId) {
        self.connections.close(id);
    }

    /// Browsers' connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.count()
    }

    /// Reads a phone leg's datagrams; says whether there may be more.
    pub(super) fn receive_phone(
        &mut self,
        key: usize,
        channel: Channel,
        batch: &mut Batch,
        mut take: impl FnMut(&mut [u8], SocketAddr, &mut Self),
    ) -> Served {
        for _ in 0..PHONE_BATCHES {
            let Some((socket, ipv6)) = self.phone(key, channel) else {
                return Served::Empty;
            };
            let more = batch.receive(socket, ipv6, PHONE_BATCH);
            for (datagram, from) in batch.datagrams() {
                take(datagram, from, self);
            }
            if !more {
                return Served::Empty;
            }
        }
        Served::More
    }

    fn phone(&self, key: usize, channel: Channel) -> Option<(&UdpSocket, bool)> {
        let sockets = self.phones.get(key)?.as_ref()?;
        let socket = match channel {
            Channel::Rtp => &sockets.rtp,
            Channel::Rtcp => &sockets.rtcp,
        };
        Some((socket, sockets.is_ipv6()))
    }
}

impl Egress for Sockets {
    fn to_browser(&mut self, to: BrowserAddr, datagram: &[u8]) -> bool {
        match to.via {
            Via::Udp(socket) => self
                .browsers
                .get(usize::from(socket))
                .is_some_and(|(socket, _)| socket.send_to(datagram, to.address).is_ok()),
            Via::Tcp(connection) => self.connections.send(connection, datagram),
        }
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
