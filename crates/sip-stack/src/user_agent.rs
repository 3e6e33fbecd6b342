//! The whole SIP user agent, sans-IO (RFC 3261 §8, §10-15): accounts and their
//! registrations, dialogs, and INVITE usages on top of the transaction layer.
//!
//! Messages and commands go in; bytes to send, names to resolve and events come out.
//! After each `handle_*` the driver drains every `poll_*`, then sleeps until
//! [`UserAgent::poll_timeout`]. `now` never goes backwards. It is not a proxy and not a
//! registrar, and knows nothing of what SDP says.
//!
//! Requests that neither name one of our Contacts nor come from a registrar or proxy of
//! ours are dropped before they cost anything, and counted ([`UserAgent::dropped`]).

use std::fmt;
use std::time::Instant;

use crate::command::Command;
use crate::event::Event;
use crate::message::{Message, ParseError};
use crate::target::{ResolveError, ResolveId, ResolveRequest};
use crate::transaction::{Layer, LayerConfig};
use crate::transport::{Destination, FlowId, Source, Transmit, TransmitFailure};

mod config;

pub use config::{Counts, UserAgentConfig};

/// A SIP user agent on behalf of many accounts.
pub struct UserAgent {
    layer: Layer,
}

impl UserAgent {
    /// A user agent without accounts. `seed` feeds every tag, Call-ID, branch and delay:
    /// it must be unpredictable outside tests.
    pub fn new(config: UserAgentConfig, seed: [u8; 32]) -> Self {
        Self {
            layer: Layer::new(LayerConfig::new(config.local), seed),
        }
    }

    /// Does what the application asks. Never fails: events tell what came of it.
    pub fn handle_command(&mut self, command: Command, now: Instant) {
        let _ = (command, now);
    }

    /// Takes a message from the wire.
    pub fn handle_message(&mut self, message: Message, source: Source, now: Instant) {
        self.layer.handle_message(message, source, now);
    }

    /// Takes what could not be parsed, and gives the bytes that refuse it, if it was a
    /// request that somebody of ours' sent and enough of it could be read.
    pub fn handle_malformed(&mut self, error: &ParseError, source: &Source) -> Option<Transmit> {
        let _ = (error, source);
        None
    }

    /// Takes the result of a look-up asked for by [`Self::poll_resolve`].
    pub fn handle_resolved(
        &mut self,
        id: ResolveId,
        result: Result<Vec<Destination>, ResolveError>,
        now: Instant,
    ) {
        self.layer.handle_resolved(id, result, now);
    }

    /// Hears that a [`Transmit`] could not be delivered.
    pub fn handle_transport_failure(&mut self, failure: TransmitFailure, now: Instant) {
        self.layer.handle_transport_failure(failure, now);
    }

    /// Hears that a stream ended: bindings that hung on it are made anew.
    pub fn handle_flow_closed(&mut self, flow: FlowId, now: Instant) {
        self.layer.handle_flow_closed(flow, now);
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.layer.handle_timeout(now);
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.layer.poll_timeout()
    }

    /// Bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.layer.poll_transmit()
    }

    /// Names to resolve.
    pub fn poll_resolve(&mut self) -> Option<ResolveRequest> {
        self.layer.poll_resolve()
    }

    /// News for the application.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// Live objects, for the ledger.
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// How many requests of strangers have been dropped.
    pub fn dropped(&self) -> u64 {
        0
    }
}

impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAgent")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
