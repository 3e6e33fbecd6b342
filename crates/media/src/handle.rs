//! Public handles: what signalling holds of the media path.
//!
//! All calls return at once: they put a command into the worker's bounded mailbox.
//! A leg lives as long as its handle; dropping the handle closes the leg, frees its
//! ports and makes its last event, [`LegEvent::Stats`].

use std::fmt;
use std::io;

use crate::config::MediaConfig;
use crate::endpoints::{BrowserLocal, BrowserRemote, DtlsRole, PhoneLocal, PhoneRemote};
use crate::event::{LegEvent, LegStats};
use crate::relay::Relay;

/// The running media path: worker threads and their sockets.
#[derive(Debug)]
pub struct Media {}

impl Media {
    /// Binds every worker's port and starts the threads.
    ///
    /// # Errors
    /// When a port cannot be bound or a thread cannot be started.
    pub fn start(_config: MediaConfig) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The worker for the next call: both legs of a call must live on the same one.
    #[must_use]
    pub fn worker(&self) -> WorkerHandle {
        WorkerHandle {}
    }

    /// What is alive, for the ledger.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Closes every leg and joins the threads.
    pub fn shutdown(self) {}
}

/// One worker thread, as seen by signalling.
#[derive(Clone, Debug)]
pub struct WorkerHandle {}

impl WorkerHandle {
    /// Opens a leg towards a browser. Its credentials exist at once; it answers checks as
    /// soon as the worker has read its mailbox.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn open_browser_leg(&self, _config: BrowserLegConfig) -> Result<BrowserLeg, MediaError> {
        Err(MediaError::Stopped)
    }

    /// Opens a leg towards a phone, with an RTP and an RTCP port.
    ///
    /// # Errors
    /// [`MediaError::PortsExhausted`] when the configured range has no free pair, else as above.
    pub fn open_phone_leg(&self, _config: PhoneLegConfig) -> Result<PhoneLeg, MediaError> {
        Err(MediaError::Stopped)
    }

    /// Carries media between two legs of this worker by the given plan. Called again it
    /// replaces the plan (re-INVITE, hold) without a gap; with another phone leg it moves the
    /// browser over to it. Gates keep their position; a new bridge is open both ways.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn bridge(
        &self,
        _browser: &BrowserLeg,
        _phone: &PhoneLeg,
        _relay: Relay,
    ) -> Result<(), MediaError> {
        Err(MediaError::Stopped)
    }

    /// Opens or closes each direction of the bridge this browser leg is part of, independent
    /// of the directions in the plan: media before the answer, media after the end.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn set_gate(&self, _browser: &BrowserLeg, _gate: Gate) -> Result<(), MediaError> {
        Err(MediaError::Stopped)
    }
}

/// Which directions of a bridge are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The phone may hear the browser.
    pub browser_to_phone: bool,
    /// The browser may hear the phone.
    pub phone_to_browser: bool,
}

impl Gate {
    /// Both directions open.
    pub const OPEN: Self = Self {
        browser_to_phone: true,
        phone_to_browser: true,
    };
}

/// How a browser leg is opened.
pub struct BrowserLegConfig {
    /// Our part in the DTLS handshake until [`BrowserLeg::set_remote`] settles it:
    /// `Server` when we answer `passive` or offer `actpass`, `Client` when we answer `active`.
    pub role: DtlsRole,
    /// Hears the leg's events, on the worker's thread. Must not block.
    pub on_event: Box<dyn Fn(LegEvent) + Send>,
}

/// How a phone leg is opened.
pub struct PhoneLegConfig {
    /// Hears the leg's events, on the worker's thread. Must not block.
    pub on_event: Box<dyn Fn(LegEvent) + Send>,
}

/// A leg towards a browser. Dropping it closes the leg.
#[derive(Debug)]
pub struct BrowserLeg {
    local: BrowserLocal,
}

impl BrowserLeg {
    /// Our side, for the SDP.
    #[must_use]
    pub fn local(&self) -> &BrowserLocal {
        &self.local
    }

    /// Tells the leg what the browser's SDP said. Media needs it; ICE and the handshake may
    /// be done before. A later call may add SSRCs; another fingerprint ends the leg.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn set_remote(&self, _remote: BrowserRemote) -> Result<(), MediaError> {
        Err(MediaError::Stopped)
    }

    /// New ICE credentials for an ICE restart (RFC 8445 §9); DTLS and media go on. The old
    /// ones stay valid until the first check with the new ones.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn restart_ice(&mut self) -> Result<&BrowserLocal, MediaError> {
        Err(MediaError::Stopped)
    }

    /// Asks for the counters so far; `reply` runs on the worker's thread.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn snapshot(&self, _reply: Box<dyn FnOnce(LegStats) + Send>) -> Result<(), MediaError> {
        Err(MediaError::Stopped)
    }
}

/// A leg towards a phone. Dropping it closes the leg and frees its ports.
#[derive(Debug)]
pub struct PhoneLeg {
    local: PhoneLocal,
}

impl PhoneLeg {
    /// Our side, for the SDP.
    #[must_use]
    pub fn local(&self) -> &PhoneLocal {
        &self.local
    }

    /// Tells the leg where the phone is, and again when that changes; `None` when it has named
    /// no address to send to (`0.0.0.0`).
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn set_remote(&self, _remote: impl Into<Option<PhoneRemote>>) -> Result<(), MediaError> {
        Err(MediaError::Stopped)
    }

    /// Asks for the counters so far; `reply` runs on the worker's thread.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn snapshot(&self, _reply: Box<dyn FnOnce(LegStats) + Send>) -> Result<(), MediaError> {
        Err(MediaError::Stopped)
    }
}

/// What is alive in the media path. All zero after every handle has been dropped, except
/// threads and sockets of the workers, which [`Media::shutdown`] takes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Legs towards browsers.
    pub browser_legs: usize,
    /// Legs towards phones.
    pub phone_legs: usize,
    /// Ports taken from the phone range, resting ones included.
    pub phone_ports: usize,
    /// Sockets of phone legs.
    pub phone_sockets: usize,
    /// Timers of legs.
    pub timers: usize,
    /// Worker threads.
    pub threads: usize,
}

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
