//! Requests within a call (RFC 3261 §12.2.2, §15, RFC 6086).

use bytes::Bytes;

use super::bench::{Bench, Script, call, header};
use crate::command::Command;
use crate::event::{EndedBy, SessionEvent};
use crate::message::{HeaderName, Method};

#[test]
fn keys_and_wishes_in_info_are_passed_up_and_other_bodies_are_not() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    let info = |cseq| Script::within("INFO", cseq, &tag, &token);
    bench.incoming(&Script {
        headers: vec!["Content-Type: application/dtmf-relay".to_owned()],
        body: "Signal=5\r\nDuration=160\r\n",
        ..info(2)
    });
    bench.response(200);
    assert_eq!(
        bench.session_event(),
        SessionEvent::Info {
            content_type: "application/dtmf-relay".to_owned(),
            body: Bytes::from("Signal=5\r\nDuration=160\r\n"),
        }
    );
    bench.incoming(&Script {
        headers: vec!["Content-Type: application/media_control+xml".to_owned()],
        body: "<x/>",
        ..info(3)
    });
    bench.response(200);
    assert_eq!(
        bench.session_event(),
        SessionEvent::Info {
            content_type: "application/media_control+xml".to_owned(),
            body: Bytes::from("<x/>"),
        }
    );
    bench.incoming(&Script {
        headers: vec!["Content-Type: application/xml".to_owned()],
        body: "<x/>",
        ..info(4)
    });
    bench.response(415);
    bench.incoming(&info(5).header("Info-Package: nobody"));
    bench.response(469);
    bench.incoming(&info(6));
    bench.response(200);
    bench.no_event();
}

#[test]
fn info_is_sent_and_its_result_told() {
    let mut bench = Bench::new();
    bench.answered(1);
    bench.command(Command::Info {
        session: call(1),
        content_type: "application/dtmf-relay".to_owned(),
        body: Bytes::from("Signal=1\r\n"),
    });
    let info = bench.request(Method::Info);
    assert_eq!(
        header(&info.headers, &HeaderName::ContentType),
        "application/dtmf-relay"
    );
    bench.reply(&info, 415, &[]);
    assert_eq!(
        bench.session_event(),
        SessionEvent::InfoResult { code: 415 }
    );
}

#[test]
fn a_481_to_a_key_ends_the_call_and_one_to_a_wish_for_a_keyframe_does_not() {
    let mut bench = Bench::new();
    bench.answered(1);
    let mut info = |content_type: &str| {
        bench.command(Command::Info {
            session: call(1),
            content_type: content_type.to_owned(),
            body: Bytes::from("x"),
        });
        let info = bench.request(Method::Info);
        bench.reply(&info, 481, &[]);
        bench.session_event()
    };
    let result = info("application/media_control+xml");
    assert_eq!(result, SessionEvent::InfoResult { code: 481 });
    let result = info("application/dtmf-relay");
    assert!(matches!(result, SessionEvent::Ended { .. }), "{result:?}");
}

#[test]
fn before_the_answer_info_goes_to_the_early_dialog_that_is_heard() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    let press = || Command::Info {
        session: call(1),
        content_type: "application/dtmf-relay".to_owned(),
        body: Bytes::from("Signal=1\r\n"),
    };
    bench.command(press());
    bench.sent_nothing();
    let nobody = SessionEvent::InfoResult { code: 481 };
    assert_eq!(bench.session_event(), nobody);

    bench.reply_sdp(&invite, 183, "menu", super::bench::SDP);
    bench.session_event();
    bench.reply_tagged(
        &invite,
        180,
        "bell",
        &["Contact: <sip:bell@198.51.100.2>"],
        "",
    );
    bench.session_event();
    bench.command(press());
    let info = bench.request(Method::Info);
    let tag = |request: &crate::message::Request| {
        let to = request.headers.to().unwrap();
        to.tag().unwrap().into_owned()
    };
    assert_eq!(tag(&info), "menu");
    bench.reply(&info, 481, &[]);
    assert_eq!(bench.session_event(), nobody);

    // Numbered on in the answered call.
    bench.command(press());
    let before = bench.request(Method::Info).headers.cseq().unwrap().number;
    bench.reply_sdp(&invite, 200, "menu", super::bench::SDP);
    bench.request(Method::Ack);
    bench.session_event();
    bench.command(press());
    let after = bench.request(Method::Info).headers.cseq().unwrap().number;
    assert_eq!(after, before + 1);
}

#[test]
fn a_number_from_the_past_is_refused_with_500() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("OPTIONS", 7, &tag, &token));
    bench.response(200);
    bench.incoming(&Script::within("BYE", 6, &tag, &token));
    bench.response(500);
    bench.no_event();
}

#[test]
fn unknown_dialogs_and_methods_are_answered_politely() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    for (method, tag, code) in [
        ("BYE", "other", 481),
        ("INFO", "other", 481),
        ("NOTIFY", "other", 489),
        ("REFER", tag.as_str(), 400),
        ("NOTIFY", tag.as_str(), 489),
        ("MESSAGE", tag.as_str(), 200),
        ("PRACK", tag.as_str(), 481),
        ("SUBSCRIBE", tag.as_str(), 489),
        ("FROBNICATE", tag.as_str(), 501),
    ] {
        bench.incoming(&Script::within(method, 9, tag, &token));
        let response = bench.response(code);
        assert_eq!(
            response.headers.contains(&HeaderName::Allow),
            matches!(code, 405 | 501)
        );
    }
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Message { .. }
    ));
    bench.no_event();
}

#[test]
fn a_stray_ack_is_nothing() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    bench.incoming(&Script::within("ACK", 1, "other", &token));
    bench.sent_nothing();
    bench.no_event();
}

#[test]
fn a_caller_may_end_its_early_dialog_with_bye() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.command(Command::Provisional {
        session,
        code: 180,
        sdp: None,
    });
    let tag = super::bench::tag_of(&bench.response(180));
    let token = bench.token();
    bench.incoming(&Script::within("BYE", 2, &tag, &token));
    bench.response(200);
    bench.response(487);
    match bench.session_event() {
        SessionEvent::Ended { reason, by, .. } => {
            assert_eq!(reason.to_string(), "487 Request Terminated");
            assert_eq!(by, EndedBy::Remote);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_sides_may_hang_up_at_once() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.hang_up(session);
    let bye = bench.request(Method::Bye);
    assert_eq!(bench.ended(), "200 to BYE");
    bench.incoming(&Script::within("BYE", 2, &tag, &token));
    bench.response(481);
    bench.reply(&bye, 481, &[]);
    bench.no_event();
    bench.is_empty_after(64);
}

#[test]
fn a_caller_that_challenges_our_bye_gets_no_credentials() {
    let mut bench = Bench::registered();
    let (session, _) = bench.called_and_answered();
    bench.hang_up(session);
    let bye = bench.request(Method::Bye);
    let challenge = "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n\"";
    bench.reply(&bye, 401, &[challenge]);
    bench.sent_nothing();
    bench.is_empty_after(64);
}

#[test]
fn a_bye_nobody_answers_is_given_up() {
    let mut bench = Bench::new();
    bench.answered(1);
    bench.hang_up(call(1));
    assert_eq!(bench.ended(), "200 to BYE");
    bench.is_empty_after(64);
}
