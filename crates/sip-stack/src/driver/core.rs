//! What the driver needs of the machine it drives: the user agent, or a small one in tests.

use std::time::Instant;

use crate::admission::Admission;
use crate::command::Command;
use crate::event::Event;
use crate::keep_alive::KeepAlive;
use crate::message::{Message, ParseError};
use crate::target::{ResolveError, ResolveId, ResolveRequest};
use crate::transport::{Destination, FlowId, Source, Transmit, TransmitFailure};
use crate::user_agent::{Counts, UserAgent};

/// A sans-IO machine. See [`UserAgent`] for the meaning of each function.
pub(super) trait Core: Send + 'static {
    type Command: Send + 'static;
    type Event: Send + 'static;

    /// Whether it tells by [`Self::poll_admission`] who is let in; else everybody is.
    const GUARDED: bool;

    /// The command that asks for the end.
    fn shutdown() -> Self::Command;
    fn is_shutdown(command: &Self::Command) -> bool;
    fn handle_command(&mut self, command: Self::Command, now: Instant);
    fn handle_message(&mut self, message: Message, source: Source, now: Instant);
    fn handle_malformed(&mut self, error: &ParseError, source: Source, now: Instant);
    fn handle_resolved(
        &mut self,
        id: ResolveId,
        result: Result<Vec<Destination>, ResolveError>,
        now: Instant,
    );
    fn handle_transport_failure(&mut self, failure: TransmitFailure, now: Instant);
    fn handle_flow_closed(&mut self, flow: FlowId, now: Instant);
    fn handle_way_lost(&mut self, way: &Destination, now: Instant);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    fn poll_transmit(&mut self) -> Option<Transmit>;
    fn poll_resolve(&mut self) -> Option<ResolveRequest>;
    fn poll_keep_alive(&mut self) -> Option<KeepAlive>;
    fn poll_admission(&mut self) -> Option<Admission>;
    fn poll_event(&mut self) -> Option<Self::Event>;
    fn counts(&self) -> Counts;
    fn is_settled(&self) -> bool;
}

impl Core for UserAgent {
    type Command = Command;
    type Event = Event;

    const GUARDED: bool = true;

    fn shutdown() -> Command {
        Command::Shutdown
    }

    fn is_shutdown(command: &Command) -> bool {
        matches!(command, Command::Shutdown)
    }

    fn handle_command(&mut self, command: Command, now: Instant) {
        self.handle_command(command, now);
    }

    fn handle_message(&mut self, message: Message, source: Source, now: Instant) {
        self.handle_message(message, source, now);
    }

    fn handle_malformed(&mut self, error: &ParseError, source: Source, now: Instant) {
        self.handle_malformed(error, source, now);
    }

    fn handle_resolved(
        &mut self,
        id: ResolveId,
        result: Result<Vec<Destination>, ResolveError>,
        now: Instant,
    ) {
        self.handle_resolved(id, result, now);
    }

    fn handle_transport_failure(&mut self, failure: TransmitFailure, now: Instant) {
        self.handle_transport_failure(failure, now);
    }

    fn handle_flow_closed(&mut self, flow: FlowId, now: Instant) {
        self.handle_flow_closed(flow, now);
    }

    fn handle_way_lost(&mut self, way: &Destination, now: Instant) {
        self.handle_way_lost(way, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.poll_timeout()
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.poll_transmit()
    }

    fn poll_resolve(&mut self) -> Option<ResolveRequest> {
        self.poll_resolve()
    }

    fn poll_keep_alive(&mut self) -> Option<KeepAlive> {
        self.poll_keep_alive()
    }

    fn poll_admission(&mut self) -> Option<Admission> {
        self.poll_admission()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.poll_event()
    }

    fn counts(&self) -> Counts {
        self.counts()
    }

    fn is_settled(&self) -> bool {
        self.is_settled()
    }
}
