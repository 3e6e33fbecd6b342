//! Registrations among everything else: their turns and transactions, their flows, and the
//! addresses that become known by them.

use std::net::IpAddr;
use std::time::Instant;

use super::client_user::ClientUser;
use super::{Core, UserAgent};
use crate::account::{Account, AccountId, Noted};
use crate::message::Response;
use crate::registration::{HopId, HopNews};
use crate::transaction::{ClientTransactionId, Failure};
use crate::transport::{FlowId, Source};

/// What is counted of an account's registration.
struct Before {
    live: bool,
    requesting: bool,
    carrier: Option<FlowId>,
}

impl Before {
    fn of(account: &Account) -> Self {
        let registration = &account.registration;
        let via = registration.binding().and_then(|binding| binding.via());
        Self {
            live: registration.is_live(),
            requesting: registration.is_requesting(),
            carrier: via
                .filter(|via| via.transport.is_reliable())
                .and_then(|via| via.flow),
        }
    }
}

impl UserAgent {
    /// Everything that happens to a registration happens in here: what is counted of it
    /// stays true.
    pub(super) fn registration_step(
        &mut self,
        id: AccountId,
        now: Instant,
        step: impl FnOnce(&mut Account, &mut Core) -> Option<ClientTransactionId>,
    ) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let before = Before::of(account);
        let sent = step(account, &mut self.core);
        let after = Before::of(account);
        if before.requesting && !after.requesting {
            self.core.pacer.finished(account.hop, &account.address, now);
        }
        account.registration.keep_alive(&mut self.core.kept);
        let moved = account.registration.take_moved();
        match (before.live, after.live) {
            (false, true) => self.live += 1,
            (true, false) => self.live -= 1,
            (true, true) | (false, false) => {}
        }
        if before.carrier != after.carrier {
            self.carried_by(before.carrier, after.carrier);
        }
        if let Some(transaction) = sent {
            self.clients
                .insert(transaction, ClientUser::Registration(id));
        }
        if let Some((from, to)) = moved {
            self.move_calls(id, from, &to);
        }
        self.forget_if_done(id);
    }

    /// Lets one registration go whose turn it is.
    pub(super) fn take_registration_turn(&mut self, now: Instant) -> bool {
        while let Some((hop, news)) = self.core.pacer.poll_news() {
            self.hop_changed(hop, &news, now);
        }
        let Some(id) = self.core.pacer.poll(now, &mut self.core.rng) else {
            return false;
        };
        let (mut hop, mut address) = (None, None);
        self.registration_step(id, now, |account, core| {
            let sent = account.registration_turn(core, now);
            if sent.is_none() {
                (hop, address) = (Some(account.hop), Some(account.address.clone()));
            }
            sent
        });
        if let (Some(hop), Some(address)) = (hop, address) {
            self.core.pacer.finished(hop, &address, now);
        }
        true
    }

    /// A registrar or proxy has gone or come back. Rare, and concerns all of its accounts.
    fn hop_changed(&mut self, hop: HopId, news: &HopNews, now: Instant) {
        let concerned: Vec<_> = self
            .accounts
            .values()
            .filter(|account| account.hop == hop)
            .map(|account| account.id)
            .collect();
        let accounts = concerned.len();
        match news {
            HopNews::Returned(_) => tracing::info!(accounts, "registrar serves us again"),
            HopNews::Lost => tracing::warn!(accounts, "registrar does not serve us"),
        }
        for id in concerned {
            self.repeat_if_lifted(id, now);
            self.registration_step(id, now, |account, core| {
                match news {
                    HopNews::Returned(trouble) => account.hop_returned(trouble, core, now),
                    HopNews::Lost => account.hop_lost(core, now),
                }
                None
            });
        }
    }

    /// Without a pace, what a registrar missed is sent again at once when it is back.
    fn repeat_if_lifted(&mut self, id: AccountId, now: Instant) {
        let account = self.accounts.get(&id);
        let transaction = account.and_then(|account| account.registration.transaction());
        if let Some(transaction) = transaction
            && self.core.pacer.is_unlimited()
        {
            self.core.layer.repeat_now(transaction, now);
        }
    }

    fn carried_by(&mut self, before: Option<FlowId>, after: Option<FlowId>) {
        if let Some(flow) = after {
            *self.carriers.entry(flow).or_default() += 1;
        }
        if let Some(flow) = before
            && let Some(bindings) = self.carriers.get_mut(&flow)
        {
            *bindings -= 1;
            if *bindings == 0 {
                self.carriers.remove(&flow);
            }
        }
    }

    pub(super) fn registration_response(
        &mut self,
        id: AccountId,
        transaction: ClientTransactionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        self.note_known(id, transaction, source);
        if response.status.is_final() {
            self.clients.remove(&transaction);
        }
        self.registration_step(id, now, |account, core| {
            account.registration_response(response, source, core, now)
        });
        self.log_registration(id, now);
    }

    pub(super) fn registration_failure(&mut self, id: AccountId, why: Failure, now: Instant) {
        self.registration_step(id, now, |account, core| {
            account.registration_failure(why, core, now)
        });
        self.log_registration(id, now);
    }

    /// What an operator wants to know when somebody cannot be reached.
    fn log_registration(&self, id: AccountId, now: Instant) {
        let info = || Some(self.accounts.get(&id)?.registration_info(now));
        if tracing::enabled!(tracing::Level::DEBUG)
            && let Some(info) = info()
        {
            tracing::debug!(
                account = %id,
                code = info.last_code,
                failures = info.failures,
                phase = ?info.phase,
                flow = ?info.flow,
                ends_in = ?info.ends_in,
                outbound = info.outbound,
                "registration"
            );
        }
    }

    pub(super) fn registration_due(&mut self, id: AccountId, now: Instant) {
        self.registration_step(id, now, |account, core| {
            account.registration_due(core, now);
            None
        });
    }

    pub(super) fn binding_ended(&mut self, id: AccountId, now: Instant) {
        self.registration_step(id, now, |account, core| {
            account.binding_ended(core);
            None
        });
    }

    pub(super) fn registrations_lost_flow(&mut self, flow: FlowId, now: Instant) {
        if !self.carriers.contains_key(&flow) {
            return;
        }
        let accounts: Vec<_> = self.accounts.keys().copied().collect();
        for id in accounts {
            self.registration_step(id, now, |account, core| {
                account.flow_lost(flow, core, now);
                None
            });
        }
    }

    /// Requests from where our registrar or proxy answers are answered, whoever they are
    /// for. Whoever answers in its place from elsewhere does not become known by that.
    pub(super) fn note_known(
        &mut self,
        id: AccountId,
        transaction: ClientTransactionId,
        source: &Source,
    ) {
        let address = source.remote.ip();
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let asked = self.core.layer.asked(transaction);
        if asked.is_none_or(|asked| asked.addr.ip() != address) {
            tracing::debug!(account = %id, "answer from elsewhere than where it was asked for");
            return;
        }
        let Noted::Now { instead_of } = account.known.note(address) else {
            return;
        };
        let accounts = self.known.entry(address).or_default();
        *accounts += 1;
        if *accounts == 1 {
            self.core.admit_address(address, true);
        }
        if let Some(before) = instead_of {
            self.forget_known(before);
        }
    }

    pub(super) fn forget_known(&mut self, address: IpAddr) {
        if let Some(accounts) = self.known.get_mut(&address) {
            *accounts -= 1;
            if *accounts == 0 {
                self.known.remove(&address);
                self.core.admit_address(address, false);
            }
        }
    }
}
