//! The way from signalling to a worker: a bounded queue and a waker.
//!
//! When the queue is long, new legs are refused first and changes to legs later; closing a
//! leg is always taken, which is bounded by the number of legs. The worker never waits here.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use mio::Waker;

use crate::browser_leg::Credentials;
use crate::dtmf::Dtmf;
use crate::endpoints::{BrowserRemote, DtlsRole, PhoneRemote, Ssrc};
use crate::event::{LegEvent, LegStats};
use crate::handle::{Gate, MediaError};
use crate::ports::PhoneSockets;
use crate::relay::Relay;
use crate::video::VideoRelay;

/// Queue length at which no new leg is opened.
const FULL_FOR_LEGS: usize = 1024;
/// Queue length at which nothing but closing is taken.
const FULL: usize = 8192;

/// Names a leg between its handle and its worker. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LegId(pub(crate) u64);

/// Hears a leg's events.
pub(crate) type EventSink = Box<dyn Fn(LegEvent) + Send>;

/// Something signalling wants of a worker.
pub(crate) enum Command {
    OpenBrowser(LegId, BrowserOpening),
    OpenPhone(LegId, PhoneOpening, PhoneSockets),
    SetBrowserRemote(LegId, Box<BrowserRemote>),
    RestartIce(LegId, Credentials),
    ExpectChecks(LegId),
    SetPhoneRemote(LegId, Option<PhoneRemote>),
    Bridge {
        browser: LegId,
        phone: LegId,
        relay: Box<Relay>,
    },
    BridgeVideo {
        browser: LegId,
        phone: LegId,
        relay: Box<VideoRelay>,
    },
    NeedKeyframe(LegId),
    SetGate(LegId, Gate),
    SendDigit(LegId, Dtmf),
    TellDigit(LegId, Dtmf),
    Snapshot(LegId, Box<dyn FnOnce(LegStats) + Send>),
    Close(LegId),
}

/// What a browser leg begins with.
pub(crate) struct BrowserOpening {
    pub(crate) credentials: Credentials,
    pub(crate) role: DtlsRole,
    pub(crate) ssrc: Ssrc,
    pub(crate) cname: String,
    pub(crate) on_event: EventSink,
}

/// What a phone leg begins with.
pub(crate) struct PhoneOpening {
    pub(crate) ssrc: Ssrc,
    pub(crate) cname: String,
    pub(crate) on_event: EventSink,
}

impl Command {
    fn limit(&self) -> usize {
        match self {
            Self::OpenBrowser(..) | Self::OpenPhone(..) => FULL_FOR_LEGS,
            Self::SetBrowserRemote(..)
            | Self::RestartIce(..)
            | Self::ExpectChecks(_)
            | Self::SetPhoneRemote(..)
            | Self::Bridge { .. }
            | Self::BridgeVideo { .. }
            | Self::NeedKeyframe(_)
            | Self::SetGate(..)
            | Self::SendDigit(..)
            | Self::TellDigit(..)
            | Self::Snapshot(..) => FULL,
            Self::Close(_) => usize::MAX,
        }
    }
}

/// The mailbox of one worker.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    waker: Waker,
}

struct State {
    queue: VecDeque<Command>,
    open: bool,
}

/// What the worker finds in its mailbox.
pub(crate) enum Letters {
    Commands(VecDeque<Command>),
    Stop,
}

impl Mailbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                open: true,
            }),
            waker,
        }
    }

    /// Puts a command in.
    pub(crate) fn push(&self, command: Command) -> Result<(), MediaError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.open {
            return Err(MediaError::Stopped);
        }
        if state.queue.len() >= command.limit() {
            return Err(MediaError::Busy);
        }
        state.queue.push_back(command);
        let first = state.queue.len() == 1;
        drop(state);
        if first {
            self.waker.wake().map_err(|_| MediaError::Stopped)?;
        }
        Ok(())
    }

    /// Takes no more commands and tells the worker to end.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open = false;
        drop(state);
        // A waker that cannot wake has lost its poll: the worker is gone already.
        let _gone = self.waker.wake();
    }

    /// Takes everything out. What was queued before the end is dropped with it.
    pub(crate) fn take(&self) -> Letters {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = std::mem::take(&mut state.queue);
        if state.open {
            Letters::Commands(queue)
        } else {
            Letters::Stop
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}
