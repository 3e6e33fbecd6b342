//! Reliable provisional responses to our INVITE (RFC 3262 §4, §5).

use bytes::Bytes;

use super::bench::{Bench, PROXY, SDP, Script, alice, call, header};
use crate::command::Command;
use crate::event::SessionEvent;
use crate::message::{HeaderName, Method, Request};

#[test]
fn a_reliable_response_is_acknowledged_in_its_own_early_dialog() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    assert!(header(&invite.headers, &HeaderName::Supported).contains("100rel"));
    ringing(&mut bench, &invite, "one", 776_656, SDP);
    let prack = bench.request(Method::Prack);
    assert_eq!(header(&prack.headers, &HeaderName::RAck), "776656 1 INVITE");
    assert_eq!(prack.headers.to().unwrap().tag().as_deref(), Some("one"));
    assert_eq!(prack.headers.cseq().unwrap().number, 2);
    assert_eq!(prack.uri.as_str(), "sip:one@198.51.100.2");
    assert!(prack.body.is_empty());
    assert_eq!(provisional(&mut bench), (183, Some(Bytes::from(SDP)), 0));
    bench.reply(&prack, 200, &[]);
    bench.sent_nothing();

    // The dialog goes on counting where PRACK was.
    bench.reply_sdp(&invite, 200, "one", SDP);
    bench.request(Method::Ack);
    bench.session_event();
    bench.hang_up(call(1));
    assert_eq!(bench.request(Method::Bye).headers.cseq().unwrap().number, 3);
}

#[test]
fn repeated_ones_and_those_behind_a_gap_are_not_taken() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    ringing(&mut bench, &invite, "one", 5, "");
    bench.request(Method::Prack);
    provisional(&mut bench);
    ringing(&mut bench, &invite, "one", 5, "");
    ringing(&mut bench, &invite, "one", 7, "");
    bench.sent_nothing();
    bench.no_event();
    ringing(&mut bench, &invite, "one", 6, "");
    let prack = bench.request(Method::Prack);
    assert_eq!(header(&prack.headers, &HeaderName::RAck), "6 1 INVITE");
    ringing(&mut bench, &invite, "one", 7, "");
    let prack = bench.request(Method::Prack);
    assert_eq!(header(&prack.headers, &HeaderName::RAck), "7 1 INVITE");
}

#[test]
fn every_fork_numbers_for_itself() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    ringing(&mut bench, &invite, "one", 5, SDP);
    ringing(&mut bench, &invite, "two", 900, SDP);
    for (tag, rack) in [("one", "5 1 INVITE"), ("two", "900 1 INVITE")] {
        let prack = bench.request(Method::Prack);
        assert_eq!(prack.headers.to().unwrap().tag().as_deref(), Some(tag));
        assert_eq!(header(&prack.headers, &HeaderName::RAck), rack);
        assert_eq!(prack.headers.cseq().unwrap().number, 2);
    }
    assert_eq!(provisional(&mut bench).2, 0);
    assert_eq!(provisional(&mut bench).2, 1);
}

#[test]
fn a_late_answer_of_another_fork_is_ended_with_the_next_number() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    ringing(&mut bench, &invite, "one", 5, SDP);
    ringing(&mut bench, &invite, "two", 6, SDP);
    bench.reply_sdp(&invite, 200, "two", SDP);
    bench.forget_sent();
    bench.reply_sdp(&invite, 200, "one", SDP);
    bench.request(Method::Ack);
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.headers.to().unwrap().tag().as_deref(), Some("one"));
    assert_eq!(bye.headers.cseq().unwrap().number, 3);
}

#[test]
fn a_200_without_description_means_the_early_one_of_its_own_fork() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    ringing(&mut bench, &invite, "one", 5, "v=0 one\r\n");
    ringing(&mut bench, &invite, "two", 6, "v=0 two\r\n");
    provisional(&mut bench);
    provisional(&mut bench);
    let contact = "Contact: <sip:one@198.51.100.2>";
    bench.reply_tagged(&invite, 200, "one", &[contact], "");
    match bench.session_event() {
        SessionEvent::Accepted { sdp, dialog, .. } => {
            assert_eq!(sdp, Some(Bytes::from("v=0 one\r\n")));
            assert_eq!(dialog, 0);
        }
        other => panic!("expected Accepted, not {other:?}"),
    }
}

#[test]
fn prack_is_repeated_until_it_is_answered_and_challenges_are_answered() {
    let mut bench = Bench::registered();
    let invite = bench.invite(1, "bob@example.com");
    ringing(&mut bench, &invite, "one", 5, SDP);
    let prack = bench.request(Method::Prack);
    bench.pass_seconds(1);
    bench.request(Method::Prack);
    let challenge = "Proxy-Authenticate: Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"";
    bench.reply(&prack, 407, &[challenge]);
    let again = bench.request(Method::Prack);
    assert!(again.headers.contains(&HeaderName::ProxyAuthorization));
    assert_eq!(again.headers.cseq().unwrap().number, 3);
    assert_eq!(header(&again.headers, &HeaderName::RAck), "5 1 INVITE");
    bench.reply(&again, 200, &[]);
    bench.forget_sent();
    bench.pass_seconds(40);
    bench.sent_nothing();
}

#[test]
fn the_offer_of_a_reliable_response_is_answered_in_prack() {
    let mut bench = Bench::new();
    let invite = without_offer(&mut bench);
    assert!(invite.body.is_empty());
    ringing(&mut bench, &invite, "one", 5, "v=0 theirs\r\n");
    bench.sent_nothing();
    assert_eq!(provisional(&mut bench), (183, None, 0));
    let offered = SessionEvent::Offered {
        sdp: Bytes::from("v=0 theirs\r\n"),
        dialog: 0,
    };
    assert_eq!(bench.session_event(), offered);
    answer(&mut bench, Ok("v=0 ours\r\n"));
    let prack = bench.request(Method::Prack);
    assert_eq!(&prack.body[..], b"v=0 ours\r\n");
    bench.reply(&prack, 200, &[]);
    let contact = "Contact: <sip:one@198.51.100.2>";
    bench.reply_tagged(&invite, 200, "one", &[contact], "");
    assert!(bench.request(Method::Ack).body.is_empty());
}

#[test]
fn a_200_whose_offer_a_bye_overtakes_is_acknowledged() {
    let mut bench = Bench::new();
    let invite = without_offer(&mut bench);
    bench.reply_sdp(&invite, 200, "one", "v=0 theirs\r\n");
    bench.sent_nothing();
    bench.session_event();
    let (tag, token) = (invite.headers.from().unwrap(), bench.token());
    let tag = tag.tag().unwrap();
    let bye = Script {
        call_id: invite.headers.call_id().unwrap(),
        from_tag: "one",
        ..Script::within("BYE", 1, &tag, &token)
    };
    bench.receive(&bye.text(1), PROXY);
    bench.response(200);
    assert!(bench.request(Method::Ack).body.is_empty());
    bench.ended();
    bench.is_empty_after(64);
}

#[test]
fn the_offer_of_a_200_is_answered_in_ack() {
    let mut bench = Bench::new();
    let invite = without_offer(&mut bench);
    bench.reply_sdp(&invite, 200, "one", "v=0 theirs\r\n");
    bench.reply_sdp(&invite, 200, "one", "v=0 theirs\r\n");
    bench.sent_nothing();
    match bench.session_event() {
        SessionEvent::Accepted { sdp, .. } => assert_eq!(sdp, Some(Bytes::from("v=0 theirs\r\n"))),
        other => panic!("expected Accepted, not {other:?}"),
    }
    answer(&mut bench, Ok("v=0 ours\r\n"));
    assert_eq!(&bench.request(Method::Ack).body[..], b"v=0 ours\r\n");
    bench.reply_sdp(&invite, 200, "one", "v=0 theirs\r\n");
    assert_eq!(&bench.request(Method::Ack).body[..], b"v=0 ours\r\n");
    bench.hang_up(call(1));
    bench.request(Method::Bye);
    assert_eq!(bench.ended(), "200 to BYE");
}

#[test]
fn the_offer_of_a_200_that_is_refused_or_ignored_ends_the_call() {
    for refused in [true, false] {
        let mut bench = Bench::new();
        let invite = without_offer(&mut bench);
        bench.reply_sdp(&invite, 200, "one", SDP);
        bench.session_event();
        match refused {
            true => answer(&mut bench, Err(488)),
            false => bench.pass_seconds(10),
        }
        bench.request(Method::Ack);
        let bye = bench.request(Method::Bye);
        assert_eq!(bench.ended(), "488 Not Acceptable Here");
        bench.reply(&bye, 200, &[]);
        bench.is_empty_after(64);
    }
}

#[test]
fn news_that_an_early_dialog_has_ended_is_told_and_does_no_harm() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@example.com");
    ringing(&mut bench, &invite, "one", 5, SDP);
    provisional(&mut bench);
    bench.forget_sent();
    bench.reply_tagged(
        &invite,
        199,
        "one",
        &["History-Info: <sip:x@y>;index=1"],
        "",
    );
    assert_eq!(provisional(&mut bench).0, 199);
    bench.sent_nothing();
}

fn ringing(bench: &mut Bench, invite: &Request, tag: &str, rseq: u32, sdp: &str) {
    let contact = format!("Contact: <sip:{tag}@198.51.100.2>");
    let rseq = format!("RSeq: {rseq}");
    let mut headers = vec![contact.as_str(), "Require: 100rel", &rseq];
    if !sdp.is_empty() {
        headers.push("Content-Type: application/sdp");
    }
    bench.reply_tagged(invite, 183, tag, &headers, sdp);
}

fn without_offer(bench: &mut Bench) -> Request {
    bench.command(Command::Invite {
        account: alice(),
        session: call(1),
        target: "bob@example.com".to_owned(),
        sdp: None,
        headers: Vec::new(),
    });
    bench.session_event();
    bench.request(Method::Invite)
}

fn answer(bench: &mut Bench, answer: Result<&'static str, u16>) {
    bench.command(Command::AnswerOffer {
        session: call(1),
        dialog: 0,
        answer: answer.map(Bytes::from),
    });
}

fn provisional(bench: &mut Bench) -> (u16, Option<Bytes>, u32) {
    match bench.session_event() {
        SessionEvent::Provisional {
            code, sdp, dialog, ..
        } => (code, sdp, dialog),
        other => panic!("expected Provisional, not {other:?}"),
    }
}
