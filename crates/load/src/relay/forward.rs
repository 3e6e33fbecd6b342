//! The relay's process: datagrams from one side to the other, and nothing else.
//!
//! A driver: one thread has the sockets. Orders come on the first thread, which sleeps meanwhile.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket as StdSocket};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};

use super::batch::Batch;

const WAKER: Token = Token(0);
const PAGES: Token = Token(1);
const FIRST_CALL: usize = 2;
/// Orders come one at a time.
const ORDERS: usize = 1;
/// As the gateway asks for: set-up comes in bursts.
const EVENTS: usize = 1024;

enum Order {
    Open {
        page: SocketAddrV4,
        far_end: SocketAddr,
        reply: SyncSender<io::Result<SocketAddr>>,
    },
    Close {
        page: SocketAddrV4,
    },
}

/// Relays as standard input orders, until that ends.
///
/// # Errors
/// When there are no sockets or no thread to be had.
pub fn run() -> io::Result<()> {
    let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    let mut pages = UdpSocket::from_std(socket);
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    poll.registry()
        .register(&mut pages, PAGES, Interest::READABLE)?;
    let (orders, received) = sync_channel(ORDERS);
    let turn = Loop {
        poll,
        pages,
        calls: Vec::new(),
        by_page: HashMap::new(),
        orders: received,
    };
    // Ends with the process.
    std::thread::Builder::new()
        .name("relay".to_owned())
        .spawn(move || turn.run())?;
    for line in io::stdin().lock().lines() {
        let answer = obey(&line?, &orders, &waker).unwrap_or_else(|error| error.to_string());
        writeln!(io::stdout().lock(), "{answer}")?;
    }
    Ok(())
}

/// Hands one line's order over; the answer.
fn obey(line: &str, orders: &SyncSender<Order>, waker: &Waker) -> io::Result<String> {
    let mut words = line.split_ascii_whitespace();
    let give = |order| {
        orders.send(order).map_err(io::Error::other)?;
        waker.wake()
    };
    let address = |word: Option<&str>| word.and_then(|word| word.parse().ok());
    match (words.next(), address(words.next()), words.next()) {
        (Some("open"), Some(page), Some(far_end)) => {
            let far_end = far_end.parse().map_err(io::Error::other)?;
            let (reply, answer) = sync_channel(1);
            give(Order::Open {
                page,
                far_end,
                reply,
            })?;
            let address = answer.recv().map_err(io::Error::other)??;
            Ok(address.to_string())
        }
        (Some("close"), Some(page), None) => {
            give(Order::Close { page })?;
            Ok("closed".to_owned())
        }
        (_, _, _) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

struct Loop {
    poll: Poll,
    /// One for all pages.
    pages: UdpSocket,
    /// By token; a call that is over leaves its place to the next.
    calls: Vec<Option<Call>>,
    by_page: HashMap<SocketAddrV4, usize>,
    orders: Receiver<Order>,
}

/// One call: its socket towards the far end.
struct Call {
    page: SocketAddr,
    far_end: SocketAddr,
    socket: UdpSocket,
}

impl Loop {
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        // Not to be sent between threads.
        let mut batch = Batch::new();
        loop {
            if let Err(error) = self.poll.poll(&mut events, None)
                && error.kind() != io::ErrorKind::Interrupted
            {
                return;
            }
            for event in &events {
                match event.token() {
                    WAKER => self.obey(),
                    PAGES => self.serve_pages(&mut batch),
                    Token(token) => self.serve_call(token - FIRST_CALL, &mut batch),
                }
            }
        }
    }

    fn serve_pages(&self, batch: &mut Batch) {
        loop {
            let more = batch.receive(&self.pages);
            for (datagram, from) in batch.datagrams() {
                let call = self.by_page.get(&from).and_then(|at| self.calls.get(*at));
                if let Some(Some(call)) = call {
                    // What the kernel does not take is lost, and counted at its sender.
                    let _lost = call.socket.send_to(datagram, call.far_end);
                }
            }
            if !more {
                return;
            }
        }
    }

    fn serve_call(&self, at: usize, batch: &mut Batch) {
        let Some(Some(call)) = self.calls.get(at) else {
            return;
        };
        loop {
            let more = batch.receive(&call.socket);
            for (datagram, _) in batch.datagrams() {
                let _lost = self.pages.send_to(datagram, call.page);
            }
            if !more {
                return;
            }
        }
    }

    fn obey(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Open {
                    page,
                    far_end,
                    reply,
                } => {
                    // Who asked waits.
                    let _gone = reply.send(self.open(page, far_end));
                }
                Order::Close { page } => {
                    if let Some(at) = self.by_page.remove(&page) {
                        self.calls[at] = None;
                    }
                }
            }
        }
    }

    fn open(&mut self, page: SocketAddrV4, far_end: SocketAddr) -> io::Result<SocketAddr> {
        let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let mut socket = UdpSocket::from_std(socket);
        let free = self.calls.iter().position(Option::is_none);
        let at = free.unwrap_or(self.calls.len());
        let token = Token(FIRST_CALL + at);
        self.poll
            .registry()
            .register(&mut socket, token, Interest::READABLE)?;
        if at == self.calls.len() {
            self.calls.push(None);
        }
        self.calls[at] = Some(Call {
            page: page.into(),
            far_end,
            socket,
        });
        self.by_page.insert(page, at);
        self.pages.local_addr()
    }
}
