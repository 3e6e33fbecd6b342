//! Session timers in both roles (RFC 4028).

use super::bench::{Bench, SDP, Script, call, header, tag_of};
use crate::event::{Event, SessionEvent};
use crate::message::{HeaderName, Method, Request};
use crate::user_agent::UserAgentConfig;

const UPDATE: &str = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE";

#[test]
fn we_refresh_by_update_after_half_of_the_interval() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 200;refresher=uac", UPDATE]);
    bench.pass_seconds(99);
    bench.sent_nothing();
    bench.pass_seconds(1);
    let update = bench.request(Method::Update);
    assert!(update.body.is_empty());
    assert!(update.headers.contains(&HeaderName::Contact));
    let asked = header(&update.headers, &HeaderName::SessionExpires);
    assert_eq!(asked, "200;refresher=uac");
    bench.reply(&update, 200, &["Session-Expires: 200;refresher=uac"]);
    bench.pass_seconds(100);
    let update = bench.request(Method::Update);
    // The duty may change hands at each refresh.
    bench.reply(&update, 200, &["Session-Expires: 300;refresher=uas"]);
    bench.pass_seconds(267);
    bench.sent_nothing();
    bench.pass_seconds(1);
    let bye = bench.request(Method::Bye);
    assert!(header(&bye.headers, &HeaderName::Reason).contains("408"));
    assert_eq!(bench.ended(), "408 Session Expired");
}

#[test]
fn a_peer_without_update_is_refreshed_by_reinvite_with_the_same_description() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 100;refresher=uac"]);
    bench.pass_seconds(50);
    let invite = bench.request(Method::Invite);
    assert_eq!(&invite.body[..], SDP.as_bytes());
    let asked = header(&invite.headers, &HeaderName::SessionExpires);
    assert_eq!(asked, "100;refresher=uac");
    let headers = [
        "Contact: <sip:them@198.51.100.2>",
        "Content-Type: application/sdp",
        "Session-Expires: 100;refresher=uac",
    ];
    bench.reply_tagged(&invite, 200, "them", &headers, SDP);
    bench.request(Method::Ack);
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Refreshed { .. }
    ));
    bench.pass_seconds(50);
    bench.request(Method::Invite);
}

#[test]
fn update_that_is_not_known_after_all_gives_way_to_reinvite() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 100;refresher=uac", UPDATE]);
    bench.pass_seconds(50);
    let update = bench.request(Method::Update);
    bench.reply(&update, 405, &[]);
    bench.request(Method::Invite);
}

#[test]
fn a_refresh_that_fails_is_tried_again_and_ends_the_call_in_the_end() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 180;refresher=uac", UPDATE]);
    bench.pass_seconds(90);
    let update = bench.request(Method::Update);
    bench.reply(&update, 500, &[]);
    bench.pass_seconds(29);
    let update = bench.request(Method::Update);
    bench.reply(&update, 500, &[]);
    bench.forget_sent();
    let mut seconds = 119;
    while bench.count_sent(is_bye) == 0 {
        bench.pass_seconds(1);
        seconds += 1;
        assert!(seconds <= 180, "it lives too long");
    }
    assert_eq!(seconds, 148, "180 - 32");
}

#[test]
fn a_refresh_answered_481_or_not_at_all_ends_the_call() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 200;refresher=uac", UPDATE]);
    bench.pass_seconds(100);
    let update = bench.request(Method::Update);
    bench.reply(&update, 481, &[]);
    assert_eq!(bench.ended(), "481 Call/Transaction Does Not Exist");

    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 200;refresher=uac", UPDATE]);
    bench.pass_seconds(133);
    assert_eq!(bench.ended(), "408 Request Timeout");
    assert!(bench.count_sent(is_bye) > 0);
}

#[test]
fn a_peer_that_does_not_refresh_is_ended_in_time() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 90;refresher=uas"]);
    // 90 - 30: a third is less than 32.
    bench.pass_seconds(59);
    bench.sent_nothing();
    bench.pass_seconds(1);
    bench.request(Method::Bye);
    assert_eq!(bench.ended(), "408 Session Expired");
}

#[test]
fn without_session_expires_in_the_200_there_is_no_timer() {
    let mut bench = Bench::new();
    answered(&mut bench, &[UPDATE]);
    bench.pass_seconds(10_000);
    bench.sent_nothing();
    bench.no_event();
}

#[test]
fn an_interval_too_short_for_a_server_is_asked_for_longer() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    assert_eq!(header(&invite.headers, &HeaderName::SessionExpires), "1800");
    bench.reply(&invite, 422, &["Min-SE: 3600"]);
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    assert_eq!(header(&again.headers, &HeaderName::SessionExpires), "3600");
    assert_eq!(header(&again.headers, &HeaderName::MinSe), "3600");
    assert_eq!(again.headers.cseq().unwrap().number, 2);
    assert_eq!(again.headers.call_id(), invite.headers.call_id());
    // A server that goes on is not followed.
    bench.reply(&again, 422, &["Min-SE: 3600"]);
    bench.request(Method::Ack);
    assert_eq!(bench.ended(), "422 Session Interval Too Small");
}

#[test]
fn as_callee_we_leave_the_refreshing_to_a_caller_that_knows_how() {
    let mut bench = Bench::new();
    let ok = accepted(&mut bench, &["Supported: timer", "Session-Expires: 120"]);
    let granted = header(&ok.headers, &HeaderName::SessionExpires);
    assert_eq!(granted, "120;refresher=uac");
    assert_eq!(header(&ok.headers, &HeaderName::Require), "timer");
    let (token, tag) = (bench.token(), tag_of(&ok));
    bench.pass_seconds(60);
    let refresh = Script::within("UPDATE", 2, &tag, &token)
        .header("Supported: timer")
        .header("x: 120;refresher=uac");
    bench.incoming(&refresh);
    let ok = bench.response(200);
    let granted = header(&ok.headers, &HeaderName::SessionExpires);
    assert_eq!(granted, "120;refresher=uac");
    bench.pass_seconds(87);
    bench.sent_nothing();
    bench.pass_seconds(1);
    bench.request(Method::Bye);
    assert_eq!(bench.ended(), "408 Session Expired");
}

#[test]
fn for_a_caller_that_knows_nothing_of_timers_we_refresh() {
    let mut bench = Bench::new();
    // A proxy has put it in.
    let ok = accepted(&mut bench, &["Session-Expires: 120", UPDATE]);
    let granted = header(&ok.headers, &HeaderName::SessionExpires);
    assert_eq!(granted, "120;refresher=uas");
    assert!(!ok.headers.contains(&HeaderName::Require));
    bench.pass_seconds(60);
    bench.request(Method::Update);
}

#[test]
fn a_caller_that_asks_for_too_little_is_told_the_least() {
    let mut bench = Bench::new();
    let token = bench.token();
    let script = Script::invite(&token)
        .header("Supported: timer")
        .header("Session-Expires: 60");
    bench.incoming(&script);
    let refused = bench.response(422);
    assert_eq!(refused.headers.min_se(), Ok(Some(90)));
    bench.no_event();
}

#[test]
fn we_offer_a_timer_to_a_caller_that_supports_it_and_names_none() {
    let mut bench = Bench::new();
    let ok = accepted(&mut bench, &["Supported: timer", "Min-SE: 2000"]);
    let granted = header(&ok.headers, &HeaderName::SessionExpires);
    assert_eq!(granted, "2000;refresher=uac");
}

#[test]
fn switched_off_there_are_no_timers_at_all() {
    let config = UserAgentConfig {
        session_expires: 0,
        ..UserAgentConfig::default()
    };
    let mut bench = Bench::with(config);
    let invite = bench.invite(1, "bob@example.com");
    assert!(!invite.headers.contains(&HeaderName::SessionExpires));
    assert!(!header(&invite.headers, &HeaderName::Supported).contains("timer"));
    bench.reply(&invite, 486, &[]);
    bench.request(Method::Ack);
    bench.ended();
    let ok = accepted(&mut bench, &["Supported: timer", "Session-Expires: 120"]);
    assert!(!ok.headers.contains(&HeaderName::SessionExpires));
}

#[test]
fn a_refresh_that_meets_the_peers_reinvite_waits_for_its_turn() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Session-Expires: 100;refresher=uac"]);
    bench.pass_seconds(50);
    let invite = bench.request(Method::Invite);
    bench.reply(&invite, 491, &[]);
    bench.request(Method::Ack);
    bench.pass_until_sent(4);
    bench.request(Method::Invite);
    bench.no_event();
}

/// An outgoing call, answered with these headers.
fn answered(bench: &mut Bench, headers: &[&str]) -> Request {
    let invite = bench.invite(1, "bob@example.com");
    let mut all = vec![
        "Contact: <sip:them@198.51.100.2>",
        "Content-Type: application/sdp",
    ];
    all.extend(headers);
    bench.reply_tagged(&invite, 200, "them", &all, SDP);
    bench.request(Method::Ack);
    match bench.session_event() {
        SessionEvent::Accepted { .. } => invite,
        other => panic!("expected Accepted of {}, not {other:?}", call(1)),
    }
}

/// An incoming call with these headers, accepted: our 200.
fn accepted(bench: &mut Bench, headers: &[&str]) -> crate::message::Response {
    let token = bench.token();
    let mut script = Script::invite(&token);
    for header in headers {
        script = script.header(header);
    }
    bench.incoming(&script);
    let Event::Incoming { session, .. } = bench.event() else {
        panic!("expected Incoming");
    };
    bench.accept(session);
    let ok = bench.response(200);
    let tag = tag_of(&ok);
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    bench.session_event();
    bench.forget_sent();
    ok
}

fn is_bye(message: &crate::message::Message) -> bool {
    match message {
        crate::message::Message::Request(request) => request.method == Method::Bye,
        crate::message::Message::Response(_) => false,
    }
}
