//! Why calls end: what peers say of it, and what we say (RFC 3326, RFC 6432).

use bytes::Bytes;

use super::bench::{Bench, SDP, Script, call, header};
use crate::command::Command;
use crate::event::{Event, SessionEvent};
use crate::message::{HeaderName, Message, Method, Request};

#[test]
fn a_bye_tells_why_unless_the_call_ended_as_calls_do() {
    for (reason, told) in [
        (
            "SIP;cause=408;text=\"Session Expired\"",
            "408 Session Expired",
        ),
        ("Q.850;cause=16, SIP ;cause=503", "503 Service Unavailable"),
        ("Q.850 ;cause=38;text=\"Network out\"", "503 Network out"),
        (
            "Q.850;cause=16;text=\"Normal call clearing\"",
            "200 Session Terminated",
        ),
        ("SIP;cause=200;text=\"OK\"", "200 Session Terminated"),
        ("X;cause=7", "200 Session Terminated"),
    ] {
        let mut bench = Bench::new();
        let (_, tag) = bench.called_and_answered();
        let token = bench.token();
        bench
            .incoming(&Script::within("BYE", 2, &tag, &token).header(&format!("Reason: {reason}")));
        assert_eq!(bench.ended(), told, "{reason}");
    }
}

#[test]
fn a_refusal_that_says_little_is_told_with_what_was_behind_it() {
    for (code, reason, told) in [
        (503, "Q.850;cause=1", "404 Unallocated number"),
        (480, "Q.850;cause=17;text=\"busy\"", "486 busy"),
        (500, "SIP;cause=488", "488 Not Acceptable Here"),
        (
            503,
            "Q.850;cause=34;text=\"No circuit\"",
            "503 Service Unavailable",
        ),
        (480, "Q.850;cause=16", "480 Temporarily Unavailable"),
        (486, "Q.850;cause=1", "486 Busy Here"),
        (603, "Q.850;cause=21", "603 Decline"),
        (404, "garbage=;;", "404 Not Found"),
    ] {
        let mut bench = Bench::new();
        let invite = bench.invite(1, "bob@example.com");
        bench.reply(&invite, code, &[&format!("Reason: {reason}")]);
        assert_eq!(bench.ended(), told, "{code} {reason}");
    }
}

#[test]
fn a_call_that_another_phone_took_is_not_missed_however_that_is_said() {
    for (reason, elsewhere) in [
        ("SIP;cause=200;text=\"Call completed elsewhere\"", true),
        ("Q.850;cause=26", true),
        ("Q.850;cause=16, SIP;cause=200", true),
        ("SIP;cause=487, Q.850 ; cause=26 ; text=\"a;b\"", true),
        ("SIP;cause=487", false),
        ("Q.850;cause=200", false),
    ] {
        let mut bench = Bench::new();
        bench.called();
        let token = bench.token();
        let cancel = Script {
            method: "CANCEL",
            headers: vec![format!("Reason: {reason}")],
            body: "",
            ..Script::invite(&token)
        };
        let source = super::bench::source(cancel.from_addr);
        bench.receive_by(&cancel.text(1), source);
        match bench.session_event() {
            SessionEvent::Ended {
                answered_elsewhere, ..
            } => assert_eq!(answered_elsewhere, elsewhere, "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_slower_of_two_phones_is_told_that_the_call_was_taken() {
    let mut bench = Bench::new();
    let invite = bench.answered(1);
    bench.reply_sdp(&invite, 200, "slower", SDP);
    bench.request(Method::Ack);
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.headers.to().unwrap().tag().as_deref(), Some("slower"));
    let elsewhere = "SIP ;cause=200 ;text=\"Call completed elsewhere\"";
    assert_eq!(header(&bye.headers, &HeaderName::Reason), elsewhere);
}

#[test]
fn a_phone_that_answers_a_call_given_up_is_not_told_so() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    bench.reply(&invite, 180, &["Contact: <sip:bob@198.51.100.2>"]);
    bench.hang_up(call(1));
    bench.request(Method::Cancel);
    bench.reply_sdp(&invite, 200, "them", SDP);
    bench.request(Method::Ack);
    let bye = bench.request(Method::Bye);
    assert!(!bye.headers.contains(&HeaderName::Reason));
}

#[test]
fn a_call_that_rang_too_long_is_cancelled_with_the_reason() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    bench.reply(&invite, 180, &["Contact: <sip:bob@198.51.100.2>"]);
    bench.pass_seconds(180);
    let cancel = bench.request(Method::Cancel);
    assert_eq!(reason(&cancel), "SIP ;cause=408 ;text=\"Request Timeout\"");
}

#[test]
fn a_peer_that_never_acknowledges_is_told_why_it_loses_the_call() {
    let mut bench = Bench::new();
    let session = match called(&mut bench) {
        Event::Incoming { session, .. } => session,
        other => panic!("{other:?}"),
    };
    bench.command(Command::Accept {
        session,
        sdp: Bytes::from(SDP),
        headers: Vec::new(),
    });
    bench.pass_seconds(32);
    let sent = bench.take_sent();
    let byes = sent.iter().filter_map(|sent| match sent {
        Message::Request(request) if request.method == Method::Bye => Some(request),
        _ => None,
    });
    let told: Vec<_> = byes.map(reason).collect();
    assert_eq!(told, ["SIP ;cause=408 ;text=\"Answer Not Acknowledged\""]);
}

fn called(bench: &mut Bench) -> Event {
    let token = bench.token();
    bench.incoming(&Script::invite(&token));
    bench.event()
}

fn reason(request: &Request) -> String {
    header(&request.headers, &HeaderName::Reason)
}
