//! Keep-alive over real sockets, on a clock that jumps.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use super::super::keep_alive::stun::{self, Stun};
use super::harness::*;
use crate::keep_alive::{KeepAlive, Terms};
use crate::transport::{Destination, Transport};

/// Longer than any pause between probes, on the clock that jumps.
const LONG: Duration = Duration::from_secs(300);

#[tokio::test(start_paused = true)]
async fn a_udp_peer_gets_line_breaks_every_24_to_29_seconds_until_nobody_needs_them() {
    let agent = Agent::on(&[Transport::Udp]);
    let peer = UdpSocket::bind(any_port()).await.unwrap();
    let wanted = keep(peer.local_addr().unwrap(), Terms::default());
    agent.ask(Ask::Keep(wanted.clone())).await;

    for _ in 0..3 {
        let before = Instant::now();
        assert_eq!(next(&peer).await.0, b"\r\n\r\n");
        let waited = before.elapsed().as_secs();
        assert!((23..=30).contains(&waited), "{waited}");
    }

    agent
        .ask(Ask::Keep(KeepAlive {
            bindings: 0,
            ..wanted
        }))
        .await;
    let mut buffer = [0; 100];
    assert!(timeout(LONG, peer.recv(&mut buffer)).await.is_err());
    assert_eq!(agent.end().await.kept, 0);
}

#[tokio::test(start_paused = true)]
async fn a_udp_peer_that_knows_stun_is_asked_by_it_and_its_silence_is_told() {
    let mut agent = Agent::on(&[Transport::Udp]);
    let peer = UdpSocket::bind(any_port()).await.unwrap();
    let terms = Terms {
        flow_timer: Some(Duration::from_secs(30)),
        outbound: true,
    };
    let mut wanted = keep(peer.local_addr().unwrap(), terms);
    wanted.destination.flow = Some(crate::transport::FlowId(1));
    agent.ask(Ask::Keep(wanted.clone())).await;

    for _ in 0..2 {
        let (probe, from) = next(&peer).await;
        let Some(Stun::Request { transaction }) = stun::parse(&probe) else {
            panic!("{probe:?}");
        };
        let answer = stun::response(transaction, from);
        peer.send_to(&answer, from).await.unwrap();
    }

    let lost = timeout(LONG, agent.way_lost()).await.expect("told");
    assert_eq!(lost, wanted.destination);
}

#[tokio::test]
async fn a_stun_request_at_our_sip_port_is_answered_with_its_sender() {
    let agent = Agent::on(&[Transport::Udp]);
    let peer = UdpSocket::bind(any_port()).await.unwrap();

    let request = stun::request([7; 12]);
    peer.send_to(&request, agent.addr(Transport::Udp))
        .await
        .unwrap();

    let (answer, _) = within(next(&peer)).await;
    let expected = Stun::Response {
        transaction: [7; 12],
        mapped: peer.local_addr().unwrap(),
    };
    assert_eq!(stun::parse(&answer), Some(expected));
}

async fn next(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2000];
    let received = timeout(LONG, peer.recv_from(&mut buffer)).await;
    let (length, from) = received.expect("in time").unwrap();
    (buffer[..length].to_vec(), from)
}

fn keep(addr: SocketAddr, terms: Terms) -> KeepAlive {
    KeepAlive {
        destination: Destination::udp(addr),
        terms,
        bindings: 1,
    }
}
