//! Browsers' TCP connections: our end of ICE-TCP, passive (RFC 6544, framing by RFC 4571).
//!
//! For browsers whose network lets no UDP out. A connection begins with a check that names a
//! leg, and has a few seconds to be validated by one; until then it can only take the place of
//! others like it. A validated one lives as long as its leg has a use for it. A reader that is
//! slow loses its own frames and nobody else's.

mod reading;

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use slab::Slab;
use socket2::SockRef;

pub(super) use self::reading::ReadOutcome;
use super::framing::{Deframer, Queued, Waiting};
use crate::browser_leg::{BrowserAddr, ConnectionId, Via};

/// How long a connection may take to be validated by a check.
const VALIDATION: Duration = Duration::from_secs(5);
/// Connections that have not been validated; the oldest makes room.
const MAX_UNPROVEN: usize = 256;
/// Connections in all; further ones are closed at once.
const MAX_CONNECTIONS: usize = 4096;
/// What the system may keep for a reader. More is only older.
const SEND_BUFFER: usize = 64 << 10;
/// Connections taken before others get their turn.
const ACCEPT_BATCH: usize = 64;

/// The connections of a worker, and where they come in.
pub(super) struct Connections {
    listeners: Vec<TcpListener>,
    open: Slab<Connection>,
    next_serial: u32,
    /// In the order of their deadlines; validated and closed ones are passed over.
    unproven: VecDeque<(Instant, ConnectionId)>,
    /// Closed by the other end, or by us while we wrote: legs are still to be told.
    lost: VecDeque<BrowserAddr>,
    /// When the worker's turn began.
    now: Instant,
}

struct Connection {
    stream: TcpStream,
    serial: u32,
    peer: SocketAddr,
    validated: bool,
    deframer: Deframer,
    waiting: Waiting,
}

impl Connections {
    pub(super) fn new(listeners: Vec<TcpListener>, now: Instant) -> Self {
        Self {
            listeners,
            open: Slab::new(),
            next_serial: 0,
            unproven: VecDeque::new(),
            lost: VecDeque::new(),
            now,
        }
    }

    /// A turn of the worker begins.
    pub(super) fn begin_turn(&mut self, now: Instant) {
        self.now = now;
    }

    pub(super) fn listeners(&mut self) -> &mut [TcpListener] {
        &mut self.listeners
    }

    /// Takes new connections; says whether there may be more.
    pub(super) fn accept(
        &mut self,
        listener: usize,
        registry: &Registry,
        token: impl Fn(usize) -> Token,
        now: Instant,
    ) -> bool {
        for _ in 0..ACCEPT_BATCH {
            let Some(listener) = self.listeners.get(listener) else {
                return false;
            };
            match listener.accept() {
                Ok((stream, peer)) => self.open(stream, peer, registry, &token, now),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn open(
        &mut self,
        mut stream: TcpStream,
        peer: SocketAddr,
        registry: &Registry,
        token: impl Fn(usize) -> Token,
        now: Instant,
    ) {
        self.make_room();
        if self.open.len() >= MAX_CONNECTIONS {
            return;
        }
        // Without these it works too, only not as well.
        let _set = stream.set_nodelay(true);
        let _set = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        let entry = self.open.vacant_entry();
        let slot = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let Ok(place) = u32::try_from(slot) else {
            return;
        };
        if registry
            .register(&mut stream, token(slot), interest)
            .is_err()
        {
            return;
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        entry.insert(Connection {
            stream,
            serial,
            peer,
            validated: false,
            deframer: Deframer::default(),
            waiting: Waiting::default(),
        });
        let id = ConnectionId {
            slot: place,
            serial,
        };
        self.unproven.push_back((now + VALIDATION, id));
    }

    /// The oldest connection without a leg makes room for a new one.
    fn make_room(&mut self) {
        if self.unproven.len() < MAX_UNPROVEN && self.open.len() < MAX_CONNECTIONS {
            return;
        }
        let mut unproven = std::mem::take(&mut self.unproven);
        unproven.retain(|(_, id)| self.find(*id).is_some_and(|open| !open.validated));
        if (unproven.len() >= MAX_UNPROVEN || self.open.len() >= MAX_CONNECTIONS)
            && let Some((_, oldest)) = unproven.pop_front()
        {
            self.close(oldest);
        }
        self.unproven = unproven;
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.unproven.front().map(|(deadline, _)| *deadline)
    }

    /// Closes connections that have not been validated in time.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some((deadline, id)) = self.unproven.front().copied() {
            let unproven = self.find(id).is_some_and(|open| !open.validated);
            if unproven && deadline > now {
                return;
            }
            self.unproven.pop_front();
            if unproven {
                self.close(id);
            }
        }
    }

    /// Whether this is a connection that has not been validated.
    pub(super) fn is_unproven(&self, slot: usize) -> bool {
        let connection = self.open.get(slot);
        connection.is_some_and(|connection| !connection.validated)
    }

    /// Whether there may be such. Those that were validated lately may be among them.
    pub(super) fn has_unproven(&self) -> bool {
        !self.unproven.is_empty()
    }

    fn find(&self, id: ConnectionId) -> Option<&Connection> {
        let connection = self.open.get(id.slot as usize);
        connection.filter(|connection| connection.serial == id.serial)
    }

    /// Writes a frame, or as much of it as can be; the rest waits.
    pub(super) fn send(&mut self, id: ConnectionId, frame: &[u8]) -> bool {
        let slot = id.slot as usize;
        let found = self.open.get_mut(slot);
        let Some(connection) = found.filter(|connection| connection.serial == id.serial) else {
            return false;
        };
        let Ok(length) = u16::try_from(frame.len()) else {
            return false;
        };
        let prefix = length.to_be_bytes();
        let whole = prefix.len() + frame.len();
        let written = if connection.waiting.is_empty() {
            let parts = [IoSlice::new(&prefix), IoSlice::new(frame)];
            match connection.stream.write_vectored(&parts) {
                Ok(written) => written,
                Err(error) if would_block(&error) => 0,
                Err(_) => {
                    let address = connection.address(slot);
                    self.lose(address);
                    return false;
                }
            }
        } else {
            0
        };
        if written == whole {
            return true;
        }
        match connection.waiting.queue(prefix, frame, written, self.now) {
            Queued::Waits => true,
            Queued::Dropped => false,
            Queued::GivenUp => {
                let address = connection.address(slot);
                self.lose(address);
                false
            }
        }
    }

    /// Writes what waits, as far as the reader takes it.
    pub(super) fn flush(&mut self, slot: usize) {
        let Some(connection) = self.open.get_mut(slot) else {
            return;
        };
        while !connection.waiting.is_empty() {
            match connection.stream.write(connection.waiting.bytes()) {
                Ok(written) if written > 0 => connection.waiting.written(written, self.now),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {
                    let address = connection.address(slot);
                    return self.lose(address);
                }
            }
        }
    }

    /// No leg needs it any more.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if self.find(id).is_some() {
            self.open.remove(id.slot as usize);
        }
    }

    fn lose(&mut self, address: BrowserAddr) {
        if let Via::Tcp(id) = address.via
            && self.find(id).is_some()
        {
            self.close(id);
            self.lost.push_back(address);
        }
    }

    /// The next connection that legs have to be told is gone. Bounded by the connections.
    pub(super) fn poll_lost(&mut self) -> Option<BrowserAddr> {
        self.lost.pop_front()
    }

    /// Connections that are open.
    pub(super) fn count(&self) -> usize {
        self.open.len()
    }
}

impl Connection {
    fn address(&self, slot: usize) -> BrowserAddr {
        BrowserAddr {
            address: self.peer,
            via: Via::Tcp(ConnectionId {
                slot: slot as u32,
                serial: self.serial,
            }),
        }
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
