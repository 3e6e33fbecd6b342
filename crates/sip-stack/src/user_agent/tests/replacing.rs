//! Calls that take the place of another (RFC 3891).

use super::bench::{Bench, Script, alice, call, header};
use crate::account::{AccountId, SessionId};
use crate::command::Command;
use crate::event::Event;
use crate::message::{HeaderName, Method};

#[test]
fn a_call_with_replaces_ends_the_one_it_names_when_it_is_accepted() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let new = replacing(
        &mut bench,
        &format!("incoming-call;to-tag={tag};from-tag=caller"),
    );
    let new = new.expect("told");
    assert_eq!(new.1, Some(session));
    bench.accept(new.0);
    bench.response(200);
    let bye = bench.request(Method::Bye);
    assert_eq!(header(&bye.headers, &HeaderName::CallId), "incoming-call");
    assert_eq!(
        header(&bye.headers, &HeaderName::Reason),
        "SIP ;cause=200 ;text=\"Replaced\""
    );
    match bench.event() {
        Event::Session { session: ended, .. } => assert_eq!(ended, session),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_that_we_made_can_be_replaced_too() {
    let mut bench = Bench::new();
    let invite = bench.answered(1);
    let call_id = invite.headers.call_id().unwrap();
    let own_tag = invite.headers.from().unwrap().tag().unwrap().into_owned();
    let value = format!("{call_id};from-tag=them;to-tag={own_tag}");
    let new = replacing(&mut bench, &value).expect("told");
    assert_eq!(new.1, Some(call(1)));
}

#[test]
fn a_refused_replacement_leaves_the_call_as_it_was() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let value = format!("incoming-call;to-tag={tag};from-tag=caller");
    let (new, _) = replacing(&mut bench, &value).expect("told");
    bench.command(Command::Reject {
        session: new,
        code: 488,
        reason: None,
    });
    bench.response(488);
    bench.ended();
    bench.hang_up(session);
    bench.request(Method::Bye);
}

#[test]
fn all_three_parts_must_match() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    for value in [
        format!("another-call;to-tag={tag};from-tag=caller"),
        format!("incoming-call;to-tag={tag};from-tag=another"),
        "incoming-call;to-tag=another;from-tag=caller".to_owned(),
        format!("incoming-call;to-tag=caller;from-tag={tag}"),
    ] {
        assert!(replacing(&mut bench, &value).is_none());
        bench.response(481);
    }
}

#[test]
fn an_answered_call_is_busy_for_who_wants_an_early_one() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let value = format!("incoming-call;to-tag={tag};from-tag=caller;early-only");
    assert!(replacing(&mut bench, &value).is_none());
    bench.response(486);
}

#[test]
fn a_call_that_rings_is_not_who_can_be_replaced() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.command(Command::Provisional {
        session,
        code: 180,
        sdp: None,
    });
    let tag = super::bench::tag_of(&bench.response(180));
    let value = format!("incoming-call;to-tag={tag};from-tag=caller");
    assert!(replacing(&mut bench, &value).is_none());
    bench.response(481);
}

#[test]
fn a_call_of_ours_that_still_rings_is_picked_up() {
    let mut bench = Bench::new();
    let (invite, new) = picking_up(&mut bench);
    bench.accept(new);
    bench.response(200);
    let cancel = bench.request(Method::Cancel);
    assert_eq!(cancel.headers.call_id(), invite.headers.call_id());
    assert_eq!(
        header(&cancel.headers, &HeaderName::Reason),
        "SIP ;cause=200 ;text=\"Replaced\""
    );
    match bench.event() {
        Event::Session { session, .. } => assert_eq!(session, call(1)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_wants_to_pick_up_a_call_and_is_slower_than_the_one_called_is_refused() {
    let mut bench = Bench::new();
    let (invite, new) = picking_up(&mut bench);
    bench.reply_sdp(&invite, 200, "them", super::bench::SDP);
    bench.request(Method::Ack);
    bench.session_event();
    bench.accept(new);
    bench.response(486);
    assert_eq!(bench.ended(), "486 Busy Here");
    bench.hang_up(call(1));
    bench.request(Method::Bye);
}

/// Our call rings, and somebody calls to pick it up.
fn picking_up(bench: &mut Bench) -> (crate::message::Request, SessionId) {
    let invite = bench.invite(1, "bob@example.com");
    bench.reply(&invite, 180, &["Contact: <sip:them@198.51.100.2>"]);
    bench.session_event();
    let call_id = invite.headers.call_id().unwrap();
    let own_tag = invite.headers.from().unwrap().tag().unwrap().into_owned();
    let value = format!("{call_id};from-tag=them;to-tag={own_tag};early-only");
    let new = replacing(bench, &value).expect("told");
    assert_eq!(new.1, Some(call(1)));
    (invite, new.0)
}

#[test]
fn a_call_of_another_account_cannot_be_taken() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    bench.command(Command::AddAccount {
        account: AccountId::new(2),
        config: super::bench::account(),
    });
    let tokens = bench.ua.tokens.iter();
    let other = tokens
        .filter(|(_, id)| **id != alice())
        .map(|(token, _)| token.clone());
    let other = other.max().expect("two accounts");
    let value = format!("Replaces: incoming-call;to-tag={tag};from-tag=caller");
    bench.incoming(&Script {
        call_id: "replacing",
        ..Script::invite(&other).header(&value)
    });
    bench.response(481);
    bench.no_event();
}

#[test]
fn what_is_no_replaces_is_400() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    assert!(replacing(&mut bench, "incoming-call").is_none());
    bench.response(400);
    let token = bench.token();
    let value = format!("Replaces: incoming-call;to-tag={tag};from-tag=caller");
    bench.incoming(&Script {
        call_id: "twice",
        ..Script::invite(&token).header(&value).header(&value)
    });
    bench.response(400);
    bench.incoming(&Script::within("OPTIONS", 3, &tag, &token).header(&value));
    bench.response(400);
    bench.no_event();
}

/// An INVITE with this Replaces arrives: the new session, and the one it is to replace.
fn replacing(bench: &mut Bench, value: &str) -> Option<(SessionId, Option<SessionId>)> {
    let token = bench.token();
    let call_id = format!("replacing-{:x}", md5::compute(value));
    bench.incoming(&Script {
        call_id: &call_id,
        from_tag: "third",
        ..Script::invite(&token)
            .header(&format!("Replaces: {value}"))
            .header("Require: replaces")
    });
    bench
        .take_events()
        .into_iter()
        .find_map(|event| match event {
            Event::Incoming {
                session, replaces, ..
            } => Some((session, replaces)),
            _ => None,
        })
}
