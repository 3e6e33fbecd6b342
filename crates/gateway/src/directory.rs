//! Who is told what the user agent says: account to client, SIP session to call.
//!
//! The one shared map of the daemon. Its lock is held for a look-up and never across an await.
//! Entries are guards: what is dropped, by whatever way a task ends, can no longer be found.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use sip_stack::account::{AccountId, SessionId};

use crate::call::ToCallSender;
use crate::client::ClientLink;

/// The directory. Clones share the maps.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    accounts: Routes<AccountId, ClientLink>,
    sessions: Routes<SessionId, ToCallSender>,
}

/// An account can be found as long as this lives.
pub type AccountRoute = Route<AccountId, ClientLink>;
/// A SIP session can be found as long as this lives.
pub type SessionRoute = Route<SessionId, ToCallSender>;

impl Directory {
    /// Makes an account's client findable.
    #[must_use]
    pub fn add_account(&self, account: AccountId, client: ClientLink) -> AccountRoute {
        self.accounts.add(account, client)
    }

    /// Makes a session's call findable.
    #[must_use]
    pub fn add_session(&self, session: SessionId, call: ToCallSender) -> SessionRoute {
        self.sessions.add(session, call)
    }

    /// The client of an account.
    #[must_use]
    pub fn client_of(&self, account: AccountId) -> Option<ClientLink> {
        self.accounts.find(account)
    }

    /// The call of a session.
    #[must_use]
    pub fn call_of(&self, session: SessionId) -> Option<ToCallSender> {
        self.sessions.find(session)
    }

    /// How many accounts and sessions can be found, for the ledger.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.accounts.len(), self.sessions.len())
    }
}

#[derive(Debug)]
struct Routes<K, V>(Arc<Mutex<HashMap<K, V>>>);

impl<K, V> Clone for Routes<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for Routes<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Routes<K, V> {
    fn add(&self, key: K, value: V) -> Route<K, V> {
        self.with(|routes| routes.insert(key, value));
        Route {
            key,
            routes: self.clone(),
        }
    }

    fn find(&self, key: K) -> Option<V> {
        self.with(|routes| routes.get(&key).cloned())
    }

    fn len(&self) -> usize {
        self.with(|routes| routes.len())
    }
}

impl<K, V> Routes<K, V> {
    fn with<R>(&self, f: impl FnOnce(&mut HashMap<K, V>) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An entry of the directory; gone when dropped.
#[derive(Debug)]
pub struct Route<K: Copy + Eq + Hash, V> {
    key: K,
    routes: Routes<K, V>,
}

impl<K: Copy + Eq + Hash, V> Drop for Route<K, V> {
    fn drop(&mut self) {
        let removed = self.routes.with(|routes| routes.remove(&self.key));
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_until_its_route_is_dropped() {
        let directory = Directory::default();
        let (link, _mailbox) = ClientLink::new();
        let route = directory.add_account(AccountId::new(1), link);
        assert!(directory.client_of(AccountId::new(1)).is_some());
        assert!(directory.client_of(AccountId::new(2)).is_none());
        drop(route);
        assert!(directory.client_of(AccountId::new(1)).is_none());
        assert_eq!(directory.len(), (0, 0));
    }
}
