//! What the parser that this one replaces got wrong (docs/adr/0001), one test each.

use std::net::{Ipv6Addr, SocketAddr};

use sip_stack::digest::{Algorithm, Challenge, Credentials, Ha1, answer};
use sip_stack::message::{
    Contacts, HeaderName, Headers, Host, Malformed, Message, Method, NameAddr, Refused, Request,
    StatusCode, Uri, UriBuilder, Via,
};

use crate::{options_but, options_with, refused, registered_with, request, response};

#[test]
fn r1_a_user_part_may_hold_dots_and_a_password() {
    let uri = Uri::parse("sip:john.doe@example.com").unwrap();
    assert_eq!(uri.user(), Some("john.doe"));
    assert_eq!(uri.host_text(), Some("example.com"));

    let uri = Uri::parse("sip:bob:s.ecret@example.com").unwrap();
    assert_eq!(uri.user(), Some("bob"));
    assert_eq!(uri.password(), Some("s.ecret"));
}

#[test]
fn r2_ipv6_hosts_are_read_everywhere_and_printed_in_brackets() {
    let message = String::from_utf8(options_with(
        "Contact: <sip:alice@[2001:db8::9]:5070>\r\n\
         Route: <sip:[2001:db8::5]:5061;lr>\r\n",
    ))
    .unwrap()
    .replace("sip:bob@example.com SIP", "sip:bob@[2001:db8::1]:5060 SIP")
    .replace("192.0.2.1:5060", "[2001:db8::2]:5062");
    let request = request(message.as_bytes());
    let v6 = |text: &str| Host::V6(text.parse::<Ipv6Addr>().unwrap());

    assert_eq!(request.uri.host(), Some(&v6("2001:db8::1")));
    assert_eq!(request.uri.port(), Some(5060));
    let via = request.headers.via().unwrap();
    assert_eq!((via.host, via.port), (v6("2001:db8::2"), Some(5062)));
    let contact = request.headers.contacts().unwrap().first().unwrap().clone();
    assert_eq!(contact.uri.host(), Some(&v6("2001:db8::9")));
    assert_eq!(
        request.headers.routes().unwrap()[0].uri.host(),
        Some(&v6("2001:db8::5"))
    );

    let address: SocketAddr = "[2001:db8::1]:5060".parse().unwrap();
    let uri = UriBuilder::sip(address.ip().into())
        .user("bob")
        .port(address.port())
        .build()
        .unwrap();
    assert_eq!(uri.as_str(), "sip:bob@[2001:db8::1]:5060");
}

#[test]
fn r3_a_uri_without_a_host_is_not_given_one() {
    for text in ["tel:+15551234567", "tel:112", "urn:service:sos"] {
        let message = options_but("OPTIONS", &format!("OPTIONS {text} SIP/2.0"));
        let request = request(&message);
        assert_eq!(request.uri.host(), None);
        assert_eq!(request.uri.port(), None);
        assert_eq!(request.uri.to_string(), text);
    }
    let uri = Uri::parse("tel:+1-555-123;phone-context=example.com").unwrap();
    assert_eq!(uri.tel_number(), Some("+1-555-123"));
}

#[test]
fn r4_compact_header_names_are_the_long_ones() {
    let message = b"MESSAGE sip:bob@example.com SIP/2.0\r\n\
        v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
        f: <sip:alice@example.com>;tag=1\r\n\
        t: <sip:bob@example.com>\r\n\
        i: 1@example.com\r\n\
        CSeq: 1 MESSAGE\r\n\
        m: <sip:alice@192.0.2.1>\r\n\
        c: text/plain\r\n\
        s: lunch\r\n\
        k: 100rel\r\n\
        l: 2\r\n\
        \r\n\
        hi";
    let request = request(message);
    assert_eq!(request.headers.via().unwrap().sent_by(), "192.0.2.1");
    assert_eq!(request.headers.from().unwrap().tag().unwrap(), "1");
    assert_eq!(request.headers.to().unwrap().tag(), None);
    assert_eq!(request.headers.call_id().unwrap(), "1@example.com");
    assert!(request.headers.contacts().unwrap().first().is_some());
    assert!(
        request
            .headers
            .content_type()
            .unwrap()
            .unwrap()
            .is("text/plain")
    );
    assert_eq!(
        request.headers.get(&HeaderName::Subject).unwrap().text(),
        "lunch"
    );
    assert_eq!(request.headers.supported(), ["100rel"]);
    assert_eq!(request.body, "hi");
}

#[test]
fn r5_folded_lines_and_space_before_the_colon_are_ordinary() {
    let request = request(&options_with(
        "Subject \t: I know you're there,\r\n pick up the phone\r\n\tand answer me!\r\n",
    ));
    assert_eq!(
        request.headers.get(&HeaderName::Subject).unwrap().text(),
        "I know you're there, pick up the phone and answer me!"
    );
}

#[test]
fn r6_comma_lists_are_several_values() {
    let request = request(&options_but(
        "Via",
        "Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1, SIP/2.0/TCP b.example.com ,\r\n \
         SIP/2.0/TLS c.example.com",
    ));
    let vias = request.headers.vias().unwrap();
    let transports: Vec<&str> = vias.iter().map(Via::transport).collect();
    assert_eq!(transports, ["UDP", "TCP", "TLS"]);

    let response = response(&registered_with(
        "Contact: <sip:alice@192.0.2.1>;expires=60, <sip:alice@192.0.2.2>;expires=120\r\n",
    ));
    let Contacts::List(list) = response.headers.contacts().unwrap() else {
        panic!("a list");
    };
    let expires: Vec<_> = list
        .iter()
        .map(|c| c.params.get("expires").unwrap())
        .collect();
    assert_eq!(expires, ["60", "120"]);
}

#[test]
fn r7_quoted_parameter_values_are_read() {
    let response = response(&registered_with(
        "Contact: <sip:a@192.0.2.1>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765>\";expires=60\r\n",
    ));
    let contact = response.headers.readable_contacts().remove(0);
    assert_eq!(
        contact.params.get("+sip.instance").unwrap(),
        "<urn:uuid:f81d4fae-7dec-11d0-a765>"
    );
    assert_eq!(contact.params.get("expires").unwrap(), "60");
}

#[test]
fn r8_white_space_does_not_change_the_meaning() {
    let message = String::from_utf8(options_with(""))
        .unwrap()
        .replace(";tag=1928301774", " ; tag = 1928301774 ")
        .replace("To: Bob <", "To: \"Bob <the builder>\" <")
        .replace("63104 OPTIONS", "63104\tOPTIONS")
        .replace("a84b4c76e66710", "a84b4c76e66710  ");
    let request = request(message.as_bytes());
    assert_eq!(request.headers.from().unwrap().tag().unwrap(), "1928301774");
    let to = request.headers.to().unwrap();
    assert_eq!(to.display_name(), Some("Bob <the builder>"));
    assert_eq!(request.headers.cseq().unwrap().method, Method::Options);
    assert_eq!(request.headers.call_id().unwrap(), "a84b4c76e66710");
}

#[test]
fn r9_a_via_parameter_of_any_shape_does_not_hide_the_branch() {
    for received in ["2001:db8::1", "[2001:db8::1]"] {
        let via = Via::parse(&format!(
            "SIP/2.0/UDP h;received={received};branch=z9hG4bK7"
        ))
        .unwrap();
        assert_eq!(via.branch().unwrap(), "z9hG4bK7");
        assert_eq!(via.received(), Some("2001:db8::1".parse().unwrap()));
    }
}

#[test]
fn r10_unknown_methods_transports_and_schemes_reach_the_layer_above() {
    let message = String::from_utf8(options_with("Contact: <sip:a@h;transport=quic>\r\n"))
        .unwrap()
        .replace("OPTIONS", "FETCH")
        .replace("SIP/2.0/UDP", "SIP/2.0/UNKNOWN")
        .replace(
            "FETCH sip:bob@example.com",
            "FETCH soap.beep://192.0.2.103:3002",
        );
    let request = request(message.as_bytes());
    assert_eq!(request.method.as_str(), "FETCH");
    assert_eq!(request.uri.scheme(), "soap.beep");
    assert_eq!(request.headers.via().unwrap().transport(), "UNKNOWN");
    let contact = request.headers.contacts().unwrap().first().unwrap().clone();
    assert_eq!(contact.uri.param("transport").unwrap(), "quic");
}

#[test]
fn r11_bytes_that_are_not_utf8_harm_no_other_header() {
    let mut message = options_with("Subject: caf?\r\nX-Other: fine\r\n");
    let at = message.windows(4).position(|w| w == b"caf?").unwrap() + 3;
    message[at] = 0xe9;
    let at = message.windows(5).position(|w| w == b"Alice").unwrap();
    message[at] = 0xff;

    let request = request(&message);
    assert_eq!(
        request
            .headers
            .get(&HeaderName::Subject)
            .unwrap()
            .as_bytes(),
        b"caf\xe9"
    );
    assert_eq!(request.headers.from().unwrap().uri.user(), Some("alice"));
    assert_eq!(request.headers.from().unwrap().tag().unwrap(), "1928301774");
    let printed = request.to_bytes();
    assert!(printed.windows(4).any(|w| w == b"caf\xe9"));
    assert!(printed.windows(5).any(|w| w == b"\xfflice"));
}

#[test]
fn r12_content_length_says_where_the_body_ends() {
    let with_length = |length: &str| {
        let mut message = options_but("Content-Length", &format!("Content-Length: {length}"));
        message.extend_from_slice(b"0123456789");
        message
    };
    assert_eq!(request(&with_length("4")).body, "0123");
    assert_eq!(request(&with_length("0")).body, "");
    for absurd in [
        "-999",
        "100000000000000000000",
        "18446744073709551615",
        "+4",
        "4 4",
        "",
        "0x4",
    ] {
        let error = refused(&with_length(absurd));
        assert!(
            matches!(
                error.malformed(),
                Malformed::ContentLength | Malformed::BodyTooLarge
            ),
            "{absurd}: {error}"
        );
    }
    assert_eq!(
        *refused(&with_length("11")).malformed(),
        Malformed::BodyTruncated
    );
    let error = refused(&with_length("4\r\nContent-Length: 5"));
    assert_eq!(*error.malformed(), Malformed::ContentLength);
}

#[test]
fn r13_a_message_that_was_cut_off_is_refused() {
    let cut = b"INVITE sip:bob@example.com SIP/2.0\r\nVia: x\r\nFrom: y\r\nTo: <sip";
    assert_eq!(*refused(cut).malformed(), Malformed::NoEndOfHead);
    let whole = options_with("");
    for end in 0..whole.len() {
        refused(&whole[..end]);
    }
}

#[test]
fn r14_a_status_line_needs_no_phrase_but_the_right_version() {
    let with = |line: &str| {
        let whole = String::from_utf8(registered_with("")).unwrap();
        whole.replace("SIP/2.0 200 OK", line).into_bytes()
    };
    for line in ["SIP/2.0 180", "SIP/2.0 180 "] {
        let response = response(&with(line));
        assert_eq!(response.status, StatusCode::RINGING);
        assert_eq!(response.reason.as_str(), "");
    }
    assert_eq!(
        *refused(&with("SIP/2.7 200 OK")).malformed(),
        Malformed::Version
    );
    for line in [
        "SIP/2.0 20 OK",
        "SIP/2.0 2000 OK",
        "SIP/2.0 099 OK",
        "SIP/2.0  200 OK",
    ] {
        assert_eq!(
            *refused(&with(line)).malformed(),
            Malformed::StatusLine,
            "{line}"
        );
    }
}

#[test]
fn r15_reason_phrases_stay_as_sent() {
    for line in [
        "SIP/2.0 486 Busy Here",
        "SIP/2.0 403 Credit exhausted",
        "SIP/2.0 299 Très bien",
    ] {
        let whole = String::from_utf8(registered_with("")).unwrap();
        let response = response(whole.replace("SIP/2.0 200 OK", line).as_bytes());
        assert!(response.to_bytes().starts_with(line.as_bytes()), "{line}");
    }
}

#[test]
fn r16_a_binary_body_is_printed_byte_for_byte() {
    let mut message = options_but("Content-Length", "Content-Length: 4");
    message.extend_from_slice(&[0x00, 0xff, 0xfe, 0x80]);
    let printed = request(&message).to_bytes();
    assert_eq!(printed, message);
}

#[test]
fn r17_headers_in_a_uri_are_not_part_of_its_host() {
    let refer_to =
        NameAddr::parse("<sip:bob@example.com?Replaces=1%40h%3Bto-tag%3D2&Subject=a>").unwrap();
    assert_eq!(refer_to.uri.host_text(), Some("example.com"));
    assert_eq!(refer_to.uri.header("replaces").unwrap(), "1@h;to-tag=2");
    assert_eq!(refer_to.uri.headers().count(), 2);
    assert_eq!(
        refer_to.uri.without_headers().as_str(),
        "sip:bob@example.com"
    );
}

#[test]
fn r18_what_we_print_is_quoted_escaped_or_refused() {
    let uri = Uri::parse("sip:alice@example.com").unwrap();
    let name = |text: &str| NameAddr::new(uri.clone()).with_display_name(text);
    assert_eq!(
        name("Doe, John \"JD\"").unwrap().to_string(),
        "\"Doe, John \\\"JD\\\"\" <sip:alice@example.com>"
    );
    for text in ["Eve\r\nVia: x", "Eve\nx", "Eve\rx", "Eve\0"] {
        assert_eq!(name(text), Err(Refused::LineBreak));
    }
    let host = || Host::parse("example.com").unwrap();
    let uri = UriBuilder::sip(host()).user("a b@c").build().unwrap();
    assert_eq!(uri.as_str(), "sip:a%20b%40c@example.com");
    assert_eq!(uri.user_decoded().unwrap(), "a b@c");
    assert_eq!(
        UriBuilder::sip(host()).user("a\r\nb").build(),
        Err(Refused::LineBreak)
    );
}

#[test]
fn r19_a_uri_is_printed_and_hashed_as_it_came() {
    let text = "sip:Bob%41@Example.COM:05060;transport=tls;LR=on?x=%2f";
    let uri = Uri::parse(text).unwrap();
    assert_eq!(uri.to_string(), text);
    let challenge = Challenge::parse_all("Digest realm=\"r\", nonce=\"n\"").remove(0);
    let credentials = Credentials {
        username: "bob".into(),
        ha1: Ha1::compute("bob", "r", "secret"),
    };
    let value = answer(
        &challenge,
        &credentials,
        &Method::Register,
        uri.as_str(),
        "c",
        1,
    )
    .unwrap();
    assert!(value.text().contains(&format!("uri=\"{text}\"")));
}

#[test]
fn r20_challenges_in_all_their_spellings_are_read() {
    let one = |line: &str| Challenge::parse_all(line).remove(0);
    for name in ["SHA-256", "SHA-512-256", "SHA-256-sess"] {
        let challenge = one(&format!("Digest realm=\"x\",nonce=\"y\",algorithm={name}"));
        assert_eq!(challenge.algorithm(), Algorithm::Other(name.into()));
    }
    assert!(one("Digest realm=\"x\",nonce=\"y\",qop=\"auth,auth-int\"").offers_auth());
    assert!(one("Digest realm=\"x\",nonce=\"y\",qop=\"auth-int, auth\"").offers_auth());
    assert_eq!(one("Digest realm = \"x\" , nonce = \"y\"").realm(), "x");
    assert_eq!(
        one("digest realm=\"a \\\"b\\\", c\", nonce=\"y\"").realm(),
        "a \"b\", c"
    );
}

#[test]
fn headers_that_nobody_changed_are_printed_as_they_came() {
    let message = options_with(
        "x-CUSTOM: ;;,,;;,;\r\n\
         m: \"A\" <sip:a@h>  ;q=0.5\r\n\
         Unknown-Header: a  b\t c\r\n",
    );
    let parsed = Message::parse_datagram(&message).unwrap();
    assert_eq!(parsed.to_bytes(), message);
}

#[test]
fn the_first_value_of_a_list_can_be_taken_or_changed_alone() {
    let mut headers = request(&options_but(
        "Via",
        "Via: SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b;x=\"1,2\",SIP/2.0/UDP c",
    ))
    .headers;
    let mut top = headers.via().unwrap();
    top.set_rport(Some(5070));
    assert!(headers.replace_first(&HeaderName::Via, &top));
    let hosts = |headers: &Headers| -> Vec<String> {
        headers.vias().unwrap().iter().map(Via::sent_by).collect()
    };
    assert_eq!(hosts(&headers), ["a", "b", "c"]);
    assert_eq!(headers.via().unwrap().rport(), Some(5070));

    headers.remove_first(&HeaderName::Via);
    assert_eq!(hosts(&headers), ["b", "c"]);
    headers.remove_first(&HeaderName::Via);
    headers.remove_first(&HeaderName::Via);
    assert_eq!(headers.remove_first(&HeaderName::Via), None);
}

#[test]
fn a_datagram_without_content_length_has_the_rest_as_its_body() {
    let whole = String::from_utf8(options_with("")).unwrap();
    let message = whole.replace("Content-Length: 0\r\n", "") + "the rest";
    assert_eq!(request(message.as_bytes()).body, "the rest");
}

#[test]
fn a_reply_goes_back_the_way_it_came() {
    let request: Request = request(&options_but("Via", "v: SIP/2.0/UDP a, SIP/2.0/UDP b"));
    let reply = request.reply(StatusCode::BUSY_HERE);
    assert_eq!(reply.reason.as_str(), "Busy Here");
    assert_eq!(reply.headers.vias().unwrap().len(), 2);
    for name in [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        assert_eq!(reply.headers.get(&name), request.headers.get(&name));
    }
}
