//! What a stream does with its queue, its pings and its end.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::read::{FIRST_LIMIT, PARTIAL_LIMIT};
use super::*;
use crate::driver::now;
use crate::message::PING;

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_closes_the_stream() {
    let (mut peer, ours) = duplex(4096);
    let (inputs, _kept) = mpsc::channel(8);
    let (nudge, _nudges) = mpsc::channel(8);
    let reading = read(ours, source(), None, nudge, &inputs);
    let began = Instant::now();

    // A byte every ten seconds does not help.
    let trickle = async {
        for byte in b"OPTIONS sip:x SIP/2.0\r\n" {
            if peer.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        why = reading => assert_eq!(why, TransportError::FlowClosed),
        () = trickle => unreachable!("never ends"),
    }

    assert_eq!(began.elapsed(), PARTIAL_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_sign_of_life_is_closed() {
    let door = Door::new(false, now());
    let (mut peer, ours) = duplex(4096);
    let (inputs, _kept) = mpsc::channel(8);
    let (nudge, _nudges) = mpsc::channel(8);
    let began = Instant::now();
    peer.write_all(PING).await.expect("there is room");

    let why = read(ours, source(), Some(guard(&door)), nudge, &inputs).await;

    assert_eq!(why, TransportError::FlowClosed);
    assert_eq!(began.elapsed(), IDLE_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_connects_and_says_nothing_is_closed_soon() {
    let door = Door::new(false, now());
    let (_peer, ours) = duplex(4096);
    let (inputs, _kept) = mpsc::channel(8);
    let (nudge, _nudges) = mpsc::channel(8);
    let began = Instant::now();

    let why = read(ours, source(), Some(guard(&door)), nudge, &inputs).await;

    assert_eq!(why, TransportError::FlowClosed);
    assert_eq!(began.elapsed(), FIRST_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn pings_go_on_at_a_peer_that_never_answers_them() {
    let (mut peer, ours) = duplex(4096);
    let (_orders, mut queued) = mpsc::channel(8);
    let (_nudge, nudges) = mpsc::channel(8);
    let (mut unanswered, mut rng) = (VecDeque::new(), rng());
    let pinging = Some(Pinging::new(&mut rng));
    let writing = write(ours, &mut queued, nudges, pinging, &mut unanswered);
    let began = Instant::now();

    let five = async {
        let mut pings = [0; 20];
        peer.read_exact(&mut pings).await.unwrap();
        assert_eq!(&pings, &PING.repeat(5)[..]);
    };
    tokio::select! {
        why = writing => panic!("{why}"),
        () = five => {}
    }

    let waited = began.elapsed().as_secs();
    assert!((5 * 95..=5 * 120).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_answering_pings_is_given_up() {
    let (mut peer, ours) = duplex(4096);
    let (orders, mut queued) = mpsc::channel(8);
    let (nudge, nudges) = mpsc::channel(8);
    let (mut unanswered, mut rng) = (VecDeque::new(), rng());
    let pinging = Some(Pinging::new(&mut rng));
    let writing = write(ours, &mut queued, nudges, pinging, &mut unanswered);
    let began = Instant::now();

    let answering_once = async {
        let terms = Terms {
            flow_timer: Some(Duration::from_secs(30)),
            outbound: false,
        };
        orders.send(Order::Keep(terms)).await.unwrap();
        let mut ping = [0; 4];
        peer.read_exact(&mut ping).await.unwrap();
        nudge.send(Nudge::PongCame).await.unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        why = writing => assert_eq!(why, TransportError::FlowClosed),
        () = answering_once => unreachable!("never ends"),
    }

    let waited = began.elapsed().as_secs();
    assert!((2 * 24 + 10..=2 * 30 + 10).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_gets_nowhere_ends_the_stream_and_its_request_is_remembered() {
    let (_peer, ours) = duplex(16);
    let (orders, mut queued) = mpsc::channel(8);
    let (_nudge, nudges) = mpsc::channel(8);
    let mut unanswered = VecDeque::new();
    let token = TransmitToken(2);
    let bytes = Bytes::from(vec![b'x'; 100]);
    let message = Write {
        bytes,
        token: Some(token),
    };
    orders.send(Order::Write(message)).await.unwrap();

    let why = write(ours, &mut queued, nudges, None, &mut unanswered).await;

    assert_eq!(why, TransportError::QueueFull);
    assert_eq!(unanswered, [token]);
}

fn guard(door: &Door) -> Guard<'_> {
    Guard {
        door,
        idle_limit: IDLE_LIMIT,
    }
}

fn rng() -> StdRng {
    use rand::SeedableRng;
    StdRng::from_seed([3; 32])
}

fn source() -> Source {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    Source {
        transport: Transport::Tcp,
        local: addr,
        remote: addr,
        flow: Some(FlowId(1)),
    }
}
