//! REFER of ours (RFC 3515, RFC 6665, RFC 7647).

use super::bench::{Bench, Script, call, header};
use crate::account::SessionId;
use crate::command::Command;
use crate::event::SessionEvent;
use crate::message::{HeaderName, Method, Request};
use crate::refer::{ReferProgress, ReferTarget};

#[test]
fn a_refer_is_followed_from_202_to_its_outcome() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let refer = refer_to(&mut bench, session, "carol");
    assert_eq!(
        header(&refer.headers, &HeaderName::ReferTo),
        "<sip:carol@example.com>"
    );
    assert_eq!(
        header(&refer.headers, &HeaderName::ReferredBy),
        "<sip:alice@example.com>"
    );
    assert!(refer.headers.contains(&HeaderName::Contact));
    bench.reply(&refer, 202, &[]);
    assert_eq!(progress(&mut bench), "accepted");
    notify(
        &mut bench,
        &tag,
        2,
        "active;expires=60",
        "SIP/2.0 100 Trying",
    );
    bench.response(200);
    assert_eq!(progress(&mut bench), "trying 100 Trying");
    notify(
        &mut bench,
        &tag,
        3,
        "active;expires=60",
        "SIP/2.0 180 Ringing",
    );
    bench.response(200);
    assert_eq!(progress(&mut bench), "trying 180 Ringing");
    notify(
        &mut bench,
        &tag,
        4,
        "terminated;reason=noresource",
        "SIP/2.0 200 OK",
    );
    bench.response(200);
    assert_eq!(progress(&mut bench), "done 200 OK");
    notify(
        &mut bench,
        &tag,
        5,
        "terminated;reason=noresource",
        "SIP/2.0 200 OK",
    );
    bench.response(481);
    bench.no_event();
    bench.pass_seconds(300);
    bench.no_event();
    bench.is_empty_after(64);
}

#[test]
fn news_may_overtake_the_202() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let refer = refer_to(&mut bench, session, "carol");
    notify(&mut bench, &tag, 2, "active", "SIP/2.0 100 Trying");
    bench.response(200);
    assert_eq!(progress(&mut bench), "accepted");
    assert_eq!(progress(&mut bench), "trying 100 Trying");
    bench.reply(&refer, 202, &[]);
    bench.no_event();
    notify(&mut bench, &tag, 3, "terminated", "SIP/2.0 486 Busy Here");
    bench.response(200);
    assert_eq!(progress(&mut bench), "done 486 Busy Here");
}

#[test]
fn a_refused_refer_leaves_the_call_as_it_was() {
    let mut bench = Bench::new();
    let (session, _) = bench.called_and_answered();
    for code in [405, 603] {
        let refer = refer_to(&mut bench, session, "carol");
        bench.reply(&refer, code, &[]);
        assert!(progress(&mut bench).starts_with(&format!("done {code} ")));
    }
    bench.hang_up(session);
    bench.request(Method::Bye);
    assert_eq!(bench.ended(), "200 to BYE");
}

#[test]
fn a_peer_that_never_tells_is_given_up() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let refer = refer_to(&mut bench, session, "carol");
    bench.reply(&refer, 202, &[]);
    assert_eq!(progress(&mut bench), "accepted");
    bench.pass_seconds(31);
    bench.no_event();
    bench.pass_seconds(2);
    assert_eq!(progress(&mut bench), "done 408 Request Timeout");

    let refer = refer_to(&mut bench, session, "carol");
    bench.reply(&refer, 202, &[]);
    assert_eq!(progress(&mut bench), "accepted");
    notify(
        &mut bench,
        &tag,
        2,
        "active;expires=5",
        "SIP/2.0 100 Trying",
    );
    bench.response(200);
    assert_eq!(progress(&mut bench), "trying 100 Trying");
    bench.pass_seconds(6);
    assert_eq!(progress(&mut bench), "done 408 Request Timeout");
}

#[test]
fn a_refer_that_nobody_answers_ends_with_408() {
    let mut bench = Bench::new();
    let (session, _) = bench.called_and_answered();
    refer_to(&mut bench, session, "carol");
    bench.pass_seconds(33);
    bench.forget_sent();
    assert_eq!(progress(&mut bench), "done 408 Request Timeout");
}

#[test]
fn a_peer_without_subscription_has_said_all_with_its_202() {
    let mut bench = Bench::new();
    let (session, _) = bench.called_and_answered();
    let refer = refer_to(&mut bench, session, "carol");
    bench.reply(&refer, 202, &["Refer-Sub: false"]);
    assert_eq!(progress(&mut bench), "done 202 Accepted");
    bench.pass_seconds(300);
    bench.no_event();
}

#[test]
fn news_that_end_without_an_outcome_say_so() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    refer_to(&mut bench, session, "carol");
    notify(&mut bench, &tag, 2, "terminated;reason=giveup", "");
    bench.response(200);
    assert_eq!(progress(&mut bench), "accepted");
    assert_eq!(progress(&mut bench), "done 480 Outcome Not Told");
}

#[test]
fn one_refer_at_a_time() {
    let mut bench = Bench::new();
    let (session, _) = bench.called_and_answered();
    refer_to(&mut bench, session, "carol");
    bench.command(Command::Refer {
        session,
        target: ReferTarget::Address("dave".to_owned()),
    });
    bench.sent_nothing();
    assert_eq!(progress(&mut bench), "done 491 Request Pending");
}

#[test]
fn news_that_are_not_of_our_refer_are_refused() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let refer = refer_to(&mut bench, session, "carol");
    bench.reply(&refer, 202, &[]);
    progress(&mut bench);
    let token = bench.token();
    let script = |cseq| Script::within("NOTIFY", cseq, &tag, &token);
    bench.incoming(
        &script(2)
            .header("Event: refer;id=4711")
            .header("Subscription-State: active"),
    );
    bench.response(481);
    bench.incoming(&script(3).header("Event: presence"));
    bench.response(489);
    bench.incoming(&script(4).header("Event: refer"));
    bench.response(400);
    bench.incoming(&Script {
        body: "<x/>",
        ..script(5)
            .header("Event: refer")
            .header("Subscription-State: active")
            .header("Content-Type: text/xml")
    });
    bench.response(415);
    bench.no_event();
}

#[test]
fn the_far_end_of_another_call_is_named_with_replaces() {
    let mut bench = Bench::new();
    let (session, _) = bench.called_and_answered();
    let invite = bench.answered(2);
    bench.command(Command::Refer {
        session,
        target: ReferTarget::Session(call(2)),
    });
    let refer = bench.request(Method::Refer);
    let own_tag = invite.headers.from().unwrap().tag().unwrap().into_owned();
    let call_id = invite.headers.call_id().unwrap();
    assert_eq!(
        header(&refer.headers, &HeaderName::ReferTo),
        format!("<sip:bob@example.com?Replaces={call_id}%3Bto-tag%3Dthem%3Bfrom-tag%3D{own_tag}>")
    );
}

#[test]
fn a_call_that_is_not_there_cannot_be_named() {
    let mut bench = Bench::new();
    let (session, _) = bench.called_and_answered();
    bench.invite(3, "carol");
    for other in [call(3), call(9)] {
        bench.command(Command::Refer {
            session,
            target: ReferTarget::Session(other),
        });
        assert!(progress(&mut bench).starts_with("done 481 "));
    }
    bench.command(Command::Refer {
        session,
        target: ReferTarget::Address("urn:service:sos".to_owned()),
    });
    assert!(progress(&mut bench).starts_with("done 416 "));
    bench.sent_nothing();
}

#[test]
fn a_challenge_of_our_own_proxy_is_answered_and_of_others_not() {
    let challenge = "Proxy-Authenticate: Digest realm=\"example.com\", nonce=\"n\"";
    let mut bench = Bench::registered();
    bench.answered(1);
    let refer = refer_to(&mut bench, call(1), "carol");
    bench.reply(&refer, 407, &[challenge]);
    let again = bench.request(Method::Refer);
    assert!(again.headers.contains(&HeaderName::ProxyAuthorization));
    let number = |request: &Request| request.headers.cseq().unwrap().number;
    assert_eq!(number(&again), number(&refer) + 1);
    bench.reply(&again, 202, &[]);
    assert_eq!(progress(&mut bench), "accepted");

    let mut bench = Bench::registered();
    let (session, _) = bench.called_and_answered();
    let refer = refer_to(&mut bench, session, "carol");
    bench.reply(&refer, 407, &[challenge]);
    bench.sent_nothing();
    assert!(progress(&mut bench).starts_with("done 407 "));
}

#[test]
fn a_call_that_ends_takes_its_refer_with_it() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let refer = refer_to(&mut bench, session, "carol");
    let token = bench.token();
    bench.incoming(&Script::within("BYE", 2, &tag, &token));
    bench.response(200);
    assert_eq!(bench.ended(), "200 Session Terminated");
    bench.reply(&refer, 202, &[]);
    bench.no_event();
    bench.is_empty_after(64);
}

fn refer_to(bench: &mut Bench, session: SessionId, target: &str) -> Request {
    bench.command(Command::Refer {
        session,
        target: ReferTarget::Address(target.to_owned()),
    });
    bench.request(Method::Refer)
}

fn notify(bench: &mut Bench, tag: &str, cseq: u32, state: &str, body: &str) {
    let token = bench.token();
    bench.incoming(&Script {
        body,
        ..Script::within("NOTIFY", cseq, tag, &token)
            .header("Event: refer")
            .header(&format!("Subscription-State: {state}"))
            .header("Content-Type: message/sipfrag;version=2.0")
    });
}

fn progress(bench: &mut Bench) -> String {
    match bench.session_event() {
        SessionEvent::ReferProgress(ReferProgress::Accepted) => "accepted".to_owned(),
        SessionEvent::ReferProgress(ReferProgress::Trying(status)) => format!("trying {status}"),
        SessionEvent::ReferProgress(ReferProgress::Done(status)) => format!("done {status}"),
        other => panic!("{other:?}"),
    }
}
