//! Changes of an established session (RFC 3261 §14, RFC 3311, RFC 3725-style offers).

use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, SDP, Script, call, header, tag_of};
use crate::account::SessionId;
use crate::command::Command;
use crate::event::SessionEvent;
use crate::message::{HeaderName, Method};

#[test]
fn the_peers_offer_is_put_to_the_application_and_answered() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("INVITE", 2, &tag, &token).with_sdp());
    assert_eq!(
        bench.session_event(),
        SessionEvent::Reinvite {
            sdp: Some(Bytes::from(SDP))
        }
    );
    answer(&mut bench, session, Ok("v=0 ok\r\n"));
    let ok = bench.response(200);
    assert_eq!(&ok.body[..], b"v=0 ok\r\n");
    assert!(header(&ok.headers, &HeaderName::Contact).contains(&token));
    bench.incoming(&Script::within("ACK", 2, &tag, &token));
    bench.no_event();
    bench.pass_seconds(40);
    bench.sent_nothing();
}

#[test]
fn without_offer_ours_goes_out_and_the_ack_brings_the_answer() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("INVITE", 2, &tag, &token));
    assert_eq!(bench.session_event(), SessionEvent::Reinvite { sdp: None });
    answer(&mut bench, session, Ok(SDP));
    bench.response(200);
    bench.incoming(&Script::within("ACK", 2, &tag, &token).with_sdp());
    assert_eq!(
        bench.session_event(),
        SessionEvent::Reinvited {
            sdp: Some(Bytes::from(SDP))
        }
    );
}

#[test]
fn an_offer_refused_or_ignored_leaves_the_call_as_it_was() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("INVITE", 2, &tag, &token).with_sdp());
    bench.session_event();
    answer(&mut bench, session, Err(488));
    bench.response(488);
    bench.incoming(&Script::within("ACK", 2, &tag, &token));

    bench.incoming(&Script::within("INVITE", 3, &tag, &token).with_sdp());
    bench.session_event();
    bench.forget_sent();
    bench.pass_seconds(10);
    let refused = bench.count_sent(|message| matches!(message, crate::message::Message::Response(response) if response.status.code() == 488));
    assert!(refused > 0);
    assert_eq!(bench.session_event(), SessionEvent::ReinviteWithdrawn);
    answer(&mut bench, session, Ok(SDP));
    bench.sent_nothing();
    bench.no_event();
    bench.hang_up(session);
    assert_eq!(bench.ended(), "200 to BYE");
}

#[test]
fn the_target_moves_with_the_contact_of_a_reinvite() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    let script = Script::within("INVITE", 2, &tag, &token).with_sdp();
    let text = script
        .text(50)
        .replace("bob@198.51.100.2", "bob@203.0.113.77");
    bench.receive(&text, super::bench::PROXY);
    answer(&mut bench, session, Ok(SDP));
    bench.forget_sent();
    bench.incoming(&Script::within("ACK", 2, &tag, &token));
    bench.hang_up(session);
    assert_eq!(
        bench.request(Method::Bye).uri.as_str(),
        "sip:bob@203.0.113.77"
    );
}

#[test]
fn update_is_answered_with_and_without_offer() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("UPDATE", 2, &tag, &token));
    assert!(bench.response(200).body.is_empty());
    bench.no_event();
    bench.incoming(&Script::within("UPDATE", 3, &tag, &token).with_sdp());
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Reinvite { sdp: Some(_) }
    ));
    answer(&mut bench, session, Ok(SDP));
    assert_eq!(&bench.response(200).body[..], SDP.as_bytes());
    bench.pass_seconds(40);
    bench.sent_nothing();
}

#[test]
fn one_offer_at_a_time() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("INVITE", 2, &tag, &token).with_sdp());
    bench.session_event();
    bench.incoming(&Script::within("INVITE", 3, &tag, &token).with_sdp());
    let busy = bench.response(500);
    assert!(busy.headers.retry_after().unwrap().unwrap() <= 10);
    reinvite(&mut bench, session);
    assert_eq!(failed(&mut bench), 491);
    answer(&mut bench, session, Ok(SDP));
    bench.response(200);
}

#[test]
fn a_reinvite_before_the_ack_of_our_answer_counts_as_that_ack() {
    let mut bench = Bench::new();
    let token = bench.token();
    let session = bench.called();
    bench.accept(session);
    let tag = tag_of(&bench.response(200));
    bench.incoming(&Script::within("INVITE", 2, &tag, &token).with_sdp());
    assert_eq!(bench.session_event(), SessionEvent::Confirmed { sdp: None });
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Reinvite { .. }
    ));
    bench.incoming(&Script::within("ACK", 1, &tag, &token));
    bench.no_event();
    bench.sent_nothing();
}

#[test]
fn our_offer_is_answered() {
    let mut bench = Bench::new();
    bench.answered(1);
    reinvite(&mut bench, call(1));
    let invite = bench.request(Method::Invite);
    assert_eq!(invite.headers.cseq().unwrap().number, 2);
    bench.reply_sdp(&invite, 200, "them", "v=0 new\r\n");
    let ack = bench.request(Method::Ack);
    assert_eq!(ack.headers.cseq().unwrap().number, 2);
    assert_eq!(
        bench.session_event(),
        SessionEvent::Reinvited {
            sdp: Some(Bytes::from("v=0 new\r\n"))
        }
    );
    bench.reply_sdp(&invite, 200, "them", "v=0 new\r\n");
    bench.request(Method::Ack);
    bench.sent_nothing();
    bench.no_event();
}

#[test]
fn our_offer_refused_leaves_the_call() {
    let mut bench = Bench::new();
    bench.answered(1);
    reinvite(&mut bench, call(1));
    let invite = bench.request(Method::Invite);
    bench.reply(&invite, 488, &[]);
    bench.request(Method::Ack);
    assert_eq!(failed(&mut bench), 488);
    bench.hang_up(call(1));
    bench.request(Method::Bye);
}

#[test]
fn an_offer_that_finds_no_way_leaves_the_call() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    let headers = [
        "Contact: <sip:them@nowhere.example>",
        "Content-Type: application/sdp",
    ];
    bench.reply_tagged(&invite, 200, "them", &headers, SDP);
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Accepted { .. }
    ));
    reinvite(&mut bench, call(1));
    assert_eq!(failed(&mut bench), 404);
    bench.hang_up(call(1));
    assert_eq!(bench.ended(), "200 to BYE");
}

#[test]
fn a_peer_that_forgot_the_call_ends_it() {
    let mut bench = Bench::new();
    bench.answered(1);
    reinvite(&mut bench, call(1));
    let invite = bench.request(Method::Invite);
    bench.reply(&invite, 481, &[]);
    assert_eq!(bench.ended(), "481 Call/Transaction Does Not Exist");
    bench.is_empty_after(64);
}

#[test]
fn both_offering_at_once_the_caller_waits_longer() {
    let mut bench = Bench::new();
    bench.answered(1);
    reinvite(&mut bench, call(1));
    let invite = bench.request(Method::Invite);
    let from = invite.headers.from().unwrap();
    let (tag, call_id) = (from.tag().unwrap(), invite.headers.call_id().unwrap());
    let token = bench.token();
    let theirs = |method| Script {
        call_id,
        from_tag: "them",
        ..Script::within(method, 1, &tag, &token)
    };
    bench.receive(&theirs("INVITE").with_sdp().text(80), super::bench::PROXY);
    bench.response(491);
    bench.receive(&theirs("ACK").text(80), super::bench::PROXY);
    bench.reply(&invite, 491, &[]);
    bench.request(Method::Ack);
    bench.pass(Duration::from_millis(2090));
    bench.sent_nothing();
    bench.pass(Duration::from_millis(1920));
    let again = bench.request(Method::Invite);
    assert_eq!(again.headers.cseq().unwrap().number, 3);
    bench.reply_sdp(&again, 200, "them", SDP);
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Reinvited { .. }
    ));
}

#[test]
fn glare_without_end_is_a_failure() {
    let mut bench = Bench::new();
    bench.answered(1);
    reinvite(&mut bench, call(1));
    for round in 0..5 {
        let invite = bench.request(Method::Invite);
        bench.reply(&invite, 491, &[]);
        bench.request(Method::Ack);
        if round < 4 {
            bench.pass_until_sent(4);
        }
    }
    assert_eq!(failed(&mut bench), 491);
}

#[test]
fn hanging_up_meets_an_offer_of_either_side() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("INVITE", 2, &tag, &token).with_sdp());
    bench.session_event();
    bench.hang_up(session);
    bench.response(487);
    bench.request(Method::Bye);
    assert_eq!(bench.ended(), "200 to BYE");
    bench.forget_sent();

    bench.answered(1);
    reinvite(&mut bench, call(1));
    let invite = bench.request(Method::Invite);
    bench.reply(&invite, 100, &[]);
    bench.hang_up(call(1));
    bench.request(Method::Cancel);
    let bye = bench.request(Method::Bye);
    assert_eq!(bench.ended(), "200 to BYE");
    bench.reply_sdp(&invite, 200, "them", SDP);
    bench.request(Method::Ack);
    bench.reply(&bye, 200, &[]);
    bench.sent_nothing();
    bench.is_empty_after(64);
}

#[test]
fn a_peer_that_only_says_100_to_our_offer_is_not_waited_for_forever() {
    let mut bench = Bench::new();
    bench.answered(1);
    reinvite(&mut bench, call(1));
    let invite = bench.request(Method::Invite);
    bench.reply(&invite, 100, &[]);
    bench.pass_seconds(61);
    assert_eq!(failed(&mut bench), 408);
    bench.request(Method::Cancel);
    bench.forget_sent();
    bench.hang_up(call(1));
    bench.request(Method::Bye);
    assert_eq!(bench.ended(), "200 to BYE");
    bench.is_empty_after(64);
}

#[test]
fn a_cancelled_reinvite_leaves_the_call() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    let script = Script::within("INVITE", 2, &tag, &token).with_sdp();
    bench.receive(&script.text(70), super::bench::PROXY);
    bench.session_event();
    bench.receive(
        &Script::within("CANCEL", 2, &tag, &token).text(70),
        super::bench::PROXY,
    );
    bench.response(200);
    bench.response(487);
    assert_eq!(bench.session_event(), SessionEvent::ReinviteWithdrawn);
    answer(&mut bench, session, Ok(SDP));
    bench.sent_nothing();
    bench.no_event();
    assert_eq!(bench.ua.counts().sessions, 1);
}

fn reinvite(bench: &mut Bench, session: SessionId) {
    bench.command(Command::Reinvite {
        session,
        sdp: Bytes::from(SDP),
    });
}

fn answer(bench: &mut Bench, session: SessionId, answer: Result<&'static str, u16>) {
    bench.command(Command::AnswerReinvite {
        session,
        answer: answer.map(Bytes::from),
    });
}

fn failed(bench: &mut Bench) -> u16 {
    match bench.session_event() {
        SessionEvent::ReinviteFailed { code, .. } => code,
        other => panic!("expected ReinviteFailed, not {other:?}"),
    }
}
