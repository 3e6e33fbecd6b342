//! One user agent with its streams, and the way from bytes to it and back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::network::Node;
use super::weather::Habits;
use crate::event::Event;
use crate::message::{Framed, Framer, Message, ParseError};
use crate::transport::{FlowId, LocalAddresses, Source, Transport};
use crate::user_agent::{UserAgent, UserAgentConfig};

pub(super) struct Agent {
    pub(super) ua: UserAgent,
    framers: BTreeMap<FlowId, Framer>,
}

/// What was found in what arrived.
pub(super) enum Found {
    Message(Message),
    Malformed(ParseError),
    /// The stream cannot be read any further.
    Lost,
}

impl Agent {
    pub(super) fn new(number: usize, seed: u64, habits: Habits) -> Self {
        let addr = Node::Agent(number).addr();
        let mut local = LocalAddresses::new();
        local.advertise(Transport::Udp, addr);
        local.advertise(Transport::Tcp, addr);
        let config = UserAgentConfig {
            local,
            outgoing_ringing: Duration::from_secs(90),
            session_expires: habits.session_expires,
            require_100rel: habits.require_100rel,
            ..UserAgentConfig::default()
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8] = u8::try_from(number).expect("a handful of agents");
        Self {
            ua: UserAgent::new(config, bytes),
            framers: BTreeMap::new(),
        }
    }

    pub(super) fn forget_stream(&mut self, flow: FlowId) {
        self.framers.remove(&flow);
    }

    pub(super) fn find(&mut self, source: &Source, bytes: &[u8]) -> Vec<Found> {
        find(&mut self.framers, source, bytes)
    }

    /// Fires what is due.
    ///
    /// # Panics
    /// If a timer is still due after it was fired.
    pub(super) fn wake(&mut self, now: Instant) -> bool {
        if self.ua.poll_timeout().is_none_or(|at| at > now) {
            return false;
        }
        self.ua.handle_timeout(now);
        let next = self.ua.poll_timeout();
        assert!(next.is_none_or(|at| at > now), "a timer lies in the past");
        true
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.ua.poll_event()).collect()
    }
}

/// What is in a datagram, or in a piece of a stream.
pub(super) fn find(
    framers: &mut BTreeMap<FlowId, Framer>,
    source: &Source,
    bytes: &[u8],
) -> Vec<Found> {
    let flow = source.flow.filter(|_| source.transport != Transport::Udp);
    let Some(flow) = flow else {
        return vec![match Message::parse_datagram(bytes) {
            Ok(message) => Found::Message(message),
            Err(error) => Found::Malformed(error),
        }];
    };
    let framer = framers.entry(flow).or_default();
    framer.push(bytes);
    let mut found = Vec::new();
    while let Some(next) = framer.next() {
        match next {
            Ok(Framed::Message(message)) => found.push(Found::Message(message)),
            Ok(Framed::Ping | Framed::Pong) => {}
            Err(error) if error.is_fatal() => found.push(Found::Lost),
            Err(error) => found.push(Found::Malformed(error.parse_error().clone())),
        }
    }
    found
}
