//! What the message layer promises, from the outside.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod corpus;
mod differential;
mod digest;
mod framing;
mod printing;
mod round_trip;
mod rsip_lessons;
mod salvage;
mod torture;
mod uri;

use sip_stack::message::{Message, ParseError, Request, Response};

/// An OPTIONS request with these lines added to its headers; each ends with CRLF.
fn options_with(lines: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n\
         Max-Forwards: 70\r\n\
         From: Alice <sip:alice@example.com>;tag=1928301774\r\n\
         To: Bob <sip:bob@example.com>\r\n\
         Call-ID: a84b4c76e66710\r\n\
         CSeq: 63104 OPTIONS\r\n\
         {lines}\
         Content-Length: 0\r\n\
         \r\n"
    )
    .into_bytes()
}

/// The same request with one of its lines, named by its beginning, replaced.
fn options_but(beginning: &str, line: &str) -> Vec<u8> {
    let whole = String::from_utf8(options_with("")).unwrap();
    let lines: Vec<&str> = whole
        .split("\r\n")
        .map(|old| {
            if old.starts_with(beginning) {
                line
            } else {
                old
            }
        })
        .collect();
    lines.join("\r\n").into_bytes()
}

/// A 200 to REGISTER with these lines added to its headers.
fn registered_with(lines: &str) -> Vec<u8> {
    format!(
        "SIP/2.0 200 OK\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n\
         From: <sip:alice@example.com>;tag=1928301774\r\n\
         To: <sip:alice@example.com>;tag=a6c85cf\r\n\
         Call-ID: a84b4c76e66710\r\n\
         CSeq: 2 REGISTER\r\n\
         {lines}\
         Content-Length: 0\r\n\
         \r\n"
    )
    .into_bytes()
}

fn request(bytes: &[u8]) -> Request {
    match Message::parse_datagram(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("not a request: {other:?}"),
    }
}

fn response(bytes: &[u8]) -> Response {
    match Message::parse_datagram(bytes) {
        Ok(Message::Response(response)) => response,
        other => panic!("not a response: {other:?}"),
    }
}

fn refused(bytes: &[u8]) -> ParseError {
    Message::parse_datagram(bytes).expect_err("this message is malformed")
}
