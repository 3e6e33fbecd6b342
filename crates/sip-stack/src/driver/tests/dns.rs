//! Finding servers through a real name server.

use tokio::net::UdpSocket;

use super::dnsmasq::Dnsmasq;
use super::harness::*;
use super::stream::listen;
use crate::target::{ResolveError, Target};
use crate::transaction::Failure;
use crate::transport::Transport;

#[tokio::test]
async fn srv_names_host_and_port() {
    let mut bob = Agent::on(&[Transport::Udp]);
    let port = bob.addr(Transport::Udp).port();
    let dns = Dnsmasq::start(&[
        host("sip7.example.test"),
        srv("_sip._udp.example.test", "sip7.example.test", port, 10),
    ])
    .await;
    let mut alice = asking(&dns);

    alice.send_to(options(), domain("example.test")).await;
    bob.serve_one().await;

    assert_eq!(alice.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn naptr_chooses_the_transport() {
    let mut bob = Agent::on(&[Transport::Udp, Transport::Tcp]);
    let (udp, tcp) = (bob.addr(Transport::Udp), bob.addr(Transport::Tcp));
    let dns = Dnsmasq::start(&[
        host("sip7.example.test"),
        srv(
            "_sip._udp.example.test",
            "sip7.example.test",
            udp.port(),
            10,
        ),
        srv(
            "_sip._tcp.example.test",
            "sip7.example.test",
            tcp.port(),
            10,
        ),
        naptr("example.test", 10, "SIP+D2T", "_sip._tcp.example.test"),
        naptr("example.test", 20, "SIP+D2U", "_sip._udp.example.test"),
    ])
    .await;
    let alice = asking(&dns);

    alice.send_to(options(), domain("example.test")).await;
    let source = bob.serve_one().await;

    assert_eq!(source.transport, Transport::Tcp);
}

#[tokio::test]
async fn a_refusing_server_is_passed_over_for_the_next_priority() {
    let mut bob = Agent::on(&[Transport::Tcp]);
    let port = bob.addr(Transport::Tcp).port();
    let (gone, gone_addr) = listen().await;
    drop(gone);
    let dns = Dnsmasq::start(&[
        host("sip7.example.test"),
        srv(
            "_sip._tcp.example.test",
            "sip7.example.test",
            gone_addr.port(),
            10,
        ),
        srv("_sip._tcp.example.test", "sip7.example.test", port, 20),
    ])
    .await;
    let mut alice = asking(&dns);

    let target = Target {
        transport: Some(Transport::Tcp),
        ..domain("example.test")
    };
    alice.send_to(options(), target).await;
    bob.serve_one().await;

    assert_eq!(alice.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn a_silent_server_is_passed_over_for_the_next_priority() {
    let mut bob = Agent::on(&[Transport::Udp]);
    let port = bob.addr(Transport::Udp).port();
    let silent = UdpSocket::bind(any_port()).await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let dns = Dnsmasq::start(&[
        host("sip7.example.test"),
        srv(
            "_sip._udp.example.test",
            "sip7.example.test",
            silent_port,
            1,
        ),
        srv("_sip._udp.example.test", "sip7.example.test", port, 2),
    ])
    .await;
    let mut alice = asking(&dns);

    alice.send_to(options(), domain("example.test")).await;
    bob.serve_one().await;

    assert_eq!(alice.outcome().await.unwrap().0, 200);
    let mut buffer = [0; 2000];
    let first = within(silent.recv(&mut buffer)).await.unwrap();
    assert!(
        buffer[..first].starts_with(b"OPTIONS "),
        "it was tried first"
    );
}

#[tokio::test]
async fn without_srv_the_address_of_the_domain_is_used() {
    let mut bob = Agent::on(&[Transport::Udp]);
    let dns = Dnsmasq::start(&[host("example.test")]).await;
    let mut alice = asking(&dns);

    let target = Target {
        port: Some(bob.addr(Transport::Udp).port()),
        ..domain("example.test")
    };
    alice.send_to(options(), target).await;
    bob.serve_one().await;

    assert_eq!(alice.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_told_apart_from_trouble() {
    let dns = Dnsmasq::start(&[]).await;
    let mut alice = asking(&dns);

    alice.send_to(options(), domain("nowhere.test")).await;

    let why = alice.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Unresolvable(ResolveError::NoSuchDomain));
}

#[tokio::test]
async fn a_name_server_that_never_answers_fails_the_request_in_time() {
    let silent = UdpSocket::bind(any_port()).await.unwrap();
    let mut settings = config(&[Transport::Udp]);
    settings.name_servers = vec![silent.local_addr().unwrap()];
    let mut alice = Agent::start(settings);

    alice.send_to(options(), domain("example.test")).await;

    let why = alice.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Unresolvable(ResolveError::Unavailable));
}

#[tokio::test]
async fn askers_of_the_same_domain_share_one_look_up() {
    let mut bob = Agent::on(&[Transport::Udp]);
    let port = bob.addr(Transport::Udp).port();
    let silent = UdpSocket::bind(any_port()).await.unwrap();
    let mut settings = config(&[Transport::Udp]);
    settings.name_servers = vec![silent.local_addr().unwrap()];
    let mut alice = Agent::start(settings);

    for _ in 0..10 {
        alice.send_to(options(), domain("example.test")).await;
    }
    // An address needs no name server, and does not wait behind those that do.
    let literal = Target {
        port: Some(port),
        ..domain("127.0.0.1")
    };
    alice.send_to(options(), literal).await;
    bob.serve_one().await;

    assert_eq!(alice.outcome().await.unwrap().0, 200);
    alice.counts_until(|counts| counts.lookups == 1).await;
}

#[tokio::test]
async fn askers_of_one_look_up_spread_over_servers_of_one_priority() {
    let mut bob = Agent::on(&[Transport::Udp]);
    let mut carol = Agent::on(&[Transport::Udp]);
    let ports = [&bob, &carol].map(|agent| agent.addr(Transport::Udp).port());
    let mut records = vec![host("sip7.example.test")];
    records.extend(ports.map(|port| srv("_sip._udp.example.test", "sip7.example.test", port, 10)));
    let dns = Dnsmasq::start(&records).await;
    let alice = asking(&dns);

    for _ in 0..40 {
        alice.send_to(options(), domain("example.test")).await;
    }

    let (mut by_bob, mut by_carol) = (0, 0);
    while by_bob + by_carol < 40 {
        tokio::select! {
            _ = bob.serve_one() => by_bob += 1,
            _ = carol.serve_one() => by_carol += 1,
        }
    }
    assert!(by_bob > 0 && by_carol > 0, "{by_bob} and {by_carol}");
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_remembered_for_a_while() {
    let dns = Dnsmasq::start(&[]).await;
    let mut alice = asking(&dns);
    let missing = Failure::Unresolvable(ResolveError::NoSuchDomain);
    alice.send_to(options(), domain("nowhere.test")).await;
    assert_eq!(alice.outcome().await.unwrap_err(), missing);

    drop(dns);
    alice.send_to(options(), domain("nowhere.test")).await;

    assert_eq!(alice.outcome().await.unwrap_err(), missing);
}

#[tokio::test]
async fn while_the_name_server_is_gone_old_answers_serve_and_new_names_fail_until_it_is_back() {
    let mut bob = Agent::on(&[Transport::Udp]);
    let port = bob.addr(Transport::Udp).port();
    let records = [
        // Nothing may be cached: every look-up is a question.
        "--local-ttl=0".to_owned(),
        host("sip7.example.test"),
        srv("_sip._udp.example.test", "sip7.example.test", port, 10),
        srv("_sip._udp.other.test", "sip7.example.test", port, 10),
    ];
    let dns = Dnsmasq::start(&records).await;
    let mut alice = asking(&dns);
    alice.send_to(options(), domain("example.test")).await;
    bob.serve_one().await;
    assert_eq!(alice.outcome().await.unwrap().0, 200);

    let addr = dns.addr;
    drop(dns);
    alice.send_to(options(), domain("example.test")).await;
    bob.serve_one().await;
    assert_eq!(alice.outcome().await.unwrap().0, 200);
    alice.send_to(options(), domain("other.test")).await;
    let why = alice.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Unresolvable(ResolveError::Unavailable));

    let _dns = Dnsmasq::at(addr, &records).await.expect("the port is free");
    loop {
        alice.send_to(options(), domain("other.test")).await;
        tokio::select! {
            _ = bob.serve_one() => break,
            // The look-up from before may still be under way.
            failed = alice.outcome() => assert!(failed.is_err()),
        }
    }
}

fn asking(dns: &Dnsmasq) -> Agent {
    let mut settings = config(&[Transport::Udp]);
    settings.name_servers = vec![dns.addr];
    Agent::start(settings)
}

fn domain(host: &str) -> Target {
    Target {
        host: host.into(),
        port: None,
        transport: None,
        secure: false,
    }
}

fn host(name: &str) -> String {
    format!("--host-record={name},127.0.0.1")
}

fn srv(name: &str, target: &str, port: u16, priority: u16) -> String {
    format!("--srv-host={name},{target},{port},{priority},1")
}

fn naptr(name: &str, order: u16, service: &str, replacement: &str) -> String {
    format!("--naptr-record={name},{order},10,S,{service},,{replacement}")
}
