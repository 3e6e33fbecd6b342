//! The I/O around the user agent: sockets, DNS and the clock, on tokio.
//!
//! One task owns the [`UserAgent`] and turns like quinn's `ConnectionDriver`: something
//! comes in, the user agent handles it, everything it has to say is drained, and the next
//! deadline is slept for. Readers, connections and look-ups are tasks of their own that
//! only carry bytes and answers; all of them are in join sets that are awaited.
//!
//! # What is bounded, and what happens when it is full
//!
//! * Commands: [`Handle::command`] waits, [`Handle::try_command`] refuses.
//! * Events: while the owner does not take them, nothing more is read from the network
//!   (UDP is lost, streams wait), and commands and timers go on. Should the backlog reach
//!   [`MAX_EVENT_BACKLOG`] the owner is considered dead and the driver ends.
//! * What came from the network: readers wait.
//! * What goes to a stream: the flow is dropped, and its requests fail over.
//! * What goes to a full UDP socket buffer: dropped; SIP repeats it.
//! * Connections: further ones are closed at once ([`DriverConfig::max_flows`]), unless
//!   somebody who has had nothing to say can be closed instead.
//! * What strangers send: see `door.rs`; it wakes nobody.
//! * Look-ups: further ones fail at once.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::command::Command;
use crate::event::Event;
use crate::transport::LocalAddresses;
use crate::user_agent::{Counts, UserAgent, UserAgentConfig};

mod accepted;
mod bind;
mod config;
mod core;
mod door;
mod flows;
mod input;
mod keep_alive;
mod keeping;
mod resolver;
mod run;
mod stream;
mod tls;
mod udp;

pub use config::{DriverConfig, Listen, TlsConfig, TlsDomain, TlsIdentity};
pub use door::DoorCounts;

/// Commands that may wait for the driver.
const MAX_COMMANDS: usize = 1024;
/// Events that may wait for the owner before reading from the network stops.
const MAX_EVENTS: usize = 1024;
/// Events that commands and timers may add to those before the driver ends.
pub const MAX_EVENT_BACKLOG: usize = 100_000;

/// Starts a user agent on its sockets.
///
/// `user_agent.local` is filled in from what was bound.
///
/// Needs a tokio runtime with I/O and time.
///
/// # Errors
/// A socket could not be bound, or a certificate or key could not be read. Nothing is
/// left running then.
pub fn start(
    config: DriverConfig,
    mut user_agent: UserAgentConfig,
) -> io::Result<(Handle, EventReceiver, Running)> {
    let bound = bind::bind(&config)?;
    user_agent.local = bound.local.clone();
    let core = UserAgent::new(user_agent, os_seed()?);
    let (ports, tasks) = run::start(config, bound, core)?;
    let handle = Handle {
        commands: ports.commands,
        counts: ports.counts,
        door: ports.door,
        local: ports.local,
    };
    Ok((handle, EventReceiver(ports.events), Running { tasks }))
}

/// The way to ask something of the user agent. Cheap to clone; when the last one is
/// dropped, the driver shuts down.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    counts: watch::Receiver<DriverCounts>,
    door: Arc<door::Door>,
    local: LocalAddresses,
}

impl Handle {
    /// Asks for something; waits while the queue is full.
    ///
    /// # Errors
    /// [`Ended`] if the driver has ended.
    pub async fn command(&self, command: Command) -> Result<(), Ended> {
        self.commands.send(command).await.map_err(|_| Ended)
    }

    /// Asks for something, or gives the command back.
    ///
    /// # Errors
    /// [`TryCommandError`] if the queue is full or the driver has ended.
    pub fn try_command(&self, command: Command) -> Result<(), TryCommandError> {
        use mpsc::error::TrySendError;
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                TrySendError::Full(command) => TryCommandError::Full(Box::new(command)),
                TrySendError::Closed(_) => TryCommandError::Ended,
            })
    }

    /// The addresses that peers reach us by, ports filled in.
    pub fn local(&self) -> &LocalAddresses {
        &self.local
    }

    /// Live objects as of the last turn of the driver; all zero once it has ended. What was
    /// turned away is told as of this moment.
    pub fn counts(&self) -> DriverCounts {
        let turned_away = self.door.counts();
        DriverCounts {
            turned_away,
            ..*self.counts.borrow()
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

/// The user agent's events, in order, to one owner.
#[derive(Debug)]
pub struct EventReceiver(mpsc::Receiver<Event>);

impl EventReceiver {
    /// The next event; `None` once the driver has ended. Cancel safe.
    pub async fn recv(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

/// The running driver.
#[derive(Debug)]
pub struct Running {
    tasks: JoinSet<()>,
}

impl Running {
    /// Waits until the driver has ended and every task of it is joined. It ends after
    /// [`Command::Shutdown`] or the drop of the last [`Handle`], when the user agent is
    /// done or [`DriverConfig::shutdown_limit`] has passed.
    ///
    /// Dropping this stops the driver at once, without BYE.
    ///
    /// # Errors
    /// The driver panicked.
    pub async fn ended(mut self) -> io::Result<()> {
        while let Some(joined) = self.tasks.join_next().await {
            joined.map_err(io::Error::other)?;
        }
        Ok(())
    }
}

/// Live objects, for the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriverCounts {
    /// The user agent's.
    pub user_agent: Counts,
    /// Tasks, the driver's own included.
    pub tasks: usize,
    /// Sockets bound: UDP and listening.
    pub sockets: usize,
    /// Streams, connecting ones included.
    pub flows: usize,
    /// Look-ups under way.
    pub lookups: usize,
    /// UDP destinations that are kept alive.
    pub kept: usize,
    /// Requests and responses received since the start.
    pub received: u64,
    /// Messages sent since the start, repeats included.
    pub sent: u64,
    /// Things received that were no usable message, since the start; those of strangers are
    /// in `turned_away`.
    pub malformed: u64,
    /// What strangers sent, and nobody looked at.
    pub turned_away: DoorCounts,
    /// Streams of peers that were refused or shown out for want of room, since the start.
    pub refused: u64,
    /// The longest that one thing received has kept the driver's task.
    pub longest_turn: Duration,
}

/// The driver has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the SIP driver has ended")
    }
}

impl std::error::Error for Ended {}

/// Why a command was not taken.
#[derive(Clone, Debug)]
pub enum TryCommandError {
    /// The queue is full; here it is back.
    Full(Box<Command>),
    /// The driver has ended.
    Ended,
}

impl fmt::Display for TryCommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the SIP driver's command queue is full"),
            Self::Ended => Ended.fmt(f),
        }
    }
}

impl std::error::Error for TryCommandError {}

/// Randomness of the operating system.
fn os_seed() -> io::Result<[u8; 32]> {
    use rand::TryRng;
    let mut seed = [0; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut seed)
        .map_err(io::Error::other)?;
    Ok(seed)
}

/// The one place where the driver reads the clock.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one event it expects"
)]
mod tests;
