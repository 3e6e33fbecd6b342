//! A malformed request is refused if it says where the refusal goes, else it is dropped.

use sip_stack::message::{Fault, MAX_BODY, MAX_HEAD, MAX_HEADERS, Malformed, Message, StatusCode};

use crate::{options_but, options_with, refused, registered_with};

#[test]
fn a_malformed_request_with_its_five_headers_is_answered_with_400() {
    let error = refused(&options_with("Contact: sip:user@example.com?Route=x\r\n"));
    let refusal = error.salvage().unwrap().refusal("tag-of-ours");
    assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    assert_eq!(refusal.reason.as_str(), "bad Contact: not an address");
    let printed = Message::Response(refusal).to_bytes();
    let Ok(Message::Response(sent)) = Message::parse_datagram(&printed) else {
        panic!("the refusal is a whole response");
    };
    assert_eq!(sent.headers.to().unwrap().tag().unwrap(), "tag-of-ours");
    assert_eq!(
        sent.headers.via().unwrap().branch().unwrap(),
        "z9hG4bK776asdhds"
    );
    assert_eq!(sent.headers.call_id().unwrap(), "a84b4c76e66710");
}

#[test]
fn a_request_of_another_version_is_answered_with_505() {
    let error = refused(&options_but(
        "OPTIONS",
        "OPTIONS sip:bob@example.com SIP/3.0",
    ));
    assert_eq!(error.fault(), Fault::PeerIncompatible);
    let status = error.salvage().unwrap().status();
    assert_eq!(status, StatusCode::VERSION_NOT_SUPPORTED);
}

#[test]
fn a_malformed_request_without_one_of_its_five_headers_is_dropped() {
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let error = refused(&options_but(name, "X-Nothing: here"));
        assert!(matches!(error.malformed(), Malformed::Missing(_)), "{name}");
        assert_eq!(error.salvage(), None, "{name}");
    }
}

#[test]
fn a_header_that_may_stand_once_is_refused_twice() {
    for line in [
        "From: <sip:c@h>;tag=1",
        "t: <sip:c@h>",
        "i: 2",
        "CSeq: 2 OPTIONS",
        "Max-Forwards: 9",
    ] {
        let error = refused(&options_with(&format!("{line}\r\n")));
        assert!(
            matches!(error.malformed(), Malformed::Repeated(_)),
            "{line}"
        );
        assert!(error.salvage().is_some(), "{line}");
    }
}

#[test]
fn a_malformed_response_or_ack_is_never_answered() {
    let response = String::from_utf8(registered_with("")).unwrap();
    let error = refused(response.replace("200 OK", "2000 OK").as_bytes());
    assert_eq!(error.salvage(), None);

    let request = String::from_utf8(options_with("Contact: <\r\n")).unwrap();
    let error = refused(request.replace("OPTIONS", "ACK").as_bytes());
    assert_eq!(error.salvage(), None);
}

#[test]
fn max_forwards_is_one_byte() {
    for (text, fine) in [
        ("0", true),
        ("0255", true),
        ("256", false),
        ("-1", false),
        ("", false),
    ] {
        let message = options_but("Max-Forwards", &format!("Max-Forwards: {text}"));
        assert_eq!(Message::parse_datagram(&message).is_ok(), fine, "{text}");
    }
}

#[test]
fn an_unreadable_contact_does_not_cost_us_the_registrars_answer() {
    let message = registered_with("Contact: sip:a@h?x=y, <sip:alice@192.0.2.1>;expires=60\r\n");
    let message = Message::parse_datagram(&message).unwrap();
    assert!(message.headers().contacts().is_err());
    assert_eq!(message.headers().readable_contacts().len(), 1);
}

#[test]
fn every_limit_is_one() {
    let headers = "X: y\r\n".repeat(MAX_HEADERS);
    let error = refused(&options_with(&headers));
    assert_eq!(*error.malformed(), Malformed::TooManyHeaders);
    assert_eq!(error.fault(), Fault::OurLimit);
    assert!(error.salvage().is_some());

    let long = format!("X: {}\r\n", "y".repeat(MAX_HEAD));
    assert_eq!(
        *refused(&options_with(&long)).malformed(),
        Malformed::HeadTooLarge
    );

    let mut message = options_but(
        "Content-Length",
        &format!("Content-Length: {}", MAX_BODY + 1),
    );
    message.resize(message.len() + MAX_BODY + 1, b'x');
    assert_eq!(*refused(&message).malformed(), Malformed::BodyTooLarge);
}
