//! The requests of the user agent: each is located, goes from server to server until one
//! answers, and may be cancelled.
//!
//! An *attempt* is one client transaction of RFC 3261 on the wire, to one server and with
//! a branch of its own. The user agent sees only the request. An attempt may outlive its
//! request's interest in it, to acknowledge repeats of a failure; a CANCEL is an attempt
//! that nobody waits for.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::attempt::{Attempt, AttemptId, Machine};
use super::avoid::Avoided;
use super::invite_client::{Fired, InviteClient};
use super::key::ClientKey;
use super::outgoing::stamped;
use super::{
    ClientTransactionId, ContactTemplate, Failure, LayerCounts, Route, TooManyTransactions,
    TransactionEvent, Turn,
};
use crate::message::{Method, Request};
use crate::target::{ResolveError, ResolveId, ResolveRequest, Target};
use crate::timer::TimerTable;
use crate::transport::{Destination, FlowId, TransportError};

mod cancel;
mod failover;
mod responses;

use cancel::Cancel;
use failover::Hop;

#[derive(Debug)]
pub(super) struct ClientSide {
    requests: BTreeMap<ClientTransactionId, ClientRequest>,
    attempts: BTreeMap<AttemptId, Attempt>,
    by_key: HashMap<ClientKey, AttemptId>,
    resolving: BTreeMap<ResolveId, Resolving>,
    avoided: Avoided,
    timers: TimerTable<Wake>,
    last_id: u64,
    rng: StdRng,
}

/// One request of the user agent.
#[derive(Debug)]
struct ClientRequest {
    request: Request,
    contact: Option<ContactTemplate>,
    hops: VecDeque<Hop>,
    /// A pooled stream turned out to be dead, and a new one has been asked for.
    stream_renewed: bool,
    phase: Phase,
    cancel: Cancel,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Resolving(ResolveId),
    Sent(AttemptId),
}

/// Who waits for a look-up.
#[derive(Debug)]
enum Resolving {
    Request(ClientTransactionId),
    Ack(Box<Request>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    Attempt(AttemptId),
    /// 64*T1 after the CANCEL.
    CancelUnanswered(ClientTransactionId),
    /// The resolver owes an answer.
    Lookup(ResolveId),
}

impl ClientSide {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            requests: BTreeMap::new(),
            attempts: BTreeMap::new(),
            by_key: HashMap::new(),
            resolving: BTreeMap::new(),
            avoided: Avoided::default(),
            timers: TimerTable::new(),
            last_id: 0,
            rng: StdRng::from_seed(seed),
        }
    }

    pub(super) fn send_request(
        &mut self,
        request: Request,
        contact: Option<ContactTemplate>,
        route: Route,
        turn: &mut Turn<'_>,
    ) -> Result<ClientTransactionId, TooManyTransactions> {
        if self.requests.len() >= turn.config.max_client {
            return Err(TooManyTransactions);
        }
        let id = ClientTransactionId(self.fresh_id());
        let lookup = ResolveId(self.fresh_id());
        self.requests.insert(
            id,
            ClientRequest {
                request,
                contact,
                hops: VecDeque::new(),
                stream_renewed: false,
                phase: Phase::Resolving(lookup),
                cancel: Cancel::No,
            },
        );
        match route {
            Route::Target(target) => self.ask(lookup, Resolving::Request(id), target, turn),
            Route::Fixed(destinations) => self.handle_located(id, destinations, turn),
        }
        Ok(id)
    }

    pub(super) fn send_ack(&mut self, ack: Request, route: Route, turn: &mut Turn<'_>) {
        match route {
            // The 2xx will be repeated.
            Route::Target(_) if self.resolving.len() >= turn.config.max_client => {
                tracing::debug!("too many look-ups: ACK not sent");
            }
            Route::Target(target) => {
                let lookup = ResolveId(self.fresh_id());
                self.ask(lookup, Resolving::Ack(Box::new(ack)), target, turn);
            }
            Route::Fixed(destinations) => self.transmit_ack(&ack, destinations, turn),
        }
    }

    pub(super) fn handle_resolved(
        &mut self,
        id: ResolveId,
        result: Result<Vec<Destination>, ResolveError>,
        turn: &mut Turn<'_>,
    ) {
        self.timers.stop(Wake::Lookup(id));
        match (self.resolving.remove(&id), result) {
            (Some(Resolving::Request(request)), Ok(destinations)) => {
                self.handle_located(request, destinations, turn);
            }
            (Some(Resolving::Request(request)), Err(why)) => {
                self.fail(request, Failure::Unresolvable(why), turn);
            }
            (Some(Resolving::Ack(ack)), Ok(destinations)) => {
                self.transmit_ack(&ack, destinations, turn);
            }
            (Some(Resolving::Ack(_)), Err(why)) => {
                tracing::debug!(%why, "no way for an ACK");
            }
            (None, _) => {}
        }
    }

    pub(super) fn handle_transport_failure(
        &mut self,
        id: AttemptId,
        why: TransportError,
        turn: &mut Turn<'_>,
    ) {
        if self.attempts.get(&id).is_some_and(Attempt::is_unanswered) {
            self.handle_attempt_failed(id, Failure::Transport(why), turn);
        }
    }

    pub(super) fn handle_flow_closed(&mut self, flow: FlowId, turn: &mut Turn<'_>) {
        let hit: Vec<_> = self
            .attempts
            .iter()
            .filter(|(_, attempt)| {
                attempt.is_unanswered() && attempt.destination.flow == Some(flow)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in hit {
            let why = Failure::Transport(TransportError::FlowClosed);
            self.handle_attempt_failed(id, why, turn);
        }
    }

    pub(super) fn sent_with(&self, branch: &str, method: Method) -> Option<ClientTransactionId> {
        let id = self.by_key.get(&ClientKey::new(branch, method))?;
        self.attempts.get(id)?.owner
    }

    pub(super) fn asked(&self, id: ClientTransactionId) -> Option<&Destination> {
        match self.requests.get(&id)?.phase {
            Phase::Sent(id) => Some(&self.attempts.get(&id)?.destination),
            Phase::Resolving(_) => None,
        }
    }

    pub(super) fn repeat_now(&self, id: ClientTransactionId, turn: &mut Turn<'_>) {
        let phase = self.requests.get(&id).map(|request| request.phase);
        if let Some(Phase::Sent(id)) = phase
            && let Some(attempt) = self.attempts.get(&id)
            && attempt.is_unanswered()
            && !attempt.destination.transport.is_reliable()
        {
            attempt.transmit(id, turn);
        }
    }

    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        while let Some(wake) = self.timers.pop_expired(turn.now) {
            match wake {
                Wake::Attempt(id) => self.handle_attempt_timeout(id, turn),
                Wake::CancelUnanswered(id) => self.handle_cancel_unanswered(id, turn),
                Wake::Lookup(id) => {
                    self.handle_resolved(id, Err(ResolveError::Unavailable), turn);
                }
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_timeout()
    }

    pub(super) fn count(&self, counts: &mut LayerCounts) {
        counts.client = self.requests.len();
        counts.attempts = self.attempts.len();
        counts.resolving = self.resolving.len();
        counts.timers += self.timers.len();
    }

    fn ask(&mut self, id: ResolveId, waiting: Resolving, target: Target, turn: &mut Turn<'_>) {
        self.resolving.insert(id, waiting);
        let deadline = turn.now + turn.config.timers.give_up();
        self.timers.set(Wake::Lookup(id), Some(deadline));
        turn.out.resolves.push_back(ResolveRequest { id, target });
    }

    fn launch(&mut self, id: AttemptId, attempt: Attempt, turn: &mut Turn<'_>) {
        attempt.transmit(id, turn);
        self.keep(id, attempt);
    }

    fn keep(&mut self, id: AttemptId, attempt: Attempt) {
        self.timers
            .set(Wake::Attempt(id), attempt.machine.deadline());
        self.by_key.insert(attempt.key.clone(), id);
        self.attempts.insert(id, attempt);
    }

    fn transmit_ack(
        &mut self,
        ack: &Request,
        mut destinations: Vec<Destination>,
        turn: &mut Turn<'_>,
    ) {
        self.avoided.put_last(&mut destinations, turn.now);
        let branch = fresh_branch(&mut self.rng);
        let way = destinations.into_iter().find_map(|destination| {
            let ack = stamped(ack, None, &destination, &branch, turn.config).ok()?;
            Some((destination, ack))
        });
        match way {
            Some((destination, ack)) => turn.out.send(&destination, ack.to_bytes(), None),
            None => tracing::debug!("no way for an ACK"),
        }
    }

    fn handle_attempt_timeout(&mut self, id: AttemptId, turn: &mut Turn<'_>) {
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return;
        };
        let fired = attempt
            .machine
            .handle_timeout(&turn.config.timers, turn.now);
        self.timers
            .set(Wake::Attempt(id), attempt.machine.deadline());
        match fired {
            None => {}
            Some(Fired::Repeat) => attempt.transmit(id, turn),
            Some(Fired::GaveUp) => self.handle_attempt_failed(id, Failure::Timeout, turn),
            Some(Fired::Over) => {
                let owner = self.remove_attempt(id).and_then(|attempt| attempt.owner);
                if let Some(owner) = owner {
                    self.requests.remove(&owner);
                    turn.out
                        .tell(TransactionEvent::ClientTerminated { id: owner });
                }
            }
        }
    }

    fn fail(&mut self, id: ClientTransactionId, why: Failure, turn: &mut Turn<'_>) {
        self.timers.stop(Wake::CancelUnanswered(id));
        if self.requests.remove(&id).is_some() {
            turn.out.tell(TransactionEvent::Failed { id, why });
        }
    }

    fn remove_attempt(&mut self, id: AttemptId) -> Option<Attempt> {
        self.timers.stop(Wake::Attempt(id));
        let attempt = self.attempts.remove(&id)?;
        self.by_key.remove(&attempt.key);
        Some(attempt)
    }

    fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// 128 random bits behind the magic cookie: nobody can guess it.
fn fresh_branch(rng: &mut StdRng) -> String {
    format!("z9hG4bK{:016x}{:016x}", rng.next_u64(), rng.next_u64())
}
