//! From server to server until one answers (RFC 3263 §4.3), and from TCP back to UDP
//! (RFC 3261 §18.1.1).

use std::time::Duration;

use super::cancel::Cancel;
use super::{Attempt, AttemptId, ClientSide, Failure, Machine, Phase, fresh_branch};
use crate::target::ResolveError;
use crate::transaction::avoid::AFTER_FAILURE;
use crate::transaction::outgoing::{NoWay, stamped};
use crate::transaction::{ClientTransactionId, Turn};
use crate::transport::{Destination, Transport, TransportError};

/// A request larger than this goes by a stream, if the server takes one (RFC 3261 §18.1.1).
const LARGEST_DATAGRAM_REQUEST: usize = 1300;
/// How long large requests go by UDP at once to a server that does not take TCP.
const AFTER_REFUSED_STREAM: Duration = Duration::from_secs(600);
/// How many T1 a server may be silent while there is another one to try.
const PATIENCE_WITH_ALTERNATIVES: u32 = 8;

/// A server yet to be tried.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) destination: Destination,
    /// Whether a large request may take TCP first.
    stream_if_large: bool,
}

impl ClientSide {
    /// The servers are known: good ones first, and off we go.
    pub(super) fn handle_located(
        &mut self,
        id: ClientTransactionId,
        mut destinations: Vec<Destination>,
        turn: &mut Turn<'_>,
    ) {
        self.avoided.put_last(&mut destinations, turn.now);
        if let Some(request) = self.requests.get_mut(&id) {
            request.hops = destinations
                .into_iter()
                .map(|destination| Hop {
                    destination,
                    stream_if_large: true,
                })
                .collect();
        }
        let nowhere = Failure::Unresolvable(ResolveError::NoSuchDomain);
        self.try_next(id, nowhere, turn);
    }

    /// Starts an attempt at the next server; `why` is reported if there is none.
    pub(super) fn try_next(&mut self, id: ClientTransactionId, why: Failure, turn: &mut Turn<'_>) {
        let mut why = why;
        loop {
            let Some(request) = self.requests.get_mut(&id) else {
                return;
            };
            let Some(hop) = request.hops.pop_front() else {
                let why = match request.cancel {
                    Cancel::No => why,
                    Cancel::Wanted(_) | Cancel::Sent => Failure::Cancelled,
                };
                return self.fail(id, why, turn);
            };
            if matches!(request.cancel, Cancel::Wanted(_)) {
                return self.fail(id, Failure::Cancelled, turn);
            }
            match self.start_attempt(id, hop, turn) {
                Ok(()) => return,
                Err(NoWay::Exposed) if matches!(why, Failure::Unresolvable(_)) => {
                    why = Failure::Exposed;
                }
                Err(NoWay::Exposed | NoWay::NoAddress) => {}
            }
        }
    }

    fn start_attempt(
        &mut self,
        id: ClientTransactionId,
        hop: Hop,
        turn: &mut Turn<'_>,
    ) -> Result<(), NoWay> {
        let branch = fresh_branch(&mut self.rng);
        let attempt_id = AttemptId(self.fresh_id());
        let request = self.requests.get_mut(&id).expect("checked by try_next");
        let prepare = |destination: &Destination| {
            stamped(
                &request.request,
                request.contact.as_ref(),
                destination,
                &branch,
                turn.config,
            )
        };
        let mut destination = hop.destination;
        let mut sent = prepare(&destination)?;
        let mut bytes = sent.to_bytes();
        let large = bytes.len() > LARGEST_DATAGRAM_REQUEST;
        if large && hop.stream_if_large && destination.transport == Transport::Udp {
            let stream = Destination::tcp(destination.addr);
            if !self.avoided.contains(&stream, turn.now)
                && let Ok(by_stream) = prepare(&stream)
            {
                bytes = by_stream.to_bytes();
                sent = by_stream;
                request.hops.push_front(Hop {
                    destination: std::mem::replace(&mut destination, stream),
                    stream_if_large: false,
                });
            }
        }
        request.phase = Phase::Sent(attempt_id);
        let timers = &turn.config.timers;
        let patience = match request.hops.is_empty() {
            true => timers.give_up(),
            false => (timers.t1 * PATIENCE_WITH_ALTERNATIVES).min(timers.give_up()),
        };
        let attempt = Attempt::new(Some(id), &branch, sent, bytes, destination, patience, turn);
        self.launch(attempt_id, attempt, turn);
        Ok(())
    }

    pub(super) fn handle_attempt_failed(
        &mut self,
        id: AttemptId,
        why: Failure,
        turn: &mut Turn<'_>,
    ) {
        let Some(mut attempt) = self.remove_attempt(id) else {
            return;
        };
        tracing::debug!(destination = ?attempt.destination, ?why, "server did not answer");
        if !self.renew_stream(&attempt, why) {
            let period = match self.is_large_detour(&attempt) {
                true => AFTER_REFUSED_STREAM,
                false => AFTER_FAILURE,
            };
            self.avoided.note(&attempt.destination, period, turn.now);
        }
        let Some(owner) = attempt.owner.take() else {
            return;
        };
        if may_have_arrived(why)
            && let Machine::Invite(machine) = &mut attempt.machine
        {
            machine.abandon(&turn.config.timers, turn.now);
            self.keep(id, attempt);
        }
        self.try_next(owner, why, turn);
    }

    /// Whether TCP was tried only because the request is large: its UDP hop is next.
    fn is_large_detour(&self, attempt: &Attempt) -> bool {
        let request = attempt.owner.and_then(|id| self.requests.get(&id));
        let next = request.and_then(|request| request.hops.front());
        next.is_some_and(|hop| {
            attempt.destination.transport == Transport::Tcp
                && hop.destination.transport == Transport::Udp
                && hop.destination.addr == attempt.destination.addr
        })
    }

    /// The end of a pooled stream is often the first we hear of a server's restart or of a
    /// NAT's forgetfulness: once, the same server is tried by a new stream.
    fn renew_stream(&mut self, attempt: &Attempt, why: Failure) -> bool {
        let pooled =
            attempt.destination.transport.is_reliable() && attempt.destination.flow.is_none();
        let request = attempt.owner.and_then(|id| self.requests.get_mut(&id));
        let Some(request) = request.filter(|request| pooled && !request.stream_renewed) else {
            return false;
        };
        if why != Failure::Transport(TransportError::FlowClosed) {
            return false;
        }
        request.stream_renewed = true;
        request.hops.push_front(Hop {
            destination: attempt.destination.clone(),
            stream_if_large: false,
        });
        true
    }
}

/// Whether the server may work on a request that failed like this.
fn may_have_arrived(why: Failure) -> bool {
    matches!(
        why,
        Failure::Timeout | Failure::Transport(TransportError::FlowClosed)
    )
}
