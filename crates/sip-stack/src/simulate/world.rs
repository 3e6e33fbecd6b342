//! Agents, proxies and the network between them: what happens next, and then the next.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::agent::{Agent, Found, find};
use super::check::Checks;
use super::meddler::Meddler;
use super::network::{Air, Arrival, Network, Node};
use super::proxies::{self, Proxies};
use super::trace::Trace;
use super::users::{Moment, Users};
use super::weather::{Trouble, Weather};
use crate::command::Command;
use crate::message::{Framer, Message};
use crate::target::{ResolveError, ResolveRequest};
use crate::transport::{
    Destination, FlowId, Source, TransmitFailure, TransmitToken, Transport, TransportError,
};

/// The name of both proxies together.
pub(super) const PROXY: &str = "proxy.example.com";
/// Somebody who is neither an agent nor a proxy.
const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 66)), 5060);
/// How late a 2xx may come again: before Timer L of who sent it has fired (RFC 6026).
const LONGEST_ECHO: Duration = Duration::from_secs(28);
/// Things that happen in one run. Thousands do; a storm makes more.
const MAX_STEPS: u64 = 100_000;

pub(super) struct World {
    beginning: Instant,
    pub(super) now: Instant,
    pub(super) rng: StdRng,
    pub(super) weather: Weather,
    pub(super) trace: Trace,
    pub(super) agents: Vec<Agent>,
    pub(super) proxies: Proxies,
    proxy_framers: BTreeMap<FlowId, Framer>,
    network: Network,
    /// When each agent gets the last answer to its look-ups.
    resolved: Vec<Instant>,
    pub(super) users: Users,
    pub(super) checks: Checks,
    troubles: BTreeMap<(Instant, usize), Trouble>,
    meddler: Option<Meddler>,
    steps: u64,
}

impl World {
    pub(super) fn new(
        seed: u64,
        agents: usize,
        change: Option<fn(&mut Weather)>,
        trace: Trace,
    ) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut weather = Weather::draw(&mut rng, agents);
        if let Some(change) = change {
            change(&mut weather);
        }
        let now = beginning();
        let later = |seconds: u32| now + Duration::from_secs(seconds.into());
        let troubles = weather.troubles.iter().enumerate();
        Self {
            beginning: now,
            now,
            rng,
            troubles: troubles
                .map(|(number, (at, trouble))| ((later(*at), number), *trouble))
                .collect(),
            trace,
            agents: weather
                .habits
                .iter()
                .enumerate()
                .map(|(number, habits)| Agent::new(number, seed, *habits))
                .collect(),
            proxies: Proxies::new(&weather),
            proxy_framers: BTreeMap::new(),
            network: Network::new(agents),
            resolved: vec![now; agents],
            users: Users::new(agents),
            checks: Checks::default(),
            weather,
            meddler: None,
            steps: 0,
        }
    }

    /// From here on, somebody is in the way of what agents hear.
    pub(super) fn admit(&mut self, meddler: Meddler) {
        self.meddler = Some(meddler);
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        self.trace.note(self.now - self.beginning, line);
    }

    /// Runs until `done` or until the time is over.
    pub(super) fn until(&mut self, seconds: u64, done: impl Fn(&Self) -> bool) {
        let limit = self.now + Duration::from_secs(seconds);
        while !done(self) && self.step(limit) {}
    }

    /// Goes to the next thing that happens, unless that is after `limit`.
    fn step(&mut self, limit: Instant) -> bool {
        let wakeups = self.agents.iter().map(|agent| agent.ua.poll_timeout());
        let planned = self.users.plan.first_key_value().map(|((at, _), _)| *at);
        let trouble = self.troubles.first_key_value().map(|((at, _), _)| *at);
        let arrival = self.network.next_arrival();
        let next = wakeups.chain([planned, trouble, arrival]).flatten().min();
        let Some(next) = next.filter(|next| *next <= limit) else {
            self.now = limit;
            return false;
        };
        self.now = self.now.max(next);
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "something goes on without an end");
        self.make_trouble();
        if let Some((node, arrival)) = self.network.poll(self.now) {
            self.deliver(node, arrival);
        }
        if let Some(entry) = self.users.plan.first_entry()
            && entry.key().0 <= self.now
        {
            let (agent, command) = entry.remove();
            self.command(agent, command);
        }
        for number in 0..self.agents.len() {
            if self.agents[number].wake(self.now) {
                self.drain(number);
            }
        }
        true
    }

    pub(super) fn command(&mut self, agent: usize, command: Command) {
        self.note(|| format!("agent {agent}: {command:?}"));
        let now = self.now;
        self.checks.commanded(agent, &command, now);
        self.agents[agent].ua.handle_command(command, now);
        self.drain(agent);
    }

    fn make_trouble(&mut self) {
        while let Some(entry) = self.troubles.first_entry()
            && entry.key().0 <= self.now
        {
            let trouble = entry.remove();
            self.note(|| format!("{trouble:?}"));
            let mut air = air(&self.weather, &mut self.rng, self.now);
            match trouble {
                Trouble::Down(proxy) => self.network.set_down(Node::Proxy(proxy), true, &mut air),
                Trouble::Up(proxy) => self.network.set_down(Node::Proxy(proxy), false, &mut air),
                Trouble::Busy(proxy) => self.proxies.set_busy(Node::Proxy(proxy), true),
                Trouble::Idle(proxy) => self.proxies.set_busy(Node::Proxy(proxy), false),
                Trouble::Asleep(agent) => {
                    self.network.set_down(Node::Agent(agent), true, &mut air);
                }
                Trouble::Awake(agent) => {
                    self.network.set_down(Node::Agent(agent), false, &mut air);
                }
                Trouble::Cut => self.network.cut(None, &mut air),
                Trouble::Restart => {
                    self.proxies.registrar.restart();
                    for proxy in 0..proxies::COUNT {
                        self.network.cut(Some(Node::Proxy(proxy)), &mut air);
                    }
                }
            }
        }
    }

    fn deliver(&mut self, node: Node, arrival: Arrival) {
        match (node, arrival) {
            (Node::Agent(agent), arrival) => self.deliver_to_agent(agent, arrival),
            (Node::Proxy(_), Arrival::Bytes { source, bytes }) => {
                for found in find(&mut self.proxy_framers, &source, &bytes) {
                    self.deliver_to_proxy(node, found, &source);
                }
            }
            (Node::Proxy(_), Arrival::Closed { flow, .. }) => {
                self.proxy_framers.remove(&flow);
            }
            (Node::Proxy(_), Arrival::Failed(_) | Arrival::Resolved(..)) => {}
        }
    }

    fn deliver_to_proxy(&mut self, node: Node, found: Found, source: &Source) {
        match found {
            Found::Message(message) => {
                for (to, bytes) in self.proxies.handle(node, message, source, self.now) {
                    self.echo(node, &to, &bytes);
                    self.send(node, &to, bytes, None);
                }
            }
            Found::Malformed(_) => {}
            Found::Lost => self.close(source),
        }
    }

    fn deliver_to_agent(&mut self, number: usize, arrival: Arrival) {
        let now = self.now;
        match arrival {
            Arrival::Bytes { source, bytes } => match &mut self.meddler {
                None => self.agent_receives(number, source, &bytes),
                Some(meddler) => {
                    for meddled in meddler.meddle(&bytes) {
                        let mut source = source;
                        if meddled.by_stranger {
                            source.remote = STRANGER;
                        }
                        self.agent_receives(number, source, &meddled.bytes);
                    }
                }
            },
            Arrival::Closed { flow, unanswered } => {
                self.note(|| format!("agent {number}: stream closed, {unanswered:?}"));
                let agent = &mut self.agents[number];
                agent.forget_stream(flow);
                for token in unanswered {
                    let why = TransportError::FlowClosed;
                    let failure = TransmitFailure { token, why };
                    agent.ua.handle_transport_failure(failure, now);
                }
                agent.ua.handle_flow_closed(flow, now);
                self.drain(number);
            }
            Arrival::Failed(failure) => {
                self.note(|| format!("agent {number}: {failure:?}"));
                self.agents[number]
                    .ua
                    .handle_transport_failure(failure, now);
                self.drain(number);
            }
            Arrival::Resolved(id, result) => {
                self.note(|| format!("agent {number}: resolved {result:?}"));
                self.agents[number].ua.handle_resolved(id, result, now);
                self.drain(number);
            }
        }
    }

    fn agent_receives(&mut self, number: usize, source: Source, bytes: &[u8]) {
        for found in self.agents[number].find(&source, bytes) {
            self.agent_hears(number, found, source);
        }
    }

    fn agent_hears(&mut self, number: usize, found: Found, source: Source) {
        let now = self.now;
        match found {
            Found::Message(message) => {
                self.note(|| format!("agent {number} <- {}", summary(&message)));
                self.users.tally.heard(&message);
                self.checks.heard(number, &message, now);
                self.agents[number].ua.handle_message(message, source, now);
            }
            Found::Malformed(error) => {
                self.note(|| format!("agent {number} <- {error}"));
                let ua = &mut self.agents[number].ua;
                ua.handle_malformed(&error, source, now);
            }
            Found::Lost => self.close(&source),
        }
        self.drain(number);
    }

    fn close(&mut self, source: &Source) {
        if let Some(flow) = source.flow {
            let mut air = air(&self.weather, &mut self.rng, self.now);
            self.network.close(flow, &mut air);
        }
    }

    /// Takes everything out of an agent, and looks at it.
    fn drain(&mut self, number: usize) {
        let mut sent = 0;
        while let Some(request) = self.agents[number].ua.poll_resolve() {
            self.resolve(number, &request);
        }
        while let Some(transmit) = self.agents[number].ua.poll_transmit() {
            sent += 1;
            if let Ok(message) = Message::parse_datagram(&transmit.bytes) {
                self.note(|| format!("agent {number} -> {}", summary(&message)));
                self.checks.sent(number, &message, self.now);
            }
            let (to, token) = (&transmit.destination, transmit.token);
            self.send(Node::Agent(number), to, transmit.bytes, token);
        }
        for event in self.agents[number].events() {
            self.note(|| format!("agent {number}: {event:?}"));
            self.checks.told(number, &event, self.now);
            let mut moment = Moment {
                now: self.now,
                rng: &mut self.rng,
            };
            self.users.react(number, event, &mut moment);
        }
        self.checks.bounded(sent, self.agents[number].ua.counts());
    }

    fn resolve(&mut self, number: usize, request: &ResolveRequest) {
        let transport = request.target.transport.unwrap_or(Transport::Udp);
        let at_port = |mut addr: SocketAddr| {
            addr.set_port(request.target.port.unwrap_or(5060));
            Destination {
                transport,
                ..Destination::udp(addr)
            }
        };
        if let Ok(ip) = request.target.host.parse() {
            let found = Ok(vec![at_port(SocketAddr::new(ip, 0))]);
            let ua = &mut self.agents[number].ua;
            return ua.handle_resolved(request.id, found, self.now);
        }
        let mut air = air(&self.weather, &mut self.rng, self.now);
        // Who asks for a name that is being asked for waits for the same answer.
        let at = (air.now + air.latency()).max(self.resolved[number]);
        let result = match request.target.host == PROXY {
            _ if air.happens(air.weather.lookup_failures) => Err(ResolveError::Unavailable),
            true => {
                let all = (0..proxies::COUNT).map(|proxy| Node::Proxy(proxy).addr());
                Ok(all.map(at_port).collect())
            }
            false => Err(ResolveError::NoSuchDomain),
        };
        self.resolved[number] = at;
        let resolved = Arrival::Resolved(request.id, result);
        self.network.schedule(at, Node::Agent(number), resolved);
    }

    /// Now and then a 2xx to an INVITE comes once more, long after the first.
    fn echo(&mut self, from: Node, to: &Destination, bytes: &Bytes) {
        let answers = to.transport == Transport::Udp && bytes.starts_with(b"SIP/2.0 2");
        let mut lines = bytes.split(|byte| *byte == b'\n');
        if answers && lines.any(|line| line.ends_with(b" INVITE\r")) {
            let mut air = air(&self.weather, &mut self.rng, self.now);
            if air.happens(air.weather.echoes) {
                let later = air.latency_up_to(LONGEST_ECHO);
                air.now += later;
                self.network.send(from, to, bytes.clone(), None, &mut air);
            }
        }
    }

    fn send(&mut self, from: Node, to: &Destination, bytes: Bytes, token: Option<TransmitToken>) {
        let mut air = air(&self.weather, &mut self.rng, self.now);
        self.network.send(from, to, bytes, token, &mut air);
    }
}

fn air<'a>(weather: &'a Weather, rng: &'a mut StdRng, now: Instant) -> Air<'a> {
    Air { now, weather, rng }
}

/// One line of a message, enough to follow a conversation.
fn summary(message: &Message) -> String {
    let headers = message.headers();
    let cseq = headers.cseq().map(|cseq| cseq.to_string());
    let call_id = headers.call_id().unwrap_or("?");
    let start = match message {
        Message::Request(request) => format!("{} {}", request.method, request.uri),
        Message::Response(response) => format!("{} ", response.status),
    };
    let via = headers.via().ok();
    let branch = via.as_ref().and_then(crate::message::Via::branch);
    format!(
        "{start} [{} {call_id} {}]",
        cseq.unwrap_or_default(),
        branch.unwrap_or_default()
    )
}

/// Where virtual time begins.
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time; nothing waits for it"
)]
fn beginning() -> Instant {
    Instant::now()
}
