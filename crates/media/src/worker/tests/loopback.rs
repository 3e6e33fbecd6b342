//! A browser, a worker and a phone, over real sockets.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests run on real sockets and real time"
)]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::pcmu;
use crate::endpoints::{BrowserRemote, DtlsRole, Fingerprint, PhoneRemote, Ssrc};
use crate::event::{LegEvent, LegFailure, LegStats};
use crate::simulate::{BROWSER_SSRC, CheckKind, SimBrowser, rtp_packet};
use crate::worker::{Command, LegId, MAX_FAILED_TURNS};
use crate::{
    AddressFamily, BrowserAddress, BrowserLeg, BrowserLegConfig, Counts, Gate, Limits, Media,
    MediaConfig, MediaError, PhoneAddress, PhoneLeg, PhoneLegConfig, WorkerHandle,
};

const PATIENCE: Duration = Duration::from_secs(10);
const PHONE_SSRC: Ssrc = Ssrc(0x0001_0203);

#[test]
fn audio_flows_both_ways_and_is_counted() {
    let mut call = Call::connected(21_100);
    for sequence in 0..50 {
        call.browser_says(sequence);
        call.phone_says(sequence);
    }
    call.pump("audio", |call| {
        call.phone_heard.len() == 50 && call.browser.rtp.len() == 50
    });
    let ours = call.phone.as_ref().expect("open").local().ssrc;
    for (index, packet) in call.phone_heard.iter().enumerate() {
        assert_eq!(packet[12..], payload(index as u16));
        assert_eq!(packet[0], 0x80);
        assert_eq!(packet[8..12], ours.0.to_be_bytes());
    }
    let ours = call.leg.as_ref().expect("open").local().ssrc;
    for (index, packet) in call.browser.rtp.iter().enumerate() {
        assert_eq!(packet[12..], payload(index as u16));
        assert_eq!(packet[8..12], ours.0.to_be_bytes());
    }
    let stats = call.browser_stats();
    assert_eq!((stats.received.packets, stats.sent.packets), (50, 50));
    assert_eq!((stats.lost, stats.dropped), (0, Default::default()));
    let stats = call.phone_stats();
    assert_eq!((stats.received.packets, stats.sent.packets), (50, 50));
    assert_eq!(stats.sent.bytes, 50 * 172);
    call.end();
}

#[test]
fn a_certificate_that_was_not_signalled_gives_no_media() {
    let mut call = Call::open(21_120);
    let named = BrowserRemote {
        fingerprint: Fingerprint::of(b"somebody else"),
        ..call.browser.description()
    };
    call.leg().set_remote(named).expect("taken");
    call.bridge();
    call.check(CheckKind::Nominating);
    let failed = LegEvent::Failed(LegFailure::FingerprintMismatch);
    call.pump("mismatch", |call| call.browser_events.contains(&failed));
    call.pump("goodbye", |call| call.browser.closed);
    assert!(!call.browser_events.contains(&LegEvent::Connected));
    for sequence in 0..20 {
        call.browser_says(sequence);
        call.phone_says(sequence);
    }
    let heard = |stats: LegStats| stats.received.packets;
    let deadline = Instant::now() + PATIENCE;
    while heard(call.phone_stats()) < 20 {
        assert!(Instant::now() < deadline, "the phone's packets came");
    }
    assert_eq!(heard(call.browser_stats()), 0);
    assert!(call.phone_heard.is_empty());
    assert!(call.browser.rtp.is_empty());
    call.end();
}

#[test]
fn a_closed_gate_holds_media_back_in_its_direction() {
    let mut call = Call::connected(21_140);
    let gate = Gate {
        browser_to_phone: true,
        phone_to_browser: false,
    };
    call.worker.set_gate(call.leg(), gate).expect("taken");
    for sequence in 0..5 {
        call.browser_says(sequence);
        call.phone_says(sequence);
    }
    call.pump("one way", |call| call.phone_heard.len() == 5);
    let deadline = Instant::now() + PATIENCE;
    while call.phone_stats().dropped.not_open < 5 {
        assert!(Instant::now() < deadline, "counted");
    }
    assert!(call.browser.rtp.is_empty());
    call.worker.set_gate(call.leg(), Gate::OPEN).expect("taken");
    call.phone_says(9);
    call.pump("both ways", |call| call.browser.rtp.len() == 1);
    call.end();
}

#[test]
fn the_phones_deadly_packet_does_not_end_the_call() {
    let mut call = Call::connected(21_160);
    let deadly: Vec<u8> = (0..31)
        .map(|at| {
            let hex = "908afbfcad7c4016642c205ebede0002847f23816ca6750b81ba95d4f51428";
            u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")
        })
        .collect();
    let to = call.phone().local().rtp;
    call.phone_socket.send_to(&deadly, to).expect("sent");
    let mut planned = deadly;
    planned[1] = 0;
    call.phone_socket.send_to(&planned, to).expect("sent");
    call.browser_says(1);
    call.pump("life", |call| call.phone_heard.len() == 1);
    for event in call.browser_events.iter().chain(&call.phone_events) {
        assert!(!matches!(event, LegEvent::Failed(_)), "{event:?}");
    }
    call.end();
}

#[test]
fn a_panic_outside_of_any_leg_ends_no_call() {
    let mut call = Call::connected(21_280);
    call.worker.mailbox().push(bomb()).expect("taken");
    call.browser_says(1);
    call.phone_says(1);
    call.pump("audio", |call| {
        call.phone_heard.len() == 1 && call.browser.rtp.len() == 1
    });
    call.end();
}

#[test]
fn a_worker_that_cannot_go_on_tells_all_its_legs() {
    let mut call = Call::connected(21_300);
    for _ in 0..MAX_FAILED_TURNS {
        call.worker.mailbox().push(bomb()).expect("taken");
    }
    let failed = LegEvent::Failed(LegFailure::Panicked);
    call.pump("the news", |call| {
        call.browser_events.contains(&failed) && call.phone_events.contains(&failed)
    });
    call.pump("an empty ledger", |call| {
        call.media.as_ref().expect("running").counts() == Counts::default()
    });
    let again = call.leg().expect_checks();
    assert_eq!(again, Err(MediaError::Stopped));
}

/// A command that panics where no leg is served.
fn bomb() -> Command {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a destructor of signalling's has a bug");
        }
    }
    let bomb = Bomb;
    let reply = move |_| {
        let _never = &bomb;
    };
    Command::Snapshot(LegId(u64::MAX), Box::new(reply))
}

#[test]
fn a_panic_ends_one_leg_and_no_other() {
    let mut call = Call::connected(21_180);
    let (tell, told) = channel();
    let unlucky = call
        .worker
        .open_browser_leg(BrowserLegConfig {
            role: DtlsRole::Server,
            on_event: Box::new(move |event| {
                tell.send(event.clone()).expect("heard");
                assert_ne!(event, LegEvent::IceValidated, "this callback has a bug");
            }),
        })
        .expect("leg");
    let other = SimBrowser::new(DtlsRole::Client, Instant::now());
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bound");
    let check = other.check(unlucky.local(), CheckKind::Nominating);
    let to = unlucky.local().addrs[0];
    let mut events = Vec::new();
    call.pump("the panic", |_| {
        socket.send_to(&check, to).expect("sent");
        events.extend(told.try_iter());
        events.contains(&LegEvent::Failed(LegFailure::Panicked))
    });
    call.browser_says(1);
    call.phone_says(1);
    call.pump("life", |call| {
        call.phone_heard.len() == 1 && call.browser.rtp.len() == 1
    });
    drop(unlucky);
    call.end();
}

#[test]
fn a_phone_is_told_our_address_of_its_own_family() {
    let media = Media::start(MediaConfig {
        workers: 1,
        browser: BrowserAddress::udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        phone: PhoneAddress {
            bind: Ipv6Addr::UNSPECIFIED.into(),
            advertised: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            ports: 21_240..=21_243,
        },
        limits: Limits::default(),
    })
    .expect("started");
    let on_event = Box::new(|_| {});
    let leg = media.worker().open_phone_leg(PhoneLegConfig { on_event });
    let mut leg = leg.expect("opened");
    assert!(leg.local().rtp.is_ipv4(), "the preferred one");
    for (family, ip) in [
        (AddressFamily::Ip6, Ipv6Addr::LOCALHOST.into()),
        (AddressFamily::Ip4, Ipv4Addr::LOCALHOST.into()),
    ] {
        leg.face(family);
        let local = leg.local();
        assert_eq!(local.rtp.ip(), ip);
        assert_eq!(local.rtcp, SocketAddr::new(ip, local.rtp.port() + 1));
    }
}

#[test]
fn the_ledger_is_empty_after_the_handles_and_threads_end_with_the_path() {
    let mut call = Call::connected(21_200);
    let counts = call.media.as_ref().expect("running").counts();
    assert_eq!((counts.browser_legs, counts.phone_legs), (1, 1));
    assert_eq!((counts.phone_ports, counts.phone_sockets), (2, 2));
    assert_eq!(counts.threads, 1);
    assert!(counts.timers >= 1);
    call.leg = None;
    call.phone = None;
    call.pump("the end of the legs", |call| {
        let empty = Counts {
            threads: 1,
            ..Counts::default()
        };
        call.media.as_ref().expect("running").counts() == empty
    });
    call.pump("final counters", |call| {
        let is_stats = |event: &LegEvent| matches!(event, LegEvent::Stats(_));
        call.browser_events.last().is_some_and(is_stats)
            && call.phone_events.last().is_some_and(is_stats)
    });
    call.pump("close_notify", |call| call.browser.closed);
    call.media.take().expect("running").shutdown();
    let config = PhoneLegConfig {
        on_event: Box::new(|_| {}),
    };
    let refused = call.worker.open_phone_leg(config).err();
    assert_eq!(refused, Some(MediaError::Stopped));
}

#[test]
fn strangers_are_counted_and_get_no_answer() {
    let call = Call::open(21_220);
    let media = call.media.as_ref().expect("running");
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("bound");
    let to = call.leg().local().addrs[0];
    for datagram in [&[0x80; 40][..], &[22; 40], &[0; 40], &[99; 40], b"\x17"] {
        stranger.send_to(datagram, to).expect("sent");
    }
    let deadline = Instant::now() + PATIENCE;
    while media.strangers() < 5 {
        assert!(Instant::now() < deadline, "counted");
    }
    stranger.set_nonblocking(true).expect("non-blocking");
    assert!(stranger.recv(&mut [0; 9]).is_err());
}

/// A call in the making.
struct Call {
    media: Option<Media>,
    worker: WorkerHandle,
    leg: Option<BrowserLeg>,
    phone: Option<PhoneLeg>,
    browser: SimBrowser,
    browser_socket: UdpSocket,
    phone_socket: UdpSocket,
    browser_told: Receiver<LegEvent>,
    phone_told: Receiver<LegEvent>,
    browser_events: Vec<LegEvent>,
    phone_events: Vec<LegEvent>,
    phone_heard: Vec<Vec<u8>>,
}

impl Call {
    fn open(ports: u16) -> Self {
        let media = Media::start(MediaConfig {
            workers: 1,
            browser: BrowserAddress::udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            phone: PhoneAddress {
                bind: Ipv4Addr::LOCALHOST.into(),
                advertised: Vec::new(),
                ports: ports..=ports + 19,
            },
            limits: Limits::default(),
        })
        .expect("started");
        let worker = media.worker();
        let (tell, browser_told) = channel();
        let leg = worker.open_browser_leg(BrowserLegConfig {
            role: DtlsRole::Server,
            on_event: Box::new(move |event| drop(tell.send(event))),
        });
        let (tell, phone_told) = channel();
        let phone = worker.open_phone_leg(PhoneLegConfig {
            on_event: Box::new(move |event| drop(tell.send(event))),
        });
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("bound");
            let nap = Some(Duration::from_millis(1));
            socket.set_read_timeout(nap).expect("set");
            socket
        };
        Self {
            media: Some(media),
            worker,
            leg: Some(leg.expect("browser leg")),
            phone: Some(phone.expect("phone leg")),
            browser: SimBrowser::new(DtlsRole::Client, Instant::now()),
            browser_socket: socket(),
            phone_socket: socket(),
            browser_told,
            phone_told,
            browser_events: Vec::new(),
            phone_events: Vec::new(),
            phone_heard: Vec::new(),
        }
    }

    /// Bridged, both ends connected.
    fn connected(ports: u16) -> Self {
        let mut call = Self::open(ports);
        let remote = call.browser.description();
        call.leg().set_remote(remote).expect("taken");
        call.bridge();
        call.check(CheckKind::Nominating);
        call.pump("connection", |call| {
            call.browser_events.contains(&LegEvent::Connected) && call.browser.is_connected()
        });
        assert_eq!(call.browser_events[0], LegEvent::IceValidated);
        let reflexive = call.browser_socket.local_addr().expect("bound");
        assert_eq!(call.browser.mapped, [reflexive]);
        call
    }

    fn leg(&self) -> &BrowserLeg {
        self.leg.as_ref().expect("open")
    }

    fn phone(&self) -> &PhoneLeg {
        self.phone.as_ref().expect("open")
    }

    fn bridge(&self) {
        let rtp = self.phone_socket.local_addr().expect("bound");
        let remote = PhoneRemote {
            rtp,
            rtcp: None,
            mux: false,
            srtp: None,
        };
        self.phone().set_remote(remote).expect("taken");
        self.worker
            .bridge(self.leg(), self.phone(), pcmu())
            .expect("taken");
    }

    fn check(&self, kind: CheckKind) {
        let check = self.browser.check(self.leg().local(), kind);
        self.send_to_gateway(&check);
    }

    fn send_to_gateway(&self, datagram: &[u8]) {
        let to = self.leg().local().addrs[0];
        self.browser_socket.send_to(datagram, to).expect("sent");
    }

    fn browser_says(&mut self, sequence: u16) {
        let plain = rtp_packet(0, sequence, BROWSER_SSRC, &payload(sequence));
        let sealed = self.browser.seal_rtp(&plain);
        self.send_to_gateway(&sealed);
    }

    fn phone_says(&mut self, sequence: u16) {
        let packet = rtp_packet(0, sequence, PHONE_SSRC, &payload(sequence));
        let to = self.phone().local().rtp;
        self.phone_socket.send_to(&packet, to).expect("sent");
    }

    fn browser_stats(&self) -> LegStats {
        let (tell, told) = channel();
        let reply = Box::new(move |stats| tell.send(stats).expect("heard"));
        self.leg().snapshot(reply).expect("taken");
        told.recv_timeout(PATIENCE).expect("a snapshot")
    }

    fn phone_stats(&self) -> LegStats {
        let (tell, told) = channel();
        let reply = Box::new(move |stats| tell.send(stats).expect("heard"));
        self.phone().snapshot(reply).expect("taken");
        told.recv_timeout(PATIENCE).expect("a snapshot")
    }

    /// Lets browser and phone live until it is so.
    fn pump(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        while !done(self) {
            assert!(Instant::now() < deadline, "{what} never came");
            while let Ok(length) = self.browser_socket.recv(&mut buffer) {
                self.browser
                    .handle_datagram(&buffer[..length], Instant::now());
                self.flush_browser();
            }
            if !self.browser.mapped.is_empty() {
                self.browser.handle_timeout(Instant::now());
                self.flush_browser();
            }
            while let Ok(length) = self.phone_socket.recv(&mut buffer) {
                self.phone_heard.push(buffer[..length].to_vec());
            }
            self.browser_events.extend(self.browser_told.try_iter());
            self.phone_events.extend(self.phone_told.try_iter());
        }
    }

    fn flush_browser(&mut self) {
        while let Some(datagram) = self.browser.poll_transmit() {
            if self.leg.is_some() {
                self.send_to_gateway(&datagram);
            }
        }
    }

    /// Ends the call and finds nothing left of it.
    fn end(mut self) {
        self.leg = None;
        self.phone = None;
        self.pump("an empty ledger", |call| {
            let counts = call.media.as_ref().expect("running").counts();
            counts
                == Counts {
                    threads: 1,
                    ..Counts::default()
                }
        });
    }
}

fn payload(sequence: u16) -> Vec<u8> {
    vec![sequence as u8; 160]
}
