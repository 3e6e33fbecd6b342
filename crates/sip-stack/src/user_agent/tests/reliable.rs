//! Our reliable provisional responses (RFC 3262 §3).

use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, SDP, Script, header, tag_of};
use crate::account::SessionId;
use crate::command::Command;
use crate::event::{Event, SessionEvent};
use crate::message::{HeaderName, Method, Response};
use crate::user_agent::UserAgentConfig;

#[test]
fn what_requires_100rel_gets_it_and_is_repeated_until_prack() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Require: 100rel", SDP);
    provisional(&mut bench, session, 180, None);
    let first = bench.response(180);
    assert_eq!(header(&first.headers, &HeaderName::Require), "100rel");
    let rseq = first.headers.rseq().unwrap().unwrap();
    // T1, then doubled: 0.5, 1.5, 3.5 s.
    for wait in [500, 1000, 2000] {
        bench.pass(Duration::from_millis(wait));
        assert_eq!(bench.response(180).headers.rseq(), Ok(Some(rseq)));
        bench.sent_nothing();
    }
    prack(&mut bench, &first, 2, rseq, "");
    bench.response(200);
    bench.pass_seconds(20);
    bench.sent_nothing();
    // Once more is nothing to acknowledge.
    prack(&mut bench, &first, 3, rseq, "");
    bench.response(481);
}

#[test]
fn a_prack_that_matches_nothing_is_481_and_stops_nothing() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Require: 100rel", SDP);
    provisional(&mut bench, session, 180, None);
    let first = bench.response(180);
    let rseq = first.headers.rseq().unwrap().unwrap();
    prack(&mut bench, &first, 2, rseq + 1, "");
    bench.response(481);
    bench.pass_seconds(1);
    bench.response(180);
}

#[test]
fn a_caller_that_never_pracks_is_given_up() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Require: 100rel", SDP);
    provisional(&mut bench, session, 180, None);
    bench.pass(Duration::from_millis(31_900));
    bench.no_event();
    bench.forget_sent();
    bench.pass(Duration::from_millis(100));
    bench.response(504);
    assert_eq!(bench.ended(), "504 Server Time-out");
}

#[test]
fn the_second_waits_for_the_prack_of_the_first() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Require: 100rel", SDP);
    provisional(&mut bench, session, 180, None);
    let first = bench.response(180);
    provisional(&mut bench, session, 183, Some(SDP));
    provisional(&mut bench, session, 182, None);
    bench.sent_nothing();
    let rseq = first.headers.rseq().unwrap().unwrap();
    prack(&mut bench, &first, 2, rseq, "");
    bench.response(200);
    let second = bench.response(182);
    assert_eq!(second.headers.rseq(), Ok(Some(rseq + 1)));
    assert_eq!(&second.body[..], SDP.as_bytes());
}

#[test]
fn no_200_goes_out_before_the_early_answer_is_acknowledged() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Supported: 100rel", SDP);
    provisional(&mut bench, session, 183, Some(SDP));
    let early = bench.response(183);
    bench.accept(session);
    bench.sent_nothing();
    prack(
        &mut bench,
        &early,
        2,
        early.headers.rseq().unwrap().unwrap(),
        "",
    );
    bench.response(200);
    let ok = bench.response(200);
    assert_eq!(ok.headers.cseq().unwrap().method, Method::Invite);
    assert!(ok.body.is_empty(), "it has been answered already");
    let (token, tag) = (bench.token(), tag_of(&ok));
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    assert_eq!(bench.session_event(), SessionEvent::Confirmed { sdp: None });
}

#[test]
fn without_a_description_a_200_may_overtake_it_and_prack_comes_late() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Require: 100rel", SDP);
    provisional(&mut bench, session, 180, None);
    let first = bench.response(180);
    bench.accept(session);
    let ok = bench.response(200);
    assert!(!ok.body.is_empty());
    prack(
        &mut bench,
        &first,
        2,
        first.headers.rseq().unwrap().unwrap(),
        "",
    );
    let answered = bench.response(200);
    assert_eq!(answered.headers.cseq().unwrap().method, Method::Prack);
}

#[test]
fn who_only_supports_it_gets_it_with_a_description_alone() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Supported: timer, 100rel", SDP);
    provisional(&mut bench, session, 180, None);
    assert!(!bench.response(180).headers.contains(&HeaderName::RSeq));
    provisional(&mut bench, session, 183, Some(SDP));
    assert!(bench.response(183).headers.contains(&HeaderName::RSeq));
}

#[test]
fn an_unreliable_one_beside_it_does_not_stop_its_repeats() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Supported: 100rel", SDP);
    provisional(&mut bench, session, 183, Some(SDP));
    let early = bench.response(183);
    provisional(&mut bench, session, 180, None);
    bench.response(180);
    bench.pass(Duration::from_millis(500));
    bench.response(183);
    bench.accept(session);
    bench.sent_nothing();
    let rseq = early.headers.rseq().unwrap().unwrap();
    prack(&mut bench, &early, 2, rseq, "");
    bench.response(200);
    assert_eq!(
        bench.response(200).headers.cseq().unwrap().method,
        Method::Invite
    );
}

#[test]
fn an_unreliable_one_beside_it_does_not_stop_its_give_up() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Supported: 100rel", SDP);
    provisional(&mut bench, session, 183, Some(SDP));
    provisional(&mut bench, session, 180, None);
    bench.pass_seconds(32);
    assert_eq!(bench.ended(), "504 Server Time-out");
}

#[test]
fn our_offer_goes_out_early_and_prack_answers_it() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Supported: 100rel", "");
    provisional(&mut bench, session, 183, Some(SDP));
    let early = bench.response(183);
    assert_eq!(&early.body[..], SDP.as_bytes());
    prack(
        &mut bench,
        &early,
        2,
        early.headers.rseq().unwrap().unwrap(),
        "v=0 answer\r\n",
    );
    bench.response(200);
    let sdp = Some(Bytes::from("v=0 answer\r\n"));
    assert_eq!(bench.session_event(), SessionEvent::Reinvited { sdp });
    bench.accept(session);
    assert!(bench.response(200).body.is_empty());
}

#[test]
fn an_offer_in_prack_is_answered_in_its_200_and_the_call_waits_for_it() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Supported: 100rel", SDP);
    provisional(&mut bench, session, 183, Some(SDP));
    let early = bench.response(183);
    let rseq = early.headers.rseq().unwrap().unwrap();
    prack(&mut bench, &early, 2, rseq, "v=0 more\r\n");
    bench.sent_nothing();
    let offered = SessionEvent::Offered {
        sdp: Bytes::from("v=0 more\r\n"),
        dialog: 0,
    };
    assert_eq!(bench.session_event(), offered);
    bench.accept(session);
    bench.sent_nothing();
    answer(&mut bench, session, Ok("v=0 fine\r\n"));
    let answered = bench.response(200);
    assert_eq!(&answered.body[..], b"v=0 fine\r\n");
    assert_eq!(answered.headers.cseq().unwrap().method, Method::Prack);
    assert_eq!(
        bench.response(200).headers.cseq().unwrap().method,
        Method::Invite
    );
}

#[test]
fn an_early_update_is_answered_once_the_first_answer_is_acknowledged() {
    let mut bench = Bench::new();
    let session = called(&mut bench, "Supported: 100rel", SDP);
    provisional(&mut bench, session, 183, Some(SDP));
    let early = bench.response(183);
    let (token, tag) = (bench.token(), tag_of(&early));
    bench.incoming(&Script::within("UPDATE", 2, &tag, &token).with_sdp());
    assert!(bench.response(500).headers.retry_after().unwrap().is_some());
    let rseq = early.headers.rseq().unwrap().unwrap();
    prack(&mut bench, &early, 3, rseq, "");
    bench.response(200);
    bench.incoming(&Script::within("UPDATE", 4, &tag, &token).with_sdp());
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Offered { .. }
    ));
    answer(&mut bench, session, Err(488));
    bench.response(488);
    bench.incoming(&Script::within("UPDATE", 5, &tag, &token));
    assert!(bench.response(200).body.is_empty());
}

#[test]
fn where_we_insist_a_caller_without_100rel_is_told_so() {
    let config = UserAgentConfig {
        require_100rel: true,
        ..UserAgentConfig::default()
    };
    let mut bench = Bench::with(config);
    let token = bench.token();
    bench.incoming(&Script::invite(&token));
    let refused = bench.response(421);
    assert_eq!(header(&refused.headers, &HeaderName::Require), "100rel");
    bench.no_event();
    let invite = bench.invite(1, "bob@example.com");
    assert_eq!(header(&invite.headers, &HeaderName::Require), "100rel");
}

fn called(bench: &mut Bench, wish: &str, sdp: &'static str) -> SessionId {
    let token = bench.token();
    let script = Script::invite(&token).header(wish);
    bench.incoming(&Script {
        body: sdp,
        ..script
    });
    match bench.event() {
        Event::Incoming { session, .. } => session,
        other => panic!("expected Incoming, not {other:?}"),
    }
}

fn provisional(bench: &mut Bench, session: SessionId, code: u16, sdp: Option<&'static str>) {
    bench.command(Command::Provisional {
        session,
        code,
        sdp: sdp.map(Bytes::from),
    });
}

fn prack(bench: &mut Bench, response: &Response, cseq: u32, rseq: u32, body: &'static str) {
    let (token, tag) = (bench.token(), tag_of(response));
    let script = Script::within("PRACK", cseq, &tag, &token)
        .header(&format!("RAck: {rseq} 1 INVITE"))
        .header("Content-Type: application/sdp");
    bench.incoming(&Script { body, ..script });
}

fn answer(bench: &mut Bench, session: SessionId, answer: Result<&'static str, u16>) {
    bench.command(Command::AnswerOffer {
        session,
        dialog: 0,
        answer: answer.map(Bytes::from),
    });
}
