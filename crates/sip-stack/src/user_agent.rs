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

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::account::{Account, AccountId, SessionId};
use crate::command::Command;
use crate::dialog::DialogId;
use crate::event::Event;
use crate::invite::Session;
use crate::message::{Message, ParseError};
use crate::refer::Refers;
pub use crate::registration::{BreakerConfig, PaceConfig, RegistrationInfo, RegistrationPhase};
use crate::target::{ResolveError, ResolveId, ResolveRequest};
use crate::transaction::{ClientTransactionId, ServerTransactionId};
use crate::transport::{Destination, FlowId, Source, Transmit, TransmitFailure};

mod answering;
mod client_user;
mod commands;
mod config;
mod core;
mod headers;
mod identifying;
mod in_call;
mod info;
mod inviting;
mod keeping;
mod leaving;
mod looping;
mod messages_in;
mod messaging;
mod moving;
mod offered;
mod pracking;
mod progress;
mod referred;
mod referring;
mod refreshing;
mod registering;
mod reinvited;
mod reinviting;
mod reliable;
mod replacing;
mod requests;
mod responses;
mod shared;
mod straying;
mod timeouts;
mod upkeep;

use client_user::ClientUser;
pub use config::{Counts, UserAgentConfig};
pub(crate) use core::{Core, Timer};
use messaging::{Chat, Outgoing};

/// A SIP user agent on behalf of many accounts.
pub struct UserAgent {
    core: Core,
    /// Boxed: a map that grows in order is half empty.
    accounts: BTreeMap<AccountId, Box<Account>>,
    /// Which account a Request-URI means: by the user part of our Contacts.
    tokens: BTreeMap<Arc<str>, AccountId>,
    sessions: BTreeMap<SessionId, Session>,
    /// Dialogs of sessions, early ones included.
    dialogs: BTreeMap<DialogId, SessionId>,
    /// What our requests are for.
    clients: BTreeMap<ClientTransactionId, ClientUser>,
    /// INVITEs of peers that have had no final response, first ones and later ones.
    servers: BTreeMap<ServerTransactionId, SessionId>,
    /// REFERs and what is to come of them.
    refers: Refers,
    /// Addresses of our registrars and proxies, with the number of accounts that use them.
    known: BTreeMap<IpAddr, usize>,
    /// Accounts with a binding, or with one being made or removed.
    live: usize,
    /// Connections that bindings hang on, with their number.
    carriers: BTreeMap<FlowId, usize>,
    /// Messages of ours on their way, and those that wait behind them.
    chats: BTreeMap<Chat, VecDeque<Outgoing>>,
    incoming: u64,
    dropped: u64,
    shutting_down: bool,
}

impl UserAgent {
    /// A user agent without accounts. `seed` feeds every tag, Call-ID, branch and delay:
    /// it must be unpredictable outside tests.
    pub fn new(config: UserAgentConfig, seed: [u8; 32]) -> Self {
        Self {
            core: Core::new(config, seed),
            accounts: BTreeMap::new(),
            tokens: BTreeMap::new(),
            sessions: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            refers: Refers::default(),
            known: BTreeMap::new(),
            live: 0,
            carriers: BTreeMap::new(),
            chats: BTreeMap::new(),
            incoming: 0,
            dropped: 0,
            shutting_down: false,
        }
    }

    /// Does what the application asks. Never fails: events tell what came of it.
    pub fn handle_command(&mut self, command: Command, now: Instant) {
        self.dispatch_command(command, now);
        self.settle(now);
    }

    /// Takes a message from the wire.
    pub fn handle_message(&mut self, message: Message, source: Source, now: Instant) {
        if !self.concerns_us(&message, &source) {
            self.dropped += 1;
            tracing::debug!(transport = %source.transport, "request of a stranger dropped");
            return;
        }
        self.core.layer.handle_message(message, source, now);
        self.settle(now);
    }

    /// Takes what could not be parsed. It is refused if it is a request, if enough of it
    /// can be read, and if it comes from a registrar or proxy of ours.
    pub fn handle_malformed(&mut self, error: &ParseError, source: Source, now: Instant) {
        self.refuse_malformed(error, source, now);
        self.settle(now);
    }

    /// Takes the result of a look-up asked for by [`Self::poll_resolve`].
    pub fn handle_resolved(
        &mut self,
        id: ResolveId,
        result: Result<Vec<Destination>, ResolveError>,
        now: Instant,
    ) {
        self.core.layer.handle_resolved(id, result, now);
        self.settle(now);
    }

    /// Hears that a [`Transmit`] could not be delivered.
    pub fn handle_transport_failure(&mut self, failure: TransmitFailure, now: Instant) {
        self.core.layer.handle_transport_failure(failure, now);
        self.settle(now);
    }

    /// Hears that a stream ended: bindings that hung on it are made anew.
    pub fn handle_flow_closed(&mut self, flow: FlowId, now: Instant) {
        self.core.layer.handle_flow_closed(flow, now);
        self.registrations_lost_flow(flow, now);
        self.settle(now);
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.layer.handle_timeout(now);
        self.settle(now);
        self.fire_timers(now);
        self.settle(now);
        // An answer that a timer made us give may end its transaction at once (Timer J of
        // streams is 0).
        self.core.layer.handle_timeout(now);
        self.settle(now);
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = self.core.timers.next_timeout();
        let pace = self.core.pacer.next_timeout();
        let all = [own, pace, self.core.layer.poll_timeout()];
        all.into_iter().flatten().min()
    }

    /// Bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.core.layer.poll_transmit()
    }

    /// Names to resolve.
    pub fn poll_resolve(&mut self) -> Option<ResolveRequest> {
        self.core.layer.poll_resolve()
    }

    /// News for the application.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    /// Live objects, for the ledger.
    pub fn counts(&self) -> Counts {
        let layer = self.core.layer.counts();
        Counts {
            accounts: self.accounts.len(),
            registrations: self.live,
            sessions: self.sessions.len(),
            dialogs: self.dialogs.len(),
            transactions: layer.client + layer.server,
            timers: layer.timers + self.core.timers.len() + self.core.pacer.timers(),
            referrals: self.refers.ours.len() + self.refers.theirs.len(),
            chats: self.chats.len(),
            uses: self.clients.len() + self.servers.len(),
        }
    }

    /// Whether no peer has to be waited for any more: no call, no binding, no request of ours
    /// without its answer. Transactions that only absorb repeats may still be there.
    pub fn is_settled(&self) -> bool {
        let only_absorbs = |user: &ClientUser| matches!(user, ClientUser::Answered(_));
        self.sessions.is_empty() && self.live == 0 && self.clients.values().all(only_absorbs)
    }

    /// Every account's registration at this moment, for operators.
    pub fn registrations(&self, now: Instant) -> impl Iterator<Item = RegistrationInfo> + '_ {
        let accounts = self.accounts.values();
        accounts.map(move |account| account.registration_info(now))
    }

    /// How many requests of strangers have been dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAgent")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
