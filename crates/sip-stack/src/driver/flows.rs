//! Every way out: UDP sockets and streams, and which of them a message takes.
//!
//! Streams that we opened are pooled by address and by the domain their certificate was
//! verified for (RFC 5923, RFC 5922 §4): a stream verified for one domain never carries a
//! message meant for another, even at the same address. While a stream is connecting,
//! messages for it wait in its queue, so that many senders make one connection. A peer with
//! very many accounts gets a few streams, so that one that stalls does not stall them all.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::accepted::{Accepted, Room};
use super::door::Door;
use super::input::Input;
use super::now;
use super::stream::{Opening, Order, Stream, Write, io_failure};
use super::tls::{self, Connectors};
use super::udp::UdpPort;
use crate::keep_alive::{KeepAlive, Terms};
use crate::transport::{Destination, FlowId, Transmit, Transport, TransportError};

/// Messages that may wait for one stream. When more come, the peer does not read.
const MAX_QUEUED: usize = 512;
/// Streams to one peer, when one is not enough for its accounts.
const MAX_POOLED: usize = 4;
/// Bindings that hang on one stream before the next one is opened.
pub(super) const BINDINGS_PER_STREAM: usize = 1000;
/// TLS handshakes with peers that connect to us at a time; further ones wait, as long as an
/// opening may take.
const MAX_HANDSHAKES: usize = 64;

/// Whom a stream that we opened leads to.
type Peer = (Transport, SocketAddr, Option<String>);

pub(super) struct Flows {
    udp: Vec<UdpPort>,
    streams: HashMap<FlowId, Flow>,
    by_peer: HashMap<Peer, Vec<FlowId>>,
    accepted: Accepted,
    refused: u64,
    last_id: u64,
    max_streams: usize,
    connectors: Connectors,
    handshakes: Arc<Semaphore>,
    door: Arc<Door>,
    inputs: mpsc::Sender<Input>,
    rng: StdRng,
}

struct Flow {
    transport: Transport,
    opener: Opener,
    /// Registrations whose flow this is.
    bindings: usize,
    terms: Terms,
    orders: mpsc::Sender<Order>,
    kill: oneshot::Sender<TransportError>,
}

enum Opener {
    Us(Peer),
    Them,
}

impl Flow {
    /// The domain the peer has proven to be.
    fn verified(&self) -> Option<&str> {
        match &self.opener {
            Opener::Us((_, _, tls_name)) => tls_name.as_deref(),
            Opener::Them => None,
        }
    }

    fn suits(&self, destination: &Destination) -> bool {
        self.transport == destination.transport
            && (destination.tls_name.is_none()
                || destination.tls_name.as_deref() == self.verified())
    }
}

impl Flows {
    pub(super) fn new(
        udp: Vec<UdpPort>,
        max_streams: usize,
        connectors: Connectors,
        door: Arc<Door>,
        inputs: mpsc::Sender<Input>,
        rng: StdRng,
    ) -> Self {
        let last_id = udp.iter().map(|port| port.flow.0).max().unwrap_or(0);
        Self {
            udp,
            streams: HashMap::new(),
            by_peer: HashMap::new(),
            accepted: Accepted::new(max_streams - max_streams / 4),
            refused: 0,
            last_id,
            max_streams,
            connectors,
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            door,
            inputs,
            rng,
        }
    }

    /// Sends, connecting first if need be. A failure that shows later is reported by the
    /// stream's task.
    pub(super) fn send(
        &mut self,
        transmit: Transmit,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), TransportError> {
        let destination = &transmit.destination;
        tracing::trace!(
            transport = %destination.transport,
            remote = %destination.addr,
            bytes = transmit.bytes.len(),
            "sending"
        );
        match destination.transport {
            Transport::Udp => self.send_datagram(destination, &transmit.bytes),
            Transport::Tcp | Transport::Tls => {
                let flow = self.stream_to(destination, tasks)?;
                let write = Write {
                    bytes: transmit.bytes,
                    token: transmit.token,
                };
                match self.queue(flow, write)? {
                    None => Ok(()),
                    // It was just ending: a new one, if one can be opened.
                    Some(write) => {
                        let flow = self.stream_to(destination, tasks)?;
                        match self.queue(flow, write)? {
                            None => Ok(()),
                            Some(_) => Err(TransportError::FlowClosed),
                        }
                    }
                }
            }
        }
    }

    /// Takes in a stream that a peer opened. It is closed if its address has too many
    /// already, or if all peers together would leave less than a quarter for us and nobody
    /// can be shown out for it.
    pub(super) fn accept(
        &mut self,
        transport: Transport,
        stream: TcpStream,
        acceptor: Option<TlsAcceptor>,
        tasks: &mut JoinSet<()>,
    ) {
        let Ok(remote) = stream.peer_addr() else {
            return;
        };
        let is_full = self.streams.len() >= self.max_streams;
        match self.accepted.room_for(remote.ip(), is_full, now()) {
            Room::Yes => {}
            Room::InsteadOf(stranger) => {
                self.refused += 1;
                if let Some(flow) = self.take(stranger) {
                    // It may be ending by itself at this moment.
                    let _ = flow.kill.send(TransportError::TooManyFlows);
                }
            }
            Room::No => {
                self.refused += 1;
                tracing::debug!(%remote, "too many streams: one refused");
                return;
            }
        }
        let opening = Opening::Accept {
            stream,
            tls: acceptor.map(|acceptor| (acceptor, Arc::clone(&self.handshakes))),
        };
        let id = self.launch(transport, Opener::Them, opening, tasks);
        self.accepted.insert(id, remote.ip(), now());
    }

    /// Tells a stream how often its far end wants to hear from us. Should its queue be full,
    /// its usual pings do.
    pub(super) fn keep(&mut self, wanted: &KeepAlive) {
        let flow = wanted.destination.flow;
        let Some(flow) = flow.and_then(|id| self.streams.get_mut(&id)) else {
            return;
        };
        flow.bindings = wanted.bindings;
        if flow.terms != wanted.terms {
            flow.terms = wanted.terms;
            let _ = flow.orders.try_send(Order::Keep(wanted.terms));
        }
    }

    /// Forgets a stream that ended.
    pub(super) fn remove(&mut self, id: FlowId) {
        self.take(id);
    }

    /// Something that concerned us came by this flow.
    pub(super) fn note_known(&mut self, id: Option<FlowId>) {
        if let Some(id) = id {
            self.accepted.note_known(id);
        }
    }

    /// How many streams of peers had no room.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    fn send_datagram(&self, to: &Destination, bytes: &[u8]) -> Result<(), TransportError> {
        let port = self
            .udp
            .iter()
            .find(|port| Some(port.flow) == to.flow)
            .or_else(|| {
                let same_family = |port: &&UdpPort| port.local.is_ipv4() == to.addr.is_ipv4();
                self.udp.iter().find(same_family)
            })
            .ok_or(TransportError::NoSocket)?;
        match port.socket.try_send_to(bytes, to.addr) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tracing::debug!(remote = %to.addr, "socket buffer full: datagram dropped");
                Ok(())
            }
            Err(error) => Err(io_failure(&error)),
        }
    }

    fn stream_to(
        &mut self,
        to: &Destination,
        tasks: &mut JoinSet<()>,
    ) -> Result<FlowId, TransportError> {
        if let Some(id) = to.flow
            && self.streams.get(&id).is_some_and(|flow| flow.suits(to))
        {
            return Ok(id);
        }
        let peer: Peer = (to.transport, to.addr, to.tls_name.clone());
        if let Some(id) = self.pooled(&peer) {
            return Ok(id);
        }
        let tls = match (to.transport, &to.tls_name) {
            (Transport::Udp | Transport::Tcp, _) => None,
            (Transport::Tls, Some(domain)) => {
                Some((self.connectors.toward(domain), tls::server_name(domain)?))
            }
            (Transport::Tls, None) => return Err(TransportError::FlowClosed),
        };
        if self.streams.len() >= self.max_streams {
            return Err(TransportError::TooManyFlows);
        }
        let opening = Opening::Connect { addr: to.addr, tls };
        Ok(self.launch(to.transport, Opener::Us(peer), opening, tasks))
    }

    /// The stream to this peer that the fewest bindings hang on, unless it is time for
    /// another one.
    fn pooled(&self, peer: &Peer) -> Option<FlowId> {
        let pool = self.by_peer.get(peer)?;
        let bindings = |id: &FlowId| self.streams.get(id).map_or(0, |flow| flow.bindings);
        let least = pool.iter().min_by_key(|id| bindings(id))?;
        let is_full = bindings(least) >= BINDINGS_PER_STREAM;
        let may_grow = pool.len() < MAX_POOLED && self.streams.len() < self.max_streams;
        (!is_full || !may_grow).then_some(*least)
    }

    fn launch(
        &mut self,
        transport: Transport,
        opener: Opener,
        opening: Opening,
        tasks: &mut JoinSet<()>,
    ) -> FlowId {
        self.last_id += 1;
        let id = FlowId(self.last_id);
        let (orders, queued) = mpsc::channel(MAX_QUEUED);
        let (kill, killed) = oneshot::channel();
        let stream = Stream {
            flow: id,
            transport,
            rng: StdRng::from_seed(self.rng.random()),
            orders: queued,
            kill: killed,
            inputs: self.inputs.clone(),
            door: Arc::clone(&self.door),
        };
        tasks.spawn(stream.run(opening));
        if let Opener::Us(peer) = &opener {
            self.by_peer.entry(peer.clone()).or_default().push(id);
        }
        self.streams.insert(
            id,
            Flow {
                transport,
                opener,
                bindings: 0,
                terms: Terms::default(),
                orders,
                kill,
            },
        );
        id
    }

    fn take(&mut self, id: FlowId) -> Option<Flow> {
        let flow = self.streams.remove(&id)?;
        self.accepted.remove(id);
        if let Opener::Us(peer) = &flow.opener
            && let Some(pool) = self.by_peer.get_mut(peer)
        {
            pool.retain(|pooled| *pooled != id);
            if pool.is_empty() {
                self.by_peer.remove(peer);
            }
        }
        Some(flow)
    }

    /// Gives the message back if the stream has ended.
    fn queue(&mut self, id: FlowId, write: Write) -> Result<Option<Write>, TransportError> {
        use mpsc::error::TrySendError;
        let flow = self.streams.get(&id).ok_or(TransportError::FlowClosed)?;
        match flow.orders.try_send(Order::Write(write)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Closed(order)) => {
                self.remove(id);
                match order {
                    Order::Write(write) => Ok(Some(write)),
                    Order::Keep(_) => Ok(None),
                }
            }
            Err(TrySendError::Full(_)) => {
                tracing::warn!(flow = id.0, "peer does not read: stream dropped");
                if let Some(flow) = self.take(id) {
                    // It may be ending by itself at this moment.
                    let _ = flow.kill.send(TransportError::QueueFull);
                }
                Err(TransportError::QueueFull)
            }
        }
    }
}
