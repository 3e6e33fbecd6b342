use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::super::accepted::MAX_PER_ADDRESS;
use super::super::flows::BINDINGS_PER_STREAM;
use super::harness::*;
use crate::keep_alive::{KeepAlive, Terms};
use crate::message::{Framed, Framer, Message, Method, Request};
use crate::transaction::Failure;
use crate::transport::{Destination, Transmit, Transport, TransportError};

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_served() {
    let mut agent = Agent::on(&[Transport::Tcp]);
    let mut peer = connect(&agent).await;

    for byte in from_network(Transport::Tcp, 1) {
        peer.write_all(&[byte]).await.unwrap();
        peer.flush().await.unwrap();
    }
    agent.serve_one().await;

    assert_eq!(read_status(&mut peer).await, 200);
}

#[tokio::test]
async fn requests_in_one_segment_are_served_one_by_one() {
    let mut agent = Agent::on(&[Transport::Tcp]);
    let mut peer = connect(&agent).await;

    let both = [
        from_network(Transport::Tcp, 1),
        from_network(Transport::Tcp, 2),
    ];
    peer.write_all(&both.concat()).await.unwrap();

    let first = agent.request().await.1;
    let second = agent.request().await.1;
    assert_eq!(first.headers.call_id().unwrap(), "network-1");
    assert_eq!(second.headers.call_id().unwrap(), "network-2");
}

#[tokio::test]
async fn a_ping_is_answered_by_a_pong() {
    let agent = Agent::on(&[Transport::Tcp]);
    let mut peer = connect(&agent).await;

    peer.write_all(b"\r\n\r\n").await.unwrap();

    let mut pong = [0; 2];
    within(peer.read_exact(&mut pong)).await.unwrap();
    assert_eq!(&pong, b"\r\n");
}

#[tokio::test]
async fn a_stream_that_cannot_be_followed_is_closed() {
    let mut agent = Agent::on(&[Transport::Tcp]);
    let mut peer = connect(&agent).await;
    let text = String::from_utf8(from_network(Transport::Tcp, 1)).unwrap();
    let endless = text.replace("Content-Length: 0", "Content-Length: 18446744073709551615");

    peer.write_all(endless.as_bytes()).await.unwrap();

    agent.flow_closed().await;
    let mut rest = Vec::new();
    within(peer.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.starts_with(b"SIP/2.0 ") || rest.is_empty());
    agent.counts_until(|counts| counts.flows == 0).await;
}

#[tokio::test]
async fn many_requests_at_once_make_one_connection() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let (listener, to) = listen().await;
    for number in 0..20 {
        let request = request(Method::Options, &format!("call-{number}"));
        agent.send(request, Destination::tcp(to)).await;
    }

    let mut peer = Peer::accept(&listener).await;
    for _ in 0..20 {
        peer.answer_one().await;
    }

    for _ in 0..20 {
        let (code, _) = agent.outcome().await.unwrap();
        assert_eq!(code, 200);
    }
    agent.counts_until(|counts| counts.flows == 1).await;
}

#[tokio::test]
async fn a_peer_with_very_many_accounts_gets_further_connections_and_no_more_than_four() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let (listener, to) = listen().await;
    let mut peers = Vec::new();
    for number in 1..=6 {
        agent.send(options(), Destination::tcp(to)).await;
        if number <= 4 {
            peers.push(Peer::accept(&listener).await);
            peers.last_mut().unwrap().answer_one().await;
        } else {
            // The first has the fewest accounts by now.
            peers[0].answer_one().await;
        }
        let (_, source) = agent.outcome().await.unwrap();
        agent
            .ask(Ask::Keep(KeepAlive {
                destination: source.back(),
                terms: Terms::default(),
                bindings: BINDINGS_PER_STREAM + (number - 1) % 4,
            }))
            .await;
    }
    agent.counts_until(|counts| counts.flows == 4).await;
}

#[tokio::test]
async fn a_request_on_a_connection_that_we_opened_is_served() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let (listener, to) = listen().await;
    agent.send(options(), Destination::tcp(to)).await;
    let mut peer = Peer::accept(&listener).await;
    peer.answer_one().await;
    let (_, opened) = agent.outcome().await.unwrap();

    peer.write(&from_network(Transport::Tcp, 1)).await;
    let source = agent.serve_one().await;

    assert_eq!(source.flow, opened.flow);
    assert!(matches!(
        peer.next().await,
        Message::Response(response) if response.status.code() == 200
    ));
}

#[tokio::test]
async fn a_refused_connection_fails_the_request_with_that_reason() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let (listener, to) = listen().await;
    drop(listener);

    agent.send(options(), Destination::tcp(to)).await;

    let why = agent.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::Refused));
}

#[tokio::test]
async fn a_connection_that_ends_fails_the_requests_it_carried() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let (listener, to) = listen().await;
    agent.send(options(), Destination::tcp(to)).await;
    let mut peer = Peer::accept(&listener).await;
    peer.next().await;

    drop(listener);
    drop(peer);

    agent.flow_closed().await;
    let why = agent.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::Refused));
    agent.counts_until(|counts| counts.flows == 0).await;
}

#[tokio::test]
async fn a_request_on_a_connection_that_ends_goes_again_by_a_new_one() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let (listener, to) = listen().await;
    agent.send(options(), Destination::tcp(to)).await;
    let mut peer = Peer::accept(&listener).await;
    peer.next().await;

    drop(peer);
    Peer::accept(&listener).await.answer_one().await;

    assert_eq!(agent.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn a_large_request_goes_by_tcp_and_by_udp_where_tcp_is_refused() {
    let mut alice = Agent::on(&[Transport::Udp]);
    let mut both = config(&[Transport::Udp]);
    // The same port for both, as RFC 3261 §18.1.1 supposes.
    let mut bob = loop {
        let udp = Agent::start(both.clone());
        let addr = udp.addr(Transport::Udp);
        udp.end().await;
        both.listen[0].bind = addr;
        let mut tcp = both.listen[0].clone();
        tcp.transport = Transport::Tcp;
        let mut wanted = both.clone();
        wanted.listen.push(tcp);
        if std::net::TcpListener::bind(addr).is_ok() {
            break Agent::start(wanted);
        }
    };
    let to = Destination::udp(bob.addr(Transport::Udp));

    alice.send(large(), to).await;
    let source = bob.serve_one().await;
    assert_eq!(source.transport, Transport::Tcp);
    assert_eq!(alice.outcome().await.unwrap().0, 200);

    let mut carol = Agent::on(&[Transport::Udp]);
    let to = Destination::udp(carol.addr(Transport::Udp));
    alice.send(large(), to).await;
    let source = carol.serve_one().await;
    assert_eq!(source.transport, Transport::Udp);
    assert_eq!(alice.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_its_connection_and_nobody_else_does() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let (deaf, deaf_addr) = listen().await;
    let (listener, to) = listen().await;
    let transmit = Transmit {
        destination: Destination::tcp(deaf_addr),
        bytes: Bytes::from(vec![b'x'; 200_000]),
        token: None,
    };

    agent.ask(Ask::Transmit(transmit.clone())).await;
    let (_never_read, _) = within(deaf.accept()).await.unwrap();
    for _ in 0..1500 {
        agent.ask(Ask::Transmit(transmit.clone())).await;
    }
    agent.flow_closed().await;

    agent.send(options(), Destination::tcp(to)).await;
    Peer::accept(&listener).await.answer_one().await;
    assert_eq!(agent.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn at_the_cap_further_connections_are_closed_and_our_own_fail() {
    let mut settings = config(&[Transport::Udp, Transport::Tcp]);
    settings.max_flows = 1;
    let mut agent = Agent::start(settings);
    let mut first = connect(&agent).await;
    assert!(is_served(&mut first).await);
    assert!(!is_served(&mut connect(&agent).await).await);

    let (_listener, to) = listen().await;
    agent.send(options(), Destination::tcp(to)).await;
    let why = agent.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::TooManyFlows));
}

#[tokio::test]
async fn peers_leave_a_quarter_of_the_connections_to_us() {
    let mut settings = config(&[Transport::Udp, Transport::Tcp]);
    settings.max_flows = 4;
    let mut agent = Agent::start(settings);
    let mut taken = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&agent).await;
        assert!(is_served(&mut stream).await);
        taken.push(stream);
    }
    assert!(!is_served(&mut connect(&agent).await).await);

    let (listener, to) = listen().await;
    agent.send(options(), Destination::tcp(to)).await;
    Peer::accept(&listener).await.answer_one().await;
    assert_eq!(agent.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn one_address_cannot_take_the_connections_of_all_others() {
    let agent = Agent::on(&[Transport::Tcp]);
    let mut taken = Vec::new();
    for _ in 0..MAX_PER_ADDRESS {
        let mut stream = connect(&agent).await;
        assert!(is_served(&mut stream).await);
        taken.push(stream);
    }
    assert!(!is_served(&mut connect(&agent).await).await);

    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let connecting = socket.connect(agent.addr(Transport::Tcp));
    let mut other = within(connecting).await.unwrap();
    assert!(is_served(&mut other).await);
}

/// Whether the agent keeps the connection and answers a ping.
async fn is_served(stream: &mut TcpStream) -> bool {
    let mut pong = [0; 2];
    within(async {
        stream.write_all(b"\r\n\r\n").await.is_ok() && stream.read_exact(&mut pong).await.is_ok()
    })
    .await
}

fn large() -> Request {
    let mut request = request(Method::Message, "large");
    request.body = Bytes::from(vec![b'x'; 1400]);
    request
}

async fn connect(agent: &Agent) -> TcpStream {
    let addr = agent.addr(Transport::Tcp);
    within(TcpStream::connect(addr)).await.unwrap()
}

pub(super) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

async fn read_status(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 11];
    within(stream.read_exact(&mut line)).await.unwrap();
    String::from_utf8_lossy(&line[8..]).parse().unwrap()
}

/// The far end of a connection that a driver opened.
struct Peer {
    stream: TcpStream,
    framer: Framer,
}

impl Peer {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = within(listener.accept()).await.unwrap();
        Self {
            stream,
            framer: Framer::new(),
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        loop {
            if let Some(framed) = self.framer.next() {
                match framed.unwrap() {
                    Framed::Message(message) => return message,
                    Framed::Ping | Framed::Pong => continue,
                }
            }
            let mut buffer = [0; 4096];
            let length = within(self.stream.read(&mut buffer)).await.unwrap();
            assert_ne!(length, 0, "the stream goes on");
            self.framer.push(&buffer[..length]);
        }
    }

    async fn answer_one(&mut self) {
        let Message::Request(request) = self.next().await else {
            panic!("a response");
        };
        self.write(&ok(&request).to_bytes()).await;
    }
}
