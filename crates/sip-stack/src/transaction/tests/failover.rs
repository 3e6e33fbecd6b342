//! The next server (RFC 3263 §4.3), invisible to the user agent.

use super::super::*;
use super::harness::*;
use crate::message::{HeaderName, Method};
use crate::target::ResolveError;
use crate::transport::TransportError;

#[test]
fn silence_moves_on_to_the_next_server_with_another_branch() {
    let mut bench = Bench::new();
    bench.send(invite(), &[server(1), server(2)]);

    bench.run_to(4000);

    let sent = bench.sent();
    let (first, second) = (&sent[0], sent.last().unwrap());
    assert_eq!(second.at.as_millis(), 4000);
    assert_eq!(*second.to(), server(2));
    assert_ne!(branch(&first.request()), branch(&second.request()));
    assert!(bench.events().is_empty());

    bench.answer(second, 200);
    assert_eq!(bench.statuses(), [200]);
}

#[test]
fn a_late_ringing_at_a_server_given_up_is_cancelled_once() {
    let mut bench = Bench::new();
    bench.send(invite(), &[server(1), server(2)]);
    bench.run_to(4000);
    let first = bench.sent().remove(0);

    bench.answer(&first, 180);
    bench.answer(&first, 183);

    let cancel = bench.sent_one();
    assert_eq!(cancel.request().method, Method::Cancel);
    assert_eq!(branch(&cancel.request()), branch(&first.request()));
    assert!(bench.events().is_empty());

    bench.answer(&first, 487);
    assert_eq!(bench.sent_one().request().method, Method::Ack);
    assert!(bench.events().is_empty());
}

#[test]
fn a_late_answer_from_a_server_given_up_is_passed_up_with_its_invite() {
    let mut bench = Bench::new();
    bench.send(invite(), &[server(1), server(2)]);
    bench.run_to(4000);
    let first = bench.sent().remove(0);

    bench.answer(&first, 200);

    let TransactionEvent::StrayResponse2xx { invite, .. } = bench.event() else {
        panic!("a stray 2xx");
    };
    assert_eq!(
        branch(&invite.expect("remembered")),
        branch(&first.request())
    );
}

#[test]
fn a_server_that_has_answered_anything_is_waited_for() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[server(1), server(2)]);
    let sent = bench.sent_one();

    bench.answer(&sent, 100);
    bench.run_to(31_999);
    assert!(bench.sent().iter().all(|sent| *sent.to() == server(1)));

    bench.run_to(32_000);
    assert_eq!(*bench.sent_one().to(), server(2), "Timer F");
    bench.run_to(64_000);
    assert!(matches!(
        bench.events()[..],
        [
            TransactionEvent::Response { .. },
            TransactionEvent::Failed { id: failed, why: Failure::Timeout },
        ] if failed == id
    ));
    bench.assert_empty();
}

#[test]
fn a_transport_error_moves_on_at_once() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[server(1), server(2)]);
    let first = bench.sent_one();

    bench.fail(&first, TransportError::Refused);
    let second = bench.sent_one();
    assert_eq!(*second.to(), server(2));

    bench.fail(&second, TransportError::NoSocket);
    bench.assert_failed(id, Failure::Transport(TransportError::NoSocket));
    bench.assert_empty();
}

#[test]
fn a_503_moves_on_and_is_passed_up_only_from_the_last_server() {
    let mut bench = Bench::new();
    bench.send(invite(), &[server(1), server(2)]);
    let first = bench.sent_one();

    bench.answer(&first, 503);
    let sent = bench.sent();
    assert_eq!(sent[0].request().method.as_str(), "ACK");
    assert_eq!(*sent[1].to(), server(2));
    assert!(bench.events().is_empty());

    bench.answer(&first, 503);
    assert_eq!(bench.sent_one().request().method.as_str(), "ACK");

    bench.answer(&sent[1], 503);
    assert_eq!(bench.statuses(), [503]);
    bench.run_to(40_000);
    bench.sent();
    assert_eq!(bench.events().len(), 1, "one ClientTerminated");
    bench.assert_empty();
}

#[test]
fn retry_after_is_remembered_for_the_next_request() {
    let mut bench = Bench::new();
    bench.send(options(), &[server(1)]);
    let sent = bench.sent_one();
    let busy = with_header(
        response_to(&sent.request(), 503),
        HeaderName::RetryAfter,
        "60",
    );
    bench.receive(busy, back_from(sent.to()));
    bench.statuses();

    bench.send(options(), &[server(1), server(2)]);
    let second = bench.sent_one();
    assert_eq!(*second.to(), server(2));
    bench.answer(&second, 200);

    bench.run_to(60_000);
    bench.send(options(), &[server(1), server(2)]);
    assert_eq!(*bench.sent_one().to(), server(1), "forgiven");
}

#[test]
fn a_dead_server_is_tried_last_for_a_while() {
    let mut bench = Bench::new();
    bench.send(options(), &[server(1), server(2)]);
    let first = bench.sent_one();
    bench.fail(&first, TransportError::Refused);
    bench.sent();

    bench.send(options(), &[server(1), server(2)]);

    assert_eq!(*bench.sent_one().to(), server(2));
}

#[test]
fn the_only_server_is_used_even_if_it_failed() {
    let mut bench = Bench::new();
    bench.send(options(), &[server(1)]);
    let first = bench.sent_one();
    bench.fail(&first, TransportError::Refused);
    bench.events();

    bench.send(options(), &[server(1)]);

    assert_eq!(*bench.sent_one().to(), server(1));
}

#[test]
fn a_ringing_call_does_not_move_when_its_stream_ends() {
    let mut bench = Bench::new();
    let flowing = Destination {
        flow: Some(FlowId(4)),
        ..tcp_peer()
    };
    bench.send(invite(), &[flowing, server(2)]);
    let sent = bench.sent_one();
    bench.answer(&sent, 180);
    bench.statuses();

    bench.layer.handle_flow_closed(FlowId(4), bench.now);
    bench.drain();
    bench.fail(&sent, TransportError::FlowClosed);

    bench.assert_silent();
    bench.answer(&sent, 200);
    assert_eq!(bench.statuses(), [200]);
}

#[test]
fn an_unanswered_request_moves_when_its_stream_ends() {
    let mut bench = Bench::new();
    let flowing = Destination {
        flow: Some(FlowId(4)),
        ..tcp_peer()
    };
    bench.send(options(), &[flowing, server(2)]);
    bench.sent();

    bench.layer.handle_flow_closed(FlowId(4), bench.now);
    bench.drain();

    assert_eq!(*bench.sent_one().to(), server(2));
}

#[test]
fn a_request_on_a_dead_pooled_stream_goes_once_more_to_the_same_server() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[tcp_peer()]);
    let first = bench.sent_one();

    bench.fail(&first, TransportError::FlowClosed);
    let second = bench.sent_one();
    assert_eq!(second.to(), first.to());
    assert_ne!(branch(&second.request()), branch(&first.request()));

    bench.fail(&second, TransportError::FlowClosed);
    bench.assert_failed(id, Failure::Transport(TransportError::FlowClosed));
    bench.assert_empty();
}

#[test]
fn a_target_without_destinations_fails() {
    let mut bench = Bench::new();
    let id = bench.send(options(), &[]);

    bench.assert_failed(id, Failure::Unresolvable(ResolveError::NoSuchDomain));
    bench.assert_empty();
}

#[test]
fn a_late_2xx_of_an_abandoned_server_is_a_stray() {
    let mut bench = Bench::new();
    bench.send(invite(), &[server(1), server(2)]);
    bench.run_to(4000);
    let sent = bench.sent();

    bench.answer(&sent[0], 200);

    assert!(matches!(
        bench.event(),
        TransactionEvent::StrayResponse2xx { .. }
    ));
}
