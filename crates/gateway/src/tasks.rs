//! The tasks of one kind, all awaited by their one owner.
//!
//! Whoever accepts work (a listener, a connection) may start a task here; the supervisor, which
//! owns the set, waits for all of them when the daemon stops. A task that panics ends alone: the
//! panic is logged when the task is collected, and its guards have given back what it held.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use crate::ledger::{Kind, Ledger};

/// A set of tasks. Clones share the set; its tasks do not, and are aborted with the last clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    name: &'static str,
    kind: Kind,
    ledger: Ledger,
    set: Arc<Mutex<JoinSet<()>>>,
}

impl Tasks {
    /// An empty set. `name` names its tasks in the log, `kind` in the ledger.
    #[must_use]
    pub fn new(name: &'static str, kind: Kind, ledger: Ledger) -> Self {
        Self {
            name,
            kind,
            ledger,
            set: Arc::default(),
        }
    }

    /// Starts a task; whenever one ends, those that have ended before it are collected.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let entry = self.ledger.enter(self.kind);
        let (name, shared) = (self.name, Arc::downgrade(&self.set));
        // What an async block awaits it has room for twice, unless it is boxed.
        let task = Box::pin(task);
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.spawn(async move {
            task.await;
            drop(entry);
            if let Some(set) = shared.upgrade() {
                collect_ended(
                    name,
                    &mut set.lock().unwrap_or_else(PoisonError::into_inner),
                );
            }
        });
        collect_ended(self.name, &mut set);
    }

    /// How many tasks run, or have ended without being collected yet.
    #[must_use]
    pub fn len(&self) -> usize {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.len()
    }

    /// Whether no task runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until every task has ended; those that have not after `limit` are aborted.
    pub async fn finish(&self, limit: Duration) {
        let mut set = std::mem::take(&mut *self.set.lock().unwrap_or_else(PoisonError::into_inner));
        let all_ended = async {
            while let Some(ended) = set.join_next().await {
                collect(self.name, ended);
            }
        };
        if tokio::time::timeout(limit, all_ended).await.is_err() {
            tracing::warn!(
                kind = self.name,
                left = set.len(),
                "tasks did not end in time"
            );
            set.shutdown().await;
        }
    }
}

fn collect_ended(name: &'static str, set: &mut JoinSet<()>) {
    while let Some(ended) = set.try_join_next() {
        collect(name, ended);
    }
}

fn collect(name: &'static str, ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(kind = name, %error, "task panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_task_is_collected_and_leaves_nothing_counted() {
        let ledger = Ledger::default();
        let tasks = Tasks::new("test", Kind::Task, ledger.clone());
        tasks.spawn(async { panic!("on purpose") });
        tasks.spawn(async {});
        tasks.finish(Duration::from_secs(5)).await;
        assert_eq!(ledger.count(Kind::Task), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_whose_set_nobody_holds_any_more_are_aborted() {
        let ledger = Ledger::default();
        let tasks = Tasks::new("test", Kind::Task, ledger.clone());
        let (held, released) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(tasks.clone());
        tokio::task::yield_now().await;
        assert_eq!(ledger.count(Kind::Task), 1);
        drop(tasks);
        let released = tokio::time::timeout(Duration::from_secs(5), released).await;
        assert!(released.is_ok(), "it runs on");
        assert_eq!(ledger.count(Kind::Task), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_never_ends_is_aborted_after_the_limit() {
        let ledger = Ledger::default();
        let tasks = Tasks::new("test", Kind::Task, ledger.clone());
        tasks.spawn(std::future::pending());
        tasks.finish(Duration::from_secs(1)).await;
        assert_eq!(ledger.count(Kind::Task), 0);
    }
}
