//! What the layer writes into requests, and how large ones travel (RFC 3261 §18.1.1).

use bytes::Bytes;

use super::super::*;
use super::harness::*;
use crate::message::{HeaderName, Method};
use crate::transport::{Transport, TransportError};

#[test]
fn via_names_the_advertised_address_and_asks_for_rport() {
    let mut bench = Bench::new();
    bench.send(options(), &[udp_peer()]);

    let via = bench.sent_one().request().headers.via().unwrap();

    assert_eq!(via.transport(), "UDP");
    assert_eq!(via.sent_by(), US);
    assert!(via.wants_rport());
    assert!(via.has_magic_cookie());
}

#[test]
fn contact_follows_the_transport() {
    let cases = [
        (udp_peer(), "<sip:tok@192.0.2.1:5060;ob>;expires=60"),
        (
            tcp_peer(),
            "<sip:tok@192.0.2.1:5060;transport=tcp;ob>;expires=60",
        ),
        (
            Destination::tls(addr(PEER), "example.com"),
            "<sip:tok@192.0.2.1:5061;transport=tls;ob>;expires=60",
        ),
    ];
    for (destination, expected) in cases {
        let mut bench = Bench::new();
        let contact = ContactTemplate::new("tok", ";ob", ";expires=60").unwrap();
        bench
            .layer
            .send_request(
                options(),
                Some(contact),
                Route::Fixed(vec![destination]),
                bench.now,
            )
            .unwrap();
        bench.drain();

        let request = bench.sent_one().request();

        let contact = request.headers.get(&HeaderName::Contact).unwrap();
        assert_eq!(contact.text(), expected);
    }
}

#[test]
fn a_contact_cannot_smuggle_a_line_break() {
    assert!(ContactTemplate::new("a\r\nX: y", "", "").is_err());
    assert!(ContactTemplate::new("a", "\0", "").is_err());
}

#[test]
fn a_request_over_1300_bytes_goes_by_tcp() {
    let mut bench = Bench::new();
    bench.send(large(), &[udp_peer()]);

    let sent = bench.sent_one();

    assert_eq!(*sent.to(), tcp_peer());
    assert_eq!(sent.request().headers.via().unwrap().transport(), "TCP");
}

#[test]
fn a_refused_tcp_connection_sends_the_large_request_by_udp_after_all() {
    let mut bench = Bench::new();
    bench.send(large(), &[udp_peer()]);
    let by_tcp = bench.sent_one();

    bench.fail(&by_tcp, TransportError::Refused);

    let by_udp = bench.sent_one();
    assert_eq!(*by_udp.to(), udp_peer());
    assert_eq!(by_udp.request().headers.via().unwrap().transport(), "UDP");

    bench.answer(&by_udp, 200);
    bench.statuses();
    bench.send(large(), &[udp_peer()]);
    let next = bench.sent_one();
    assert_eq!(
        next.to().transport,
        Transport::Udp,
        "TCP is not tried again"
    );
}

#[test]
fn a_tcp_peer_that_says_nothing_is_given_up_for_udp() {
    let mut bench = Bench::new();
    bench.send(large(), &[udp_peer()]);
    bench.sent();

    bench.run_to(4000);

    assert_eq!(*bench.sent_one().to(), udp_peer());
}

#[test]
fn a_503_by_tcp_is_not_asked_again_of_the_same_server_by_udp() {
    let mut bench = Bench::new();
    bench.send(large(), &[udp_peer()]);
    let by_tcp = bench.sent_one();

    bench.answer(&by_tcp, 503);

    assert_eq!(bench.statuses(), [503]);
}

#[test]
fn the_ack_of_a_2xx_has_a_branch_of_its_own_and_no_transaction() {
    let mut bench = Bench::new();
    let ack = request(Method::Ack);
    let route = Route::Fixed(vec![udp_peer()]);

    bench.layer.send_ack(ack.clone(), route.clone(), bench.now);
    bench.layer.send_ack(ack, route, bench.now);
    bench.drain();

    let sent = bench.sent();
    assert_eq!(sent.len(), 2);
    assert_ne!(branch(&sent[0].request()), branch(&sent[1].request()));
    bench.assert_empty();
}

#[test]
fn at_the_bound_further_requests_are_refused() {
    let mut bench = Bench::with(|config| config.max_client = 1);
    bench.send(options(), &[udp_peer()]);

    let second =
        bench
            .layer
            .send_request(options(), None, Route::Fixed(vec![udp_peer()]), bench.now);

    assert_eq!(second, Err(TooManyTransactions));
}

#[test]
fn equal_seeds_give_equal_branches_and_others_do_not() {
    let one = |seed| {
        let mut bench = Bench::new();
        bench.layer = Layer::new(LayerConfig::new(bench.layer.local().clone()), [seed; 32]);
        bench.send(options(), &[udp_peer()]);
        branch(&bench.sent_one().request())
    };

    assert_eq!(one(1), one(1));
    assert_ne!(one(1), one(2));
}

fn large() -> Request {
    let mut request = request(Method::Message);
    request.body = Bytes::from(vec![b'x'; 1300]);
    request
}
