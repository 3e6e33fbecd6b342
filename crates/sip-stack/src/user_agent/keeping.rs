//! Which ways have to be kept open: those that bindings hang on (RFC 5626 §4.4), and what
//! happens to the bindings when one is lost.

use std::time::Instant;

use super::UserAgent;
use crate::account::AccountId;
use crate::keep_alive::KeepAlive;
use crate::transport::Destination;

impl UserAgent {
    /// Ways to keep open from now on, or no longer.
    pub fn poll_keep_alive(&mut self) -> Option<KeepAlive> {
        self.core.kept.poll()
    }

    /// Hears that a UDP peer stopped answering keep-alives, or sees us at another address:
    /// bindings that hang on that way are made anew.
    pub fn handle_way_lost(&mut self, way: &Destination, now: Instant) {
        let lost: Vec<_> = self
            .accounts
            .values_mut()
            .filter_map(|account| {
                let lost = account.way_lost(way, &mut self.core, now);
                lost.then_some(account.id)
            })
            .collect();
        for account in lost {
            self.keep_alive_of(account);
        }
        self.settle(now);
    }

    /// Brings what is kept for one account in step with its binding.
    pub(super) fn keep_alive_of(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.registration.keep_alive(&mut self.core.kept);
        }
    }
}
