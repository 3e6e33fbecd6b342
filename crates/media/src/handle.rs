//! Public handles: what signalling holds of the media path.
//!
//! All calls return at once: they put a command into the worker's bounded mailbox.
//! A leg lives as long as its handle; dropping the handle closes the leg, frees its
//! ports and makes its last event, [`crate::LegEvent::Stats`].

mod browser_ports;
mod leg;
mod media;
mod worker;

use std::fmt;
use std::io;

pub use leg::{BrowserLeg, BrowserLegConfig, PhoneLeg, PhoneLegConfig};
pub use media::{Counts, Media};
pub use worker::{Gate, WorkerHandle};

/// Why a handle's call was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaError {
    /// The worker's mailbox is full.
    Busy,
    /// The media path has been shut down.
    Stopped,
    /// No free port pair in the configured range.
    PortsExhausted,
    /// A socket could not be made; the system says why.
    Socket(io::ErrorKind),
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("media worker is busy"),
            Self::Stopped => f.write_str("media path has been shut down"),
            Self::PortsExhausted => f.write_str("no free RTP port pair"),
            Self::Socket(kind) => write!(f, "media socket: {kind}"),
        }
    }
}

impl std::error::Error for MediaError {}
