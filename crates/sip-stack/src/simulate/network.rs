//! Datagrams that get lost, doubled and overtaken; streams that keep their order until they
//! are cut, and arrive in pieces.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::weather::Weather;
use crate::target::{ResolveError, ResolveId};
use crate::transport::{
    Destination, FlowId, Source, TransmitFailure, TransmitToken, Transport, TransportError,
};

/// An agent or a proxy: a host with one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Agent(usize),
    Proxy(usize),
}

impl Node {
    pub(super) fn addr(self) -> SocketAddr {
        let last = match self {
            Self::Agent(number) => 1 + number,
            Self::Proxy(number) => 101 + number,
        };
        let last = u8::try_from(last).expect("a handful of nodes");
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), 5060)
    }

    fn at(ip: IpAddr, agents: usize) -> Option<Self> {
        let all = (0..agents).map(Self::Agent);
        let mut all = all.chain((0..super::proxies::COUNT).map(Self::Proxy));
        all.find(|node| node.addr().ip() == ip)
    }
}

/// Something that reaches a node.
pub(super) enum Arrival {
    /// A datagram, or a piece of a stream.
    Bytes { source: Source, bytes: Bytes },
    /// A stream ended, with requests on it that had no answer.
    Closed {
        flow: FlowId,
        unanswered: Vec<TransmitToken>,
    },
    /// A connection was refused.
    Failed(TransmitFailure),
    /// The name server answers.
    Resolved(ResolveId, Result<Vec<Destination>, ResolveError>),
}

pub(super) struct Network {
    agents: usize,
    queue: BTreeMap<(Instant, u64), (Node, Arrival)>,
    streams: BTreeMap<u64, [End; 2]>,
    down: BTreeSet<Node>,
    serial: u64,
}

/// One end of a stream.
struct End {
    node: Node,
    addr: SocketAddr,
    flow: FlowId,
    /// When the last piece on its way will be here.
    last: Instant,
    /// Requests sent from here.
    unanswered: Vec<TransmitToken>,
}

impl Network {
    pub(super) fn new(agents: usize) -> Self {
        Self {
            agents,
            queue: BTreeMap::new(),
            streams: BTreeMap::new(),
            down: BTreeSet::new(),
            serial: 0,
        }
    }

    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn poll(&mut self, now: Instant) -> Option<(Node, Arrival)> {
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= now
        {
            let (node, arrival) = entry.remove();
            if self.is_reached(node, &arrival) {
                return Some((node, arrival));
            }
        }
        None
    }

    pub(super) fn schedule(&mut self, at: Instant, node: Node, arrival: Arrival) {
        self.serial += 1;
        self.queue.insert((at, self.serial), (node, arrival));
    }

    pub(super) fn send(
        &mut self,
        from: Node,
        to: &Destination,
        bytes: Bytes,
        token: Option<TransmitToken>,
        air: &mut Air<'_>,
    ) {
        match to.transport {
            Transport::Udp => self.send_datagram(from, to.addr, &bytes, air),
            Transport::Tcp | Transport::Tls => self.send_on_stream(from, to, &bytes, token, air),
        }
    }

    /// Resets every stream, or those of one node.
    pub(super) fn cut(&mut self, of: Option<Node>, air: &mut Air<'_>) {
        let cut: Vec<u64> = self
            .streams
            .iter()
            .filter(|(_, ends)| of.is_none_or(|node| ends.iter().any(|end| end.node == node)))
            .map(|(id, _)| *id)
            .collect();
        for id in cut {
            for end in self.streams.remove(&id).into_iter().flatten() {
                let at = air.now + air.latency();
                let closed = Arrival::Closed {
                    flow: end.flow,
                    unanswered: end.unanswered,
                };
                self.schedule(at, end.node, closed);
            }
        }
    }

    pub(super) fn set_down(&mut self, node: Node, down: bool, air: &mut Air<'_>) {
        if down {
            self.down.insert(node);
            self.cut(Some(node), air);
        } else {
            self.down.remove(&node);
        }
    }

    /// A node gives a stream up.
    pub(super) fn close(&mut self, flow: FlowId, air: &mut Air<'_>) {
        if let Some((id, _)) = self.end_of(|end| end.flow == flow) {
            let nodes = self.streams[&id].iter().map(|end| end.flow);
            let flows: Vec<FlowId> = nodes.collect();
            for end in self.streams.remove(&id).into_iter().flatten() {
                let unanswered = end.unanswered;
                let closed = Arrival::Closed {
                    flow: end.flow,
                    unanswered,
                };
                let at = air.now + air.latency();
                self.schedule(at, end.node, closed);
            }
            tracing::trace!(?flows, "stream given up");
        }
    }

    fn is_reached(&self, node: Node, arrival: &Arrival) -> bool {
        match arrival {
            Arrival::Bytes { source, .. } if source.transport != Transport::Udp => source
                .flow
                .is_some_and(|flow| self.end_of(|end| end.flow == flow).is_some()),
            Arrival::Bytes { .. } => !self.down.contains(&node),
            Arrival::Closed { .. } | Arrival::Failed(_) | Arrival::Resolved(..) => true,
        }
    }

    fn send_datagram(&mut self, from: Node, to: SocketAddr, bytes: &Bytes, air: &mut Air<'_>) {
        let Some(node) = Node::at(to.ip(), self.agents).filter(|_| !self.down.contains(&from))
        else {
            return;
        };
        let copies = if air.happens(air.weather.duplication) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            if air.happens(air.weather.loss) {
                continue;
            }
            let source = Source {
                transport: Transport::Udp,
                local: node.addr(),
                remote: from.addr(),
                flow: Some(FlowId(0)),
            };
            let bytes = bytes.clone();
            let at = air.now + air.latency();
            self.schedule(at, node, Arrival::Bytes { source, bytes });
        }
    }

    fn send_on_stream(
        &mut self,
        from: Node,
        to: &Destination,
        bytes: &Bytes,
        token: Option<TransmitToken>,
        air: &mut Air<'_>,
    ) {
        let known = self
            .end_of(|end| end.node == from && Some(end.flow) == to.flow)
            .or_else(|| self.stream_between(from, to.addr));
        let Some((id, side)) = known.or_else(|| self.connect(from, to.addr, air.now)) else {
            if let Some(token) = token {
                let why = TransportError::Refused;
                let failed = Arrival::Failed(TransmitFailure { token, why });
                let at = air.now + air.latency();
                self.schedule(at, from, failed);
            }
            return;
        };
        let cut = match air.rng.random_bool(0.2) {
            true => air.rng.random_range(0..=bytes.len()),
            false => bytes.len(),
        };
        let pieces = [bytes.slice(..cut), bytes.slice(cut..)];
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            self.carry(id, side, piece, air);
        }
        if let Some(ends) = self.streams.get_mut(&id)
            && let Some(token) = token.filter(|token| token.expects_answer())
        {
            ends[side].unanswered.push(token);
        }
    }

    fn carry(&mut self, id: u64, side: usize, bytes: Bytes, air: &mut Air<'_>) {
        let Some(ends) = self.streams.get_mut(&id) else {
            return;
        };
        let at = (air.now + air.latency()).max(ends[1 - side].last);
        ends[1 - side].last = at;
        let (here, there) = (&ends[side], &ends[1 - side]);
        let source = Source {
            transport: Transport::Tcp,
            local: there.addr,
            remote: here.addr,
            flow: Some(there.flow),
        };
        let node = there.node;
        self.schedule(at, node, Arrival::Bytes { source, bytes });
    }

    fn connect(&mut self, from: Node, to: SocketAddr, now: Instant) -> Option<(u64, usize)> {
        let node = Node::at(to.ip(), self.agents)?;
        if self.down.contains(&node) || self.down.contains(&from) || to != node.addr() {
            return None;
        }
        self.serial += 1;
        let id = self.serial;
        let port = u16::try_from(10_000 + id % 50_000).expect("below 65536");
        let end = |node, addr, flow| End {
            node,
            addr,
            flow: FlowId(flow),
            last: now,
            unanswered: Vec::new(),
        };
        let ours = SocketAddr::new(from.addr().ip(), port);
        let ends = [end(from, ours, 2 * id), end(node, to, 2 * id + 1)];
        self.streams.insert(id, ends);
        Some((id, 0))
    }

    /// A stream from one node to an address, with the side the node is on.
    fn stream_between(&self, from: Node, to: SocketAddr) -> Option<(u64, usize)> {
        self.streams.iter().find_map(|(id, ends)| {
            let side = (0..2).find(|side| ends[*side].node == from && ends[1 - side].addr == to)?;
            Some((*id, side))
        })
    }

    fn end_of(&self, is: impl Fn(&End) -> bool) -> Option<(u64, usize)> {
        self.streams
            .iter()
            .find_map(|(id, ends)| Some((*id, ends.iter().position(&is)?)))
    }
}

/// What decides how a message fares: the time, the weather, and chance.
pub(super) struct Air<'a> {
    pub(super) now: Instant,
    pub(super) weather: &'a Weather,
    pub(super) rng: &'a mut StdRng,
}

impl Air<'_> {
    pub(super) fn latency(&mut self) -> Duration {
        self.latency_up_to(self.weather.latency)
    }

    pub(super) fn latency_up_to(&mut self, limit: Duration) -> Duration {
        let part = self.rng.random_range(20..1000);
        limit * part / 1000
    }

    pub(super) fn happens(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }
}
