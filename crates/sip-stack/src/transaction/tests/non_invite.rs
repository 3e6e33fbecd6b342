//! Both sides of everything but INVITE.

use super::super::*;
use super::harness::*;
use crate::message::Method;

#[test]
fn repeats_double_up_to_t2_and_end_after_64_t1() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[udp_peer()]);

    bench.run_to(32_000);

    let expected = [
        0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.times(), expected);
    bench.assert_failed(id, Failure::Timeout);
    bench.assert_empty();
}

#[test]
fn after_a_provisional_response_repeats_go_on_every_t2_until_timer_f() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 100);
    bench.run_to(32_000);

    let expected = [500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500];
    assert_eq!(bench.times(), expected);
    assert!(matches!(
        bench.events()[..],
        [
            TransactionEvent::Response { .. },
            TransactionEvent::Failed { id: failed, why: Failure::Timeout },
        ] if failed == id
    ));
}

#[test]
fn a_final_response_ends_repeats_and_its_own_repeats_are_absorbed_for_t4() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.answer(&sent, 200);
    bench.run_to(4999);
    bench.answer(&sent, 200);
    assert_eq!(bench.statuses(), [200]);
    assert!(bench.sent().is_empty());

    bench.run_to(5000);
    bench.assert_client_terminated(id);
    bench.assert_empty();
}

#[test]
fn a_reliable_transport_sends_once_and_timer_k_is_zero() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[tcp_peer()]);
    bench.run_to(10_000);
    let sent = bench.sent_one();

    bench.answer(&sent, 200);
    assert_eq!(bench.statuses(), [200]);

    bench.run_to(10_000);
    bench.assert_client_terminated(id);
    bench.assert_empty();
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_is_passed_up_once() {
    let mut bench = Bench::new();
    let options = peer_request(Method::Options, PEER_VIA);
    bench.receive(options.clone(), from_peer());
    let (id, request) = bench.incoming();
    bench.receive(options.clone(), from_peer());
    bench.assert_silent();

    bench.respond(id, &request, 200).unwrap();
    bench.run_to(31_999);
    bench.receive(options.clone(), from_peer());

    let sent = bench.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].transmit, sent[1].transmit);
    assert!(bench.events().is_empty());

    bench.run_to(32_000);
    bench.assert_server_terminated(id, ServerEnd::Completed);
    bench.assert_empty();
}

#[test]
fn on_a_reliable_transport_timer_j_is_zero() {
    let mut bench = Bench::new();
    bench.receive(
        peer_request(Method::Options, PEER_VIA_TCP),
        from_peer_by_tcp(),
    );
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 200).unwrap();
    bench.run_to(0);

    bench.assert_server_terminated(id, ServerEnd::Completed);
}

#[test]
fn says_100_once_timer_e_of_the_client_has_reached_t2_and_not_before() {
    let mut bench = Bench::new();
    let options = peer_request(Method::Options, PEER_VIA);
    bench.receive(options.clone(), from_peer());
    let (id, request) = bench.incoming();

    bench.run_to(3499);
    bench.receive(options.clone(), from_peer());
    bench.assert_silent();

    bench.run_to(3500);
    assert_eq!(bench.sent_one().response().status.code(), 100);
    bench.receive(options, from_peer());
    assert_eq!(bench.sent_one().response().status.code(), 100);

    bench.respond(id, &request, 200).unwrap();
    assert_eq!(bench.sent_one().response().status.code(), 200);
}

#[test]
fn no_provisional_response_but_100_is_sent() {
    let mut bench = Bench::new();
    bench.receive(peer_request(Method::Options, PEER_VIA), from_peer());
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 180).unwrap();
    bench.assert_silent();

    bench.respond(id, &request, 200).unwrap();
    assert_eq!(bench.sent_one().response().status.code(), 200);
}

#[test]
fn no_408_is_sent_and_nothing_else_follows() {
    let mut bench = Bench::new();
    bench.receive(peer_request(Method::Options, PEER_VIA), from_peer());
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 408).unwrap();
    bench.run_to(31_999);
    bench.assert_silent();

    bench.run_to(32_000);
    bench.assert_server_terminated(id, ServerEnd::NeverAnswered);
}

#[test]
fn an_answer_is_too_late_once_the_client_has_given_up() {
    let mut bench = Bench::new();
    bench.receive(peer_request(Method::Options, PEER_VIA), from_peer());
    let (id, request) = bench.incoming();

    bench.run_to(32_000);
    bench.sent();
    bench.assert_server_terminated(id, ServerEnd::NeverAnswered);

    assert_eq!(bench.respond(id, &request, 200), Err(TooLate));
    bench.assert_silent();
    bench.assert_empty();
}
