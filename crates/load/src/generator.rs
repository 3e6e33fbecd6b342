//! The generator: all clients' media on one thread.
//!
//! A driver: it alone has the clients' sockets and reads the clock. Each client's packets leave
//! on a beat of its own; how late they leave is recorded, because a generator that cannot keep
//! its times measures itself. Signalling hands clients over when they have been answered.
#![allow(
    clippy::disallowed_methods,
    reason = "this driver owns its thread and reads the clock"
)]

mod camera;
mod client;
mod source;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::UdpSocket as StdSocket;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use media::rtp::Ssrc;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use tokio::sync::oneshot;

use crate::browser::{BrowserTransport, Failure};
use crate::codec::Codec;
use crate::tally::Findings;
use camera::Camera;
use client::{Client, Turn};
use source::Source;

pub use camera::VIDEO_PT;
pub use client::Punctuality;

const WAKER: Token = Token(0);
/// Commands waiting for the thread; when full, the caller waits.
const COMMANDS: usize = 1024;
const DATAGRAM: usize = 2048;

/// When the first packet came back, or why none will.
pub type FirstReturn = Result<Instant, Failure>;

/// The way a client's packets take.
#[derive(Debug)]
pub enum Line {
    /// As a browser: ICE, DTLS-SRTP.
    Browser(Box<BrowserTransport>),
    /// Plain RTP straight to an echo, to learn what is the generator's own share.
    Plain,
}

/// A client to be served.
#[derive(Debug)]
pub struct NewClient {
    /// Its number, in every stamp.
    pub call: u32,
    /// Connected to where its packets go.
    pub socket: StdSocket,
    /// How they go.
    pub line: Line,
    /// What they pretend to be.
    pub codec: Codec,
    /// Its RTP source.
    pub ssrc: Ssrc,
    /// What it says instead of stamps: packets that something on the way can decode.
    pub speech: Option<Speech>,
    /// The RTP source of its video, if it has some.
    pub video: Option<Ssrc>,
}

/// Payloads of one packet time each, said again and again.
pub type Speech = Arc<[Vec<u8>]>;

/// What a window has shown, over all clients.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Over all calls.
    pub findings: Findings,
    /// Of video, over all calls; not in the other.
    pub video: Findings,
    /// Calls whose transport has ended, and why.
    pub failures: Vec<(u32, Failure)>,
    /// Calls of which not one packet came back.
    pub silent: usize,
    /// The generator's own account, since the window was opened.
    pub punctuality: Punctuality,
}

/// A running generator. Dropping it ends the thread.
#[derive(Debug)]
pub struct Generator {
    commands: SyncSender<Command>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Command {
    Add(Box<NewClient>, oneshot::Sender<FirstReturn>),
    OpenWindow,
    CloseWindow,
    Report(oneshot::Sender<Outcome>),
    Remove(u32),
    Stop,
}

impl Generator {
    /// Starts the thread.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let (commands, received) = sync_channel(COMMANDS);
        let turn = Loop {
            poll,
            clock: Clock(Instant::now()),
            clients: Vec::new(),
            agenda: BinaryHeap::new(),
            commands: received,
            punctuality: Punctuality::default(),
            buffer: vec![0; DATAGRAM],
            packet: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("generator".to_owned())
            .spawn(move || turn.run())?;
        Ok(Self {
            commands,
            waker,
            thread: Some(thread),
        })
    }

    /// Serves a client from now on. The receiver hears of its first returned packet.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn add(&self, client: NewClient) -> io::Result<oneshot::Receiver<FirstReturn>> {
        let (first_return, waiting) = oneshot::channel();
        self.command(Command::Add(Box::new(client), first_return))?;
        Ok(waiting)
    }

    /// From now on packets are judged, and times are kept account of.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn open_window(&self) -> io::Result<()> {
        self.command(Command::OpenWindow)
    }

    /// From now on packets are not judged; those under way may still come back.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn close_window(&self) -> io::Result<()> {
        self.command(Command::CloseWindow)
    }

    /// What the window has shown so far.
    ///
    /// # Errors
    /// When the thread is gone.
    pub async fn report(&self) -> io::Result<Outcome> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Report(reply))?;
        answer.await.map_err(io::Error::other)
    }

    /// Ends a client's stream and its transport, with a goodbye.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn remove(&self, call: u32) -> io::Result<()> {
        self.command(Command::Remove(call))
    }

    fn command(&self, command: Command) -> io::Result<()> {
        self.commands
            .send(command)
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.waker.wake()
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // A thread that has ended already takes no command.
        let _gone = self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed by the thread itself.
            let _panicked = thread.join();
        }
    }
}

/// Time, and when it began for this generator.
#[derive(Clone, Copy, Debug)]
struct Clock(Instant);

impl Clock {
    #[expect(
        clippy::unused_self,
        reason = "who has no clock cannot ask for the time"
    )]
    fn now(self) -> Instant {
        Instant::now()
    }

    fn since_start(self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0)
    }
}

struct Loop {
    poll: Poll,
    clock: Clock,
    /// By token; a removed client leaves its place to the next.
    clients: Vec<Option<Slot>>,
    /// When a client wants to be called; entries that no longer hold are skipped.
    agenda: BinaryHeap<Reverse<(Instant, usize)>>,
    commands: Receiver<Command>,
    punctuality: Punctuality,
    buffer: Vec<u8>,
    packet: Vec<u8>,
}

struct Slot {
    client: Client,
    scheduled: Option<Instant>,
}

impl Loop {
    fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            let next = self.agenda.peek().map(|Reverse((at, _))| *at);
            let wait = next.map(|at| at.saturating_duration_since(self.clock.now()));
            if let Err(error) = self.poll.poll(&mut events, wait)
                && error.kind() != io::ErrorKind::Interrupted
            {
                return;
            }
            for event in &events {
                match event.token() {
                    WAKER => {
                        if !self.obey() {
                            return;
                        }
                    }
                    Token(token) => self.serve(token - 1, |client, turn| {
                        client.handle_readable(turn);
                    }),
                }
            }
            self.keep_times();
        }
    }

    fn keep_times(&mut self) {
        let now = self.clock.now();
        while let Some(Reverse((at, index))) = self.agenda.peek().copied()
            && at <= now
        {
            self.agenda.pop();
            let holds = matches!(
                self.clients.get(index),
                Some(Some(slot)) if slot.scheduled == Some(at)
            );
            if holds {
                if let Some(Some(slot)) = self.clients.get_mut(index) {
                    slot.scheduled = None;
                }
                self.serve(index, |client, turn| client.handle_timeout(turn));
            }
        }
    }

    /// Lets a client act, and notes when it wants to be called next.
    fn serve(&mut self, index: usize, act: impl FnOnce(&mut Client, &mut Turn<'_>)) {
        let Some(Some(slot)) = self.clients.get_mut(index) else {
            return;
        };
        let mut turn = Turn {
            now: self.clock.now(),
            clock: self.clock,
            punctuality: &mut self.punctuality,
            buffer: &mut self.buffer,
            packet: &mut self.packet,
        };
        act(&mut slot.client, &mut turn);
        let wanted = slot.client.poll_timeout();
        if let Some(at) = wanted
            && slot.scheduled.is_none_or(|scheduled| at < scheduled)
        {
            slot.scheduled = Some(at);
            self.agenda.push(Reverse((at, index)));
        }
    }

    /// False when it is over.
    fn obey(&mut self) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Add(client, first_return) => self.add(*client, first_return),
                Command::OpenWindow => {
                    self.punctuality = Punctuality::default();
                    self.each_tally(|tally| tally.open_window());
                }
                Command::CloseWindow => self.each_tally(|tally| tally.close_window()),
                Command::Report(reply) => {
                    // Who asked has stopped waiting.
                    let _gone = reply.send(self.outcome());
                }
                Command::Remove(call) => self.remove(call),
                Command::Stop => return false,
            }
        }
        true
    }

    fn add(&mut self, new: NewClient, first_return: oneshot::Sender<FirstReturn>) {
        let now = self.clock.now();
        let mut socket = UdpSocket::from_std(new.socket);
        let free = self.clients.iter().position(Option::is_none);
        let index = free.unwrap_or(self.clients.len());
        let registered =
            self.poll
                .registry()
                .register(&mut socket, Token(index + 1), Interest::READABLE);
        if registered.is_err() {
            // Dropping the sender tells who waits.
            return;
        }
        let source = Source::new(new.codec, new.ssrc, new.ssrc.0, new.speech, now);
        let begin = match new.line {
            Line::Browser(_) => None,
            Line::Plain => Some(now),
        };
        let camera = new.video.map(|ssrc| Camera::new(ssrc, begin));
        let client = Client::new(
            new.call,
            socket,
            new.line,
            (source, camera),
            first_return,
            now,
        );
        let slot = Slot {
            client,
            scheduled: None,
        };
        if index == self.clients.len() {
            self.clients.push(None);
        }
        self.clients[index] = Some(slot);
        self.serve(index, |client, turn| client.handle_timeout(turn));
    }

    fn remove(&mut self, call: u32) {
        let found = self
            .clients
            .iter()
            .position(|slot| matches!(slot, Some(slot) if slot.client.call == call));
        if let Some(index) = found {
            self.serve(index, |client, turn| client.close(turn));
            self.clients[index] = None;
        }
    }

    fn each_tally(&mut self, act: impl Fn(&mut crate::tally::Tally)) {
        for slot in self.clients.iter_mut().flatten() {
            act(&mut slot.client.tally);
            if let Some(camera) = &mut slot.client.camera {
                act(&mut camera.tally);
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome {
            punctuality: self.punctuality.clone(),
            ..Outcome::default()
        };
        for slot in self.clients.iter().flatten() {
            let findings = slot.client.tally.findings();
            outcome.findings.merge(findings);
            if let Some(camera) = &slot.client.camera {
                outcome.video.merge(camera.tally.findings());
            }
            outcome.silent += usize::from(findings.returned == 0);
            let failure = slot.client.failure;
            outcome
                .failures
                .extend(failure.map(|failure| (slot.client.call, failure)));
        }
        outcome
    }
}
