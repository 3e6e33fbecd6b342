//! REFER of the peer's (RFC 3515 §2.4).

use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, PROXY, SDP, Script, alice, call, header, source};
use crate::account::SessionId;
use crate::command::Command;
use crate::event::{SessionEvent, StatusReason};
use crate::message::{HeaderName, Method, Request};
use crate::refer::Referral;
use crate::replaces::Replaces;
use crate::transport::{FlowId, Source, Transport};

#[test]
fn a_refusal_by_timer_leaves_no_timer_behind_that_is_due() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    let refer = Script::within("REFER", 2, &tag, &token).header("Refer-To: <sip:carol@h>");
    let stream = Source {
        transport: Transport::Tcp,
        flow: Some(FlowId(7)),
        ..source(PROXY)
    };
    bench.receive_by(&refer.text(2), stream);
    bench.session_event();
    let due = bench.now + Duration::from_secs(10);
    bench.ua.handle_timeout(due);
    assert!(bench.ua.poll_timeout().is_none_or(|next| next > due));
}

#[test]
fn a_refer_is_told_accepted_and_followed_up_to_its_outcome() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let referral = refer(&mut bench, &tag, 2, &[]);
    assert_eq!(
        referral,
        Referral {
            target: "sip:carol@example.org".to_owned(),
            replaces: None,
            referred_by: None,
            anonymous: false,
        }
    );
    bench.sent_nothing();
    answer(&mut bench, session, Ok(()));
    let accepted = bench.response(202);
    assert!(accepted.headers.contains(&HeaderName::Contact));
    let trying = bench.request(Method::Notify);
    assert_eq!(told(&trying), "active;expires=200: SIP/2.0 100 Trying");
    assert_eq!(header(&trying.headers, &HeaderName::Event), "refer");
    let kind = header(&trying.headers, &HeaderName::ContentType);
    assert_eq!(kind, "message/sipfrag;version=2.0");
    assert!(trying.headers.contains(&HeaderName::Contact));

    say(&mut bench, session, 180, "Ringing");
    say(&mut bench, session, 183, "Session Progress");
    bench.sent_nothing();
    bench.reply(&trying, 200, &[]);
    let progress = bench.request(Method::Notify);
    assert_eq!(
        told(&progress),
        "active;expires=200: SIP/2.0 183 Session Progress"
    );
    bench.reply(&progress, 200, &[]);
    say(&mut bench, session, 200, "OK");
    let last = bench.request(Method::Notify);
    assert_eq!(told(&last), "terminated;reason=noresource: SIP/2.0 200 OK");
    bench.reply(&last, 200, &[]);
    say(&mut bench, session, 200, "OK");
    bench.pass_seconds(300);
    bench.sent_nothing();
    bench.no_event();

    refer(&mut bench, &tag, 7, &[]);
    answer(&mut bench, session, Ok(()));
    bench.response(202);
    let trying = bench.request(Method::Notify);
    assert_eq!(header(&trying.headers, &HeaderName::Event), "refer;id=7");
}

#[test]
fn a_refused_refer_is_over() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &[]);
    answer(&mut bench, session, Err(603));
    bench.response(603);
    answer(&mut bench, session, Ok(()));
    say(&mut bench, session, 200, "OK");
    bench.sent_nothing();
    refer(&mut bench, &tag, 3, &[]);
}

#[test]
fn an_application_that_does_not_answer_declines() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &[]);
    bench.pass_seconds(11);
    bench.response(100);
    bench.response(603);
    bench.no_event();
}

#[test]
fn an_outcome_that_is_never_told_is_a_timeout() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &[]);
    answer(&mut bench, session, Ok(()));
    bench.response(202);
    let trying = bench.request(Method::Notify);
    bench.reply(&trying, 200, &[]);
    bench.pass_until_sent(201);
    let last = bench.request(Method::Notify);
    assert_eq!(
        told(&last),
        "terminated;reason=noresource: SIP/2.0 408 Request Timeout"
    );
}

#[test]
fn who_wants_to_hear_nothing_hears_nothing() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &["Refer-Sub: false"]);
    answer(&mut bench, session, Ok(()));
    let accepted = bench.response(202);
    let refer_sub = HeaderName::parse("Refer-Sub").unwrap();
    assert_eq!(header(&accepted.headers, &refer_sub), "false");
    say(&mut bench, session, 200, "OK");
    bench.sent_nothing();
    refer(&mut bench, &tag, 3, &[]);
}

#[test]
fn who_does_not_take_news_gets_no_more() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &[]);
    answer(&mut bench, session, Ok(()));
    bench.response(202);
    let trying = bench.request(Method::Notify);
    bench.reply(&trying, 481, &[]);
    say(&mut bench, session, 200, "OK");
    bench.sent_nothing();
}

#[test]
fn a_second_refer_waits_for_the_first() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &[]);
    again(&mut bench, &tag, 3);
    bench.response(491);
    answer(&mut bench, session, Ok(()));
    bench.response(202);
    bench.request(Method::Notify);
    again(&mut bench, &tag, 4);
    bench.response(491);
    bench.no_event();
}

#[test]
fn a_bad_refer_to_is_refused_without_asking() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    let script = |cseq| Script::within("REFER", cseq, &tag, &token);
    bench.incoming(&script(2));
    bench.response(400);
    bench.incoming(&script(3).header("Refer-To: <http://example.com/>"));
    bench.response(416);
    bench.incoming(&script(4).header("Refer-To: <sip:a@h>, <sip:b@h>"));
    bench.response(400);
    bench.no_event();
}

#[test]
fn a_call_that_ends_answers_its_refer_first() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &[]);
    bench.hang_up(session);
    bench.request(Method::Bye);
    bench.ended();
    answer(&mut bench, session, Ok(()));
    bench.response(481);
    bench.is_empty_after(64);
}

#[test]
fn an_outcome_that_waits_for_its_turn_is_told_before_the_bye() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer(&mut bench, &tag, 2, &[]);
    answer(&mut bench, session, Ok(()));
    bench.response(202);
    bench.request(Method::Notify);
    say(&mut bench, session, 200, "OK");
    bench.sent_nothing();
    bench.hang_up(session);
    assert!(told(&bench.request(Method::Notify)).ends_with("200 OK"));
    bench.request(Method::Bye);
    bench.ended();
    bench.is_empty_after(64);
}

#[test]
fn the_call_that_is_asked_for_names_who_asked_and_what_it_replaces() {
    let mut bench = Bench::new();
    let replaces = Replaces {
        call_id: "other@h".to_owned(),
        to_tag: "a".to_owned(),
        from_tag: "b".to_owned(),
        early_only: false,
    };
    bench.command(Command::InviteReferred {
        account: alice(),
        session: call(1),
        referral: Referral {
            target: "sip:carol@example.org;transport=tcp".to_owned(),
            replaces: Some(replaces),
            referred_by: Some("<sip:bob@example.org>".to_owned()),
            anonymous: false,
        },
        sdp: Bytes::from(SDP),
    });
    assert!(matches!(bench.session_event(), SessionEvent::Sent { .. }));
    let invite = bench.request(Method::Invite);
    assert_eq!(invite.uri.as_str(), "sip:carol@example.org;transport=tcp");
    let get = |name| header(&invite.headers, &name);
    assert_eq!(get(HeaderName::Replaces), "other@h;to-tag=a;from-tag=b");
    assert_eq!(get(HeaderName::Require), "replaces");
    assert_eq!(get(HeaderName::ReferredBy), "<sip:bob@example.org>");
}

fn refer(bench: &mut Bench, tag: &str, cseq: u32, headers: &[&str]) -> Referral {
    let token = bench.token();
    let mut script = Script::within("REFER", cseq, tag, &token);
    script = script.header("Refer-To: <sip:carol@example.org>");
    for header in headers {
        script = script.header(header);
    }
    bench.incoming(&script);
    match bench.session_event() {
        SessionEvent::Refer(referral) => referral,
        other => panic!("{other:?}"),
    }
}

fn again(bench: &mut Bench, tag: &str, cseq: u32) {
    let token = bench.token();
    let script = Script::within("REFER", cseq, tag, &token);
    bench.incoming(&script.header("Refer-To: <sip:dave@example.org>"));
}

fn answer(bench: &mut Bench, session: SessionId, answer: Result<(), u16>) {
    bench.command(Command::AnswerRefer { session, answer });
}

fn say(bench: &mut Bench, session: SessionId, code: u16, phrase: &str) {
    let status = StatusReason::new(code, phrase);
    bench.command(Command::NotifyRefer { session, status });
}

fn told(notify: &Request) -> String {
    let state = header(&notify.headers, &HeaderName::SubscriptionState);
    format!("{state}: {}", String::from_utf8_lossy(&notify.body).trim())
}
