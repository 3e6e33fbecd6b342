use tokio::net::UdpSocket;

use super::super::config::Listen;
use super::harness::*;
use crate::message::Message;
use crate::transaction::Failure;
use crate::transport::{Destination, Transport, TransportError};

#[tokio::test]
async fn a_request_and_its_answer_cross_over_udp() {
    let mut alice = Agent::on(&[Transport::Udp]);
    let mut bob = Agent::on(&[Transport::Udp]);

    let to = Destination::udp(bob.addr(Transport::Udp));
    alice.send(options(), to).await;
    let source = bob.serve_one().await;

    assert_eq!(source.remote, alice.addr(Transport::Udp));
    let (code, source) = alice.outcome().await.unwrap();
    assert_eq!((code, source.transport), (200, Transport::Udp));
}

#[tokio::test]
async fn keep_alives_stun_and_garbage_do_not_disturb() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let peer = UdpSocket::bind(any_port()).await.unwrap();
    let to = agent.addr(Transport::Udp);

    for noise in [
        &b"\r\n\r\n"[..],
        b"\r\n",
        b"",
        b"\0\x01\0\0\x21\x12\xa4\x42",
        b"INVITE sip:x SIP/2.0\r\nVia",
        b"\xff\xfe",
    ] {
        peer.send_to(noise, to).await.unwrap();
    }
    let request = from_network(Transport::Udp, 1);
    peer.send_to(&request, to).await.unwrap();
    agent.serve_one().await;

    let mut buffer = [0; 2000];
    let length = within(peer.recv(&mut buffer)).await.unwrap();
    assert!(buffer[..length].starts_with(b"SIP/2.0 200 OK\r\n"));
    agent
        .counts_until(|counts| counts.received == 1 && counts.malformed == 2)
        .await;
}

#[tokio::test]
async fn what_can_be_answered_though_not_read_gets_400() {
    let agent = Agent::on(&[Transport::Udp]);
    let peer = UdpSocket::bind(any_port()).await.unwrap();
    let broken = String::from_utf8(from_network(Transport::Udp, 1)).unwrap();
    let broken = broken.replace("OPTIONS sip:bob@example.test", "OPTIONS sip:bob@@");

    let to = agent.addr(Transport::Udp);
    peer.send_to(broken.as_bytes(), to).await.unwrap();

    let mut buffer = [0; 2000];
    let length = within(peer.recv(&mut buffer)).await.unwrap();
    let answer = Message::parse_datagram(&buffer[..length]).unwrap();
    assert!(matches!(answer, Message::Response(response) if response.status.code() == 400));
}

#[tokio::test]
async fn the_unspecified_address_is_never_advertised() {
    let mut settings = config(&[]);
    let any = ([0, 0, 0, 0], 0).into();
    settings.listen.push(Listen::new(Transport::Udp, any));
    settings.listen.push(Listen {
        advertise: Some(([203, 0, 113, 5], 0).into()),
        ..Listen::new(Transport::Tcp, any)
    });

    let agent = Agent::start(settings);

    let udp = agent.addr(Transport::Udp);
    assert!(!udp.ip().is_unspecified());
    assert_ne!(udp.port(), 0);
    let tcp = agent.addr(Transport::Tcp);
    assert_eq!(tcp.ip().to_string(), "203.0.113.5");
    assert_ne!(tcp.port(), 0);
}

#[tokio::test]
async fn without_a_socket_of_that_family_a_request_fails_at_once() {
    let mut agent = Agent::on(&[Transport::Udp]);

    let to = Destination::udp("[::1]:5060".parse().unwrap());
    agent.send(options(), to).await;

    let why = agent.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::NoSocket));
}
