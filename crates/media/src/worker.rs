//! A media worker: one thread, one UDP port for all its browsers, sockets for its phones.
//!
//! The driver of the media path: it alone has sockets and a clock, which it reads once per
//! turn of its loop. What happens to a packet is in `carry`, what a leg is in `legs`.
//! Signalling is heard through the mailbox and answered by the legs' event callbacks.
#![allow(
    clippy::disallowed_methods,
    reason = "this driver owns the thread and reads the clock, once per turn"
)]

mod bridge;
mod browser_slot;
mod carry;
mod egress;
mod legs;
mod mailbox;
mod phone_slot;
mod silence;
mod sockets;
mod tally;
#[cfg(test)]
mod tests;
mod timers;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::UdpSocket;
use mio::{Events, Poll, Waker};

use crate::browser_leg::{BrowserLimits, IceLimits, Identity};
use crate::config::Limits;
use crate::rtcp::NtpClock;
use legs::{LegKey, Legs};
use mailbox::Letters;
use sockets::{BROWSERS, Ready, Sockets, WAKER};

pub(crate) use mailbox::{BrowserOpening, Command, LegId, Mailbox, PhoneOpening};

/// Until a plan says otherwise.
const FIRST_CLOCK_RATE: u32 = 8000;

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
    pub(crate) strangers: AtomicU64,
}

/// A worker's thread and the way to talk to it.
pub(crate) struct Worker {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) thread: JoinHandle<()>,
}

/// Starts a worker on a bound browser socket.
pub(crate) fn start(
    name: String,
    browsers: UdpSocket,
    identity: Arc<Identity>,
    limits: Limits,
    seed: [u8; 32],
) -> io::Result<Worker> {
    let poll = Poll::new()?;
    let mailbox = Arc::new(Mailbox::new(Waker::new(poll.registry(), WAKER)?));
    let gauges = Arc::new(Gauges::default());
    let sockets = Sockets::new(poll.registry().try_clone()?, browsers)?;
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let clock = NtpClock::new(Instant::now(), since_epoch.unwrap_or_default());
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
    gauges: Arc<Gauges>,
}

impl Loop {
    fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut ready = Ready::default();
        loop {
            let timeout = self.time_to_wait(&ready);
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "media worker cannot wait for its sockets");
                break;
            }
            let now = Instant::now();
            for event in &events {
                ready.mark(event.token());
            }
            // Asked every turn: a letter put in while an earlier one was read wakes nobody.
            match self.mailbox.take() {
                Letters::Stop => break,
                Letters::Commands(commands) => {
                    for command in commands {
                        self.handle_command(command, now);
                    }
                }
            }
            self.receive(&mut ready, now);
            self.legs.handle_timeout(now, &mut self.sockets);
            self.report();
        }
        self.end();
    }

    fn time_to_wait(&self, ready: &Ready) -> Option<Duration> {
        if !ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadline = self.legs.poll_timeout()?;
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
            | Command::SetGate(..)
            | Command::SendDigit(..)
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

    /// A bounded number of datagrams from each socket that has some.
    fn receive(&mut self, ready: &mut Ready, now: Instant) {
        let legs = &mut self.legs;
        ready.retain(|token| match sockets::owner(token) {
            None if token == BROWSERS => {
                self.sockets.receive_browsers(|datagram, from, sockets| {
                    legs.handle_browser_datagram(datagram, from, now, sockets);
                })
            }
            None => false,
            Some((key, channel)) => {
                self.sockets
                    .receive_phone(key, channel, |datagram, from, sockets| {
                        legs.handle_phone_datagram(key, channel, datagram, from, now, sockets);
                    })
            }
        });
    }

    fn report(&self) {
        let (browsers, phones, timers) = self.legs.counts();
        let gauges = &self.gauges;
        gauges.browser_legs.store(browsers, Ordering::Relaxed);
        gauges.phone_legs.store(phones, Ordering::Relaxed);
        gauges.timers.store(timers, Ordering::Relaxed);
        gauges
            .strangers
            .store(self.legs.strangers(), Ordering::Relaxed);
    }

    fn end(&mut self) {
        let now = Instant::now();
        for id in self.legs.ids() {
            self.close(id, now);
        }
        self.mailbox.close();
        self.report();
        self.gauges.running.store(0, Ordering::Relaxed);
    }
}
