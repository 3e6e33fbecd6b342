//! The user agent as the rest of the daemon sees it: commands go in by a handle, events come out
//! and are distributed by one dispatcher.

mod agent;
mod dispatch;

use sip_stack::command::Command;
use tokio::sync::mpsc;

pub use self::agent::SipAgent;
pub use self::dispatch::dispatch;

/// The way to the user agent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SipHandle(mpsc::Sender<Command>);

impl SipHandle {
    /// A handle whose commands arrive at `commands`.
    #[must_use]
    pub fn new(commands: mpsc::Sender<Command>) -> Self {
        Self(commands)
    }

    /// Gives a command to the user agent; waits for room in its queue. The user agent waits for
    /// nobody, so this ends soon.
    pub async fn command(&self, command: Command) {
        if self.0.send(command).await.is_err() {
            tracing::debug!("the user agent has stopped");
        }
    }

    /// The same for destructors, which cannot wait.
    pub fn command_now(&self, command: Command) {
        if let Err(error) = self.0.try_send(command) {
            tracing::error!(%error, "a command to the user agent was lost");
        }
    }
}
