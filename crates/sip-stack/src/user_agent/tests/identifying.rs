//! Who is believed to call, and what is told of us (RFC 3323, RFC 3325).

use bytes::Bytes;

use super::bench::{
    Bench, PROXY, SDP, STRANGER, Script, account, alice, call, header, source, tag_of,
};
use crate::account::AccountConfig;
use crate::command::Command;
use crate::event::{Event, Originator, SessionEvent};
use crate::message::{HeaderName, Method, Request};
use crate::refer::Referral;
use crate::trust::TrustDomain;
use crate::user_agent::UserAgentConfig;

const ASSERTED: &str = "P-Asserted-Identity: \"Robert\" <sip:robert@example.net>";
const ANONYMOUS: &str = "anonymous@anonymous.invalid";

#[test]
fn the_asserted_caller_is_told_if_the_hop_is_trusted() {
    let mut bench = trusting("example.com", "192.0.2.0/24");
    let (from, headers) = called(&mut bench, PROXY, &[ASSERTED]);
    assert_eq!(from.uri, "robert@example.net");
    assert_eq!(from.display_name.as_deref(), Some("Robert"));
    assert!(headers.contains(&"P-Asserted-Identity".to_owned()));
}

#[test]
fn the_hops_of_the_outbound_proxy_are_trusted_under_its_own_name() {
    let mut bench = trusting("192.0.2.10", "192.0.2.10");
    assert_eq!(
        called(&mut bench, PROXY, &[ASSERTED]).0.uri,
        "robert@example.net"
    );
}

#[test]
fn what_others_assert_is_neither_believed_nor_shown() {
    let others = [
        (Bench::new(), PROXY),
        (trusting("example.org", "192.0.2.0/24"), PROXY),
        (trusting("example.com", "192.0.2.128/25"), PROXY),
        (trusting("example.com", "192.0.2.0/24"), STRANGER),
    ];
    for (mut bench, hop) in others {
        let preferred = "P-Preferred-Identity: <sip:police@example.com>";
        let (from, headers) = called(&mut bench, hop, &[ASSERTED, preferred]);
        assert_eq!(from.uri, "bob@example.org", "{hop}");
        assert!(
            !headers.iter().any(|name| name.starts_with("P-")),
            "{headers:?}"
        );
    }
}

#[test]
fn a_private_caller_stays_unknown_in_the_call_and_in_what_it_writes() {
    let mut bench = trusting("example.com", "192.0.2.0/24");
    let token = bench.token();
    bench.incoming(
        &Script::invite(&token)
            .header(ASSERTED)
            .header("Privacy: id"),
    );
    let Event::Incoming {
        session,
        from,
        headers,
        ..
    } = bench.event()
    else {
        panic!("expected a call");
    };
    assert_eq!(from.uri, ANONYMOUS);
    assert_eq!(from.display_name.as_deref(), Some("Anonymous"));
    let told = |name: &str| headers.iter().any(|(shown, _)| shown == name);
    assert!(!told("P-Asserted-Identity") && !told("From") && !told("Contact"));
    bench.accept(session);
    let tag = tag_of(&bench.response(200));
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    bench.session_event();
    let message = Script::within("MESSAGE", 2, &tag, &token);
    bench.incoming(&Script {
        body: "psst",
        ..message.header("Content-Type: text/plain")
    });
    match bench.session_event() {
        SessionEvent::Message { from, .. } => assert_eq!(from.uri, ANONYMOUS),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_writes_from_outside_is_told_as_asserted() {
    for (hop, sender) in [(PROXY, "robert@example.net"), (STRANGER, "bob@example.org")] {
        let mut bench = trusting("example.com", "192.0.2.0/24");
        let token = bench.token();
        bench.incoming(&Script {
            method: "MESSAGE",
            body: "hello",
            headers: vec![ASSERTED.to_owned(), "Content-Type: text/plain".to_owned()],
            from_addr: hop,
            ..Script::invite(&token)
        });
        match bench.event() {
            Event::Message { from, .. } => assert_eq!(from.uri, sender),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn headers_of_an_answer_are_shown_by_the_same_rule() {
    for (network, shown) in [("192.0.2.0/24", true), ("198.51.100.0/24", false)] {
        let mut bench = trusting("example.com", network);
        let invite = bench.invite(1, "bob@example.com");
        bench.reply(&invite, 200, &[ASSERTED, "Contact: <sip:bob@198.51.100.2>"]);
        match bench.session_event() {
            SessionEvent::Accepted { headers, .. } => {
                let told = headers
                    .iter()
                    .any(|(name, _)| name == "P-Asserted-Identity");
                assert_eq!(told, shown);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_private_call_names_the_account_to_its_own_server_only() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        display_name: Some("Alice".to_owned()),
        ..account()
    });
    let invite = invite(&mut bench, &[("Privacy", "id")]);
    let from = invite.headers.from().unwrap();
    assert_eq!(from.uri.as_str(), "sip:anonymous@anonymous.invalid");
    assert_eq!(from.display_name(), Some("Anonymous"));
    assert!(from.tag().is_some());
    assert_eq!(header(&invite.headers, &HeaderName::Privacy), "id");
    assert_eq!(preferred(&invite), ["\"Alice\" <sip:alice@example.com>"]);

    let challenge = "Proxy-Authenticate: Digest realm=\"example.com\", nonce=\"n\"";
    bench.reply(&invite, 407, &[challenge]);
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    assert!(again.headers.contains(&HeaderName::ProxyAuthorization));
    assert_eq!(again.headers.from(), invite.headers.from());
    assert_eq!(preferred(&again).len(), 1);
}

#[test]
fn a_private_call_to_another_domain_without_a_proxy_names_nobody() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        outbound_proxy: None,
        ..account()
    });
    bench.command(Command::Invite {
        account: alice(),
        session: call(1),
        target: "bob@198.51.100.2".to_owned(),
        sdp: Some(Bytes::from(SDP)),
        headers: owned(&[
            ("Privacy", "id"),
            ("P-Preferred-Identity", "<tel:+4930123>"),
        ]),
    });
    let invite = bench.request(Method::Invite);
    assert!(preferred(&invite).is_empty());
    let told = String::from_utf8_lossy(&invite.to_bytes()).into_owned();
    assert!(
        !told.contains("alice") && !told.contains("+4930123"),
        "{told}"
    );
}

#[test]
fn an_application_chooses_among_its_identities_and_never_asserts_one() {
    let mut bench = Bench::new();
    let invite = invite(
        &mut bench,
        &[
            ("p-preferred-identity", "\"Sales\" <tel:+4930123>"),
            ("P-Asserted-Identity", "<sip:police@example.com>"),
        ],
    );
    assert_eq!(preferred(&invite), ["\"Sales\" <tel:+4930123>"]);
    assert!(!invite.headers.contains(&HeaderName::PAssertedIdentity));
    let from = invite.headers.from().unwrap();
    assert_eq!(from.uri.as_str(), "sip:alice@example.com");

    let mut bench = Bench::new();
    let broken = "<sip:a@example.com>, <sip:b@example.com>";
    let invite = self::invite(&mut bench, &[("P-Preferred-Identity", broken)]);
    assert!(preferred(&invite).is_empty());
}

#[test]
fn a_private_caller_cannot_be_made_to_call_somebody_under_its_name() {
    let mut bench = Bench::new();
    let invite = invite(&mut bench, &[("Privacy", "id")]);
    bench.reply_sdp(&invite, 200, "them", SDP);
    bench.request(Method::Ack);
    bench.session_event();
    let our_tag = invite.headers.from().unwrap().tag().unwrap().into_owned();
    let call_id = header(&invite.headers, &HeaderName::CallId);
    let token = bench.token();
    bench.incoming(&Script {
        from_tag: "them",
        call_id: &call_id,
        ..Script::within("REFER", 1, &our_tag, &token).header("Refer-To: <sip:trap@example.org>")
    });
    let referral = match bench.session_event() {
        SessionEvent::Refer(referral) => referral,
        other => panic!("{other:?}"),
    };
    assert!(referral.anonymous);
    let invite = referred(&mut bench, referral);
    let from = invite.headers.from().unwrap();
    assert_eq!(from.uri.as_str(), "sip:anonymous@anonymous.invalid");
    assert_eq!(header(&invite.headers, &HeaderName::Privacy), "id");
}

/// Alice's bench, where accounts of `domain` trust `network`.
fn trusting(domain: &str, network: &str) -> Bench {
    Bench::with(UserAgentConfig {
        trust_domains: vec![TrustDomain {
            name: domain.to_owned(),
            networks: vec![network.parse().unwrap()],
        }],
        ..UserAgentConfig::default()
    })
}

/// A call comes from this hop: who calls, and the names of the headers that are shown.
fn called(bench: &mut Bench, hop: &'static str, headers: &[&str]) -> (Originator, Vec<String>) {
    let token = bench.token();
    let mut script = Script::invite(&token);
    script
        .headers
        .extend(headers.iter().map(|&line| line.to_owned()));
    bench.receive_by(&script.text(77), source(hop));
    match bench.event() {
        Event::Incoming { from, headers, .. } => {
            (from, headers.into_iter().map(|(name, _)| name).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn invite(bench: &mut Bench, headers: &[(&str, &str)]) -> Request {
    bench.command(Command::Invite {
        account: alice(),
        session: call(1),
        target: "bob@example.com".to_owned(),
        sdp: Some(Bytes::from(SDP)),
        headers: owned(headers),
    });
    assert!(matches!(bench.session_event(), SessionEvent::Sent { .. }));
    bench.request(Method::Invite)
}

fn referred(bench: &mut Bench, referral: Referral) -> Request {
    bench.forget_sent();
    bench.command(Command::InviteReferred {
        account: alice(),
        session: call(2),
        referral,
        sdp: Bytes::from(SDP),
    });
    bench.request(Method::Invite)
}

fn preferred(request: &Request) -> Vec<String> {
    request.headers.texts(&HeaderName::PPreferredIdentity)
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    owned.collect()
}
