use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, UdpSocket};

use super::super::DriverCounts;
use super::harness::*;
use crate::transport::{Destination, Transport};

#[tokio::test]
async fn after_a_shutdown_no_task_socket_or_stream_is_left() {
    let mut agent = Agent::on(&[Transport::Udp, Transport::Tcp]);
    let (udp, tcp) = (agent.addr(Transport::Udp), agent.addr(Transport::Tcp));
    let mut accepted = within(TcpStream::connect(tcp)).await.unwrap();
    let (listener, to) = super::stream::listen().await;
    agent.send(options(), Destination::tcp(to)).await;
    let (mut opened, _) = within(listener.accept()).await.unwrap();
    agent
        .counts_until(|counts| counts.flows == 2 && counts.tasks == 5 && counts.sockets == 2)
        .await;

    let counts = agent.end().await;

    let left = DriverCounts {
        sent: counts.sent,
        longest_turn: counts.longest_turn,
        ..DriverCounts::default()
    };
    assert_eq!(counts, left);
    let mut rest = Vec::new();
    within(accepted.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
    within(opened.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.starts_with(b"OPTIONS "), "what was queued went out");
    UdpSocket::bind(udp).await.expect("the port is free again");
}

#[tokio::test]
async fn an_owner_that_goes_away_ends_the_driver() {
    let agent = Agent::on(&[Transport::Udp]);
    let (ports, mut tasks) = agent.into_parts();

    drop(ports);

    while let Some(joined) = within(tasks.join_next()).await {
        joined.unwrap();
    }
}

#[tokio::test]
async fn while_the_owner_takes_no_events_the_network_waits_and_commands_do_not() {
    let mut agent = Agent::on(&[Transport::Tcp, Transport::Udp]);
    let mut bob = Agent::on(&[Transport::Udp]);
    let tcp = agent.addr(Transport::Tcp);
    let flood = tokio::task::spawn_blocking(move || {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(tcp).unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        for number in 0..500_000 {
            let request = from_network(Transport::Tcp, number);
            if stream.write_all(&request).is_err() {
                return (stream, true);
            }
        }
        (stream, false)
    });
    let (stream, stuck) = within(flood).await.unwrap();
    assert!(stuck, "the stream waits for the owner");

    let to = Destination::udp(bob.addr(Transport::Udp));
    agent.send(options(), to).await;
    bob.serve_one().await;

    drop(stream);
    agent.flow_closed().await;
}
