use bytes::Bytes;

use super::*;
use crate::message::{Message, StatusCode};
use crate::target::Target;
use crate::transport::FlowId;

#[test]
fn the_caller_goes_back_through_the_record_route_in_reverse() {
    let mut dialog = called(
        "Record-Route: <sip:far.example;lr>\r\nRecord-Route: <sip:near.example:5070;lr>, <sip:p;lr>\r\n",
    );
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.as_str(), "sip:bob@192.0.2.4");
    assert_eq!(
        bye.headers.texts(&HeaderName::Route),
        [
            "<sip:p;lr>",
            "<sip:near.example:5070;lr>",
            "<sip:far.example;lr>"
        ]
    );
    assert_eq!(host_of(&dialog), "p");
    assert_eq!(bye.headers.cseq().unwrap().number, 315);
}

#[test]
fn the_called_goes_through_the_record_route_as_it_stands() {
    let mut dialog = Dialog::from_request(
        &invite("Record-Route: <sip:near.example;lr>, <sip:far.example;lr>\r\n"),
        "ours",
        &udp(),
    )
    .unwrap();
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.as_str(), "sip:alice@192.0.2.1:5062");
    assert_eq!(
        bye.headers.texts(&HeaderName::Route),
        ["<sip:near.example;lr>", "<sip:far.example;lr>"]
    );
    assert_eq!(bye.headers.cseq().unwrap().number, 1);
    assert_eq!(bye.headers.from().unwrap().tag().unwrap(), "ours");
    assert_eq!(bye.headers.to().unwrap().tag().unwrap(), "theirs");
}

#[test]
fn a_strict_router_gets_its_own_uri_in_the_request_line() {
    let mut dialog = called("Record-Route: <sip:far.example;lr>, <sip:strict.example>\r\n");
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.as_str(), "sip:strict.example");
    assert_eq!(
        bye.headers.texts(&HeaderName::Route),
        ["<sip:far.example;lr>", "<sip:bob@192.0.2.4>"]
    );
    assert_eq!(host_of(&dialog), "strict.example");
}

#[test]
fn the_target_is_refreshed_but_never_the_route_set() {
    let mut dialog = called("Record-Route: <sip:p;lr>\r\n");
    let mut headers = Headers::new();
    headers.push(
        HeaderName::Contact,
        HeaderValue::from_static("<sip:bob@192.0.2.99?Subject=x>"),
    );
    headers.push(
        HeaderName::RecordRoute,
        HeaderValue::from_static("<sip:other;lr>"),
    );
    dialog.refresh_target(&headers);
    dialog.refresh_target(&Headers::new());
    headers.set(
        HeaderName::Contact,
        HeaderValue::from_static("<tel:+15551234>"),
    );
    dialog.refresh_target(&headers);
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.as_str(), "sip:bob@192.0.2.99");
    assert_eq!(host_of(&dialog), "p");
}

#[test]
fn numbers_only_go_up() {
    let mut dialog = Dialog::from_request(&invite(""), "ours", &udp()).unwrap();
    assert_eq!(dialog.check_order(313), Err(OutOfOrder));
    assert_eq!(dialog.check_order(315), Ok(()));
    assert_eq!(dialog.check_order(314), Err(OutOfOrder));
    assert_eq!(dialog.check_order(u32::MAX), Ok(()));
}

#[test]
fn a_peer_without_tag_is_still_a_peer() {
    let response = Response {
        headers: {
            let mut headers = invite("").headers;
            headers.set(
                HeaderName::To,
                HeaderValue::from_static("<sip:bob@example.org>"),
            );
            headers
        },
        ..Response::new(StatusCode::OK)
    };
    let dialog = Dialog::from_response(&invite(""), &response, &udp()).unwrap();
    assert_eq!(&*dialog.id().remote_tag, "");
}

#[test]
fn a_request_without_contact_makes_no_dialog() {
    let mut request = invite("");
    request.headers.remove(&HeaderName::Contact);
    let dialog = Dialog::from_request(&request, "ours", &udp());
    assert_eq!(dialog.unwrap_err(), NoDialog::Contact);
}

#[test]
fn the_connection_a_dialog_came_by_is_used_if_it_leads_to_the_next_hop() {
    let route = |transport: &str, record_route: &str| {
        let source = Source {
            transport: Transport::from_name(transport).unwrap(),
            remote: "192.0.2.10:5061".parse().unwrap(),
            flow: Some(FlowId(9)),
            ..udp()
        };
        let request = invite(&format!("Record-Route: <{record_route}>\r\n"));
        Dialog::from_request(&request, "ours", &source)
            .unwrap()
            .route()
    };
    assert!(is_over_flow(&route(
        "tls",
        "sip:192.0.2.10:5061;transport=tls;lr"
    )));
    assert!(is_over_flow(&route("tls", "sips:10.0.0.1;lr")));
    assert!(is_over_flow(&route(
        "tcp",
        "sip:192.0.2.10:5061;transport=tcp;lr"
    )));
    assert!(!is_over_flow(&route(
        "tcp",
        "sip:192.0.2.10:5070;transport=tcp;lr"
    )));
    assert!(!is_over_flow(&route("tcp", "sip:192.0.2.10:5061;lr")));
    assert!(!is_over_flow(&route(
        "tls",
        "sip:proxy.example;transport=tls;lr"
    )));
    assert!(!is_over_flow(&route("udp", "sip:192.0.2.10:5061;lr")));
}

fn is_over_flow(route: &Route) -> bool {
    match route {
        Route::Target(_) => false,
        Route::Fixed(destinations) => destinations[0].flow == Some(FlowId(9)),
    }
}

/// The dialog of a call of ours whose 200 has these headers.
fn called(headers: &str) -> Dialog {
    let mut ok = Response::new(StatusCode::OK);
    ok.headers = invite(headers).headers;
    ok.headers.set(
        HeaderName::To,
        HeaderValue::from_static("<sip:bob@example.org>;tag=b"),
    );
    ok.headers.set(
        HeaderName::Contact,
        HeaderValue::from_static("<sip:bob@192.0.2.4>"),
    );
    Dialog::from_response(&invite(""), &ok, &udp()).unwrap()
}

fn invite(headers: &str) -> Request {
    let text = format!(
        "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
         From: \"Alice\" <sip:alice@example.com>;tag=theirs\r\nTo: <sip:bob@example.org>\r\n\
         Call-ID: call\r\nCSeq: 314 INVITE\r\nContact: <sip:alice@192.0.2.1:5062>\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    );
    match Message::parse_datagram(&Bytes::from(text)).unwrap() {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    }
}

fn host_of(dialog: &Dialog) -> String {
    match dialog.route() {
        Route::Target(Target { host, .. }) => host,
        Route::Fixed(destinations) => panic!("{destinations:?}"),
    }
}

fn udp() -> Source {
    Source {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "192.0.2.10:5060".parse().unwrap(),
        flow: Some(FlowId(0)),
    }
}
