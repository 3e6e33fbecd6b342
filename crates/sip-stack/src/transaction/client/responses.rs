//! Responses to the requests of the user agent: to which attempt they belong, and whether they
//! are passed up, acknowledged or send us to the next server.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::cancel::Cancel;
use super::{ClientSide, Wake};
use crate::message::{Headers, Method, Request, Response, StatusCode};
use crate::transaction::attempt::AttemptId;
use crate::transaction::invite_client::Verdict;
use crate::transaction::key::ClientKey;
use crate::transaction::{ClientTransactionId, Failure, TransactionEvent, Turn};
use crate::transport::{Source, TransportError};

impl ClientSide {
    pub(in crate::transaction) fn handle_response(
        &mut self,
        response: Response,
        source: Source,
        turn: &mut Turn<'_>,
    ) {
        // Exactly one Via, ours: anything else went astray (RFC 3261 §8.1.3.3).
        let vias = response.headers.vias().map_or(0, |vias| vias.len());
        let Some(key) = ClientKey::of_response(&response).filter(|_| vias == 1) else {
            tracing::debug!(status = %response.status, "response is not for us");
            return;
        };
        let Some(id) = self.by_key.get(&key).copied() else {
            handle_stray(None, response, source, turn);
            return;
        };
        let timers = turn.config.timers;
        let attempt = self
            .attempts
            .get_mut(&id)
            .expect("every key has its attempt");
        // By a new connection of the same server, perhaps; nobody else's.
        if attempt.destination.transport.is_reliable()
            && attempt.destination.transport == source.transport
            && attempt.destination.addr.ip() == source.remote.ip()
        {
            attempt.destination.flow = source.flow;
        }
        let verdict = attempt.handle_response(response.status, &timers, turn.now);
        self.timers
            .set(Wake::Attempt(id), attempt.machine.deadline());
        match verdict {
            Verdict::PassUp => {}
            Verdict::AckAndPassUp => attempt.acknowledge(id, &response, turn),
            Verdict::Ack => {
                attempt.acknowledge(id, &response, turn);
                return;
            }
            Verdict::Stray => {
                let invite = Some(Box::new(attempt.request.clone()));
                handle_stray(invite, response, source, turn);
                return;
            }
            Verdict::TakeBack => {
                self.take_back(id, &Headers::new(), turn);
                return;
            }
            Verdict::Absorb => return,
        }
        if let Some(owner) = attempt.owner {
            self.deliver(owner, id, response, source, turn);
        }
        self.forget_message(id);
    }

    /// A transaction that only absorbs repeats of its answer needs no request any more: where
    /// thousands rest for Timer K, their messages would be most of the memory.
    fn forget_message(&mut self, id: AttemptId) {
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return;
        };
        if !attempt.forget_message() {
            return;
        }
        let request = attempt
            .owner
            .and_then(|owner| self.requests.get_mut(&owner));
        if let Some(request) = request {
            request.request.headers = Headers::new();
            request.request.body = Bytes::new();
            request.contact = None;
            request.hops = VecDeque::new();
        }
    }

    /// A response that concerns the user agent, unless it sends us to the next server.
    fn deliver(
        &mut self,
        id: ClientTransactionId,
        attempt: AttemptId,
        response: Response,
        source: Source,
        turn: &mut Turn<'_>,
    ) {
        let (Some(request), Some(sent)) =
            (self.requests.get_mut(&id), self.attempts.get_mut(&attempt))
        else {
            return;
        };
        if response.status == StatusCode::SERVICE_UNAVAILABLE {
            if let Ok(Some(seconds)) = response.headers.retry_after() {
                let period = Duration::from_secs(u64::from(seconds));
                self.avoided.note(&sent.destination, period, turn.now);
            }
            let here = sent.destination.addr;
            request.hops.retain(|hop| hop.destination.addr != here);
            if !request.hops.is_empty() && matches!(request.cancel, Cancel::No) {
                sent.owner = None;
                let why = Failure::Transport(TransportError::NoSocket);
                return self.try_next(id, why, turn);
            }
        }
        let wanted = match &request.cancel {
            Cancel::Wanted(extra) if response.status.is_provisional() => Some(extra.clone()),
            Cancel::No | Cancel::Wanted(_) | Cancel::Sent => None,
        };
        if response.status.is_final() {
            self.timers.stop(Wake::CancelUnanswered(id));
        }
        turn.out.tell(TransactionEvent::Response {
            id,
            response,
            source,
        });
        if let Some(extra) = wanted {
            self.send_cancel(id, attempt, &extra, turn);
        }
    }
}

/// A response that no transaction wants: only the 2xx of an INVITE matters.
fn handle_stray(
    invite: Option<Box<Request>>,
    response: Response,
    source: Source,
    turn: &mut Turn<'_>,
) {
    let of_invite = response
        .headers
        .cseq()
        .is_ok_and(|cseq| cseq.method == Method::Invite);
    if of_invite && response.status.is_success() {
        turn.out.tell(TransactionEvent::StrayResponse2xx {
            invite,
            response,
            source,
        });
    }
}
