//! The same messages read by other parsers, where these are right: `sipx-sip` on nearly all
//! of SIP, `rsip` on its plain half (docs/adr/0001 says which half that is).

use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;
use rsip::prelude::{HeadersExt, ToTypedHeader, UntypedHeader};
use sip_stack::message::{Contacts, Message, Request};

use crate::request;

proptest! {
    #[test]
    fn plain_requests_are_read_as_rsip_reads_them(plain in plain_request()) {
        let ours = request(plain.as_bytes());
        let theirs = rsip::Request::try_from(plain.as_bytes()).unwrap();

        prop_assert_eq!(ours.method.to_string(), theirs.method.to_string());
        prop_assert_eq!(ours.uri.to_string(), theirs.uri.to_string());
        prop_assert_eq!(&ours.body[..], &theirs.body[..]);
        prop_assert_eq!(ours.headers.call_id().unwrap(), theirs.call_id_header().unwrap().value());
        let cseq = theirs.cseq_header().unwrap().typed().unwrap();
        prop_assert_eq!(ours.headers.cseq().unwrap().number, cseq.seq);
        let via = theirs.via_header().unwrap().typed().unwrap();
        let our_via = ours.headers.via().unwrap();
        prop_assert_eq!(our_via.transport(), via.transport.to_string());
        prop_assert_eq!(our_via.sent_by(), via.sent_by().to_string());
        prop_assert_eq!(our_via.branch().unwrap(), via.branch().unwrap().value());
        let from = theirs.from_header().unwrap().typed().unwrap();
        let our_from = ours.headers.from().unwrap();
        prop_assert_eq!(our_from.display_name().map(str::to_owned), from.display_name.clone());
        prop_assert_eq!(our_from.uri.to_string(), from.uri.to_string());
        prop_assert_eq!(our_from.tag().unwrap(), from.tag().unwrap().value());
        let contact = theirs.contact_header().unwrap().typed().unwrap();
        let Contacts::List(our_contacts) = ours.headers.contacts().unwrap() else { panic!("a list") };
        prop_assert_eq!(our_contacts[0].uri.to_string(), contact.uri.to_string());
    }

    #[test]
    fn plain_requests_are_read_as_sipx_reads_them(plain in plain_request()) {
        compare_with_sipx(&request(plain.as_bytes()), plain.as_bytes());
    }
}

#[test]
fn torture_messages_are_read_as_sipx_reads_them() {
    let torture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut compared = 0;
    for entry in std::fs::read_dir(torture).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        // RFC 5118 asks for leniency here that sipx-sip does not have.
        let beyond_sipx = path.ends_with("abnf-3-colons.sip");
        if let Ok(Message::Request(request)) = Message::parse_datagram(&bytes)
            && !beyond_sipx
        {
            compare_with_sipx(&request, &bytes);
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

fn compare_with_sipx(ours: &Request, bytes: &[u8]) {
    let limits = sipx_sip::Limits::datagram();
    let message = sipx_sip::parse_datagram(Bytes::copy_from_slice(bytes), &limits).unwrap();
    let theirs = message.as_request().unwrap();

    assert_eq!(ours.method.as_str().as_bytes(), theirs.method.as_bytes());
    assert_eq!(ours.uri.as_bytes(), theirs.uri.to_bytes());
    assert_eq!(ours.uri.user().map(str::as_bytes), theirs.uri.user());
    assert_eq!(ours.uri.port(), theirs.uri.port());
    assert_eq!(ours.body, theirs.body());

    let from: sipx_sip::headers::From = theirs.headers.typed().unwrap().unwrap();
    let our_from = ours.headers.from().unwrap();
    assert_eq!(our_from.uri.as_bytes(), from.0.uri.to_bytes());
    assert_eq!(our_from.tag().as_deref().map(str::as_bytes), from.0.tag());
    let to: sipx_sip::headers::To = theirs.headers.typed().unwrap().unwrap();
    assert_eq!(
        ours.headers
            .to()
            .unwrap()
            .tag()
            .as_deref()
            .map(str::as_bytes),
        to.0.tag()
    );

    let vias: Vec<sipx_sip::Via> = theirs.headers.typed_all().map(Result::unwrap).collect();
    let our_vias = ours.headers.vias().unwrap();
    assert_eq!(our_vias.len(), vias.len());
    for (ours, theirs) in our_vias.iter().zip(&vias) {
        assert_eq!(ours.transport().as_bytes(), theirs.transport);
        assert_eq!(ours.port, theirs.port);
        assert_eq!(ours.branch().as_deref().map(str::as_bytes), theirs.branch());
    }
    let cseq: sipx_sip::CSeq = theirs.headers.typed().unwrap().unwrap();
    assert_eq!(ours.headers.cseq().unwrap().number, cseq.sequence);
    let call_id: sipx_sip::CallId = theirs.headers.typed().unwrap().unwrap();
    assert_eq!(ours.headers.call_id().unwrap().as_bytes(), call_id.0);
}

/// Requests without what rsip gets wrong: no dots in user parts, no lists, no IPv6, no folds,
/// no quotes, no unknown names.
fn plain_request() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec![
            "INVITE", "REGISTER", "OPTIONS", "BYE", "MESSAGE", "INFO",
        ]),
        "[a-z][a-z0-9]{0,9}",
        "[a-z][a-z0-9]{0,9}\\.example\\.com",
        prop::option::of(1024_u16..),
        prop::sample::select(vec!["UDP", "TCP", "TLS"]),
        "[a-zA-Z0-9]{1,20}",
        1_u32..0x8000_0000,
        prop::option::of("[A-Z][a-z]{0,9}"),
        "[ -~]{0,60}",
    )
        .prop_map(
            |(method, user, host, port, transport, tag, number, name, body)| {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let name = name.map(|name| format!("{name} ")).unwrap_or_default();
                format!(
                    "{method} sip:{user}@{host}{port} SIP/2.0\r\n\
                 Via: SIP/2.0/{transport} {host}{port};branch=z9hG4bK{tag}\r\n\
                 Max-Forwards: 70\r\n\
                 From: {name}<sip:{user}@{host}>;tag={tag}\r\n\
                 To: <sip:{user}@{host}>\r\n\
                 Call-ID: {tag}@{host}\r\n\
                 CSeq: {number} {method}\r\n\
                 Contact: <sip:{user}@{host}{port}>\r\n\
                 Content-Length: {}\r\n\
                 \r\n\
                 {body}",
                    body.len()
                )
            },
        )
}
