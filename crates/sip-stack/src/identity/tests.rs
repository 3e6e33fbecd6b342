//! What is believed of whom, header by header.

use super::*;
use crate::message::HeaderValue;

const FROM: &str = "From: \"Mallory\" <sip:mallory@example.org>;tag=1";

#[test]
fn a_trusted_hop_says_who_calls() {
    for (asserted, uri, name) in [
        (
            &["\"Bob Builder\" <sip:bob@example.com>"][..],
            "bob@example.com",
            Some("Bob Builder"),
        ),
        (&["<tel:+49301234;phone-context=x>"], "+49301234", None),
        (
            &["<sip:bob@example.com>, \"Bob\" <tel:+49301234>"],
            "bob@example.com",
            Some("Bob"),
        ),
        (
            &["<tel:+49301234>", "<sip:bob@example.com>"],
            "bob@example.com",
            None,
        ),
        // Its own name, as it is its own address.
        (
            &["<sip:mallory@example.org>"],
            "mallory@example.org",
            Some("Mallory"),
        ),
    ] {
        let mut lines = vec![FROM.to_owned()];
        lines.extend(
            asserted
                .iter()
                .map(|one| format!("P-Asserted-Identity: {one}")),
        );
        let headers = headers(&lines);
        let caller = originator(&headers, true);
        assert_eq!((&*caller.uri, caller.display_name.as_deref()), (uri, name));
        let caller = originator(&headers, false);
        assert_eq!(caller.uri, "mallory@example.org", "nobody is believed");
    }
}

#[test]
fn what_a_trusted_hop_says_twice_or_garbled_is_not_believed() {
    for asserted in [
        "<sip:bob@example.com>, <sip:carol@example.com>",
        "<tel:+1>, <tel:+2>",
        "<sip:bob@example.com>, <sip:bob@example.com>, <tel:+1>",
        "<sip:bob@example.com",
        "<mailto:bob@example.com>",
        "",
    ] {
        let headers = headers(&[FROM.to_owned(), format!("P-Asserted-Identity: {asserted}")]);
        assert_eq!(originator(&headers, true).uri, "mallory@example.org");
        assert_eq!(names(&headers, true), ["From"], "{asserted}");
    }
}

#[test]
fn who_wants_privacy_is_anonymous_and_leaves_no_trace() {
    for privacy in ["id", "user;critical", "HEADER", "session; id"] {
        let headers = headers(&[
            FROM.to_owned(),
            format!("Privacy: {privacy}"),
            "P-Asserted-Identity: <sip:bob@example.com>".to_owned(),
            "Remote-Party-ID: <sip:bob@example.com>".to_owned(),
            "Contact: <sip:bob@192.0.2.1>".to_owned(),
            "X-Queue: sales".to_owned(),
        ]);
        for trusted in [true, false] {
            let caller = originator(&headers, trusted);
            assert_eq!(caller.uri, "anonymous@anonymous.invalid");
            assert_eq!(caller.display_name.as_deref(), Some("Anonymous"));
            assert_eq!(names(&headers, trusted), ["Privacy", "X-Queue"]);
        }
    }
    assert!(!asks_for_privacy("none"));
    assert!(!asks_for_privacy("history"));
    assert!(!asks_for_privacy("identity"));
}

#[test]
fn identities_reach_the_application_only_if_they_are_believed() {
    let headers = headers(&[
        FROM.to_owned(),
        "p-asserted-identity: <sip:bob@example.com>".to_owned(),
        "P-Preferred-Identity: <sip:police@example.com>".to_owned(),
        "remote-party-id: <sip:bob@example.com>".to_owned(),
        "P-Asserted-Service: urn:urn-7:x".to_owned(),
        "X-Queue: sales".to_owned(),
    ]);
    assert_eq!(names(&headers, false), ["From", "X-Queue"]);
    assert_eq!(
        names(&headers, true),
        [
            "From",
            "P-Asserted-Identity",
            "remote-party-id",
            "P-Asserted-Service",
            "X-Queue"
        ]
    );
}

fn names(headers: &Headers, trusted: bool) -> Vec<String> {
    let shown = shown(headers, trusted);
    shown.into_iter().map(|(name, _)| name).collect()
}

fn headers(lines: &[String]) -> Headers {
    let mut headers = Headers::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header line");
        let name = HeaderName::parse(name).expect("a name");
        headers.push(name, HeaderValue::new(value.trim()).expect("a value"));
    }
    headers
}
