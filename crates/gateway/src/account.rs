//! An account as added by a client: its address, its SIP identity, and what its client knows of
//! its registration.
//!
//! The user agent holds the credentials and does the registering; nothing here proves who the
//! client is. Registered means proven: only a registrar that accepted the credentials makes it so.

mod limits;
mod pattern;
mod seats;

use sip_stack::account::AccountId;
use sip_stack::event::{RegistrationState, StatusReason};

pub use self::limits::{AccountLimits, Barred, Permissions};
pub use self::pattern::Pattern;
pub use self::seats::{Seat, Seats};
use crate::directory::AccountRoute;
use crate::ledger::Entry;

/// One account of one client.
#[derive(Debug)]
pub struct Account {
    /// Its number in the user agent.
    pub id: AccountId,
    /// Headers of SIP messages whose names begin with one of these are shown to the client.
    pub header_prefixes: Vec<String>,
    /// The client says itself when it rings.
    pub explicit_ringing: bool,
    /// What the operator lets it do.
    pub permissions: Permissions,
    registration: Registration,
    _route: AccountRoute,
    _entry: Entry,
}

/// What the client has been told last.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Registration {
    /// It has asked for nothing, or to unregister: it expects to hear nothing.
    Silent,
    /// It has asked to register; what is told of an earlier registration is out of date.
    Asked,
    Registering,
    Registered,
    Failed(StatusReason),
}

/// A change of the registration, as clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationChange {
    /// REGISTER is on its way.
    Registering,
    /// The registrar holds the binding.
    Registered,
    /// There is no binding.
    Failed(StatusReason),
}

impl Account {
    /// An account that has just been added.
    #[must_use]
    pub fn new(
        id: AccountId,
        header_prefixes: Vec<String>,
        permissions: Permissions,
        route: AccountRoute,
        entry: Entry,
    ) -> Self {
        Self {
            id,
            header_prefixes,
            explicit_ringing: false,
            permissions,
            registration: Registration::Silent,
            _route: route,
            _entry: entry,
        }
    }

    /// The client asks to register: it expects to hear `registering`, even if it is registered.
    pub fn expect_registration(&mut self) {
        self.registration = Registration::Asked;
    }

    /// The client asks to unregister: it takes itself for unregistered from here on, whatever is
    /// still on its way to it.
    pub fn expect_silence(&mut self) {
        self.registration = Registration::Silent;
    }

    /// What the client is to be told of a new state: only what it does not know already.
    pub fn registration_change(&mut self, state: RegistrationState) -> Option<RegistrationChange> {
        match (&self.registration, &state) {
            (Registration::Silent, _)
            | (
                Registration::Asked,
                RegistrationState::Registered { .. } | RegistrationState::Unregistered,
            ) => return None,
            (
                Registration::Asked,
                RegistrationState::Registering | RegistrationState::Failed { .. },
            )
            | (Registration::Registering | Registration::Registered | Registration::Failed(_), _) =>
                {}
        }
        let (next, change) = match state {
            RegistrationState::Registering => (
                Registration::Registering,
                Some(RegistrationChange::Registering),
            ),
            RegistrationState::Registered { .. } => (
                Registration::Registered,
                Some(RegistrationChange::Registered),
            ),
            RegistrationState::Failed { reason, .. } => (
                Registration::Failed(reason.clone()),
                Some(RegistrationChange::Failed(reason)),
            ),
            RegistrationState::Unregistered => (Registration::Silent, None),
        };
        let changed = next != self.registration;
        self.registration = next;
        change.filter(|_| changed)
    }

    /// The headers among `headers` that the client wants to see.
    #[must_use]
    pub fn wanted_headers(&self, headers: &[(String, String)]) -> Vec<(String, String)> {
        let wanted = |name: &str| {
            self.header_prefixes.iter().any(|prefix| {
                name.get(..prefix.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            })
        };
        headers
            .iter()
            .filter(|(name, _)| wanted(name))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientLink;
    use crate::directory::Directory;
    use crate::ledger::{Kind, Ledger};

    #[test]
    fn a_refresh_is_no_change() {
        let mut account = account(&[]);
        account.expect_registration();
        let registered = RegistrationState::Registered { expires: 600 };
        assert_eq!(
            account.registration_change(RegistrationState::Registering),
            Some(RegistrationChange::Registering)
        );
        assert_eq!(
            account.registration_change(registered.clone()),
            Some(RegistrationChange::Registered)
        );
        assert_eq!(account.registration_change(registered), None);
    }

    #[test]
    fn a_lost_registration_and_its_recovery_are_told() {
        let mut account = account(&[]);
        let registered = RegistrationState::Registered { expires: 600 };
        let reason = StatusReason::new(503, "Service Unavailable");
        let failed = RegistrationState::Failed {
            reason: reason.clone(),
            retrying: true,
        };
        account.expect_registration();
        account.registration_change(RegistrationState::Registering);
        account.registration_change(registered.clone());
        assert_eq!(
            account.registration_change(failed.clone()),
            Some(RegistrationChange::Failed(reason))
        );
        assert_eq!(account.registration_change(failed), None);
        assert_eq!(
            account.registration_change(registered),
            Some(RegistrationChange::Registered)
        );
    }

    #[test]
    fn registering_again_is_told_again() {
        let mut account = account(&[]);
        account.expect_registration();
        account.registration_change(RegistrationState::Registering);
        account.expect_registration();
        assert_eq!(
            account.registration_change(RegistrationState::Registering),
            Some(RegistrationChange::Registering)
        );
    }

    #[test]
    fn a_registration_that_crosses_the_wish_to_unregister_is_not_told() {
        let mut account = account(&[]);
        let registered = RegistrationState::Registered { expires: 600 };
        account.expect_registration();
        account.registration_change(RegistrationState::Registering);
        account.expect_silence();
        assert_eq!(account.registration_change(registered.clone()), None);
        account.expect_registration();
        assert_eq!(account.registration_change(registered), None);
        assert_eq!(
            account.registration_change(RegistrationState::Unregistered),
            None
        );
        assert_eq!(
            account.registration_change(RegistrationState::Registering),
            Some(RegistrationChange::Registering)
        );
    }

    #[test]
    fn unregistering_is_silent() {
        let mut account = account(&[]);
        account.expect_registration();
        account.registration_change(RegistrationState::Registering);
        account.registration_change(RegistrationState::Registered { expires: 600 });
        account.expect_silence();
        assert_eq!(
            account.registration_change(RegistrationState::Unregistered),
            None
        );
    }

    #[test]
    fn only_wanted_headers_are_shown_in_any_case() {
        let headers = [("X-Queue", "sales"), ("Via", "secret"), ("x-id", "7")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(account(&[]).wanted_headers(&headers), []);
        assert_eq!(
            account(&["X-"]).wanted_headers(&headers),
            [headers[0].clone(), headers[2].clone()]
        );
    }

    fn account(prefixes: &[&str]) -> Account {
        let id = AccountId::new(1);
        let (link, _mailbox) = ClientLink::new();
        let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        let route = Directory::default().add_account(id, link);
        let permissions = Permissions::new(Default::default(), "sylk.test");
        let entry = Ledger::default().enter(Kind::Account);
        Account::new(id, prefixes, permissions, route, entry)
    }
}
