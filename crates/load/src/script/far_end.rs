//! The script on its sockets: UDP and TCP on one port, a thread of its own.
//!
//! It can be sent away (TCP connections break, nothing is answered) and brought back, to see
//! how accounts return to a registrar.
#![allow(
    clippy::disallowed_methods,
    reason = "this driver owns its thread and reads the clock as messages come"
)]

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sip_stack::message::{Framed, Framer, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Heard, Manners, Pace, Script};

const DATAGRAM: usize = 65_536;
const CHUNK: usize = 16 * 1024;

/// What the far end has seen so far.
#[derive(Clone, Debug)]
pub struct Seen {
    /// REGISTERs that were challenged.
    pub challenged: u64,
    /// REGISTERs that made or kept a binding.
    pub registered: u64,
    /// REGISTERs that removed one.
    pub unregistered: u64,
    /// INVITEs.
    pub invited: u64,
    /// BYEs.
    pub ended: u64,
    /// Bindings made or kept, by the second.
    pub pace: Pace,
    /// When the INVITE to each number came.
    pub arrivals: Vec<Option<Instant>>,
}

/// Whether the far end is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Here,
    Away,
    Over,
}

/// A running far end. Dropping it ends the thread.
#[derive(Debug)]
pub struct FarEnd {
    address: SocketAddr,
    presence: watch::Sender<Presence>,
    work: Arc<Mutex<Work>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Work {
    script: Script,
    contact: String,
    seen: Seen,
}

impl FarEnd {
    /// Binds both sockets and starts the thread. `numbers`: the most calls that are told apart.
    ///
    /// # Errors
    /// When the address cannot be bound or the thread cannot be started.
    pub fn start(bind: SocketAddr, manners: Manners, numbers: u32) -> io::Result<Self> {
        let udp = std::net::UdpSocket::bind(bind)?;
        let address = udp.local_addr()?;
        udp.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let work = Arc::new(Mutex::new(Work {
            script: Script::new(manners),
            contact: format!("<sip:script@{address}>"),
            seen: Seen {
                challenged: 0,
                registered: 0,
                unregistered: 0,
                invited: 0,
                ended: 0,
                pace: Pace::default(),
                arrivals: vec![None; numbers as usize],
            },
        }));
        let (presence, watched) = watch::channel(Presence::Here);
        let shared = work.clone();
        let thread = std::thread::Builder::new()
            .name("script".to_owned())
            .spawn(move || runtime.block_on(serve(udp, address, shared, watched)))?;
        Ok(Self {
            address,
            presence,
            work,
            thread: Some(thread),
        })
    }

    /// Where it speaks SIP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        locked(&self.work).seen.clone()
    }

    /// Counts the pace anew.
    pub fn forget_pace(&self) {
        locked(&self.work).seen.pace = Pace::default();
    }

    /// Breaks all connections and answers nothing any more.
    pub fn go_away(&self) {
        self.presence.send_replace(Presence::Away);
    }

    /// Is there again, at the same address.
    pub fn come_back(&self) {
        self.presence.send_replace(Presence::Here);
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.presence.send_replace(Presence::Over);
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has said so itself.
            let _ended = thread.join();
        }
    }
}

fn locked(work: &Mutex<Work>) -> std::sync::MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    fn handle_message(&mut self, message: &Message) -> Option<bytes::Bytes> {
        let (heard, answer) = self.script.handle_message(message, &self.contact);
        let seen = &mut self.seen;
        match heard {
            Heard::Challenged => seen.challenged += 1,
            Heard::Registered => {
                seen.registered += 1;
                seen.pace.note(Instant::now());
            }
            Heard::Unregistered => seen.unregistered += 1,
            Heard::Invited(number) => {
                seen.invited += 1;
                let slot = number.and_then(|number| seen.arrivals.get_mut(number as usize));
                if let Some(slot @ None) = slot {
                    *slot = Some(Instant::now());
                }
            }
            Heard::Bye => seen.ended += 1,
            Heard::Other => {}
        }
        answer
    }
}

async fn serve(
    udp: std::net::UdpSocket,
    address: SocketAddr,
    work: Arc<Mutex<Work>>,
    mut presence: watch::Receiver<Presence>,
) {
    let Ok(udp) = UdpSocket::from_std(udp) else {
        return;
    };
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let now = *presence.borrow_and_update();
        match now {
            Presence::Over => return,
            Presence::Away => {
                let mut void = vec![0; DATAGRAM];
                tokio::select! {
                    _ = presence.changed() => {}
                    _ = udp.recv_from(&mut void) => {}
                }
            }
            Presence::Here => {
                let Ok(listener) = listen(address).await else {
                    return;
                };
                let mut streams = JoinSet::new();
                loop {
                    tokio::select! {
                        changed = presence.changed() => {
                            if changed.is_err() {
                                return;
                            }
                            break;
                        }
                        received = udp.recv_from(&mut buffer) => {
                            if let Ok((length, from)) = received {
                                datagram(&udp, &buffer[..length], from, &work).await;
                            }
                        }
                        accepted = listener.accept() => {
                            if let Ok((stream, _)) = accepted {
                                streams.spawn(carry(stream, work.clone()));
                            }
                        }
                        Some(_) = streams.join_next() => {}
                    }
                }
            }
        }
    }
}

/// The port was ours a moment ago; connections that rest do not keep it.
async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return Ok(listener);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    TcpListener::bind(address).await
}

async fn datagram(udp: &UdpSocket, datagram: &[u8], from: SocketAddr, work: &Mutex<Work>) {
    if let Ok(message) = Message::parse_datagram(datagram) {
        let answer = locked(work).handle_message(&message);
        if let Some(answer) = answer {
            // Whoever is gone does not wait for an answer.
            let _sent = udp.send_to(&answer, from).await;
        }
    }
}

/// One TCP connection, until it breaks.
async fn carry(mut stream: TcpStream, work: Arc<Mutex<Work>>) {
    let mut framer = Framer::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let Ok(length @ 1..) = stream.read(&mut chunk).await else {
            return;
        };
        framer.push(&chunk[..length]);
        let mut out = Vec::new();
        while let Some(framed) = framer.next() {
            match framed {
                Ok(Framed::Message(message)) => {
                    let answer = locked(&work).handle_message(&message);
                    out.extend_from_slice(&answer.unwrap_or_default());
                }
                Ok(Framed::Ping) => out.extend_from_slice(b"\r\n"),
                Ok(Framed::Pong) => {}
                Err(_) => return,
            }
        }
        if stream.write_all(&out).await.is_err() {
            return;
        }
    }
}
