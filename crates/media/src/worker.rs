//! A media worker: one thread, one port for all its browsers, sockets for its phones.
//!
//! The driver of the media path: it alone has sockets and a clock, which it reads once per
//! turn of its loop. What happens to a packet is in `carry`, what a leg is in `legs`.
//! Signalling is heard through the mailbox and answered by the legs' event callbacks.
#![allow(
    clippy::disallowed_methods,
    reason = "this driver owns the thread and reads the clock, once per turn"
)]

mod addresses;
mod batch;
mod bridge;
mod browser_slot;
mod carry;
mod connections;
mod egress;
pub(crate) mod framing;
mod keep_alive;
mod legs;
mod mailbox;
mod phone_slot;
mod silence;
mod sockets;
mod tally;
#[cfg(test)]
mod tests;
mod timers;
mod turns;
mod video;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Events, Poll, Waker};

use crate::browser_leg::{BrowserLimits, IceLimits, Identity};
use crate::config::Limits;
use crate::rtcp::NtpClock;
use batch::Batch;
use legs::{LegKey, Legs};
use mailbox::Letters;
use sockets::{Owner, Sockets, WAKER};
use turns::{ConnectionReads, Ready, Served};

pub(crate) use mailbox::{BrowserOpening, Command, LegId, Mailbox, PhoneOpening};
pub(crate) use sockets::{BrowserSockets, MAX_HOSTS};

/// Until a plan says otherwise.
const FIRST_CLOCK_RATE: u32 = 8000;
/// Turns that may panic one after the other before the worker gives up.
pub(crate) const MAX_FAILED_TURNS: u32 = 100;

/// What all legs of a worker are made with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) identity: Arc<Identity>,
    pub(crate) limits: Limits,
    pub(crate) clock: NtpClock,
}

impl Settings {
    fn browser_limits(&self) -> BrowserLimits {
        BrowserLimits {
            ice: IceLimits {
                first_check: self.limits.ice,
                consent: self.limits.consent,
            },
            dtls: self.limits.dtls,
        }
    }
}

/// What a worker says of itself to the ledger.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) browser_legs: AtomicUsize,
    pub(crate) phone_legs: AtomicUsize,
    pub(crate) timers: AtomicUsize,
    pub(crate) running: AtomicUsize,
    pub(crate) connections: AtomicUsize,
    pub(crate) strangers: AtomicU64,
}

/// A worker's thread and the way to talk to it.
pub(crate) struct Worker {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) thread: JoinHandle<()>,
}

/// Starts a worker on bound browser sockets.
pub(crate) fn start(
    name: String,
    browsers: BrowserSockets,
    identity: Arc<Identity>,
    limits: Limits,
    seed: [u8; 32],
) -> io::Result<Worker> {
    let poll = Poll::new()?;
    let mailbox = Arc::new(Mailbox::new(Waker::new(poll.registry(), WAKER)?));
    let gauges = Arc::new(Gauges::default());
    let now = Instant::now();
    let sockets = Sockets::new(poll.registry().try_clone()?, browsers, now)?;
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let clock = NtpClock::new(now, since_epoch.unwrap_or_default());
    let settings = Settings {
        identity,
        limits,
        clock,
    };
    let turn = Loop {
        poll,
        sockets,
        legs: Legs::new(settings, seed),
        mailbox: mailbox.clone(),
        letters: VecDeque::new(),
        gauges: gauges.clone(),
    };
    gauges.running.store(1, Ordering::Relaxed);
    let thread = std::thread::Builder::new()
        .name(name)
        .spawn(move || turn.run())?;
    Ok(Worker {
        mailbox,
        gauges,
        thread,
    })
}

struct Loop {
    poll: Poll,
    sockets: Sockets,
    legs: Legs,
    mailbox: Arc<Mailbox>,
    /// Taken out of the mailbox, not yet read.
    letters: VecDeque<Command>,
    gauges: Arc<Gauges>,
}

/// How a worker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was told to.
    Told,
    /// It cannot go on.
    Failed,
}

impl Loop {
    /// Turn after turn. A panic while a leg is served is that leg's affair; one outside of any
    /// leg costs the turn, not the calls.
    fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut ready = Ready::default();
        let mut batch = Batch::new();
        let mut failed_turns = 0;
        let end = loop {
            let turn = catch_unwind(AssertUnwindSafe(|| {
                self.turn(&mut events, &mut ready, &mut batch)
            }));
            match turn {
                Ok(None) => failed_turns = 0,
                Ok(Some(end)) => break end,
                Err(_) => {
                    failed_turns += 1;
                    tracing::error!(failed_turns, "a media worker's turn panicked");
                    if failed_turns >= MAX_FAILED_TURNS {
                        break End::Failed;
                    }
                }
            }
        };
        self.end(end);
    }

    fn turn(&mut self, events: &mut Events, ready: &mut Ready, batch: &mut Batch) -> Option<End> {
        let timeout = self.time_to_wait(ready);
        if let Err(error) = self.poll.poll(events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "media worker cannot wait for its sockets");
            return Some(End::Failed);
        }
        let now = Instant::now();
        self.sockets.begin_turn(now);
        for event in &*events {
            ready.mark(event.token());
        }
        // Asked every turn: a letter put in while an earlier one was read wakes nobody.
        match self.mailbox.take() {
            Letters::Stop => return Some(End::Told),
            Letters::Commands(commands) => self.letters.extend(commands),
        }
        while let Some(command) = self.letters.pop_front() {
            self.handle_command(command, now);
        }
        self.receive(ready, batch, now);
        self.legs.handle_timeout(now, &mut self.sockets);
        self.sockets.handle_timeout(now);
        self.settle_connections(now);
        self.report();
        None
    }

    fn time_to_wait(&self, ready: &Ready) -> Option<Duration> {
        if !ready.is_empty() || !self.letters.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadlines = [self.legs.poll_timeout(), self.sockets.poll_timeout()];
        let deadline = deadlines.into_iter().flatten().min()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    fn handle_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::OpenBrowser(id, opening) => self.legs.open_browser(id, opening, now),
            Command::OpenPhone(id, opening, sockets) => {
                let key = self.legs.open_phone(id, opening, now);
                self.sockets.adopt(key, sockets);
            }
            Command::Close(id) => self.close(id, now),
            Command::SetBrowserRemote(..)
            | Command::RestartIce(..)
            | Command::ExpectChecks(_)
            | Command::SetPhoneRemote(..)
            | Command::Bridge { .. }
            | Command::BridgeVideo { .. }
            | Command::NeedKeyframe(_)
            | Command::SetGate(..)
            | Command::SendDigit(..)
            | Command::TellDigit(..)
            | Command::Snapshot(..) => {
                self.legs.handle_command(command, now, &mut self.sockets);
            }
        }
    }

    fn close(&mut self, id: LegId, now: Instant) {
        match self.legs.close(id, now, &mut self.sockets) {
            Some(LegKey::Phone(key)) => self.sockets.release(key),
            Some(LegKey::Browser(_)) | None => {}
        }
    }

    /// A bounded number of datagrams from each socket that has some; connections that have proven
    /// nothing come last.
    fn receive(&mut self, ready: &mut Ready, batch: &mut Batch, now: Instant) {
        let mut reads = ConnectionReads::new();
        let legs = &mut self.legs;
        ready.serve(|token| match sockets::owner(token) {
            Owner::Waker => Served::Empty,
            Owner::Browsers(socket) => {
                self.sockets
                    .receive_browsers(socket, batch, |datagram, from, sockets| {
                        legs.handle_browser_datagram(datagram, from, now, sockets);
                    })
            }
            Owner::Listener(listener) => self.sockets.accept(listener, now),
            Owner::Connection(slot) if self.sockets.is_unproven(slot) => Served::NotYet,
            Owner::Connection(slot) => {
                self.sockets
                    .receive_connection(slot, &mut reads, |frame, from, sockets| {
                        legs.handle_browser_datagram(frame, from, now, sockets)
                    })
            }
            Owner::Phone(key, channel) => {
                self.sockets
                    .receive_phone(key, channel, batch, |datagram, from, sockets| {
                        legs.handle_phone_datagram(key, channel, datagram, from, now, sockets);
                    })
            }
        });
        if !self.sockets.has_unproven() {
            return;
        }
        ready.serve(|token| match sockets::owner(token) {
            Owner::Connection(slot) if self.sockets.is_unproven(slot) => self
                .sockets
                .receive_connection(slot, &mut reads, |frame, from, sockets| {
                    legs.handle_browser_datagram(frame, from, now, sockets)
                }),
            Owner::Waker
            | Owner::Browsers(_)
            | Owner::Listener(_)
            | Owner::Connection(_)
            | Owner::Phone(..) => Served::NotYet,
        });
    }

    /// Connections that ended are told to their legs, and those of legs that ended are closed.
    fn settle_connections(&mut self, now: Instant) {
        while let Some(address) = self.sockets.poll_lost() {
            self.legs.handle_lost(address, now, &mut self.sockets);
        }
        while let Some(id) = self.legs.poll_unneeded() {
            self.sockets.close_connection(id);
        }
    }

    fn report(&self) {
        let (browsers, phones, timers) = self.legs.counts();
        let gauges = &self.gauges;
        gauges.browser_legs.store(browsers, Ordering::Relaxed);
        gauges.phone_legs.store(phones, Ordering::Relaxed);
        gauges.timers.store(timers, Ordering::Relaxed);
        gauges
            .connections
            .store(self.sockets.connections(), Ordering::Relaxed);
        gauges
            .strangers
            .store(self.legs.strangers(), Ordering::Relaxed);
    }

    /// Closes what there is; of a failure, every leg is told first.
    fn end(&mut self, end: End) {
        let now = Instant::now();
        self.mailbox.close();
        for id in self.legs.ids() {
            let closed = catch_unwind(AssertUnwindSafe(|| {
                if end == End::Failed {
                    self.legs.give_up(id, now, &mut self.sockets);
                }
                self.close(id, now);
            }));
            if closed.is_err() {
                tracing::error!("closing a leg panicked");
            }
        }
        // What came too late to be read: its sockets are freed here.
        self.letters.clear();
        drop(self.mailbox.take());
        self.report();
        self.gauges.running.store(0, Ordering::Relaxed);
    }
}
