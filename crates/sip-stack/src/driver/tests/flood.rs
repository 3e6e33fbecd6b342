//! Noise of strangers against a whole user agent with an account on real sockets: what
//! concerns us goes on, nothing else wakes the driver, and nothing grows.
//!
//! The registrar is at 127.0.0.1; strangers are at other addresses of the loopback.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::{DriverCounts, EventReceiver, Handle, Running, start};
use super::harness::{any_port, config, within};
use crate::account::{AccountConfig, AccountId, Ha1};
use crate::command::Command;
use crate::event::{Event, RegistrationState};
use crate::message::{HeaderName, Message, Uri};
use crate::transport::Transport;
use crate::user_agent::UserAgentConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

const METHODS: [&str; 4] = ["INVITE", "REGISTER", "OPTIONS", "MESSAGE"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_datagrams_wakes_nobody_and_what_concerns_us_is_answered() {
    let gateway = Gateway::registered(4096).await;
    let to = gateway.addr(Transport::Udp);
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let friend = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    let before = gateway.handle.counts();

    let mut answered = 0;
    for number in 0..20_000 {
        let method = METHODS[number % METHODS.len()];
        let noise = request(method, "100", number);
        stranger.send_to(&noise, to).await.unwrap();
        if number % 1000 == 0 {
            answered += u64::from(is_answered(&friend, to, &gateway.token, number).await);
        }
    }

    assert_eq!(answered, 20);
    let mut buffer = [0; 2000];
    assert!(
        stranger.try_recv(&mut buffer).is_err(),
        "no stranger is answered"
    );
    let after = gateway.handle.counts();
    assert!(after.turned_away.strangers > 0, "{after:?}");
    // A friend may have had to repeat itself where the kernel's buffer was full.
    let heard = after.received - before.received;
    assert!((answered..answered + 200).contains(&heard), "{heard}");
    assert!(after.user_agent.transactions <= 40, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_that_pipelines_requests_or_garbage_loses_its_stream() {
    let gateway = Gateway::registered(4096).await;
    let to = gateway.addr(Transport::Tcp);
    let before = gateway.handle.counts();

    let requests: Vec<u8> = (0..1000)
        .flat_map(|number| request(METHODS[number % METHODS.len()], "100", number))
        .collect();
    let garbage = b"\xffgarbage\r\n\r\n".repeat(1000);
    for noise in [requests, garbage] {
        let mut stream = connect_from("127.0.0.2:0", to).await;
        // It may be closed before everything is written.
        let _ = within(stream.write_all(&noise)).await;
        let mut rest = Vec::new();
        let _ = within(stream.read_to_end(&mut rest)).await;
        assert_eq!(rest, b"", "no stranger is answered");
    }

    gateway.counts_until(|counts| counts.flows == 0).await;
    let after = gateway.handle.counts();
    assert_eq!(after.received, before.received);
    assert!(after.turned_away.strangers <= 32, "{after:?}");
    assert!(after.turned_away.malformed >= 1, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_are_bounded_and_what_concerns_us_goes_on_by_every_transport() {
    let gateway = Gateway::registered(200).await;
    let to = gateway.addr(Transport::Tcp);
    // A friend is here before the crowd.
    let mut early = connect_from("127.0.0.3:0", to).await;
    assert!(is_served(&mut early, &gateway.token, 1).await);

    let mut crowd = Vec::new();
    for number in 0..400 {
        crowd.push(connect_from(&format!("127.0.1.{}:0", number % 10 + 1), to).await);
    }
    let full = gateway.counts_until(|counts| counts.refused >= 250).await;

    assert!(full.flows <= 150, "a quarter is ours: {full:?}");
    assert!(is_served(&mut early, &gateway.token, 2).await);
    let friend = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    let udp = gateway.addr(Transport::Udp);
    assert!(is_answered(&friend, udp, &gateway.token, 3).await);
    drop(crowd);
    drop(early);
    gateway.counts_until(|counts| counts.flows == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_of_strangers_are_looked_at_in_small_numbers() {
    let gateway = Gateway::registered(4096).await;
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let forged = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKguess\r\n\
        From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";

    let to = gateway.addr(Transport::Udp);
    let flooding = async {
        loop {
            stranger.send_to(forged, to).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = flooding => unreachable!("never ends"),
        _ = gateway.counts_until(|counts| counts.turned_away.flooded > 1000) => {}
    }
}

/// A driver with one account, registered, and its registrar.
struct Gateway {
    handle: Handle,
    _events: EventReceiver,
    _running: Running,
    /// The user part of its Contact.
    token: String,
    _registrar: UdpSocket,
}

impl Gateway {
    async fn registered(max_flows: usize) -> Self {
        let registrar = UdpSocket::bind(any_port()).await.unwrap();
        let mut settings = config(&[Transport::Udp, Transport::Tcp]);
        settings.max_flows = max_flows;
        let (handle, mut events, running) = start(settings, UserAgentConfig::default()).unwrap();
        let account = AccountId::new(1);
        let ha1 = Ha1::compute("alice", "example.test", "secret");
        let mut config = AccountConfig::new("alice@example.test", ha1, "1234");
        let proxy = format!("sip:{};lr", registrar.local_addr().unwrap());
        config.outbound_proxy = Some(Uri::parse(&proxy).unwrap());
        let add = Command::AddAccount { account, config };
        handle.command(add).await.unwrap();
        handle.command(Command::Register { account }).await.unwrap();
        let token = grant(&registrar).await;
        while !is_registered(&within(events.recv()).await.unwrap()) {}
        let gateway = Self {
            handle,
            _events: events,
            _running: running,
            token,
            _registrar: registrar,
        };
        // Counts are published at the end of a turn, after the events that it gave rise to.
        gateway.counts_until(|counts| counts.received == 1).await;
        gateway
    }

    fn addr(&self, transport: Transport) -> SocketAddr {
        let mut local = self.handle.local().iter();
        local.find(|(t, _)| *t == transport).unwrap().1
    }

    async fn counts_until(&self, wanted: impl Fn(&DriverCounts) -> bool) -> DriverCounts {
        within(async {
            loop {
                let counts = self.handle.counts();
                if wanted(&counts) {
                    return counts;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }
}

async fn grant(registrar: &UdpSocket) -> String {
    let mut buffer = [0; 4000];
    let (length, from) = within(registrar.recv_from(&mut buffer)).await.unwrap();
    let Message::Request(register) = Message::parse_datagram(&buffer[..length]).unwrap() else {
        panic!("a response");
    };
    let contact = register.headers.get(&HeaderName::Contact).unwrap();
    let contact = contact.text().into_owned();
    let token = contact.split(['<', ':', '@']).nth(2).unwrap().to_owned();
    let granted = super::harness::ok(&register).to_bytes();
    registrar.send_to(&granted, from).await.unwrap();
    token
}

fn is_registered(event: &Event) -> bool {
    matches!(
        event,
        Event::Registration {
            state: RegistrationState::Registered { .. },
            ..
        }
    )
}

fn request(method: &str, user: &str, number: usize) -> Vec<u8> {
    format!(
        "{method} sip:{user}@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/TCP 127.0.0.9;rport;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:x@y.test>;tag={number}\r\nTo: <sip:{user}@y.test>\r\n\
         Call-ID: flood-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:x@127.0.0.9>\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// Whether an OPTIONS for our Contact is answered, repeated as UDP asks.
async fn is_answered(peer: &UdpSocket, to: SocketAddr, token: &str, number: usize) -> bool {
    let options = request("OPTIONS", token, 1_000_000 + number);
    let mut buffer = [0; 2000];
    within(async {
        loop {
            peer.send_to(&options, to).await.unwrap();
            let pause = Duration::from_millis(200);
            if let Ok(received) = tokio::time::timeout(pause, peer.recv(&mut buffer)).await {
                return buffer[..received.unwrap()].starts_with(b"SIP/2.0 200 ");
            }
        }
    })
    .await
}

async fn is_served(stream: &mut TcpStream, token: &str, number: usize) -> bool {
    let options = request("OPTIONS", token, 2_000_000 + number);
    stream.write_all(&options).await.unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 2000];
    while !answer.ends_with(b"\r\n\r\n") {
        match within(stream.read(&mut buffer)).await {
            Ok(0) | Err(_) => return false,
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
        }
    }
    answer.starts_with(b"SIP/2.0 200 ")
}

async fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    within(socket.connect(to)).await.unwrap()
}
