//! The user agent as the rest of the daemon sees it: commands go in by a handle, events come out
//! and are distributed by one dispatcher.

mod agent;
mod dispatch;

use sip_stack::command::Command;
use sip_stack::driver;
#[cfg(test)]
use tokio::sync::mpsc;

pub use self::agent::{CountSip, SipAgent};
pub use self::dispatch::Dispatcher;

/// The way to the user agent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SipHandle(Way);

#[derive(Debug, Clone)]
enum Way {
    Driver(driver::Handle),
    /// Tests read the commands instead of a user agent.
    #[cfg(test)]
    Recorder(mpsc::Sender<Command>),
}

impl SipHandle {
    /// The way to a running user agent.
    #[must_use]
    pub fn new(driver: driver::Handle) -> Self {
        Self(Way::Driver(driver))
    }

    /// Commands arrive at `commands`.
    #[cfg(test)]
    pub(crate) fn recorder(commands: mpsc::Sender<Command>) -> Self {
        Self(Way::Recorder(commands))
    }

    /// Gives a command to the user agent; waits for room in its queue. The user agent waits for
    /// nobody, so this ends soon.
    pub async fn command(&self, command: Command) {
        let taken = match &self.0 {
            Way::Driver(driver) => driver.command(command).await.is_ok(),
            #[cfg(test)]
            Way::Recorder(commands) => commands.send(command).await.is_ok(),
        };
        if !taken {
            tracing::debug!("the user agent has stopped");
        }
    }

    /// The same for destructors, which cannot wait.
    pub fn command_now(&self, command: Command) {
        let taken = match &self.0 {
            Way::Driver(driver) => driver
                .try_command(command)
                .map_err(|error| error.to_string()),
            #[cfg(test)]
            Way::Recorder(commands) => commands
                .try_send(command)
                .map_err(|error| error.to_string()),
        };
        if let Err(error) = taken {
            tracing::error!(%error, "a command to the user agent was lost");
        }
    }
}
