//! Which ways have to be kept open: those that bindings hang on (RFC 5626 §4.4), and what
//! happens to the bindings when one is lost.

use std::time::Instant;

use super::UserAgent;
use crate::admission::Admission;
use crate::keep_alive::KeepAlive;
use crate::transport::Destination;

impl UserAgent {
    /// Ways to keep open from now on, or no longer.
    pub fn poll_keep_alive(&mut self) -> Option<KeepAlive> {
        self.core.kept.poll()
    }

    /// Whose requests are let in from now on, or no longer. Until the first word nobody's.
    pub fn poll_admission(&mut self) -> Option<Admission> {
        self.core.admissions.pop_front()
    }

    /// Hears that a UDP peer stopped answering keep-alives, or sees us at another address:
    /// bindings that hang on that way are made anew.
    pub fn handle_way_lost(&mut self, way: &Destination, now: Instant) {
        let accounts: Vec<_> = self.accounts.keys().copied().collect();
        for account in accounts {
            self.registration_step(account, now, |account, core| {
                account.way_lost(way, core, now);
                None
            });
        }
        self.settle(now);
    }
}
