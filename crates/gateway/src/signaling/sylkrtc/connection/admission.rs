//! Whether there is room for one more call, and how it is kept once it is there: what callers and
//! the called have in common.

use sip_stack::account::SessionId as SipSession;
use sylkrtc_protocol::{AccountAddress, SessionId};

use super::accounts::domain_without_port;
use super::client::Client;
use crate::account::{Account, Seat};
use crate::call::{Encryption, Input, Watch};
use crate::ledger::{Entry, Kind};
use crate::signaling::sylkrtc::sessions::Session;

/// Who has as many calls as the limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Account(usize),
    Daemon(usize),
}

impl Client {
    /// Counts one more call, unless the account or the daemon has its share.
    pub(super) fn admit_call(
        &self,
        address: &AccountAddress,
        account: &Account,
    ) -> Result<(Entry, Option<Seat>), Full> {
        let limits = &self.backend.limits;
        if self.sessions.count_of(account.id) >= limits.calls_per_account {
            return Err(Full::Account(limits.calls_per_account));
        }
        let seat = match account.permissions.limits().max_calls {
            Some(limit) => {
                let seat = self.backend.seats.take(address.as_str(), limit);
                Some(seat.ok_or(Full::Account(limit))?)
            }
            None => None,
        };
        let entry = self.backend.ledger.enter_below(Kind::Call, limits.calls);
        Ok((entry.ok_or(Full::Daemon(limits.calls))?, seat))
    }

    pub(super) fn encryption(&self, account: &AccountAddress) -> Encryption {
        let rules = &self.backend.rules;
        rules.encryption(domain_without_port(account))
    }

    /// From now on the call is the client's, and is told what the client has proven to know.
    pub(super) fn take_up(&mut self, name: SessionId, sip: SipSession, session: Session) {
        if self.speaks_extensions {
            session.call.watch_now(Watch::Trouble);
            session.call.tell_now(Input::ClientTakesKeys);
        }
        if self.takes_updates {
            session.call.tell_now(Input::ClientTakesUpdates);
        }
        if self.answers_updates {
            session.call.tell_now(Input::ClientAnswersUpdates);
        }
        self.sessions.insert(name, sip, session);
    }
}
