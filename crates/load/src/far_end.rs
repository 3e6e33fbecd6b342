//! The far end: a SIP phone that answers every call and sends every packet back.
//!
//! A driver: one thread with one SIP socket over UDP and two sockets for each call. It can also
//! be asked for an echo without a call, to learn what generator and far end cost by themselves.
#![allow(
    clippy::disallowed_methods,
    reason = "this driver owns its thread and reads the clock, once per turn"
)]

mod answerer;
mod echo;
mod wording;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use media::sdp::PhoneDescription;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use crate::codec::Codec;
use crate::histogram::Histogram;
use answerer::{Action, Answerer, CallId};
use echo::Echo;
use wording::answer_sdp;

pub use answerer::Manner;

const WAKER: Token = Token(0);
const SIP: Token = Token(1);
const FIRST_ECHO: usize = 2;
/// Commands waiting for the thread; when full, the caller waits.
const COMMANDS: usize = 64;
const DATAGRAM: usize = 65_536;
const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// A running far end. Dropping it ends the thread.
#[derive(Debug)]
pub struct FarEnd {
    address: SocketAddr,
    codec: Codec,
    commands: SyncSender<Command>,
    waker: Waker,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
    echoed: AtomicU64,
    failed: AtomicU64,
}

#[derive(Debug)]
enum Command {
    OpenEcho(SyncSender<io::Result<(EchoId, SocketAddr)>>),
    CloseEcho(EchoId),
    Heard(SyncSender<Histogram>),
    Stop,
}

/// An echo without a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoId(usize);

impl FarEnd {
    /// Binds the SIP socket and starts the thread.
    ///
    /// # Errors
    /// When the address cannot be bound or the thread cannot be started.
    pub fn start(bind: SocketAddr, codec: Codec, manner: Manner) -> io::Result<Self> {
        let socket = StdSocket::bind(bind)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let mut sip = UdpSocket::from_std(socket);
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        poll.registry()
            .register(&mut sip, SIP, Interest::READABLE)?;
        let (commands, received) = sync_channel(COMMANDS);
        let counts = Arc::new(Counts::default());
        let turn = Loop {
            echoes: Echoes {
                registry: poll.registry().try_clone()?,
                ip: address,
                slots: Vec::new(),
                by_call: HashMap::new(),
                heard: Histogram::default(),
            },
            poll,
            sip,
            answerer: Answerer::new(address, codec, manner),
            commands: received,
            counts: counts.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("far-end".to_owned())
            .spawn(move || turn.run())?;
        Ok(Self {
            address,
            codec,
            commands,
            waker,
            counts,
            thread: Some(thread),
        })
    }

    /// Where it speaks SIP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Calls that are not over.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.counts.calls.load(Ordering::Relaxed)
    }

    /// Packets that could not be sent back: the far end's own loss.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.counts.failed.load(Ordering::Relaxed)
    }

    /// Packets sent back.
    #[must_use]
    pub fn echoed(&self) -> u64 {
        self.counts.echoed.load(Ordering::Relaxed)
    }

    /// From each answer of the phone to the first packet that it hears afterwards; told once.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn take_heard(&self) -> io::Result<Histogram> {
        let (reply, answer) = sync_channel(1);
        self.command(Command::Heard(reply))?;
        answer.recv_timeout(REPLY_LIMIT).map_err(io::Error::other)
    }

    /// Opens an echo without a call.
    ///
    /// # Errors
    /// When there is no socket to be had, or the thread is gone.
    pub fn open_echo(&self) -> io::Result<(EchoId, SocketAddr)> {
        let (reply, answer) = sync_channel(1);
        self.command(Command::OpenEcho(reply))?;
        answer.recv_timeout(REPLY_LIMIT).map_err(io::Error::other)?
    }

    /// What the phone answers to an offer when its echo is at `rtp`; `None` without a codec in
    /// common.
    #[must_use]
    pub fn answer_to(&self, offer: &PhoneDescription, rtp: SocketAddr) -> Option<String> {
        answer_sdp(offer, rtp, self.codec)
    }

    /// Closes an echo without a call.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn close_echo(&self, echo: EchoId) -> io::Result<()> {
        self.command(Command::CloseEcho(echo))
    }

    fn command(&self, command: Command) -> io::Result<()> {
        self.commands
            .send(command)
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.waker.wake()
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        // A thread that has ended already takes no command.
        let _gone = self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed by the thread itself.
            let _panicked = thread.join();
        }
    }
}

struct Loop {
    poll: Poll,
    sip: UdpSocket,
    answerer: Answerer,
    echoes: Echoes,
    commands: Receiver<Command>,
    counts: Arc<Counts>,
}

impl Loop {
    fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let wait = self
                .answerer
                .poll_timeout()
                .map(|at| at.saturating_duration_since(Instant::now()));
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
                    SIP => self.take_sip(&mut buffer),
                    echo => self.echoes.serve(echo, &mut buffer, &self.counts),
                }
            }
            self.answerer.handle_timeout(Instant::now());
            self.act();
        }
    }

    /// False when it is over.
    fn obey(&mut self) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::OpenEcho(reply) => {
                    let opened = self.echoes.open();
                    // Who asked has stopped waiting.
                    let _gone = reply.try_send(opened);
                }
                Command::CloseEcho(echo) => self.echoes.close(echo),
                Command::Heard(reply) => {
                    // Who asked has stopped waiting.
                    let _gone = reply.try_send(std::mem::take(&mut self.echoes.heard));
                }
                Command::Stop => return false,
            }
        }
        true
    }

    fn take_sip(&mut self, buffer: &mut [u8]) {
        while let Ok((length, from)) = self.sip.recv_from(buffer) {
            self.answerer.handle_datagram(&buffer[..length], from);
            self.act();
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.answerer.poll_action() {
            match action {
                Action::Open(call) => {
                    let address = self.echoes.open_for(&call).ok();
                    self.answerer.handle_opened(call, address, Instant::now());
                }
                Action::Answered(call) => self.echoes.answered(&call, Instant::now()),
                Action::Close(call) => self.echoes.close_for(&call),
                Action::Send(bytes, to) => {
                    // As good as lost on the way: SIP repeats what mattered.
                    let _lost = self.sip.send_to(&bytes, to);
                }
            }
        }
        self.counts
            .calls
            .store(self.answerer.calls(), Ordering::Relaxed);
    }
}

struct Echoes {
    registry: Registry,
    ip: SocketAddr,
    slots: Vec<Option<Echo>>,
    by_call: HashMap<CallId, EchoId>,
    /// From answers to the first packets after them.
    heard: Histogram,
}

impl Echoes {
    fn open_for(&mut self, call: &CallId) -> io::Result<SocketAddr> {
        let (echo, address) = self.open()?;
        self.by_call.insert(call.clone(), echo);
        Ok(address)
    }

    fn answered(&mut self, call: &CallId, now: Instant) {
        let echo = self.by_call.get(call).copied();
        if let Some(Some(echo)) = echo.and_then(|echo| self.slots.get_mut(echo.0)) {
            echo.answered = Some(now);
        }
    }

    fn close_for(&mut self, call: &CallId) {
        if let Some(echo) = self.by_call.remove(call) {
            self.close(echo);
        }
    }

    fn open(&mut self) -> io::Result<(EchoId, SocketAddr)> {
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.slots.len());
        let ssrc = 0x5eed_0000 + slot as u32;
        let mut echo = Echo::open(self.ip.ip(), ssrc)?;
        let address = echo.address()?;
        let token = FIRST_ECHO + 2 * slot;
        self.registry
            .register(&mut echo.rtp, Token(token), Interest::READABLE)?;
        self.registry
            .register(&mut echo.rtcp, Token(token + 1), Interest::READABLE)?;
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(echo);
        Ok((EchoId(slot), address))
    }

    fn close(&mut self, echo: EchoId) {
        if let Some(slot) = self.slots.get_mut(echo.0) {
            *slot = None;
        }
    }

    fn serve(&mut self, token: Token, buffer: &mut [u8], counts: &Counts) {
        let at = token.0 - FIRST_ECHO;
        let Some(Some(echo)) = self.slots.get_mut(at / 2) else {
            return;
        };
        if at % 2 == 1 {
            echo.drain(buffer);
            return;
        }
        let (echoed, failed) = echo.serve(buffer);
        if echoed > 0
            && let Some(answered) = echo.answered.take()
        {
            self.heard.record(answered.elapsed());
        }
        counts.echoed.fetch_add(echoed, Ordering::Relaxed);
        counts.failed.fetch_add(failed, Ordering::Relaxed);
    }
}
