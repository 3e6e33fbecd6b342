//! Calls of ours (RFC 3261 §13.2, §9.1; RFC 3665 §3).

use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, PROXY, SDP, STRANGER, Script, account, addr, alice, call, header};
use crate::account::AccountConfig;
use crate::command::Command;
use crate::event::{EndedBy, SessionEvent, StatusReason};
use crate::message::{HeaderName, Method};
use crate::transaction::TimerValues;
use crate::user_agent::UserAgentConfig;

pub(super) const PROXY_CHALLENGE: &str =
    "Proxy-Authenticate: Digest realm=\"example.com\", nonce=\"p1\", qop=\"auth\"";

#[test]
fn a_call_rings_is_answered_and_hung_up() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    assert_eq!(invite.uri.as_str(), "sip:bob@example.com");
    assert_eq!(
        header(&invite.headers, &HeaderName::Route),
        format!("<sip:{PROXY};lr>")
    );
    assert!(header(&invite.headers, &HeaderName::Contact).contains(&bench.token()));

    bench.reply(&invite, 100, &[]);
    bench.no_event();
    bench.reply(&invite, 180, &[]);
    assert_eq!(bench.session_event(), provisional(180, "Ringing", None, 0));

    bench.reply_sdp(&invite, 200, "them", "v=0 answer\r\n");
    let ack = bench.request(Method::Ack);
    assert_eq!(ack.uri.as_str(), "sip:them@198.51.100.2");
    assert_eq!(ack.headers.cseq().unwrap().number, 1);
    match bench.session_event() {
        SessionEvent::Accepted { sdp, dialog, .. } => {
            assert_eq!(sdp, Some(Bytes::from("v=0 answer\r\n")));
            assert_eq!(dialog, 0);
        }
        other => panic!("{other:?}"),
    }

    bench.hang_up(call(1));
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.headers.cseq().unwrap().number, 2);
    assert_eq!(bye.uri.as_str(), "sip:them@198.51.100.2");
    assert_eq!(bench.session_event(), ended("200 to BYE", EndedBy::Local));
    bench.reply(&bye, 200, &[]);
    bench.is_empty_after(64);
}

#[test]
fn a_repeated_200_is_acknowledged_again_and_told_once() {
    let mut bench = Bench::new();
    let invite = bench.answered(1);
    bench.reply_sdp(&invite, 200, "them", SDP);
    bench.request(Method::Ack);
    bench.no_event();
}

#[test]
fn the_invite_is_sent_again_with_credentials_and_its_ack_carries_them() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply(&invite, 407, &[PROXY_CHALLENGE]);
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    assert_eq!(again.headers.cseq().unwrap().number, 2);
    assert_eq!(again.headers.call_id(), invite.headers.call_id());
    let credentials = header(&again.headers, &HeaderName::ProxyAuthorization);
    assert!(
        credentials.contains("uri=\"sip:bob@example.com\""),
        "{credentials}"
    );
    bench.no_event();

    bench.reply_sdp(&again, 200, "them", SDP);
    let ack = bench.request(Method::Ack);
    assert_eq!(ack.headers.cseq().unwrap().number, 2);
    assert_eq!(
        header(&ack.headers, &HeaderName::ProxyAuthorization),
        credentials
    );
}

#[test]
fn a_wrong_password_ends_a_call_in_904() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply(&invite, 407, &[PROXY_CHALLENGE]);
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    bench.reply(&again, 407, &[PROXY_CHALLENGE]);
    assert_eq!(bench.ended(), "904 Operation has no matching challenge");
    bench.request(Method::Ack);
    bench.is_empty_after(64);
}

#[test]
fn a_strange_domain_is_not_told_our_credentials_whatever_realm_it_names() {
    for realm in ["evil.example", "example.com"] {
        let mut bench = Bench::empty(UserAgentConfig::default());
        bench.add(AccountConfig {
            outbound_proxy: None,
            ..account()
        });
        let invite = bench.invite(1, "bob@evil.example");
        let challenge = PROXY_CHALLENGE.replace("example.com", realm);
        bench.reply(&invite, 407, &[&challenge]);
        assert_eq!(bench.ended(), "407 Challenge of Another Server");
    }
}

#[test]
fn failures_are_told_with_the_phrase_received() {
    for (code, reason) in [
        (486, "486 Busy Here"),
        (603, "603 Decline"),
        (302, "302 Moved Temporarily"),
    ] {
        let mut bench = Bench::new();
        let invite = bench.invite(1, "bob");
        bench.reply(&invite, code, &[]);
        assert_eq!(bench.session_event(), ended(reason, EndedBy::Remote));
        bench.request(Method::Ack);
        bench.is_empty_after(64);
    }
}

#[test]
fn nobody_answering_at_all_is_408() {
    let mut bench = Bench::new();
    bench.invite(1, "bob");
    bench.pass(TimerValues::default().give_up());
    assert_eq!(
        bench.session_event(),
        ended("408 Request Timeout", EndedBy::Timeout)
    );
    bench.forget_sent();
    bench.is_empty_after(64);
}

#[test]
fn ringing_has_its_limit() {
    let mut bench = Bench::with(UserAgentConfig {
        outgoing_ringing: Duration::from_secs(60),
        ..UserAgentConfig::default()
    });
    let invite = bench.invite(1, "bob");
    bench.reply(&invite, 180, &[]);
    bench.session_event();
    bench.pass_seconds(59);
    bench.no_event();
    bench.pass_seconds(1);
    assert_eq!(
        bench.session_event(),
        ended("408 Request Timeout", EndedBy::Timeout)
    );
    bench.request(Method::Cancel);
}

#[test]
fn addresses_that_lead_nowhere_end_the_call() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        outbound_proxy: None,
        ..account()
    });
    for (target, reason) in [
        (
            "bob@nowhere.example",
            "404 DNS lookup error: no results found",
        ),
        ("", "484 Address Incomplete"),
        ("mailto:bob@example.com", "416 Unsupported URI Scheme"),
    ] {
        bench.command(Command::Invite {
            account: alice(),
            session: call(1),
            target: target.to_owned(),
            sdp: Some(Bytes::from(SDP)),
            headers: Vec::new(),
        });
        let last = std::iter::from_fn(|| Some(bench.session_event()))
            .find(|event| !matches!(event, SessionEvent::Sent { .. }));
        match last {
            Some(SessionEvent::Ended { reason: told, .. }) => assert_eq!(told.to_string(), reason),
            other => panic!("{other:?}"),
        }
    }
    bench.is_empty_after(1);
}

#[test]
fn without_a_proxy_the_called_domain_is_located() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        outbound_proxy: None,
        ..account()
    });
    let invite = bench.invite(1, "bob@example.org");
    assert!(!invite.headers.contains(&HeaderName::Route));
    assert_eq!(invite.uri.as_str(), "sip:bob@example.org");
}

#[test]
fn sessions_per_account_are_limited() {
    let mut bench = Bench::with(UserAgentConfig {
        sessions_per_account: 1,
        ..UserAgentConfig::default()
    });
    bench.invite(1, "bob");
    bench.command(Command::Invite {
        account: alice(),
        session: call(2),
        target: "carol".to_owned(),
        sdp: Some(Bytes::from(SDP)),
        headers: Vec::new(),
    });
    assert_eq!(bench.ended(), "486 Too Many Calls of This Account");
}

#[test]
fn headers_of_the_application_cannot_forge_ours() {
    let mut bench = Bench::new();
    bench.command(Command::Invite {
        account: alice(),
        session: call(1),
        target: "bob".to_owned(),
        sdp: Some(Bytes::from(SDP)),
        headers: vec![
            ("X-Ours".to_owned(), "yes".to_owned()),
            ("Route".to_owned(), "<sip:evil;lr>".to_owned()),
            ("X-Break".to_owned(), "a\r\nRoute: <sip:evil;lr>".to_owned()),
            (
                "P-Asserted-Identity".to_owned(),
                "<sip:boss@example.com>".to_owned(),
            ),
        ],
    });
    let invite = bench.request(Method::Invite);
    let names: Vec<_> = invite
        .headers
        .iter()
        .map(|line| line.name().to_string())
        .collect();
    assert!(names.contains(&"X-Ours".to_owned()), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "Route").count(), 1);
    assert!(
        !names.contains(&"X-Break".to_owned())
            && !names.contains(&"P-Asserted-Identity".to_owned())
    );
}

#[test]
fn a_page_cannot_claim_what_only_a_trusted_network_may_say() {
    let claims = [
        "P-Asserted-Identity",
        "remote-party-id",
        "Remote-Party-ID",
        "Diversion",
        "History-Info",
        "P-Asserted-Service",
        "P-Charging-Vector",
        "P-Associated-URI",
        "y",
    ];
    let mut bench = Bench::new();
    bench.command(Command::Invite {
        account: alice(),
        session: call(1),
        target: "bob".to_owned(),
        sdp: Some(Bytes::from(SDP)),
        headers: claims
            .map(|name| (name.to_owned(), "<sip:boss@example.com>".to_owned()))
            .to_vec(),
    });
    let invite = String::from_utf8(bench.request(Method::Invite).to_bytes().to_vec()).unwrap();
    assert!(!invite.contains("boss@example.com"), "{invite}");
}

#[test]
fn the_reason_of_a_failing_server_is_not_changed() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    let text = format!(
        "SIP/2.0 403 Credit exhausted\r\nVia: {}\r\nFrom: {}\r\nTo: <sip:bob@example.com>;tag=x\r\n\
         Call-ID: {}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        header(&invite.headers, &HeaderName::Via),
        header(&invite.headers, &HeaderName::From),
        header(&invite.headers, &HeaderName::CallId),
    );
    bench.receive(&text, PROXY);
    assert_eq!(bench.ended(), "403 Credit exhausted");
}

#[test]
fn in_the_early_dialog_an_update_without_offer_is_agreed_to_and_one_with_offer_is_glare() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply(&invite, 183, &[]);
    bench.session_event();
    let from = invite.headers.from().unwrap();
    let (tag, call_id) = (from.tag().unwrap(), invite.headers.call_id().unwrap());
    let token = bench.token();
    let update = || Script {
        call_id,
        from_tag: "them",
        ..Script::within("UPDATE", 1, &tag, &token)
    };
    bench.incoming(&update());
    bench.response(200);
    bench.incoming(
        &Script {
            cseq: 2,
            ..update()
        }
        .with_sdp(),
    );
    bench.response(491);
    bench.no_event();
}

#[test]
fn an_account_removed_ends_its_calls() {
    let mut bench = Bench::new();
    bench.answered(1);
    let ringing = bench.invite(2, "carol");
    bench.reply(&ringing, 180, &[]);
    bench.session_event();
    bench.command(Command::RemoveAccount { account: alice() });
    let cancel = bench.request(Method::Cancel);
    let bye = bench.request(Method::Bye);
    assert_eq!(bench.ended(), "200 to BYE");
    assert_eq!(bench.ended(), "487 Request Terminated");
    bench.reply(&bye, 200, &[]);
    bench.reply(&cancel, 200, &[]);
    bench.reply(&ringing, 487, &[]);
    bench.is_empty_after(64);
}

#[test]
fn a_challenged_bye_is_sent_again() {
    let mut bench = Bench::new();
    bench.answered(1);
    bench.hang_up(call(1));
    let bye = bench.request(Method::Bye);
    bench.reply(&bye, 407, &[PROXY_CHALLENGE]);
    let again = bench.request(Method::Bye);
    assert_eq!(again.headers.cseq().unwrap().number, 3);
    assert!(again.headers.contains(&HeaderName::ProxyAuthorization));
    bench.reply(&again, 200, &[]);
    bench.is_empty_after(64);
}

#[test]
fn only_our_own_server_may_challenge_a_bye() {
    let mut bench = Bench::new();
    bench.answered(1);
    bench.hang_up(call(1));
    let bye = bench.request(Method::Bye);
    bench.reply_from(STRANGER, &bye, 407, &[PROXY_CHALLENGE]);
    bench.sent_nothing();
    bench.is_empty_after(64);
}

#[test]
fn a_stray_200_of_an_unknown_call_is_not_reflected() {
    let mut bench = Bench::new();
    bench.receive(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnever\r\n\
         From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>;tag=b\r\n\
         Call-ID: unknown\r\nCSeq: 1 INVITE\r\nContact: <sip:victim@203.0.113.9>\r\n\
         Content-Length: 0\r\n\r\n",
        STRANGER,
    );
    bench.sent_nothing();
}

#[test]
fn the_proxy_of_the_route_gets_every_request_of_the_call() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply_tagged(
        &invite,
        200,
        "them",
        &[
            "Contact: <sip:bob@203.0.113.9>",
            "Record-Route: <sip:far.example;lr>, <sip:192.0.2.20:5070;lr>",
            "Content-Type: application/sdp",
        ],
        SDP,
    );
    let (ack, to) = bench.request_to(Method::Ack);
    assert_eq!(to.addr, addr("192.0.2.20:5070"));
    assert_eq!(
        ack.headers.texts(&HeaderName::Route),
        ["<sip:192.0.2.20:5070;lr>", "<sip:far.example;lr>"]
    );
    bench.hang_up(call(1));
    let (_, to) = bench.request_to(Method::Bye);
    assert_eq!(to.addr, addr("192.0.2.20:5070"));
}

pub(super) fn provisional(
    code: u16,
    phrase: &str,
    sdp: Option<&'static str>,
    dialog: u32,
) -> SessionEvent {
    SessionEvent::Provisional {
        code,
        phrase: phrase.to_owned(),
        sdp: sdp.map(Bytes::from),
        dialog,
    }
}

pub(super) fn ended(reason: &str, by: EndedBy) -> SessionEvent {
    let (code, phrase) = reason.split_once(' ').unwrap();
    SessionEvent::Ended {
        reason: StatusReason::new(code.parse().unwrap(), phrase),
        by,
        answered_elsewhere: false,
    }
}
