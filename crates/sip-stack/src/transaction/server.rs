//! The requests of peers: one server transaction for each, matched by branch, with what
//! RFC 3261 wants answered before any user agent is asked.

mod response;
mod stateless;
mod transaction;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;

use self::response::{add_tag, copy_vias, keep_keys_back, owned_tag};
use self::transaction::{Machine, ServerTransaction};
use super::invite_server::{Fired, InviteServer};
use super::key::{MergeKey, ServerKey};
use super::non_invite_server::NonInviteServer;
use super::via_path::{ReturnPath, stamp};
use super::{LayerCounts, ServerEnd, ServerTransactionId, TooLate, TransactionEvent, Turn};
use crate::message::{Method, Request, Response, StatusCode};
use crate::timer::TimerTable;
use crate::transport::{Destination, FlowId, Source};

/// What a peer is told to wait for when we are full. Seconds.
const RETRY_WHEN_FULL: u32 = 10;

#[derive(Debug)]
pub(super) struct ServerSide {
    transactions: BTreeMap<ServerTransactionId, ServerTransaction>,
    by_key: HashMap<ServerKey, ServerTransactionId>,
    by_merge: HashMap<MergeKey, ServerTransactionId>,
    /// How many came from where.
    by_address: HashMap<IpAddr, usize>,
    timers: TimerTable<ServerTransactionId>,
    last_id: u64,
    /// Makes the tags of answers without state unpredictable and repeatable.
    tag_secret: [u8; 32],
}

impl ServerSide {
    pub(super) fn new(tag_secret: [u8; 32]) -> Self {
        Self {
            transactions: BTreeMap::new(),
            by_key: HashMap::new(),
            by_merge: HashMap::new(),
            by_address: HashMap::new(),
            timers: TimerTable::new(),
            last_id: 0,
            tag_secret,
        }
    }

    pub(super) fn handle_request(
        &mut self,
        mut request: Request,
        source: Source,
        turn: &mut Turn<'_>,
    ) {
        let Ok(via) = request.headers.via() else {
            tracing::debug!("request without a readable Via");
            return;
        };
        let key = ServerKey::of_request(&request, &via);
        let merge = MergeKey::of_request(&request);
        let known = self.by_key.get(&key).copied();
        let arrival = Arrival {
            path: ReturnPath::of(&via, &source),
            source,
        };
        stamp(&mut request, &via, &source);
        match (&request.method, known) {
            (Method::Ack, known) => self.handle_ack(known, request, source, turn),
            (Method::Cancel, _) => {
                let invite = ServerKey::of_cancelled(&request, &via);
                self.handle_cancel(&invite, request, &arrival, turn);
            }
            (_, Some(id)) => self.handle_repeat(id, turn),
            (_, None)
                if merge
                    .as_ref()
                    .is_some_and(|m| self.by_merge.contains_key(m)) =>
            {
                self.answer(&request, StatusCode::LOOP_DETECTED, None, &arrival, turn);
            }
            (_, None) if self.transactions.len() >= turn.config.max_server => {
                let full = StatusCode::SERVICE_UNAVAILABLE;
                self.answer(&request, full, Some(RETRY_WHEN_FULL), &arrival, turn);
            }
            (_, None) => self.begin(request, key, merge, arrival, turn),
        }
    }

    pub(super) fn respond(
        &mut self,
        id: ServerTransactionId,
        mut response: Response,
        turn: &mut Turn<'_>,
    ) -> Result<(), TooLate> {
        let transaction = self.transactions.get_mut(&id).ok_or(TooLate)?;
        copy_vias(&transaction.request, &mut response);
        keep_keys_back(&mut response, transaction.path.first.transport, turn);
        if let Some(tag) = response.headers.to().ok().and_then(|to| owned_tag(&to)) {
            transaction.to_tag = Some(tag);
        }
        let bytes = response.to_bytes();
        let status = response.status;
        if transaction
            .machine
            .respond(status, &bytes, transaction.is_reliable(), turn)?
        {
            transaction.transmit(id, bytes, turn);
        }
        self.timers.set(id, transaction.machine.deadline());
        Ok(())
    }

    pub(super) fn handle_transport_failure(
        &mut self,
        id: ServerTransactionId,
        turn: &mut Turn<'_>,
    ) {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        if let (Some(fallback), Some(bytes)) =
            (transaction.path.fallback.take(), transaction.last.clone())
        {
            transaction.path.first = fallback;
            transaction.transmit(id, bytes, turn);
        }
    }

    pub(super) fn move_flow(&mut self, from: FlowId, to: &Destination) {
        for transaction in self.transactions.values_mut() {
            let first = &mut transaction.path.first;
            if first.flow == Some(from) && first.transport == to.transport && first.addr == to.addr
            {
                first.flow = to.flow;
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        while let Some(id) = self.timers.pop_expired(turn.now) {
            let Some(transaction) = self.transactions.get_mut(&id) else {
                continue;
            };
            let fired = transaction
                .machine
                .handle_timeout(&turn.config.timers, turn.now);
            match fired {
                None => {}
                Some(Fired::Trying) => transaction.say_trying(id, turn),
                Some(Fired::Repeat(bytes)) => transaction.transmit(id, bytes, turn),
                Some(Fired::NotAcknowledged) => self.end(id, ServerEnd::NotAcknowledged, turn),
                Some(Fired::NeverAnswered) => self.end(id, ServerEnd::NeverAnswered, turn),
                Some(Fired::Over) => self.end(id, ServerEnd::Completed, turn),
            }
            if let Some(transaction) = self.transactions.get(&id) {
                self.timers.set(id, transaction.machine.deadline());
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_timeout()
    }

    pub(super) fn count_from(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).copied().unwrap_or_default()
    }

    pub(super) fn count(&self, counts: &mut LayerCounts) {
        counts.server = self.transactions.len();
        counts.timers += self.timers.len();
    }

    fn begin(
        &mut self,
        request: Request,
        key: ServerKey,
        merge: Option<MergeKey>,
        arrival: Arrival,
        turn: &mut Turn<'_>,
    ) {
        self.last_id += 1;
        let id = ServerTransactionId(self.last_id);
        let machine = if request.method == Method::Invite {
            Machine::Invite(InviteServer::new(turn.now))
        } else {
            Machine::NonInvite(NonInviteServer::new(&turn.config.timers, turn.now))
        };
        let mut head = request.clone();
        head.body = Bytes::new();
        self.timers.set(id, machine.deadline());
        self.by_key.insert(key.clone(), id);
        *self
            .by_address
            .entry(arrival.source.remote.ip())
            .or_default() += 1;
        if let Some(merge) = &merge {
            self.by_merge.insert(merge.clone(), id);
        }
        self.transactions.insert(
            id,
            ServerTransaction {
                key,
                merge,
                request: head,
                path: arrival.path,
                machine,
                last: None,
                to_tag: None,
                cancelled: false,
            },
        );
        turn.out.tell(TransactionEvent::Request {
            id,
            request,
            source: arrival.source,
        });
    }

    fn handle_repeat(&mut self, id: ServerTransactionId, turn: &mut Turn<'_>) {
        let transaction = self
            .transactions
            .get_mut(&id)
            .expect("every key has its transaction");
        let again = match &transaction.machine {
            Machine::Invite(machine) => machine.handle_repeat(),
            Machine::NonInvite(machine) => machine.handle_repeat(),
        };
        if let Some(bytes) = again {
            transaction.transmit(id, bytes, turn);
        }
    }

    fn handle_ack(
        &mut self,
        known: Option<ServerTransactionId>,
        ack: Request,
        source: Source,
        turn: &mut Turn<'_>,
    ) {
        let matched = known.and_then(|id| Some((id, self.transactions.get_mut(&id)?)));
        let pass_up = match matched {
            None => true,
            Some((id, transaction)) => {
                let reliable = transaction.is_reliable();
                let timers = &turn.config.timers;
                let pass_up = match &mut transaction.machine {
                    Machine::Invite(machine) => machine.handle_ack(reliable, timers, turn.now),
                    Machine::NonInvite(_) => false,
                };
                self.timers.set(id, transaction.machine.deadline());
                pass_up
            }
        };
        if pass_up {
            turn.out.tell(TransactionEvent::Ack {
                request: ack,
                source,
            });
        }
    }

    /// RFC 3261 §9.2. The answer is the same however often the CANCEL comes, so it needs
    /// no transaction of its own.
    fn handle_cancel(
        &mut self,
        invite: &ServerKey,
        cancel: Request,
        arrival: &Arrival,
        turn: &mut Turn<'_>,
    ) {
        let found = self.by_key.get(invite).copied();
        let Some(id) = found else {
            let unknown = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return self.answer(&cancel, unknown, None, arrival, turn);
        };
        let transaction = self
            .transactions
            .get_mut(&id)
            .expect("every key has its transaction");
        let first = !std::mem::replace(&mut transaction.cancelled, true);
        let open = matches!(
            transaction.machine,
            Machine::Invite(InviteServer::Proceeding { .. })
        );
        let mut response = cancel.reply(StatusCode::OK);
        if let Some(tag) = transaction.to_tag.clone() {
            add_tag(&mut response, &tag);
        } else {
            add_tag(&mut response, &self.tag_of(&cancel));
        }
        turn.out
            .send(&arrival.path.first, response.to_bytes(), None);
        if first && open {
            turn.out.tell(TransactionEvent::Cancelled { id, cancel });
        }
    }

    fn end(&mut self, id: ServerTransactionId, why: ServerEnd, turn: &mut Turn<'_>) {
        self.timers.stop(id);
        let Some(transaction) = self.transactions.remove(&id) else {
            return;
        };
        self.by_key.remove(&transaction.key);
        self.forget_one_from(transaction.path.first.addr.ip());
        if let Some(merge) = &transaction.merge
            && self.by_merge.get(merge) == Some(&id)
        {
            self.by_merge.remove(merge);
        }
        turn.out
            .tell(TransactionEvent::ServerTerminated { id, why });
    }

    /// Answers go to the address the request came from, by whatever port.
    fn forget_one_from(&mut self, address: IpAddr) {
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// How a request came, and how its answer goes.
#[derive(Debug)]
struct Arrival {
    source: Source,
    path: ReturnPath,
}
