//! Nothing that comes from a browser can write a header of its own.

use proptest::prelude::*;
use sip_stack::message::{
    CSeq, HeaderName, HeaderValue, Host, Method, NameAddr, ReasonPhrase, Refused, Request,
    Response, StatusCode, Uri, UriBuilder, Via,
};

use crate::{request, response};

#[test]
fn line_breaks_are_refused_by_every_constructor() {
    for text in ["a\r\nVia: x", "a\nb", "a\rb", "a\0b"] {
        let uri = Uri::parse("sip:a@b").unwrap();
        assert_eq!(HeaderValue::new(text), Err(Refused::LineBreak));
        assert_eq!(ReasonPhrase::new(text), Err(Refused::LineBreak));
        assert!(Method::parse(text).is_err());
        assert!(HeaderName::parse(text).is_err());
        assert!(Uri::parse(&format!("sip:{text}@b")).is_err());
        assert!(Uri::parse(&format!("tel:{text}")).is_err());
        assert!(Host::parse(text).is_err());
        assert!(
            UriBuilder::sip(Host::parse("h").unwrap())
                .param(text, "")
                .build()
                .is_err()
        );
        let mut address = NameAddr::new(uri);
        assert_eq!(address.set_tag(text), Err(Refused::LineBreak));
        assert_eq!(
            address.params.set_quoted("x", text),
            Err(Refused::LineBreak)
        );
        assert!(address.params.set_flag(text).is_err());
        let mut via = Via::new("UDP", Host::parse("h").unwrap(), None).unwrap();
        assert!(via.set_branch(text).is_err());
        assert!(Via::new(text, Host::parse("h").unwrap(), None).is_err());
    }
}

#[test]
fn content_length_is_that_of_the_body_and_printed_once() {
    let mut request = sample();
    request.headers.push(HeaderName::ContentLength, 99);
    request
        .headers
        .push(HeaderName::Subject, HeaderValue::from_static("x"));
    request.headers.push(HeaderName::ContentLength, 98);
    request.body = "hello".into();
    let printed = String::from_utf8(request.to_bytes().to_vec()).unwrap();
    assert_eq!(printed.matches("Content-Length").count(), 1);
    assert!(
        printed.contains("\r\nContent-Length: 5\r\nSubject: x\r\n"),
        "{printed}"
    );
    assert!(printed.ends_with("\r\n\r\nhello"));
}

#[test]
fn headers_are_set_pushed_and_removed_in_place() {
    let mut request = sample();
    request
        .headers
        .push_front(HeaderName::Route, HeaderValue::from_static("<sip:p;lr>"));
    request.headers.set(HeaderName::MaxForwards, 69);
    request
        .headers
        .set(HeaderName::UserAgent, HeaderValue::from_static("gateway"));
    let names: Vec<&str> = request
        .headers
        .iter()
        .map(|line| line.name().as_str())
        .collect();
    assert_eq!(
        names,
        [
            "Route",
            "Via",
            "Max-Forwards",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "User-Agent"
        ]
    );
    assert_eq!(request.headers.max_forwards(), Ok(Some(69)));
    assert_eq!(request.headers.remove(&HeaderName::Route), 1);
    assert_eq!(request.headers.len(), 7);
}

#[test]
fn sent_by_goes_back_as_it_was_written() {
    let text = "SIP/2.0/UDP [2001:DB8:0::1]:5060;branch=z9hG4bK1";
    let mut via = Via::parse(text).unwrap();
    assert_eq!(via.to_string(), text);
    via.host = Host::parse("[::1]").unwrap();
    assert_eq!(via.sent_by(), "[::1]:5060");
}

proptest! {
    #[test]
    fn any_text_in_any_place_prints_a_message_of_the_same_shape(
        name in any::<String>(),
        user in any::<String>(),
        value in any::<String>(),
        tag in any::<String>(),
        reason in any::<String>(),
    ) {
        let mut request = sample();
        let lines = request.headers.len();
        let host = Host::parse("example.com").unwrap();
        if let Ok(uri) = UriBuilder::sip(host).user(&user).build() {
            let from = NameAddr::new(uri.clone()).with_display_name(&name);
            if let Ok(mut from) = from && from.set_tag(&tag).is_ok() {
                request.headers.set(HeaderName::From, &from);
            }
            request.uri = uri;
        }
        if let Ok(value) = HeaderValue::new(&value) {
            request.headers.set(HeaderName::Subject, value);
        }
        let parsed = crate::request(&request.to_bytes());
        prop_assert_eq!(&parsed.uri, &request.uri);
        prop_assert_eq!(parsed.headers.from().unwrap(), request.headers.from().unwrap());
        prop_assert!(parsed.headers.len() <= lines + 2);

        let mut response = request.reply(StatusCode::OK);
        if let Ok(reason) = ReasonPhrase::new(&reason) {
            response.reason = reason;
        }
        let parsed: Response = crate::response(&response.to_bytes());
        prop_assert_eq!(parsed.reason, response.reason);
    }
}

fn sample() -> Request {
    let address = |text: &str| NameAddr::parse(text).unwrap();
    let mut via = Via::new("UDP", Host::parse("192.0.2.1").unwrap(), Some(5060)).unwrap();
    via.set_branch("z9hG4bK1").unwrap();
    via.set_rport(None);
    let mut sample = Request::new(Method::Message, Uri::parse("sip:bob@example.com").unwrap());
    sample.headers.push(HeaderName::Via, via);
    sample.headers.push(HeaderName::MaxForwards, 70);
    sample
        .headers
        .push(HeaderName::From, address("<sip:alice@example.com>;tag=1"));
    sample
        .headers
        .push(HeaderName::To, address("<sip:bob@example.com>"));
    sample
        .headers
        .push(HeaderName::CallId, HeaderValue::from_static("1@192.0.2.1"));
    sample
        .headers
        .push(HeaderName::CSeq, CSeq::new(1, Method::Message));
    assert_eq!(
        request(&sample.to_bytes()).headers.len(),
        sample.headers.len() + 1
    );
    assert!(
        response(&sample.reply(StatusCode::OK).to_bytes())
            .headers
            .via()
            .unwrap()
            .wants_rport()
    );
    sample
}
