//! Registrations among everything else: their transactions, their flows, and the
//! addresses that become known by them.

use std::net::IpAddr;
use std::time::Instant;

use super::UserAgent;
use super::client_user::ClientUser;
use crate::account::AccountId;
use crate::message::Response;
use crate::transaction::{ClientTransactionId, Failure};
use crate::transport::{FlowId, Source};

impl UserAgent {
    /// Notes a REGISTER that has just been sent.
    pub(super) fn registration_sent(
        &mut self,
        account: AccountId,
        sent: Option<ClientTransactionId>,
    ) {
        if let Some(transaction) = sent {
            self.clients
                .insert(transaction, ClientUser::Registration(account));
        }
        self.keep_alive_of(account);
    }

    pub(super) fn registration_response(
        &mut self,
        id: AccountId,
        transaction: ClientTransactionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        self.note_known(id, source.remote.ip());
        if response.status.is_final() {
            self.clients.remove(&transaction);
        }
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let sent = account.registration_response(response, source, &mut self.core, now);
        self.registration_sent(id, sent);
        self.forget_if_done(id);
    }

    pub(super) fn registration_failure(&mut self, id: AccountId, why: Failure, now: Instant) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let sent = account.registration_failure(why, &mut self.core, now);
        self.registration_sent(id, sent);
        self.forget_if_done(id);
    }

    pub(super) fn registration_due(&mut self, id: AccountId, now: Instant) {
        if let Some(account) = self.accounts.get_mut(&id) {
            let sent = account.registration_due(&mut self.core, now);
            self.registration_sent(id, sent);
        }
    }

    pub(super) fn registrations_lost_flow(&mut self, flow: FlowId, now: Instant) {
        for account in self.accounts.values_mut() {
            account.flow_lost(flow, &mut self.core, now);
            account.registration.keep_alive(&mut self.core.kept);
        }
    }

    /// Requests from where our registrar or proxy answers are answered, whoever they are
    /// for.
    pub(super) fn note_known(&mut self, id: AccountId, address: IpAddr) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        if account.known == Some(address) {
            return;
        }
        let before = account.known.replace(address);
        *self.known.entry(address).or_default() += 1;
        self.forget_known(before);
    }

    pub(super) fn forget_known(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else {
            return;
        };
        if let Some(accounts) = self.known.get_mut(&address) {
            *accounts -= 1;
            if *accounts == 0 {
                self.known.remove(&address);
            }
        }
    }
}
