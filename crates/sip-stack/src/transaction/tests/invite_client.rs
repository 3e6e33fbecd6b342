use super::super::*;
use super::harness::*;

#[test]
fn repeats_invite_at_doubling_intervals_and_gives_up_after_64_t1() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);

    bench.run_to(31_999);
    assert_eq!(bench.times(), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert!(bench.events().is_empty());

    bench.run_to(32_000);
    bench.assert_failed(id, Failure::Timeout);
    // Its last repeat may have been heard.
    bench.run_to(64_000);
    bench.assert_silent();
    bench.assert_empty();
}

#[test]
fn repeats_are_the_same_bytes() {
    let mut bench = Bench::new();
    bench.send(invite(), &[udp_peer()]);
    bench.run_to(500);

    let sent = bench.sent();
    assert_eq!(sent[0].transmit, sent[1].transmit);
}

#[test]
fn retransmits_invite_until_provisional_response() {
    let mut bench = Bench::new();
    bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 100);
    bench.answer(&sent, 180);
    bench.run_to(200_000);

    assert_eq!(bench.statuses(), [100, 180]);
    bench.assert_silent();
}

#[test]
fn a_reliable_transport_sends_invite_once_and_still_gives_up() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[tcp_peer()]);

    bench.run_to(32_000);

    assert_eq!(bench.times(), [0]);
    bench.assert_failed(id, Failure::Timeout);
}

#[test]
fn acknowledges_a_failure_and_each_of_its_repeats_but_passes_it_up_once() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 486);
    bench.answer(&sent, 486);
    assert_eq!(bench.statuses(), [486]);
    assert_eq!(bench.sent().len(), 2, "two ACKs");

    bench.run_to(31_999);
    bench.answer(&sent, 486);
    assert_eq!(bench.sent().len(), 1, "Timer D is still running");
    assert!(bench.events().is_empty());

    bench.run_to(32_000);
    bench.assert_client_terminated(id);
    bench.answer(&sent, 486);
    bench.assert_silent();
    bench.assert_empty();
}

#[test]
fn the_ack_of_a_failure_goes_the_way_of_its_invite() {
    let mut bench = Bench::new();
    bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 404);

    let ack = bench.sent_one();
    let (invite, ack, to) = (sent.request(), ack.request(), ack.to().clone());
    assert_eq!(to, udp_peer());
    assert_eq!(ack.uri, invite.uri);
    assert_eq!(branch(&ack), branch(&invite));
    assert_eq!(ack.headers.vias().unwrap().len(), 1);
    assert_eq!(ack.headers.routes(), invite.headers.routes());
    assert_eq!(ack.headers.to().unwrap().tag().unwrap(), "b2");
    assert_eq!(ack.headers.cseq().unwrap().number, 7);
    assert!(ack.body.is_empty());
}

#[test]
fn on_a_reliable_transport_timer_d_is_zero() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[tcp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 486);
    assert_eq!(bench.statuses(), [486]);

    bench.run_to(0);
    bench.assert_client_terminated(id);
    bench.assert_empty();
}

#[test]
fn passes_every_2xx_up_until_timer_m_and_as_a_stray_after_it() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 200);
    bench.run_to(31_999);
    bench.answer(&sent, 200);
    assert_eq!(bench.statuses(), [200, 200]);
    assert!(bench.sent().is_empty(), "the ACK is the dialog's");

    bench.run_to(32_000);
    bench.assert_client_terminated(id);

    bench.answer(&sent, 200);
    assert!(matches!(
        bench.event(),
        TransactionEvent::StrayResponse2xx { .. }
    ));
    bench.assert_empty();
}

#[test]
fn a_2xx_of_another_fork_behind_a_failure_is_a_stray_to_be_ended() {
    let mut bench = Bench::new();
    bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 486);
    assert_eq!(bench.statuses(), [486]);
    bench.answer(&sent, 200);

    assert!(matches!(
        bench.event(),
        TransactionEvent::StrayResponse2xx { .. }
    ));
}

#[test]
fn a_provisional_response_behind_a_final_one_is_absorbed() {
    let mut bench = Bench::new();
    bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 200);
    bench.answer(&sent, 180);

    assert_eq!(bench.statuses(), [200]);
}

#[test]
fn a_response_to_somebody_else_is_ignored() {
    let mut bench = Bench::new();
    bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();
    let text = sent.text();

    let other_branch = text.replace(&branch(&sent.request()), "z9hG4bKother");
    let Ok(Message::Request(other)) = Message::parse_datagram(other_branch.as_bytes()) else {
        panic!("still a request");
    };
    bench.receive(response_to(&other, 486), from_peer());

    bench.assert_silent();
}
