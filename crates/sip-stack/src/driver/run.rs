//! The driver's one loop: take something in, let the core handle it, drain the core.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::bind::{Bound, Listener};
use super::config::DriverConfig;
use super::core::Core;
use super::door::Door;
use super::flows::Flows;
use super::keeping::{Due, Keeping};
use super::resolver::{Families, Resolver};
use super::udp::{self, UdpPort};
use super::{DriverCounts, MAX_COMMANDS, MAX_EVENT_BACKLOG, MAX_EVENTS, now, os_seed, tls};
use crate::message::{Message, ParseError};
use crate::target::{Answers, ResolveError, Target};
use crate::transport::{
    Destination, FlowId, LocalAddresses, Source, Transmit, TransmitFailure, TransmitToken,
    Transport, TransportError,
};

/// What is taken from readers before anything else has its turn.
const MAX_INPUTS_PER_TURN: usize = 32;
/// What readers may have ready before they wait.
const MAX_INPUTS: usize = 1024;
/// For streams to write out what they hold at the end.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// The pause after a failed accept: most likely out of descriptors.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// What the driver's tasks report.
pub(super) enum Input {
    Message {
        message: Box<Message>,
        source: Source,
    },
    Malformed {
        error: ParseError,
        source: Source,
    },
    Accepted {
        transport: Transport,
        stream: TcpStream,
        acceptor: Option<TlsAcceptor>,
    },
    FlowClosed {
        flow: FlowId,
        unanswered: Vec<TransmitToken>,
        why: TransportError,
    },
    /// A peer told by STUN where it sees us.
    Mapped {
        source: Source,
        transaction: [u8; 12],
        mapped: SocketAddr,
    },
    Resolved {
        target: Target,
        result: Result<Answers, ResolveError>,
    },
}

/// The owner's end of a running driver.
pub(super) struct Ports<C: Core> {
    pub(super) commands: mpsc::Sender<C::Command>,
    pub(super) events: mpsc::Receiver<C::Event>,
    pub(super) counts: watch::Receiver<DriverCounts>,
    pub(super) local: LocalAddresses,
    pub(super) door: Arc<Door>,
}

/// Starts the loop. The join set holds one task, which joins all others.
pub(super) fn start<C: Core>(
    config: DriverConfig,
    bound: Bound,
    core: C,
) -> io::Result<(Ports<C>, JoinSet<()>)> {
    let (commands_in, commands) = mpsc::channel(MAX_COMMANDS);
    let (events, events_out) = mpsc::channel(MAX_EVENTS);
    let (counts, counts_out) = watch::channel(DriverCounts::default());
    let (inputs_in, inputs) = mpsc::channel(MAX_INPUTS);
    let mut rng = StdRng::from_seed(os_seed()?);
    let mut readers = JoinSet::new();

    let listened = bound.udp.len() + bound.listeners.len();
    let families = Families::of(&bound.local);
    let door = Arc::new(Door::new(C::GUARDED, now()));
    let mut udp = Vec::new();
    for (number, socket) in (1..).zip(bound.udp) {
        let port = UdpPort {
            flow: FlowId(number),
            local: socket.local_addr()?,
            socket,
        };
        readers.spawn(udp::read(
            port.clone(),
            Arc::clone(&door),
            inputs_in.clone(),
        ));
        udp.push(port);
    }
    for listener in bound.listeners {
        readers.spawn(accept(listener, inputs_in.clone()));
    }
    let flow_rng = StdRng::from_seed(rng.random());
    let keeping_rng = StdRng::from_seed(rng.random());
    let resolver_rng = StdRng::from_seed(rng.random());
    let driver = Driver {
        core,
        door: Arc::clone(&door),
        flows: Flows::new(
            udp,
            config.max_flows,
            tls::Connectors::new(&config.tls)?,
            Arc::clone(&door),
            inputs_in.clone(),
            flow_rng,
        ),
        keeping: Keeping::new(keeping_rng),
        resolver: Resolver::new(&config.name_servers, families, inputs_in, resolver_rng)?,
        readers,
        carriers: JoinSet::new(),
        inputs,
        commands,
        events,
        backlog: VecDeque::new(),
        counts,
        totals: DriverCounts {
            sockets: listened,
            ..DriverCounts::default()
        },
        shutdown_limit: config.shutdown_limit,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    let ports = Ports {
        commands: commands_in,
        events: events_out,
        counts: counts_out,
        local: bound.local,
        door,
    };
    Ok((ports, tasks))
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

    /// Handles one input, and some more if they are there, but not so many that commands
    /// and timers would wait for long.
    fn handle_inputs(&mut self, first: Input) {
        let mut next = Some(first);
        for _ in 0..MAX_INPUTS_PER_TURN {
            let Some(input) = next else {
                return;
            };
            let began = now();
            self.handle_input(input);
            self.drain();
            let took = now().saturating_duration_since(began);
            self.totals.longest_turn = self.totals.longest_turn.max(took);
            if !self.backlog.is_empty() {
                return;
            }
            next = self.inputs.try_recv().ok();
        }
        if let Some(input) = next {
            self.handle_input(input);
        }
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

    fn handle_input(&mut self, input: Input) {
        match input {
            Input::Message { message, source } => {
                self.totals.received += 1;
                self.flows.note_known(source.flow);
                self.core.handle_message(*message, source, now());
            }
            Input::Malformed { error, source } => {
                self.totals.malformed += 1;
                tracing::debug!(remote = %source.remote, %error, "malformed message");
                self.core.handle_malformed(&error, source, now());
            }
            Input::Accepted {
                transport,
                stream,
                acceptor,
            } => self
                .flows
                .accept(transport, stream, acceptor, &mut self.carriers),
            Input::FlowClosed {
                flow,
                unanswered,
                why,
            } => {
                self.flows.remove(flow);
                for token in unanswered {
                    let failure = TransmitFailure { token, why };
                    self.core.handle_transport_failure(failure, now());
                }
                self.core.handle_flow_closed(flow, now());
            }
            Input::Mapped {
                source,
                transaction,
                mapped,
            } => {
                let from = (source.flow, source.remote);
                let failed = self.keeping.handle_answer(from, transaction, mapped, now());
                if let Some(way) = failed {
                    self.lose_way(&way);
                }
            }
            Input::Resolved { target, result } => {
                let result = self.resolver.note(&target, result);
                for id in self.resolver.take_askers(&target) {
                    let drawn = match &result {
                        Ok(answers) => self.resolver.draw(&target, answers),
                        Err(why) => Err(*why),
                    };
                    self.core.handle_resolved(id, drawn, now());
                }
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

/// Accepts streams until nobody listens any more.
async fn accept(listener: Listener, inputs: mpsc::Sender<Input>) {
    loop {
        match listener.socket.accept().await {
            Ok((stream, _)) => {
                let input = Input::Accepted {
                    transport: listener.transport,
                    stream,
                    acceptor: listener.acceptor.clone(),
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a stream failed");
                tokio::time::sleep(AFTER_ACCEPT_ERROR).await;
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
