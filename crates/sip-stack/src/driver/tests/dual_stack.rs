//! IPv4 and IPv6 side by side (RFC 7984).

use std::net::SocketAddr;

use tokio::net::UdpSocket;

use super::super::config::{DriverConfig, Listen};
use super::dnsmasq::Dnsmasq;
use super::harness::*;
use crate::target::Target;
use crate::transport::{Destination, Transport};

#[tokio::test]
async fn requests_cross_over_ipv6_by_datagram_and_by_stream() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut alice = Agent::start(listening(&[(Transport::Udp, v6())]));
        let mut bob = Agent::start(listening(&[(transport, v6())]));
        let to = Destination {
            transport,
            ..Destination::udp(bob.addr(transport))
        };

        alice.send(options(), to).await;
        let (id, request, source) = bob.request().await;
        assert!(source.remote.is_ipv6());
        let via = request.headers.via().unwrap();
        assert!(via.to_string().contains("[::1]"), "{via}");
        bob.ask(Ask::Answer(id, ok(&request))).await;

        assert_eq!(alice.outcome().await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn the_family_named_first_is_tried_first_and_the_other_when_that_is_silent() {
    for (ours, first, second) in [([v4(), v6()], v4(), v6()), ([v6(), v4()], v6(), v4())] {
        let mut bob = Agent::start(listening(&[(Transport::Udp, second)]));
        let port = bob.addr(Transport::Udp).port();
        // Nobody answers at the same port of the other family.
        let silent = UdpSocket::bind(SocketAddr::new(first.ip(), port))
            .await
            .unwrap();
        let dns = Dnsmasq::start(&["--host-record=both.test,127.0.0.1,::1".to_owned()]).await;
        let mut settings = listening(&ours.map(|addr| (Transport::Udp, addr)));
        settings.name_servers = vec![dns.addr];
        let mut alice = Agent::start(settings);

        let target = Target {
            host: "both.test".into(),
            port: Some(port),
            transport: None,
            secure: false,
        };
        alice.send_to(options(), target).await;
        let source = bob.serve_one().await;

        assert_eq!(source.remote.is_ipv6(), second.is_ipv6());
        assert_eq!(alice.outcome().await.unwrap().0, 200);
        let mut buffer = [0; 2000];
        let length = within(silent.recv(&mut buffer)).await.unwrap();
        assert!(buffer[..length].starts_with(b"OPTIONS "), "tried first");
    }
}

fn listening(on: &[(Transport, SocketAddr)]) -> DriverConfig {
    let mut settings = config(&[]);
    for (transport, addr) in on {
        settings.listen.push(Listen::new(*transport, *addr));
    }
    settings
}

fn v4() -> SocketAddr {
    any_port()
}

fn v6() -> SocketAddr {
    "[::1]:0".parse().unwrap()
}
