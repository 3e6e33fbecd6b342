//! The ledger of live objects: what exists right now, counted where it is born and where it dies.
//!
//! The gateway counts its own objects here through guards; the SIP user agent and the media workers
//! keep their own counts, and [`crate::health`] lays all three side by side. A daemon at rest reads zero
//! in every line that is not a listener or a permanent task. Tests end by asking for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The gateway's own counters. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    tasks: AtomicUsize,
    http: AtomicUsize,
    connections: AtomicUsize,
    accounts: AtomicUsize,
    calls: AtomicUsize,
}

/// The kinds of objects the gateway itself owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The task of a WebSocket or of a call.
    Task,
    /// The task of an HTTP connection; ends when it becomes a WebSocket.
    Http,
    /// A WebSocket of a client.
    Connection,
    /// An account added on a connection.
    Account,
    /// A call with its task.
    Call,
}

/// One counted object; counted until dropped.
#[derive(Debug)]
pub struct Entry {
    ledger: Ledger,
    kind: Kind,
}

impl Ledger {
    /// Counts one more object of this kind until the entry is dropped.
    #[must_use = "the object is counted only as long as its entry lives"]
    pub fn enter(&self, kind: Kind) -> Entry {
        self.counter(kind).fetch_add(1, Ordering::Relaxed);
        Entry {
            ledger: self.clone(),
            kind,
        }
    }

    /// Counts one more object of this kind unless there are `limit` already.
    pub fn enter_below(&self, kind: Kind, limit: usize) -> Option<Entry> {
        self.counter(kind)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then_some(count + 1)
            })
            .ok()?;
        Some(Entry {
            ledger: self.clone(),
            kind,
        })
    }

    /// How many objects of this kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.counter(kind).load(Ordering::Relaxed)
    }

    fn counter(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::Task => &self.0.tasks,
            Kind::Http => &self.0.http,
            Kind::Connection => &self.0.connections,
            Kind::Account => &self.0.accounts,
            Kind::Call => &self.0.calls,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.ledger
            .counter(self.kind)
            .fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_until_the_entry_is_dropped() {
        let ledger = Ledger::default();
        let entry = ledger.enter(Kind::Call);
        assert_eq!(ledger.count(Kind::Call), 1);
        drop(entry);
        assert_eq!(ledger.count(Kind::Call), 0);
    }

    #[test]
    fn a_limit_admits_exactly_that_many() {
        let ledger = Ledger::default();
        let first = ledger.enter_below(Kind::Connection, 1);
        assert!(first.is_some());
        assert!(ledger.enter_below(Kind::Connection, 1).is_none());
        drop(first);
        assert!(ledger.enter_below(Kind::Connection, 1).is_some());
    }
}
