use super::super::*;
use super::harness::*;
use crate::message::{HeaderName, HeaderValue, Method};

#[test]
fn says_100_trying_after_200_ms_of_silence() {
    let mut bench = Bench::new();
    let mut invite = peer_invite();
    let timestamp = HeaderName::parse("Timestamp").unwrap();
    invite
        .headers
        .push(timestamp.clone(), HeaderValue::from_static("54"));
    bench.receive(invite, from_peer());
    bench.incoming();

    bench.run_to(199);
    bench.assert_silent();

    bench.run_to(200);
    let trying = bench.sent_one().response();
    assert_eq!(trying.status.code(), 100);
    assert_eq!(trying.headers.get(&timestamp).unwrap().as_bytes(), b"54");
    assert_eq!(trying.headers.to().unwrap().tag(), None);
}

#[test]
fn says_no_100_when_the_user_agent_was_faster() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 180).unwrap();
    bench.run_to(100_000);

    assert_eq!(bench.sent_one().response().status.code(), 180);
}

#[test]
fn a_repeated_invite_gets_the_last_provisional_response() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.receive(peer_invite(), from_peer());
    bench.assert_silent();

    bench.respond(id, &request, 180).unwrap();
    bench.respond(id, &request, 183).unwrap();
    bench.sent();
    bench.receive(peer_invite(), from_peer());

    assert_eq!(bench.sent_one().response().status.code(), 183);
    assert!(bench.events().is_empty());
}

#[test]
fn repeats_a_failure_up_to_t2_until_timer_h_says_that_no_ack_will_come() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 486).unwrap();
    bench.run_to(32_000);

    let expected = [
        0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.times(), expected);
    bench.assert_server_terminated(id, ServerEnd::NotAcknowledged);
    bench.assert_empty();
}

#[test]
fn ack_stops_the_repeats_and_its_own_repeats_are_absorbed_for_t4() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 486).unwrap();
    bench.sent();

    let ack = peer_request(Method::Ack, PEER_VIA);
    bench.receive(ack.clone(), from_peer());
    bench.run_to(4999);
    bench.receive(ack, from_peer());
    bench.receive(peer_invite(), from_peer());
    bench.assert_silent();

    bench.run_to(5000);
    bench.assert_server_terminated(id, ServerEnd::Completed);
    bench.assert_empty();
}

#[test]
fn a_repeated_invite_gets_the_failure_again() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 486).unwrap();
    bench.sent();

    bench.receive(peer_invite(), from_peer());

    assert_eq!(bench.sent_one().response().status.code(), 486);
}

#[test]
fn on_a_reliable_transport_a_failure_is_sent_once_but_timer_h_runs() {
    let mut bench = Bench::new();
    bench.receive(
        peer_request(Method::Invite, PEER_VIA_TCP),
        from_peer_by_tcp(),
    );
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 486).unwrap();
    bench.run_to(32_000);

    assert_eq!(bench.times(), [0]);
    bench.assert_server_terminated(id, ServerEnd::NotAcknowledged);
}

#[test]
fn on_a_reliable_transport_timer_i_is_zero() {
    let mut bench = Bench::new();
    bench.receive(
        peer_request(Method::Invite, PEER_VIA_TCP),
        from_peer_by_tcp(),
    );
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 486).unwrap();

    bench.receive(peer_request(Method::Ack, PEER_VIA_TCP), from_peer_by_tcp());
    bench.run_to(0);

    bench.assert_server_terminated(id, ServerEnd::Completed);
}

#[test]
fn behind_a_2xx_repeated_invites_are_absorbed_until_timer_l() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 200).unwrap();
    assert_eq!(bench.sent_one().response().status.code(), 200);

    bench.run_to(31_999);
    bench.receive(peer_invite(), from_peer());
    bench.assert_silent();

    bench.run_to(32_000);
    bench.assert_server_terminated(id, ServerEnd::Completed);
    bench.assert_empty();
}

#[test]
fn the_user_agent_may_repeat_its_2xx_but_not_change_its_mind() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 200).unwrap();
    bench.respond(id, &request, 200).unwrap();
    assert_eq!(bench.sent().len(), 2);

    assert_eq!(bench.respond(id, &request, 486), Err(TooLate));
    assert_eq!(bench.respond(id, &request, 180), Err(TooLate));
    bench.assert_silent();
}

#[test]
fn the_ack_of_a_2xx_is_passed_up_whatever_its_branch() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 200).unwrap();

    let own = PEER_VIA.replace("peer1", "peer2");
    bench.receive(peer_request(Method::Ack, &own), from_peer());
    bench.receive(peer_request(Method::Ack, PEER_VIA), from_peer());

    assert!(matches!(
        bench.events()[..],
        [TransactionEvent::Ack { .. }, TransactionEvent::Ack { .. }]
    ));
}
