//! Calls whose connection is gone, moved to the one their account is registered over anew
//! (RFC 5626 §4.3): requests within their dialogs, and responses that are still owed.

use super::UserAgent;
use crate::account::AccountId;
use crate::invite::Usage;
use crate::transport::{Destination, FlowId};

impl UserAgent {
    /// The account's way to its proxy is another one from now on.
    pub(super) fn move_calls(&mut self, account: AccountId, from: FlowId, to: &Destination) {
        let has_calls = self
            .accounts
            .get(&account)
            .is_some_and(|account| account.sessions > 0);
        if !has_calls {
            return;
        }
        self.core.layer.move_flow(from, to);
        for session in self.sessions.values_mut() {
            if session.account != account {
                continue;
            }
            match &mut session.usage {
                Usage::Calling(_) => {}
                Usage::Ringing(ringing) => ringing.dialog.move_flow(from, to),
                Usage::Established(established) => established.dialog.move_flow(from, to),
            }
        }
    }
}
