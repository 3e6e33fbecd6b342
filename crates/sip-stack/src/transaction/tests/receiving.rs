//! Matching requests, and the way back of responses (RFC 3261 §17.2.3 and §18.2,
//! RFC 3581).

use super::super::*;
use super::harness::*;
use crate::message::{HeaderName, HeaderValue, Method, Uri};
use crate::transport::TransportError;

#[test]
fn rport_and_received_are_filled_in_and_answered_to() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKnat";
    let source = Source {
        remote: addr("203.0.113.9:40312"),
        ..from_peer()
    };
    bench.receive(peer_request(Method::Options, via), source);
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 200).unwrap();

    let sent = bench.sent_one();
    assert_eq!(sent.to().addr, addr("203.0.113.9:40312"));
    let via = sent.response().headers.via().unwrap();
    assert_eq!(via.rport(), Some(40312));
    assert_eq!(via.received(), Some(addr("203.0.113.9:1").ip()));
    assert_eq!(via.sent_by(), "10.0.0.5:5060");
}

#[test]
fn without_rport_the_answer_goes_to_the_port_in_via() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/UDP pc.example.com:5099;branch=z9hG4bKold";
    let source = Source {
        remote: addr("203.0.113.9:40312"),
        ..from_peer()
    };
    bench.receive(peer_request(Method::Options, via), source);
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 200).unwrap();

    let sent = bench.sent_one();
    assert_eq!(sent.to().addr, addr("203.0.113.9:5099"));
    let via = sent.response().headers.via().unwrap();
    assert_eq!(via.received(), Some(addr("203.0.113.9:1").ip()));
}

#[test]
fn on_a_stream_the_answer_takes_the_same_flow() {
    let mut bench = Bench::new();
    bench.receive(
        peer_request(Method::Options, PEER_VIA_TCP),
        from_peer_by_tcp(),
    );
    let (id, request) = bench.incoming();

    bench.respond(id, &request, 200).unwrap();

    assert_eq!(bench.sent_one().to().flow, Some(FlowId(9)));
}

#[test]
fn when_the_stream_is_gone_the_answer_goes_to_the_address_in_via() {
    let mut bench = Bench::new();
    let source = Source {
        remote: addr("198.51.100.7:55555"),
        ..from_peer_by_tcp()
    };
    bench.receive(peer_request(Method::Invite, PEER_VIA_TCP), source);
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 180).unwrap();
    let sent = bench.sent_one();

    bench.fail(&sent, TransportError::FlowClosed);

    let again = bench.sent_one();
    assert_eq!(*again.to(), tcp_peer());
    assert_eq!(again.transmit.bytes, sent.transmit.bytes);
    bench.fail(&again, TransportError::Refused);
    bench.assert_silent();
}

#[test]
fn every_via_of_the_request_is_in_the_response_in_order() {
    let mut bench = Bench::new();
    let mut options = peer_request(Method::Options, PEER_VIA);
    let below = "SIP/2.0/UDP below.example.com;branch=z9hG4bKbelow";
    let via = HeaderValue::new(below).unwrap();
    options.headers.push(HeaderName::Via, via);
    bench.receive(options, from_peer());
    let (id, request) = bench.incoming();

    let mut response = response_to(&request, 200);
    response.headers.remove(&HeaderName::Via);
    bench.layer.respond(id, response, bench.now).unwrap();
    bench.drain();

    let vias = bench.sent_one().response().headers.vias().unwrap();
    let hosts: Vec<_> = vias.iter().map(|via| via.host.to_string()).collect();
    assert_eq!(hosts, ["198.51.100.7", "below.example.com"]);
}

#[test]
fn a_branch_without_the_cookie_is_matched_by_everything_else() {
    let mut bench = Bench::new();
    let old = "SIP/2.0/UDP 198.51.100.7:5060;branch=1";
    bench.receive(peer_request(Method::Invite, old), from_peer());
    let (id, request) = bench.incoming();
    bench.receive(peer_request(Method::Invite, old), from_peer());
    bench.assert_silent();
    bench.respond(id, &request, 486).unwrap();
    bench.sent();

    let mut ack = peer_request(Method::Ack, old);
    let mut to = ack.headers.to().unwrap();
    to.set_tag("b2").unwrap();
    ack.headers.set(HeaderName::To, to);
    bench.receive(ack, from_peer());
    bench.run_to(5000);

    bench.assert_server_terminated(id, ServerEnd::Completed);

    let mut other = peer_request(Method::Invite, old);
    let call_id = HeaderValue::from_static("call-2@example.org");
    other.headers.set(HeaderName::CallId, call_id);
    bench.receive(other, from_peer());
    bench.incoming();
}

#[test]
fn a_branch_is_matched_without_regard_to_case() {
    let mut bench = Bench::new();
    bench.send(options(), &[udp_peer()]);
    let sent = bench.sent_one();
    let lower = sent.text().replace("z9hG4bK", "Z9HG4BK");
    let Ok(Message::Request(shouted)) = Message::parse_datagram(lower.as_bytes()) else {
        panic!("still a request");
    };

    bench.receive(response_to(&shouted, 200), from_peer());

    assert_eq!(bench.statuses(), [200]);
}

#[test]
fn a_request_merged_from_two_ways_gets_482() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    bench.incoming();

    let other_way = PEER_VIA.replace("peer1", "peer2");
    bench.receive(peer_request(Method::Invite, &other_way), from_peer());
    bench.receive(peer_request(Method::Invite, &other_way), from_peer());

    let sent = bench.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].response().status.code(), 482);
    assert_eq!(sent[0].transmit.bytes, sent[1].transmit.bytes);
    assert!(bench.events().is_empty());
}

#[test]
fn a_call_forked_to_two_of_our_bindings_rings_at_both() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    bench.incoming();

    let mut fork = peer_request(Method::Invite, &PEER_VIA.replace("peer1", "peer2"));
    fork.uri = Uri::parse("sip:other-tab@192.0.2.1").unwrap();
    bench.receive(fork, from_peer());

    bench.incoming();
}

#[test]
fn within_a_dialog_nothing_merges() {
    let mut bench = Bench::new();
    let within = |branch: &str| {
        let mut bye = peer_request(Method::Bye, &PEER_VIA.replace("peer1", branch));
        let mut to = bye.headers.to().unwrap();
        to.set_tag("ours").unwrap();
        bye.headers.set(HeaderName::To, to);
        bye
    };
    bench.receive(within("one"), from_peer());
    bench.incoming();

    bench.receive(within("two"), from_peer());

    bench.incoming();
}

#[test]
fn once_the_first_is_over_the_same_request_is_new() {
    let mut bench = Bench::new();
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 200).unwrap();
    bench.run_to(32_000);
    bench.sent();
    bench.events();

    let again = peer_request(Method::Invite, &PEER_VIA.replace("peer1", "peer2"));
    bench.receive(again, from_peer());

    bench.incoming();
}

#[test]
fn when_full_a_new_request_gets_503_and_a_known_one_its_answer() {
    let mut bench = Bench::with(|config| config.max_server = 1);
    bench.receive(peer_invite(), from_peer());
    let (id, request) = bench.incoming();
    bench.respond(id, &request, 180).unwrap();
    bench.sent();

    let other = peer_request(Method::Options, &PEER_VIA.replace("peer1", "peer2"));
    bench.receive(other, from_peer());
    let refused = bench.sent_one().response();
    assert_eq!(refused.status.code(), 503);
    assert!(refused.headers.retry_after().unwrap().is_some());
    assert!(refused.headers.to().unwrap().tag().is_some());
    assert!(bench.events().is_empty());

    bench.receive(peer_invite(), from_peer());
    assert_eq!(bench.sent_one().response().status.code(), 180);
}

#[test]
fn an_unreadable_request_that_can_be_answered_is_refused() {
    let mut bench = Bench::new();
    let text = "INVITE sip:bob@example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP 10.0.0.5;rport;branch=z9hG4bKbad\r\n\
        From: <sip:a@example.org>;tag=1\r\nTo: <sip:bob@example.com>\r\n\
        Call-ID: x\r\nCSeq: 1 INVITE\r\nContact: <<nonsense\r\nContent-Length: 0\r\n\r\n";
    let error = Message::parse_datagram(text.as_bytes()).unwrap_err();
    let salvage = error.salvage().unwrap();

    bench
        .layer
        .handle_malformed(salvage, from_peer(), bench.now);
    bench.drain();

    let sent = bench.sent_one();
    assert_eq!(sent.to().addr, addr(PEER));
    assert_eq!(sent.response().status.code(), 400);
    bench.assert_empty();
}
