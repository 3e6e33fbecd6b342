//! Calls of ours that are answered several times, or taken back (RFC 3261 §13.2.2.4, §9.1).

use super::bench::{Bench, SDP, call, header};
use super::calling::{PROXY_CHALLENGE, ended, provisional};
use crate::command::{Command, Reason};
use crate::event::{EndedBy, SessionEvent};
use crate::message::{HeaderName, Message, Method};

#[test]
fn early_answers_of_several_forks_are_told_apart() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply_sdp(&invite, 183, "one", "v=0 one\r\n");
    bench.reply_sdp(&invite, 180, "two", "");
    bench.reply_sdp(&invite, 183, "one", "v=0 again\r\n");
    assert_eq!(
        bench.session_event(),
        provisional(183, "Session Progress", Some("v=0 one\r\n"), 0)
    );
    assert_eq!(bench.session_event(), provisional(180, "Ringing", None, 1));
    assert_eq!(
        bench.session_event(),
        provisional(183, "Session Progress", Some("v=0 again\r\n"), 0)
    );
    assert_eq!(bench.ua.counts().dialogs, 2);

    bench.reply_sdp(&invite, 200, "two", SDP);
    match bench.session_event() {
        SessionEvent::Accepted { dialog, .. } => assert_eq!(dialog, 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.ua.counts().dialogs, 1);
}

#[test]
fn every_fork_that_answers_is_acknowledged_and_all_but_the_first_are_ended() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply_sdp(&invite, 200, "one", SDP);
    bench.request(Method::Ack);
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Accepted { .. }
    ));

    bench.reply_sdp(&invite, 200, "two", SDP);
    let ack = bench.request(Method::Ack);
    let bye = bench.request(Method::Bye);
    assert_eq!(ack.uri.as_str(), "sip:two@198.51.100.2");
    assert_eq!(bye.uri.as_str(), "sip:two@198.51.100.2");
    bench.reply(&bye, 200, &[]);
    bench.reply_sdp(&invite, 200, "two", SDP);
    bench.request(Method::Ack);
    bench.sent_nothing();
    bench.no_event();

    bench.hang_up(call(1));
    let bye = bench.request(Method::Bye);
    assert_eq!(bye.uri.as_str(), "sip:one@198.51.100.2");
    bench.reply(&bye, 200, &[]);
    bench.is_empty_after(64);
}

#[test]
fn three_hundred_forks_do_not_make_three_hundred_dialogs() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    for fork in 0..300 {
        bench.reply_sdp(&invite, 180, &format!("f{fork}"), "");
    }
    assert!(bench.ua.counts().dialogs <= 32);
    for fork in 0..300 {
        bench.reply_sdp(&invite, 200, &format!("f{fork}"), "");
    }
    let byes = bench.count_sent(|message| match message {
        Message::Request(request) => request.method == Method::Bye,
        Message::Response(_) => false,
    });
    assert!((1..=32).contains(&byes), "{byes}");
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.command(Command::HangUp {
        session: call(1),
        reason: Some(Reason::sip(200, "Call completed elsewhere")),
    });
    assert_eq!(
        bench.session_event(),
        ended("487 Request Terminated", EndedBy::Local)
    );
    bench.sent_nothing();

    bench.reply(&invite, 180, &[]);
    let cancel = bench.request(Method::Cancel);
    assert_eq!(
        header(&cancel.headers, &HeaderName::Reason),
        "SIP ;cause=200 ;text=\"Call completed elsewhere\""
    );
    bench.reply(&cancel, 200, &[]);
    bench.reply(&invite, 487, &[]);
    bench.request(Method::Ack);
    bench.no_event();
    bench.is_empty_after(64);
}

#[test]
fn cancel_crossing_200_ok_ends_with_bye() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply(&invite, 180, &[]);
    bench.session_event();
    bench.hang_up(call(1));
    bench.request(Method::Cancel);
    assert_eq!(bench.ended(), "487 Request Terminated");

    bench.reply_sdp(&invite, 200, "them", SDP);
    bench.request(Method::Ack);
    let bye = bench.request(Method::Bye);
    bench.reply(&bye, 200, &[]);
    bench.no_event();
    bench.is_empty_after(64);
}

#[test]
fn cancel_after_a_challenge_takes_the_second_invite_back() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply(&invite, 407, &[PROXY_CHALLENGE]);
    bench.request(Method::Ack);
    let again = bench.request(Method::Invite);
    bench.reply(&again, 180, &[]);
    bench.hang_up(call(1));
    let cancel = bench.request(Method::Cancel);
    assert_eq!(cancel.headers.via(), again.headers.via());
    assert_eq!(cancel.headers.cseq().unwrap().number, 2);
}

#[test]
fn a_cancelled_call_is_not_sent_again_with_credentials() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.hang_up(call(1));
    bench.reply(&invite, 407, &[PROXY_CHALLENGE]);
    bench.request(Method::Ack);
    bench.sent_nothing();
    bench.is_empty_after(64);
}
