//! Two user agents and a proxy on virtual time, joined by a network that loses,
//! duplicates and reorders, all decided by one seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::bench::{addr, epoch};
use super::proxy::Proxy;
use crate::account::{AccountConfig, AccountId, Ha1};
use crate::command::Command;
use crate::event::Event;
use crate::message::{Message, Uri};
use crate::transport::{Destination, FlowId, LocalAddresses, Source, Transport};
use crate::user_agent::{UserAgent, UserAgentConfig};

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) loss: f64,
    pub(super) duplication: f64,
    /// Latency is uniform up to this: more than the distance of two datagrams reorders.
    pub(super) latency: Duration,
}

/// Which user agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Alice,
    Bob,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) rng: StdRng,
    weather: Weather,
    pub(super) proxy: Proxy,
    agents: [Agent; 2],
    network: BTreeMap<(Instant, u64), Datagram>,
    serial: u64,
}

struct Agent {
    ua: UserAgent,
    addr: SocketAddr,
    events: Vec<Event>,
}

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Bytes,
}

impl World {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let mut world = Self {
            now: epoch(),
            rng: StdRng::seed_from_u64(seed),
            weather,
            proxy: Proxy::new(addr("192.0.2.10:5060"), &["alice", "bob"]),
            agents: [
                agent("192.0.2.1:5060", seed),
                agent("192.0.2.2:5060", !seed),
            ],
            network: BTreeMap::new(),
            serial: 0,
        };
        for (side, user) in [(Side::Alice, "alice"), (Side::Bob, "bob")] {
            let ha1 = Ha1::compute(user, "example.com", "secret");
            let config = AccountConfig {
                outbound_proxy: Some(Uri::parse("sip:192.0.2.10:5060;lr").unwrap()),
                expires: 120,
                ..AccountConfig::new(format!("{user}@example.com"), ha1, "1234-5678")
            };
            let account = AccountId::new(1);
            world.command(side, Command::AddAccount { account, config });
        }
        world
    }

    pub(super) fn command(&mut self, side: Side, command: Command) {
        let now = self.now;
        self.agent(side).ua.handle_command(command, now);
        self.drain(side);
    }

    pub(super) fn ua(&mut self, side: Side) -> &mut UserAgent {
        &mut self.agent(side).ua
    }

    pub(super) fn events(&mut self, side: Side) -> Vec<Event> {
        std::mem::take(&mut self.agent(side).events)
    }

    /// Goes to the next thing that happens, if it is not after `limit`.
    pub(super) fn step(&mut self, limit: Instant) -> bool {
        let arrival = self.network.first_key_value().map(|((at, _), _)| *at);
        let wakeups = self.agents.iter().map(|agent| agent.ua.poll_timeout());
        let Some(next) = wakeups.chain([arrival]).flatten().min() else {
            self.now = limit;
            return false;
        };
        if next > limit {
            self.now = limit;
            return false;
        }
        self.now = self.now.max(next);
        while let Some(entry) = self.network.first_entry()
            && entry.key().0 <= self.now
        {
            let datagram = entry.remove();
            self.deliver(datagram);
        }
        for side in [Side::Alice, Side::Bob] {
            let now = self.now;
            let ua = self.ua(side);
            if ua.poll_timeout().is_some_and(|at| at <= now) {
                ua.handle_timeout(now);
                self.drain(side);
            }
        }
        true
    }

    fn deliver(&mut self, datagram: Datagram) {
        let Datagram { from, to, bytes } = datagram;
        if to == self.proxy.addr {
            for (next, bytes) in self.proxy.handle(&bytes, from) {
                self.send(to, next, bytes);
            }
            return;
        }
        let side = match to == self.agents[0].addr {
            true => Side::Alice,
            false => Side::Bob,
        };
        let now = self.now;
        let source = Source {
            transport: Transport::Udp,
            local: to,
            remote: from,
            flow: Some(FlowId(0)),
        };
        let message = Message::parse_datagram(&bytes).unwrap();
        self.ua(side).handle_message(message, source, now);
        self.drain(side);
    }

    fn drain(&mut self, side: Side) {
        let (now, from) = (self.now, self.agent(side).addr);
        while let Some(request) = self.ua(side).poll_resolve() {
            let ip = request.target.host.parse().unwrap();
            let addr = SocketAddr::new(ip, request.target.port.unwrap_or(5060));
            let found = Ok(vec![Destination::udp(addr)]);
            self.ua(side).handle_resolved(request.id, found, now);
        }
        while let Some(transmit) = self.ua(side).poll_transmit() {
            assert_eq!(transmit.destination.transport, Transport::Udp);
            self.send(from, transmit.destination.addr, transmit.bytes);
        }
        let agent = self.agent(side);
        while let Some(event) = agent.ua.poll_event() {
            agent.events.push(event);
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let copies = match self.rng.random_bool(self.weather.duplication) {
            true => 2,
            false => 1,
        };
        for _ in 0..copies {
            if self.rng.random_bool(self.weather.loss) {
                continue;
            }
            let latency = self
                .weather
                .latency
                .mul_f64(self.rng.random_range(0.02..1.0));
            self.serial += 1;
            let datagram = Datagram {
                from,
                to,
                bytes: bytes.clone(),
            };
            let at = (self.now + latency, self.serial);
            self.network.insert(at, datagram);
        }
    }

    fn agent(&mut self, side: Side) -> &mut Agent {
        &mut self.agents[side as usize]
    }
}

fn agent(at: &str, seed: u64) -> Agent {
    let mut local = LocalAddresses::new();
    local.advertise(Transport::Udp, addr(at));
    let config = UserAgentConfig {
        local,
        outgoing_ringing: Duration::from_secs(90),
        ..UserAgentConfig::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Agent {
        ua: UserAgent::new(config, bytes),
        addr: addr(at),
        events: Vec::new(),
    }
}
