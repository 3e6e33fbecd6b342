//! Calls to us (RFC 3261 §13.3, §8.2; RFC 3665 §3).

use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, SDP, Script, alice, call, header, tag_of};
use crate::command::Command;
use crate::event::{EndedBy, Event, Originator, SessionEvent, StatusReason};
use crate::message::{HeaderName, Message, Method};
use crate::user_agent::UserAgentConfig;

#[test]
fn a_call_rings_is_answered_and_the_caller_hangs_up() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.incoming(&Script::invite(&token).header("X-Extra: 1"));
    let Event::Incoming {
        account,
        session,
        from,
        call_id,
        sdp,
        replaces: None,
        over_tls: false,
        headers,
    } = bench.event()
    else {
        panic!("expected a call");
    };
    assert_eq!(account, alice());
    assert_eq!(
        from,
        Originator {
            uri: "bob@example.org".to_owned(),
            display_name: Some("Bob".to_owned())
        }
    );
    assert_eq!(call_id, "incoming-call");
    assert_eq!(sdp, Some(Bytes::from(SDP)));
    assert!(headers.contains(&("X-Extra".to_owned(), "1".to_owned())));

    provisional(&mut bench, session, 180, None);
    let ringing = bench.response(180);
    assert!(header(&ringing.headers, &HeaderName::Contact).contains(&token));
    assert!(ringing.headers.contains(&HeaderName::RecordRoute));
    bench.accept(session);
    let ok = bench.response(200);
    assert_eq!(tag_of(&ok), tag_of(&ringing));
    assert_eq!(&ok.body[..], SDP.as_bytes());

    bench.incoming(&Script::within("ACK", 1, &tag_of(&ok), &token));
    assert_eq!(bench.session_event(), SessionEvent::Confirmed { sdp: None });
    bench.pass_seconds(40);
    bench.sent_nothing();

    bench.incoming(&Script::within("BYE", 2, &tag_of(&ok), &token));
    bench.response(200);
    assert_eq!(
        bench.session_event(),
        ended("200 Session Terminated", EndedBy::Remote, false)
    );
    bench.is_empty_after(64);
}

#[test]
fn the_200_is_repeated_from_t1_to_t2_until_the_ack_comes() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.accept(session);
    let tag = tag_of(&bench.response(200));
    let mut after = Vec::new();
    for tenth in 1..=100 {
        bench.pass(Duration::from_millis(100));
        if bench.count_sent(is_200) > 0 {
            after.push(tenth * 100);
        }
    }
    assert_eq!(after, [500, 1500, 3500, 7500]);
    let token = bench.token();
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    bench.pass_seconds(60);
    bench.sent_nothing();
}

#[test]
fn a_call_whose_200_is_never_acknowledged_ends_with_bye() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.accept(session);
    bench.pass_seconds(32);
    assert_eq!(
        bench.session_event(),
        ended("408 Answer Not Acknowledged", EndedBy::Timeout, false)
    );
    assert_eq!(bench.count_sent(is_bye), 1);
    bench.is_empty_after(64);
}

#[test]
fn an_offerless_invite_is_answered_with_an_offer_and_the_ack_brings_the_answer() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.incoming(&Script {
        body: "",
        headers: Vec::new(),
        ..Script::invite(&token)
    });
    let Event::Incoming { session, sdp, .. } = bench.event() else {
        panic!("expected a call");
    };
    assert_eq!(sdp, None);
    bench.accept(session);
    let tag = tag_of(&bench.response(200));
    bench.incoming(&Script::within("ACK", 1, &tag, &token).with_sdp());
    assert_eq!(
        bench.session_event(),
        SessionEvent::Confirmed {
            sdp: Some(Bytes::from(SDP))
        }
    );
}

#[test]
fn a_caller_that_gives_up_ends_the_call() {
    let mut bench = Bench::new();
    let token = bench.token();
    let session = bench.called();
    provisional(&mut bench, session, 180, None);
    bench.response(180);
    cancel(&mut bench, &token, None);
    bench.response(200);
    bench.response(487);
    assert_eq!(
        bench.session_event(),
        ended("487 Request Terminated", EndedBy::Remote, false)
    );
    bench.is_empty_after(64);
}

#[test]
fn a_call_answered_elsewhere_is_told_so() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.called();
    cancel(
        &mut bench,
        &token,
        Some("Reason: SIP;cause=200;text=\"Call completed elsewhere\""),
    );
    assert_eq!(
        bench.session_event(),
        ended("487 Request Terminated", EndedBy::Remote, true)
    );
}

#[test]
fn cancel_after_our_200_changes_nothing() {
    let mut bench = Bench::new();
    let token = bench.token();
    let session = bench.called();
    bench.accept(session);
    let tag = tag_of(&bench.response(200));
    cancel(&mut bench, &token, None);
    bench.response(200);
    bench.no_event();
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    assert_eq!(bench.session_event(), SessionEvent::Confirmed { sdp: None });
}

#[test]
fn a_repeated_invite_is_one_call() {
    let mut bench = Bench::new();
    let token = bench.token();
    let text = bench.incoming(&Script::invite(&token));
    bench.event();
    bench.receive(&text, super::bench::PROXY);
    bench.no_event();
}

#[test]
fn a_call_is_rejected_with_the_code_and_phrase_asked_for() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.command(Command::Reject {
        session,
        code: 603,
        reason: Some("Not Today".to_owned()),
    });
    assert_eq!(bench.response(603).reason.as_str(), "Not Today");
    assert_eq!(
        bench.session_event(),
        ended("603 Not Today", EndedBy::Local, false)
    );
    bench.pass_seconds(1);
    assert!(bench.count_pending() > 0, "repeated until the ACK comes");
    bench.forget_sent();
    bench.is_empty_after(64);
}

#[test]
fn hanging_up_an_unanswered_call_is_busy() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.hang_up(session);
    bench.response(486);
    assert_eq!(bench.ended(), "486 Busy Here");
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut bench = Bench::new();
    let token = bench.token();
    let session = bench.called();
    bench.accept(session);
    let tag = tag_of(&bench.response(200));
    bench.hang_up(session);
    assert_eq!(bench.ended(), "200 to BYE");
    bench.sent_nothing();
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    bench.request(Method::Bye);
    bench.no_event();
    bench.is_empty_after(64);
}

#[test]
fn hanging_up_without_any_ack_says_bye_at_last() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.accept(session);
    bench.hang_up(session);
    assert_eq!(bench.ended(), "200 to BYE");
    bench.pass_seconds(32);
    assert_eq!(bench.count_sent(is_bye), 1);
    bench.no_event();
    bench.is_empty_after(64);
}

#[test]
fn ringing_is_repeated_every_minute_and_has_its_limit() {
    let mut bench = Bench::new();
    let session = bench.called();
    provisional(&mut bench, session, 183, Some(SDP));
    let early = bench.response(183);
    assert_eq!(&early.body[..], SDP.as_bytes());
    bench.pass_seconds(61);
    bench.response(183);
    bench.pass_seconds(119);
    bench.response(183);
    bench.response(480);
    assert_eq!(
        bench.session_event(),
        ended("480 Temporarily Unavailable", EndedBy::Timeout, false)
    );
    bench.forget_sent();
    bench.is_empty_after(64);
}

#[test]
fn limits_are_answered_486_and_503() {
    let mut bench = Bench::with(UserAgentConfig {
        sessions_per_account: 1,
        ..UserAgentConfig::default()
    });
    second_call_is(&mut bench, 486);
    let mut bench = Bench::with(UserAgentConfig {
        sessions: 1,
        ..UserAgentConfig::default()
    });
    second_call_is(&mut bench, 503);
}

#[test]
fn a_shutdown_ends_everything_and_refuses_what_is_new() {
    let mut bench = Bench::registered();
    let (_, _) = bench.called_and_answered();
    bench.command(Command::Shutdown);
    bench.request(Method::Register);
    bench.request(Method::Bye);
    assert!(matches!(bench.event(), Event::Session { .. }));
    assert!(matches!(bench.event(), Event::Registration { .. }));
    let token = bench.token();
    bench.incoming(&Script {
        call_id: "late",
        ..Script::invite(&token)
    });
    bench.response(480);
    bench.command(Command::Invite {
        account: alice(),
        session: call(9),
        target: "bob".to_owned(),
        sdp: None,
        headers: Vec::new(),
    });
    assert_eq!(bench.ended(), "503 Shutting Down");
    bench.is_empty_after(120);
}

#[test]
fn what_is_required_but_unknown_is_420() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.incoming(&Script::invite(&token).header("Require: 100rel, nothing"));
    let response = bench.response(420);
    assert_eq!(response.headers.unsupported(), ["nothing"]);
    bench.no_event();
}

#[test]
fn bodies_and_hop_counts_are_checked() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.incoming(&Script {
        headers: vec!["Content-Type: text/plain".to_owned()],
        ..Script::invite(&token)
    });
    let response = bench.response(415);
    assert_eq!(
        header(&response.headers, &HeaderName::Accept),
        "application/sdp"
    );

    let exhausted = Script {
        call_id: "exhausted",
        ..Script::invite(&token)
    };
    let text = exhausted
        .text(99)
        .replace("Max-Forwards: 70", "Max-Forwards: 0");
    bench.receive(&text, super::bench::PROXY);
    bench.response(483);
    bench.no_event();
}

#[test]
fn an_invite_without_contact_makes_no_dialog() {
    let mut bench = Bench::new();
    let token = bench.token();
    let text = Script::invite(&token)
        .text(99)
        .replace("Contact:", "X-Contact:");
    bench.receive(&text, super::bench::PROXY);
    assert_eq!(
        bench.response(400).reason.as_str(),
        "Bad or Missing Contact"
    );
}

fn second_call_is(bench: &mut Bench, code: u16) {
    let token = bench.token();
    bench.called();
    bench.incoming(&Script {
        call_id: "second",
        ..Script::invite(&token)
    });
    bench.response(code);
    bench.no_event();
}

/// The caller takes its INVITE back: the CANCEL has the branch of the first request.
fn cancel(bench: &mut Bench, token: &str, reason: Option<&str>) {
    let mut script = Script {
        method: "CANCEL",
        headers: Vec::new(),
        body: "",
        ..Script::invite(token)
    };
    script.headers.extend(reason.map(str::to_owned));
    bench.receive(&script.text(1), super::bench::PROXY);
}

fn provisional(
    bench: &mut Bench,
    session: crate::account::SessionId,
    code: u16,
    sdp: Option<&'static str>,
) {
    bench.command(Command::Provisional {
        session,
        code,
        sdp: sdp.map(Bytes::from),
    });
}

fn is_200(message: &Message) -> bool {
    match message {
        Message::Request(_) => false,
        Message::Response(response) => response.status.code() == 200,
    }
}

fn is_bye(message: &Message) -> bool {
    match message {
        Message::Request(request) => request.method == Method::Bye,
        Message::Response(_) => false,
    }
}

fn ended(reason: &str, by: EndedBy, answered_elsewhere: bool) -> SessionEvent {
    let (code, phrase) = reason.split_once(' ').unwrap();
    SessionEvent::Ended {
        reason: StatusReason::new(code.parse().unwrap(), phrase),
        by,
        answered_elsewhere,
    }
}
