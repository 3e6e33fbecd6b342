//! The driver's one loop: take something in, let the core handle it, drain the core.

mod inputs;
mod start;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep_until, timeout};

pub(super) use self::start::start;
use super::core::Core;
use super::door::Door;
use super::flows::Flows;
use super::input::Input;
use super::keeping::{Due, Keeping};
use super::resolver::Resolver;
use super::{DriverCounts, MAX_EVENT_BACKLOG, now};
use crate::transport::{Destination, LocalAddresses, Transmit, TransmitFailure, Transport};

/// For streams to write out what they hold at the end.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The owner's end of a running driver.
pub(super) struct Ports<C: Core> {
    pub(super) commands: mpsc::Sender<C::Command>,
    pub(super) events: mpsc::Receiver<C::Event>,
    pub(super) counts: watch::Receiver<DriverCounts>,
    pub(super) local: LocalAddresses,
    pub(super) door: Arc<Door>,
}

struct Driver<C: Core> {
    core: C,
    door: Arc<Door>,
    flows: Flows,
    keeping: Keeping,
    resolver: Resolver,
    /// Endless tasks: socket readers and acceptors.
    readers: JoinSet<()>,
    /// Tasks that end by themselves: streams and look-ups.
    carriers: JoinSet<()>,
    inputs: mpsc::Receiver<Input>,
    commands: mpsc::Receiver<C::Command>,
    events: mpsc::Sender<C::Event>,
    /// Events that did not fit into the channel.
    backlog: VecDeque<C::Event>,
    counts: watch::Sender<DriverCounts>,
    totals: DriverCounts,
    shutdown_limit: Duration,
}

/// How far the end is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The core has been told; at the instant it is cut short.
    Ending(Instant),
}

impl<C: Core> Driver<C> {
    async fn run(mut self) {
        let mut phase = Phase::Running;
        let events = self.events.clone();
        loop {
            self.drain();
            self.publish();
            if self.is_over(phase) {
                break;
            }
            let due = [self.core.poll_timeout(), self.keeping.poll_timeout()];
            let due = due.into_iter().flatten().min();
            let deadline = match phase {
                Phase::Running => due,
                Phase::Ending(limit) => Some(due.map_or(limit, |at| at.min(limit))),
            };
            tokio::select! {
                command = self.commands.recv(), if phase == Phase::Running => {
                    let command = command.unwrap_or_else(C::shutdown);
                    if C::is_shutdown(&command) {
                        phase = Phase::Ending(now() + self.shutdown_limit);
                    }
                    self.core.handle_command(command, now());
                }
                Some(input) = self.inputs.recv(), if self.backlog.is_empty() => {
                    self.handle_inputs(input);
                }
                permit = events.reserve(), if !self.backlog.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(event) = self.backlog.pop_front() {
                            permit.send(event);
                        }
                    }
                    Err(_) => self.backlog.clear(),
                },
                Some(joined) = self.carriers.join_next() => note(joined),
                () = until(deadline) => self.handle_timeout(),
            }
            if phase == Phase::Running && self.events.is_closed() {
                tracing::error!("nobody takes the events of the SIP driver any more");
                phase = Phase::Ending(now() + self.shutdown_limit);
                self.core.handle_command(C::shutdown(), now());
            }
        }
        self.finish().await;
    }

    /// Lets the core say everything it has to say.
    fn drain(&mut self) {
        while let Some(change) = self.core.poll_admission() {
            self.door.note(change);
        }
        // What cannot be sent or looked up may give rise to more.
        loop {
            if let Some(transmit) = self.core.poll_transmit() {
                self.transmit(transmit);
            } else if let Some(request) = self.core.poll_resolve() {
                let id = request.id;
                if let Err(why) = self.resolver.ask(request, &mut self.carriers) {
                    self.core.handle_resolved(id, Err(why), now());
                }
            } else if let Some(wanted) = self.core.poll_keep_alive() {
                match wanted.destination.transport {
                    Transport::Udp => self.keeping.set(wanted, now()),
                    Transport::Tcp | Transport::Tls => self.flows.keep(&wanted),
                }
            } else {
                break;
            }
        }
        while let Some(event) = self.core.poll_event() {
            self.backlog.push_back(event);
        }
        while let Some(event) = self.backlog.pop_front() {
            use mpsc::error::TrySendError;
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    break;
                }
                Err(TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }

    fn handle_timeout(&mut self) {
        self.core.handle_timeout(now());
        while let Some(due) = self.keeping.handle_timeout(now()) {
            match due {
                Due::Send(probe) => {
                    if let Err(why) = self.flows.send(probe, &mut self.carriers) {
                        tracing::debug!(%why, "keep-alive not sent");
                    }
                }
                Due::Failed(way) => self.lose_way(&way),
            }
        }
    }

    /// A UDP peer has lost the way to us.
    fn lose_way(&mut self, way: &Destination) {
        tracing::info!(remote = %way.addr, "no answer to keep-alives: registering anew");
        self.core.handle_way_lost(way, now());
    }

    fn transmit(&mut self, transmit: Transmit) {
        let token = transmit.token;
        self.totals.sent += 1;
        self.door.note_sent(transmit.destination.addr.ip(), now());
        if let Err(why) = self.flows.send(transmit, &mut self.carriers) {
            tracing::debug!(%why, "not sent");
            if let Some(token) = token {
                let failure = TransmitFailure { token, why };
                self.core.handle_transport_failure(failure, now());
            }
        }
    }

    fn is_over(&self, phase: Phase) -> bool {
        if self.backlog.len() > MAX_EVENT_BACKLOG {
            tracing::error!("the owner does not take its events: the SIP driver ends");
            return true;
        }
        match phase {
            Phase::Running => false,
            Phase::Ending(limit) => {
                let done = self.core.is_settled() && self.backlog.is_empty();
                if !done && now() >= limit {
                    let left = self.core.counts();
                    tracing::warn!(?left, "SIP shutdown cut short");
                    return true;
                }
                done
            }
        }
    }

    fn publish(&self) {
        let counts = DriverCounts {
            user_agent: self.core.counts(),
            tasks: 1 + self.readers.len() + self.carriers.len(),
            flows: self.flows.streams(),
            lookups: self.resolver.lookups(),
            kept: self.keeping.len(),
            refused: self.flows.refused(),
            ..self.totals
        };
        self.counts.send_if_modified(|published| {
            let changed = *published != counts;
            *published = counts;
            changed
        });
    }

    /// Closes everything, lets streams write out what they hold, joins every task.
    async fn finish(self) {
        let Self {
            flows,
            mut readers,
            mut carriers,
            inputs,
            counts,
            totals,
            ..
        } = self;
        drop(inputs);
        let refused = flows.refused();
        drop(flows);
        readers.shutdown().await;
        let flushed = timeout(FLUSH_LIMIT, async {
            while let Some(joined) = carriers.join_next().await {
                note(joined);
            }
        });
        if flushed.await.is_err() {
            carriers.shutdown().await;
        }
        counts.send_replace(DriverCounts {
            received: totals.received,
            sent: totals.sent,
            malformed: totals.malformed,
            refused,
            longest_turn: totals.longest_turn,
            ..DriverCounts::default()
        });
        tracing::info!("SIP driver ended");
    }
}

/// A stream or look-up task has ended; only a panic is news.
fn note(joined: Result<(), JoinError>) {
    if let Err(error) = joined
        && error.is_panic()
    {
        tracing::error!(%error, "a task of the SIP driver panicked");
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
