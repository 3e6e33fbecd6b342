//! ICE-TCP on loopback: a browser whose network lets no UDP out (RFC 6544, RFC 4571).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::config::{BrowserAddress, BrowserHost, Limits, MediaConfig, PhoneAddress, TcpPort};
use crate::endpoints::DtlsRole;
use crate::event::LegEvent;
use crate::handle::{BrowserLeg, BrowserLegConfig, Media};
use crate::simulate::{CheckKind, SimBrowser};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_browser_connects_by_tcp_over_either_family() {
    let path = Path::start();
    for family in 0..2 {
        let (leg, told) = path.open_leg();
        let mut browser = Browser::connect(leg.local().tcp[family]);
        leg.set_remote(browser.sim.description()).expect("taken");
        browser.check(&leg);
        let mut events = Vec::new();
        browser.pump("connection", |sim| {
            events.extend(told.try_iter());
            events.contains(&LegEvent::Connected) && sim.is_connected()
        });
        let reflexive = browser.stream.local_addr().expect("bound");
        assert_eq!(browser.sim.mapped, [reflexive]);
        drop(leg);
        browser.is_closed();
        assert!(browser.sim.closed, "close_notify came before the end");
    }
    path.is_empty();
}

#[test]
fn a_browser_reaches_us_by_udp_over_either_family() {
    let path = Path::start();
    let (leg, _told) = path.open_leg();
    for to in &leg.local().addrs {
        let socket = std::net::UdpSocket::bind(SocketAddr::new(to.ip(), 0)).expect("bound");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut sim = SimBrowser::new(DtlsRole::Client, Instant::now());
        let check = sim.check(leg.local(), CheckKind::Ordinary);
        socket.send_to(&check, to).expect("sent");
        let mut buffer = [0; 2048];
        let (length, from) = socket.recv_from(&mut buffer).expect("an answer");
        assert_eq!(from, *to);
        sim.handle_datagram(&buffer[..length], Instant::now());
        assert_eq!(sim.mapped, [socket.local_addr().expect("bound")]);
    }
}

#[test]
fn a_connection_that_names_no_leg_is_closed_at_once() {
    let path = Path::start();
    let (leg, _told) = path.open_leg();
    let sim = SimBrowser::new(DtlsRole::Client, Instant::now());
    let mut other = leg.local().clone();
    other.ufrag = "somebody".to_owned();
    let unknown = sim.check(&other, CheckKind::Nominating);
    for first in [&unknown[..], &[22; 60], &[0x80; 60], b"hello"] {
        let mut browser = Browser::connect(leg.local().tcp[0]);
        browser.write(first);
        browser.is_closed();
    }
    let mut browser = Browser::connect(leg.local().tcp[0]);
    browser
        .stream
        .write_all(b"GET / HTTP/1.1\r\n")
        .expect("sent");
    browser.is_closed();
    path.is_empty();
}

#[test]
fn a_connection_has_seconds_to_be_validated() {
    let path = Path::start();
    let (leg, _told) = path.open_leg();
    let mut mute = Browser::connect(leg.local().tcp[0]);
    let mut guesser = Browser::connect(leg.local().tcp[0]);
    let mut wrong = leg.local().clone();
    wrong.pwd = "a guess".to_owned();
    guesser.write(&guesser.sim.check(&wrong, CheckKind::Nominating));
    let mut good = Browser::connect(leg.local().tcp[0]);
    good.check(&leg);
    let since = Instant::now();
    mute.is_closed();
    guesser.is_closed();
    assert!(since.elapsed() > Duration::from_secs(4));
    good.check(&leg);
    good.pump("two answers", |sim| sim.mapped.len() == 2);
    assert_eq!(path.media.counts().browser_connections, 1);
}

#[test]
fn mute_connections_make_room_for_others() {
    let path = Path::start();
    let (leg, _told) = path.open_leg();
    let mut browser = Browser::connect(leg.local().tcp[0]);
    browser.check(&leg);
    browser.pump("an answer", |sim| sim.mapped.len() == 1);
    let mute: Vec<_> = (0..300)
        .map(|_| TcpStream::connect(leg.local().tcp[0]).expect("connected"))
        .collect();
    let mut late = Browser::connect(leg.local().tcp[0]);
    late.check(&leg);
    late.pump("an answer", |sim| sim.mapped.len() == 1);
    browser.check(&leg);
    browser.pump("another answer", |sim| sim.mapped.len() == 2);
    assert!(path.media.counts().browser_connections <= 258);
    drop(mute);
}

#[test]
fn a_flood_by_connections_that_prove_nothing_leaves_others_their_turn() {
    let path = Path::start();
    let (leg, _told) = path.open_leg();
    let to = leg.local().tcp[0];
    let mut browser = Browser::connect(to);
    browser.check(&leg);
    browser.pump("an answer", |sim| sim.mapped.len() == 1);
    // A name that is known and a password that is not: asked and refused as often as it may be.
    let mut wrong = leg.local().clone();
    wrong.pwd = "a guess".to_owned();
    let guess = framed(&browser.sim.check(&wrong, CheckKind::Nominating));
    let guesses = guess.repeat(400);
    let flood: Vec<_> = (0..64)
        .map(|_| {
            let stream = TcpStream::connect(to).expect("connected");
            stream.set_nonblocking(true).expect("set");
            stream
        })
        .collect();
    for round in 2..12 {
        for mut stream in &flood {
            // What cannot be written now is not missed, and some are shown out.
            let _written = stream.write(&guesses);
        }
        let asked = Instant::now();
        browser.check(&leg);
        browser.pump("an answer", |sim| sim.mapped.len() == round);
        let took = asked.elapsed();
        assert!(took < Duration::from_millis(500), "{took:?}");
    }
}

#[test]
fn who_does_not_read_loses_his_connection_and_others_hear_all() {
    let path = Path::start();
    let (leg, _told) = path.open_leg();
    let mut deaf = Browser::connect(leg.local().tcp[0]);
    let mut good = Browser::connect(leg.local().tcp[0]);
    good.check(&leg);
    let check = deaf.sim.check(leg.local(), CheckKind::Ordinary);
    let deadline = Instant::now() + PATIENCE;
    deaf.stream.set_nonblocking(true).expect("set");
    let framed = framed(&check);
    let mut at = 0;
    // It asks and asks, and never reads an answer.
    loop {
        assert!(Instant::now() < deadline, "shown out");
        match deaf.stream.write(&framed[at..]) {
            Ok(written) => at = (at + written) % framed.len(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    good.check(&leg);
    good.pump("both answers", |sim| sim.mapped.len() == 2);
}

/// A media path that listens on both loopback addresses.
struct Path {
    media: Media,
}

impl Path {
    fn start() -> Self {
        let hosts = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let media = Media::start(MediaConfig {
            workers: 1,
            browser: BrowserAddress {
                hosts: hosts
                    .map(|bind| BrowserHost {
                        bind,
                        advertised: None,
                    })
                    .to_vec(),
                port: 0,
                tcp: TcpPort::SameAsUdp,
            },
            phone: PhoneAddress {
                bind: Ipv4Addr::LOCALHOST.into(),
                advertised: Vec::new(),
                ports: 21_400..=21_409,
            },
            limits: Limits::default(),
        })
        .expect("started");
        Self { media }
    }

    fn open_leg(&self) -> (BrowserLeg, Receiver<LegEvent>) {
        let (tell, told) = channel();
        let leg = self.media.worker().open_browser_leg(BrowserLegConfig {
            role: DtlsRole::Server,
            on_event: Box::new(move |event| drop(tell.send(event))),
        });
        (leg.expect("opened"), told)
    }

    fn is_empty(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.media.counts().browser_connections > 0 {
            assert!(Instant::now() < deadline, "{:?}", self.media.counts());
        }
    }
}

/// A browser on one connection.
struct Browser {
    stream: TcpStream,
    sim: SimBrowser,
    unread: Vec<u8>,
}

impl Browser {
    fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).expect("connected");
        let nap = Some(Duration::from_millis(1));
        stream.set_read_timeout(nap).expect("set");
        Self {
            stream,
            sim: SimBrowser::new(DtlsRole::Client, Instant::now()),
            unread: Vec::new(),
        }
    }

    fn write(&mut self, datagram: &[u8]) {
        self.stream.write_all(&framed(datagram)).expect("sent");
    }

    fn check(&mut self, leg: &BrowserLeg) {
        let check = self.sim.check(leg.local(), CheckKind::Nominating);
        self.write(&check);
    }

    /// Lets it live until it is so.
    fn pump(&mut self, what: &str, mut done: impl FnMut(&mut SimBrowser) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&mut self.sim) {
            assert!(Instant::now() < deadline, "{what} never came");
            assert!(self.read(), "closed before {what}");
            if !self.sim.mapped.is_empty() {
                self.sim.handle_timeout(Instant::now());
            }
            while let Some(datagram) = self.sim.poll_transmit() {
                self.write(&datagram);
            }
        }
    }

    /// Takes what has come; false at the end.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let open = match self.stream.read(&mut buffer) {
            Ok(length) => {
                self.unread.extend(&buffer[..length]);
                length > 0
            }
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        };
        while let [high, low, rest @ ..] = &self.unread[..] {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(frame) = rest.get(..length) else {
                break;
            };
            self.sim.handle_datagram(frame, Instant::now());
            self.unread.drain(..2 + length);
        }
        open
    }

    fn is_closed(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.read() {
            assert!(Instant::now() < deadline, "closed");
        }
    }
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    let length = u16::try_from(datagram.len()).expect("short");
    [&length.to_be_bytes()[..], datagram].concat()
}
