//! The transaction layer (RFC 3261 §17 and §18, with RFC 6026, RFC 4320 and RFC 3581).
//!
//! Between the user agent and the wire: it retransmits and absorbs retransmissions,
//! matches responses to requests and CANCEL and ACK to INVITEs, writes the Via of what we
//! send and obeys the Via of what we answer, finds the next server when one fails
//! (RFC 3263 §4.3), and moves large requests from UDP to TCP. It knows nothing of
//! dialogs, registrations or credentials, and does no I/O: bytes to send, names to
//! resolve and news for the user agent are polled out, and `now` is an argument.
//!
//! After every `handle_*` and every request of the user agent, drain
//! [`Layer::poll_transmit`], [`Layer::poll_resolve`] and [`Layer::poll_event`], then
//! sleep until [`Layer::poll_timeout`].
//!
//! # Client side
//!
//! One [`ClientTransactionId`] stands for one request of the user agent. Behind it there
//! may be several transactions, one per server tried, each with its own branch. Every id
//! ends with exactly one [`TransactionEvent::Failed`] or
//! [`TransactionEvent::ClientTerminated`].
//!
//! # Server side
//!
//! 100 Trying, repeats of responses, 200 to CANCEL, 481 to a CANCEL of nothing, 482 to a
//! merged request and 503 when full are answered here. A 2xx to INVITE is repeated by the
//! user agent (RFC 6026): it calls [`Layer::respond`] again. Every id ends with one
//! [`TransactionEvent::ServerTerminated`].

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::message::{Headers, Message, Method, Request, Response, Salvage};
use crate::target::{ResolveError, ResolveId, ResolveRequest, Target};
use crate::transport::{
    Destination, FlowId, LocalAddresses, Source, Transmit, TransmitFailure, TransmitToken,
};

mod attempt;
mod avoid;
mod client;
mod contact;
mod event;
mod invite_client;
mod invite_server;
mod key;
mod non_invite_client;
mod non_invite_server;
mod out;
mod outgoing;
mod repeat;
mod server;
mod via_path;

pub use contact::ContactTemplate;
pub use event::{Failure, ServerEnd, TransactionEvent};

use attempt::AttemptId;
use client::ClientSide;
use out::Out;
use server::ServerSide;

/// One request of the user agent, however many servers it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientTransactionId(u64);

/// One request of a peer that wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTransactionId(u64);

/// RFC 3261's base timers, from which all others are computed (§17, table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerValues {
    /// Estimate of the round trip; first interval of A, E and G. 500 ms.
    pub t1: Duration,
    /// Longest interval between repeats. 4 s.
    pub t2: Duration,
    /// Longest time a message stays in the network; I and K. 5 s.
    pub t4: Duration,
}

impl TimerValues {
    /// 64*T1: Timers B, F, H, J, L and M.
    pub fn give_up(&self) -> Duration {
        self.t1 * 64
    }
}

impl Default for TimerValues {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}

/// What the layer has to be told.
#[derive(Clone, Debug)]
pub struct LayerConfig {
    /// What Via and Contact say.
    pub local: LocalAddresses,
    /// Whether descriptions that hold keys may go by UDP and TCP. For laboratories.
    pub keys_in_clear: bool,
    /// T1, T2 and T4.
    pub timers: TimerValues,
    /// Requests of ours at a time; [`Layer::send_request`] refuses further ones.
    pub max_client: usize,
    /// Requests of peers at a time; further ones are answered 503 without state.
    pub max_server: usize,
}

impl LayerConfig {
    /// The ordinary limits.
    pub fn new(local: LocalAddresses) -> Self {
        Self {
            local,
            keys_in_clear: false,
            timers: TimerValues::default(),
            max_client: 50_000,
            max_server: 50_000,
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Locate by RFC 3263: outbound proxy, topmost loose Route, or Request-URI.
    Target(Target),
    /// Exactly there: a flow we know, or addresses resolved before.
    Fixed(Vec<Destination>),
}

/// The layer is at its configured bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyTransactions;

impl fmt::Display for TooManyTransactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many transactions")
    }
}

impl std::error::Error for TooManyTransactions {}

/// The transaction is over or has had its final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLate;

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transaction already over")
    }
}

impl std::error::Error for TooLate {}

/// Live objects, for the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerCounts {
    /// Requests of ours that have not ended.
    pub client: usize,
    /// Requests of peers that have not ended.
    pub server: usize,
    /// Client transactions on the wire, those absorbing repeats included.
    pub attempts: usize,
    /// Deadlines.
    pub timers: usize,
    /// Look-ups not answered yet.
    pub resolving: usize,
}

/// All transactions of one user agent.
#[derive(Debug)]
pub struct Layer {
    config: LayerConfig,
    client: ClientSide,
    server: ServerSide,
    out: Out,
}

/// One input being worked on: what both sides need besides themselves.
#[derive(Debug)]
struct Turn<'a> {
    config: &'a LayerConfig,
    out: &'a mut Out,
    now: Instant,
}

impl Layer {
    /// A layer without transactions. `seed` feeds branches and tags: it must be
    /// unpredictable outside tests.
    pub fn new(config: LayerConfig, seed: [u8; 32]) -> Self {
        let mut rng = StdRng::from_seed(seed);
        Self {
            config,
            client: ClientSide::new(rng.random()),
            server: ServerSide::new(rng.random()),
            out: Out::default(),
        }
    }

    /// What Via and Contact say.
    pub fn local(&self) -> &LocalAddresses {
        &self.config.local
    }

    /// Sends a request and sees it through to its final response. Not for ACK.
    ///
    /// The layer writes Via itself, and Contact if there is a template; the request
    /// carries neither. Everything else is sent as given.
    ///
    /// # Errors
    /// [`TooManyTransactions`] at the configured bound; nothing has been sent.
    pub fn send_request(
        &mut self,
        request: Request,
        contact: Option<ContactTemplate>,
        route: Route,
        now: Instant,
    ) -> Result<ClientTransactionId, TooManyTransactions> {
        let (client, _, mut turn) = self.turn(now);
        client.send_request(request, contact, route, &mut turn)
    }

    /// Takes an INVITE back (RFC 3261 §9.1). The CANCEL waits for a provisional response
    /// and goes exactly where the INVITE went; `extra` (e.g. Reason) is added to it.
    ///
    /// Something always follows: 487, another final response (a 2xx that crossed the
    /// CANCEL included), or [`TransactionEvent::Failed`]. A request of another method is only
    /// kept from being sent, if it has not been, and from further servers. Unknown ids are
    /// ignored.
    pub fn cancel(&mut self, id: ClientTransactionId, extra: Headers, now: Instant) {
        let (client, _, mut turn) = self.turn(now);
        client.cancel(id, extra, &mut turn);
    }

    /// Sends the ACK for a 2xx, without Via; call it again for every repeat of the 2xx.
    pub fn send_ack(&mut self, ack: Request, route: Route, now: Instant) {
        let (client, _, mut turn) = self.turn(now);
        client.send_ack(ack, route, &mut turn);
    }

    /// Answers a request. The response's Via is set from the request. Provisional
    /// responses as often as wanted, one final; for INVITE a 2xx may be repeated.
    ///
    /// A provisional response, or a 408, to anything but INVITE is not sent (RFC 4320 §4):
    /// `Ok`, and the transaction waits on or ends silently.
    ///
    /// # Errors
    /// [`TooLate`] if the id has ended or has had its final response.
    pub fn respond(
        &mut self,
        id: ServerTransactionId,
        response: Response,
        now: Instant,
    ) -> Result<(), TooLate> {
        let (_, server, mut turn) = self.turn(now);
        server.respond(id, response, &mut turn)
    }

    /// Takes a message from the wire.
    pub fn handle_message(&mut self, message: Message, source: Source, now: Instant) {
        let (client, server, mut turn) = self.turn(now);
        match message {
            Message::Request(request) => server.handle_request(request, source, &mut turn),
            Message::Response(response) => client.handle_response(response, source, &mut turn),
        }
    }

    /// Refuses a request that cannot be used but can be answered.
    pub fn handle_malformed(&mut self, salvage: &Salvage, source: Source, now: Instant) {
        let (_, server, mut turn) = self.turn(now);
        server.handle_malformed(salvage, source, &mut turn);
    }

    /// Takes the result of a look-up.
    pub fn handle_resolved(
        &mut self,
        id: ResolveId,
        result: Result<Vec<Destination>, ResolveError>,
        now: Instant,
    ) {
        let (client, _, mut turn) = self.turn(now);
        client.handle_resolved(id, result, &mut turn);
    }

    /// Hears that a message could not be delivered.
    pub fn handle_transport_failure(&mut self, failure: TransmitFailure, now: Instant) {
        let (client, server, mut turn) = self.turn(now);
        match failure.token.sender() {
            Sender::Attempt(id) => client.handle_transport_failure(id, failure.why, &mut turn),
            Sender::Server(id) => server.handle_transport_failure(id, &mut turn),
        }
    }

    /// Hears that a stream ended: requests known to wait on it have failed. Those that
    /// have heard nothing yet are failed one by one with their tokens.
    pub fn handle_flow_closed(&mut self, flow: FlowId, now: Instant) {
        let (client, _, mut turn) = self.turn(now);
        client.handle_flow_closed(flow, &mut turn);
    }

    /// A stream has been replaced by another to the same place: answers that are still owed
    /// to it go there.
    pub fn move_flow(&mut self, from: FlowId, to: &Destination) {
        self.server.move_flow(from, to);
    }

    /// The request of ours that is, or was lately, on the wire with this branch.
    pub fn sent_with(&self, branch: &str, method: Method) -> Option<ClientTransactionId> {
        self.client.sent_with(branch, method)
    }

    /// Where a request was sent last; `None` while it is being located, and once it is forgotten.
    pub fn asked(&self, id: ClientTransactionId) -> Option<&Destination> {
        self.client.asked(id)
    }

    /// Repeats a request other than INVITE out of turn, if it is still unanswered and goes by
    /// UDP: its server is known to have come back. The timers go on as they were.
    pub fn repeat_now(&mut self, id: ClientTransactionId, now: Instant) {
        let (client, _, mut turn) = self.turn(now);
        client.repeat_now(id, &mut turn);
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let (client, server, mut turn) = self.turn(now);
        client.handle_timeout(&mut turn);
        server.handle_timeout(&mut turn);
    }

    /// When [`Self::handle_timeout`] wants to be called next; possibly at once.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let both = [self.client.poll_timeout(), self.server.poll_timeout()];
        both.into_iter().flatten().min()
    }

    /// Bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.transmits.pop_front()
    }

    /// Names to resolve.
    pub fn poll_resolve(&mut self) -> Option<ResolveRequest> {
        self.out.resolves.pop_front()
    }

    /// News for the user agent.
    pub fn poll_event(&mut self) -> Option<TransactionEvent> {
        self.out.events.pop_front()
    }

    /// Requests from this address that have not ended.
    pub fn count_from(&self, address: IpAddr) -> usize {
        self.server.count_from(address)
    }

    /// Live objects, for the ledger.
    pub fn counts(&self) -> LayerCounts {
        let mut counts = LayerCounts::default();
        self.client.count(&mut counts);
        self.server.count(&mut counts);
        counts
    }

    fn turn(&mut self, now: Instant) -> (&mut ClientSide, &mut ServerSide, Turn<'_>) {
        let turn = Turn {
            config: &self.config,
            out: &mut self.out,
            now,
        };
        (&mut self.client, &mut self.server, turn)
    }
}

/// Whose bytes a [`TransmitToken`] stands for.
enum Sender {
    Attempt(AttemptId),
    Server(ServerTransactionId),
}

/// The lowest bit tells the sides apart.
impl TransmitToken {
    fn attempt(id: AttemptId) -> Self {
        Self(id.0 << 1)
    }

    fn server(id: ServerTransactionId) -> Self {
        Self(id.0 << 1 | 1)
    }

    fn sender(self) -> Sender {
        match self.0 & 1 {
            0 => Sender::Attempt(AttemptId(self.0 >> 1)),
            _ => Sender::Server(ServerTransactionId(self.0 >> 1)),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one event it expects"
)]
mod tests;
