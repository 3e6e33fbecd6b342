//! CANCEL, both ways (RFC 3261 §9), and its races.

use super::super::*;
use super::harness::*;
use crate::message::{HeaderName, Method};
use crate::target::{ResolveError, Target};

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();

    bench.cancel(id);
    bench.assert_silent();

    bench.answer(&sent, 100);
    assert_eq!(bench.sent_one().request().method, Method::Cancel);
}

#[test]
fn cancel_goes_where_the_invite_went_with_its_branch_and_route() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let sent = bench.sent_one();
    bench.answer(&sent, 180);
    bench.statuses();

    bench.cancel(id);

    let cancel = bench.sent_one();
    assert_eq!(cancel.to(), sent.to());
    let (cancel, invite) = (cancel.request(), sent.request());
    assert_eq!(cancel.uri, invite.uri);
    assert_eq!(cancel.headers.vias().unwrap().len(), 1);
    assert_eq!(branch(&cancel), branch(&invite));
    assert_eq!(cancel.headers.routes(), invite.headers.routes());
    assert_eq!(cancel.headers.from(), invite.headers.from());
    assert_eq!(cancel.headers.to(), invite.headers.to());
    assert_eq!(cancel.headers.call_id(), invite.headers.call_id());
    let cseq = cancel.headers.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (7, Method::Cancel));
    let reason = cancel.headers.get(&HeaderName::Reason).unwrap();
    assert_eq!(reason.as_bytes(), b"SIP;cause=200");
}

#[test]
fn a_cancelled_invite_ends_with_487_and_the_answer_to_cancel_is_swallowed() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let invite = bench.sent_one();
    bench.answer(&invite, 180);
    bench.cancel(id);
    let cancel = bench.sent_one();

    bench.answer(&cancel, 200);
    bench.answer(&invite, 487);

    assert_eq!(bench.statuses(), [180, 487]);
    assert_eq!(bench.sent_one().request().method, Method::Ack);
    bench.run_to(40_000);
    bench.assert_client_terminated(id);
    bench.assert_empty();
}

#[test]
fn a_lost_cancel_is_repeated() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let invite = bench.sent_one();
    bench.answer(&invite, 180);

    bench.cancel(id);
    bench.cancel(id);
    bench.run_to(1500);

    assert_eq!(bench.times(), [0, 500, 1500], "one CANCEL, repeated");
}

#[test]
fn cancel_crossing_200_ok_passes_the_2xx_up() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let invite = bench.sent_one();
    bench.answer(&invite, 180);
    bench.cancel(id);
    let cancel = bench.sent_one();

    bench.answer(&invite, 200);
    bench.answer(&cancel, 481);

    assert_eq!(bench.statuses(), [180, 200]);
    bench.run_to(100_000);
    bench.assert_client_terminated(id);
    bench.assert_empty();
}

#[test]
fn a_final_response_that_comes_first_makes_cancel_needless() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let invite = bench.sent_one();

    bench.cancel(id);
    bench.answer(&invite, 200);

    assert_eq!(bench.statuses(), [200]);
    assert!(bench.sent().is_empty());
    bench.cancel(id);
    bench.assert_silent();
}

#[test]
fn without_a_final_response_the_call_is_given_up_64_t1_after_cancel() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[udp_peer()]);
    let invite = bench.sent_one();
    bench.answer(&invite, 180);
    bench.run_to(10_000);
    bench.cancel(id);
    let cancel = bench.sent_one();
    bench.answer(&cancel, 200);
    bench.statuses();

    bench.run_to(41_999);
    assert!(bench.events().is_empty());
    bench.run_to(42_000);

    bench.assert_failed(id, Failure::Cancelled);
    bench.assert_empty();
}

#[test]
fn cancelled_while_resolving_nothing_is_sent() {
    let mut bench = Bench::new();
    let target = Target {
        host: "example.com".into(),
        port: None,
        transport: None,
        secure: false,
    };
    let route = Route::Target(target);
    let id = bench
        .layer
        .send_request(invite(), None, route, bench.now)
        .unwrap();
    let lookup = bench.layer.poll_resolve().unwrap();

    bench.cancel(id);
    bench.assert_failed(id, Failure::Cancelled);
    bench
        .layer
        .handle_resolved(lookup.id, Ok(vec![udp_peer()]), bench.now);
    bench.drain();

    bench.assert_silent();
    bench.assert_empty();
}

#[test]
fn cancelled_and_never_heard_of_does_not_go_to_another_server() {
    let mut bench = Bench::new();
    let id = bench.send(invite(), &[server(1), server(2)]);

    bench.cancel(id);
    bench.run_to(100_000);

    assert!(bench.sent().iter().all(|sent| *sent.to() == server(1)));
    bench.assert_failed(id, Failure::Cancelled);
    bench.assert_empty();
}

#[test]
fn a_resolver_that_never_answers_is_given_up() {
    let mut bench = Bench::new();
    let target = Target {
        host: "example.com".into(),
        port: None,
        transport: None,
        secure: false,
    };
    let id = bench
        .layer
        .send_request(options(), None, Route::Target(target), bench.now)
        .unwrap();

    bench.run_to(32_000);

    bench.assert_failed(id, Failure::Unresolvable(ResolveError::Unavailable));
}

#[test]
fn an_incoming_cancel_is_answered_and_told_once() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 180).unwrap();
    bench.sent();

    let cancel = peer_request(Method::Cancel, PEER_VIA);
    bench.receive(cancel.clone(), from_peer());
    bench.receive(cancel, from_peer());

    assert!(matches!(
        bench.event(),
        TransactionEvent::Cancelled { id: cancelled, .. } if cancelled == id
    ));
    let answers = bench.sent();
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let answer = answer.response();
        assert_eq!(answer.status.code(), 200);
        let tag = answer.headers.to().unwrap().tag().unwrap().into_owned();
        assert_eq!(tag, "b2", "the tag of the INVITE's responses");
    }

    bench.respond(id, &request, 487).unwrap();
    assert_eq!(bench.sent_one().response().status.code(), 487);
}

#[test]
fn an_incoming_cancel_behind_our_200_changes_nothing() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 200).unwrap();
    bench.sent();

    bench.receive(peer_request(Method::Cancel, PEER_VIA), from_peer());

    assert_eq!(bench.sent_one().response().status.code(), 200);
    assert!(bench.events().is_empty());
}

#[test]
fn a_cancel_of_nothing_gets_481() {
    let mut bench = Bench::new();

    bench.receive(peer_request(Method::Cancel, PEER_VIA), from_peer());

    assert_eq!(bench.sent_one().response().status.code(), 481);
    bench.assert_silent();
    bench.assert_empty();
}
