//! Messages in and outside of calls, both ways (RFC 3428).

use bytes::Bytes;

use super::bench::{Bench, STRANGER, Script, account, alice, call, header, source, tag_of};
use crate::account::AccountConfig;
use crate::command::Command;
use crate::event::{Event, SessionEvent, StatusReason};
use crate::message::{HeaderName, Message, Method, Request};
use crate::page_message::MessageId;
use crate::user_agent::UserAgentConfig;

const CHALLENGE: &str =
    "Proxy-Authenticate: Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"";

#[test]
fn messages_outside_of_calls_are_challenged_answered_and_kept_in_order() {
    let mut bench = Bench::registered();
    for (number, text) in [(1, "one"), (2, "two")] {
        send(&mut bench, number, "bob", text);
    }
    let first = bench.request(Method::Message);
    bench.sent_nothing();
    assert_eq!(&first.body[..], b"one");
    assert_eq!(first.uri.as_str(), "sip:bob@example.com");
    assert!(!first.headers.contains(&HeaderName::Contact));
    assert_eq!(
        header(&first.headers, &HeaderName::ContentType),
        "text/plain;charset=utf-8"
    );
    bench.reply(&first, 407, &[CHALLENGE]);
    let again = bench.request(Method::Message);
    assert!(again.headers.contains(&HeaderName::ProxyAuthorization));
    assert_eq!(header(&again.headers, &HeaderName::CSeq), "2 MESSAGE");
    assert_eq!(
        header(&again.headers, &HeaderName::CallId),
        header(&first.headers, &HeaderName::CallId)
    );
    bench.reply(&again, 202, &[]);
    assert_eq!(bench.event(), result(1, 202, "Accepted"));
    let second = bench.request(Method::Message);
    assert_eq!(&second.body[..], b"two");
    bench.reply(&second, 404, &[]);
    assert_eq!(bench.event(), result(2, 404, "Not Found"));
    assert!(bench.ua.chats.is_empty());
}

#[test]
fn messages_to_different_people_do_not_wait_for_each_other() {
    let mut bench = Bench::registered();
    send(&mut bench, 1, "bob", "one");
    send(&mut bench, 2, "carol", "two");
    bench.request(Method::Message);
    bench.request(Method::Message);
    bench.sent_nothing();
}

#[test]
fn what_does_not_fit_into_the_queue_is_told_as_failed() {
    let mut bench = Bench::registered();
    for number in 0..33 {
        send(&mut bench, number, "bob", "x");
    }
    bench.no_event();
    send(&mut bench, 33, "bob", "x");
    assert_eq!(bench.event(), result(33, 503, "Too Many Messages"));
    for number in 34..65 {
        send(&mut bench, number, &format!("user{number}"), "x");
    }
    bench.no_event();
    send(&mut bench, 65, "one-more", "x");
    assert_eq!(bench.event(), result(65, 503, "Too Many Messages"));
}

#[test]
fn a_message_that_nobody_answers_fails_and_lets_the_next_one_go() {
    let mut bench = Bench::registered();
    send(&mut bench, 1, "bob", "one");
    send(&mut bench, 2, "bob", "two");
    bench.forget_sent();
    bench.pass_seconds(33);
    assert_eq!(bench.event(), result(1, 408, "Request Timeout"));
    let second =
        |sent: &Message| matches!(sent, Message::Request(request) if request.body == "two");
    assert!(bench.count_sent(second) > 0);
}

#[test]
fn an_address_that_cannot_be_called_is_told() {
    let mut bench = Bench::registered();
    send(&mut bench, 1, "mailto:bob@example.com", "one");
    assert_eq!(bench.event(), result(1, 416, "Unsupported URI Scheme"));
    send(&mut bench, 2, "", "two");
    assert_eq!(bench.event(), result(2, 484, "Address Incomplete"));
    assert!(bench.ua.chats.is_empty());
}

#[test]
fn a_message_within_a_call_goes_along_its_dialog() {
    let mut bench = Bench::registered();
    bench.answered(1);
    for number in [1, 2] {
        say(&mut bench, number, "hello");
    }
    let first = bench.request(Method::Message);
    bench.sent_nothing();
    assert!(first.headers.to().unwrap().tag().is_some());
    bench.reply(&first, 200, &[]);
    assert_eq!(bench.session_event(), said(1, 200, "OK"));
    let second = bench.request(Method::Message);
    let number = |request: &Request| request.headers.cseq().unwrap().number;
    assert_eq!(number(&second), number(&first) + 1);
    bench.reply(&second, 415, &[]);
    assert_eq!(
        bench.session_event(),
        said(2, 415, "Unsupported Media Type")
    );
    bench.hang_up(call(1));
    assert!(bench.ended().starts_with("200"));
}

#[test]
fn a_call_that_ends_takes_its_messages_with_it() {
    let mut bench = Bench::registered();
    bench.answered(1);
    say(&mut bench, 1, "one");
    say(&mut bench, 2, "two");
    let first = bench.request(Method::Message);
    bench.hang_up(call(1));
    assert!(bench.ended().starts_with("200"));
    let bye = bench.request(Method::Bye);
    bench.reply(&first, 200, &[]);
    bench.reply(&bye, 200, &[]);
    bench.no_event();
    assert!(bench.ua.chats.is_empty());
    say(&mut bench, 3, "three");
    bench.no_event();
    bench.sent_nothing();
}

#[test]
fn a_peer_that_does_not_know_the_call_has_ended_it() {
    let mut bench = Bench::registered();
    bench.answered(1);
    say(&mut bench, 1, "one");
    let message = bench.request(Method::Message);
    bench.reply(&message, 481, &[]);
    let gone = "Call/Transaction Does Not Exist";
    assert_eq!(bench.session_event(), said(1, 481, gone));
    assert!(bench.ended().starts_with("481"));
}

#[test]
fn a_message_from_outside_is_answered_and_passed_up_once() {
    let mut bench = Bench::registered();
    let token = bench.token();
    let script =
        message(&token, "text/plain", "Grüße").header("Date: Thu, 29 Feb 2024 12:00:01 GMT");
    let text = script.text(77);
    bench.receive(&text, super::bench::PROXY);
    bench.response(200);
    let Event::Message {
        account,
        from,
        message,
    } = bench.event()
    else {
        panic!("a message");
    };
    assert_eq!(account, alice());
    assert_eq!(from.uri, "bob@example.org");
    assert_eq!(message.content, "Grüße");
    assert_eq!(message.content_type, "text/plain");
    assert_eq!(message.date, Some(1_709_208_001));
    bench.receive(&text, super::bench::PROXY);
    bench.response(200);
    bench.no_event();
    bench.receive(&script.text(78), super::bench::PROXY);
    bench.response(482);
    bench.no_event();
}

#[test]
fn character_sets_become_text_or_are_refused() {
    for (kind, code) in [
        ("text/plain;charset=UTF-8", 200),
        ("text/html; charset=\"us-ascii\"", 200),
        ("text/plain;charset=utf-16", 415),
        ("application/im-iscomposing+xml", 200),
        ("application/octet-stream", 415),
        ("message/cpim", 415),
        ("nonsense", 415),
    ] {
        let mut bench = Bench::registered();
        let token = bench.token();
        bench.incoming(&message(&token, kind, "hello"));
        let response = bench.response(code);
        match code {
            200 => assert!(matches!(bench.event(), Event::Message { .. }), "{kind}"),
            _ => {
                let accept = response.headers.texts(&HeaderName::Accept);
                assert_eq!(
                    accept,
                    ["text/*", "application/im-iscomposing+xml"],
                    "{kind}"
                );
                bench.no_event();
            }
        }
    }
}

#[test]
fn what_is_too_large_or_packed_is_refused() {
    let mut bench = Bench::registered();
    let token = bench.token();
    let large = "x".repeat(64 * 1024 + 1);
    let text = message(&token, "text/plain", &large).text(99);
    let parsed = Message::parse_datagram(text.as_bytes());
    if let Ok(parsed) = parsed {
        bench.receive_message(parsed, source(super::bench::PROXY));
        bench.response(413);
    }
    let packed = Script {
        call_id: "another-chat",
        ..message(&token, "text/plain", "x").header("Content-Encoding: gzip")
    };
    bench.incoming(&packed);
    bench.response(415);
    bench.no_event();
}

#[test]
fn a_flood_of_messages_is_asked_to_wait() {
    let mut bench = Bench::registered();
    let token = bench.token();
    let calls: Vec<String> = (0..60).map(|number| format!("chat-{number}")).collect();
    for call_id in &calls {
        let script = Script {
            call_id,
            ..message(&token, "text/plain", "x")
        };
        bench.incoming(&script);
    }
    assert_eq!(bench.take_events().len(), 50);
    let refused = |sent: &Message| {
        matches!(sent, Message::Response(response)
            if response.status.code() == 503 && response.headers.contains(&HeaderName::RetryAfter))
    };
    assert_eq!(bench.count_sent(refused), 10);
}

#[test]
fn an_account_without_messages_says_so() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        takes_messages: false,
        ..account()
    });
    let token = bench.token();
    bench.incoming(&message(&token, "text/plain", "x"));
    bench.response(488);
    bench.no_event();
}

#[test]
fn a_strangers_message_for_nobody_is_dropped() {
    let mut bench = Bench::registered();
    let text = message("nobody", "text/plain", "x").text(5);
    bench.receive(&text, STRANGER);
    bench.sent_nothing();
    bench.no_event();
}

#[test]
fn a_message_within_a_call_is_passed_up() {
    let mut bench = Bench::registered();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    let script = Script {
        headers: vec!["Content-Type: text/plain".to_owned()],
        body: "hello",
        ..Script::within("MESSAGE", 2, &tag, &token)
    };
    bench.incoming(&script);
    bench.response(200);
    let SessionEvent::Message { message, .. } = bench.session_event() else {
        panic!("a message");
    };
    assert_eq!(message.content, "hello");
}

#[test]
fn a_message_in_a_call_that_still_rings_is_too_early() {
    let mut bench = Bench::registered();
    let token = bench.token();
    bench.incoming(&Script::invite(&token));
    let Event::Incoming { session, .. } = bench.event() else {
        panic!("a call");
    };
    bench.command(Command::Provisional {
        session,
        code: 180,
        sdp: None,
    });
    let tag = tag_of(&bench.response(180));
    let script = Script {
        headers: vec!["Content-Type: text/plain".to_owned()],
        body: "hello",
        ..Script::within("MESSAGE", 2, &tag, &token)
    };
    bench.incoming(&script);
    bench.response(480);
    bench.no_event();
}

fn message<'a>(token: &str, kind: &str, body: &'a str) -> Script<'a> {
    Script {
        method: "MESSAGE",
        call_id: "chat",
        headers: vec![format!("Content-Type: {kind}")],
        body,
        ..Script::invite(token)
    }
}

fn send(bench: &mut Bench, number: u64, target: &str, text: &str) {
    bench.command(Command::Message {
        account: alice(),
        message: MessageId::new(number),
        target: target.to_owned(),
        content_type: "text/plain;charset=utf-8".to_owned(),
        body: Bytes::from(text.to_owned()),
        headers: Vec::new(),
    });
}

fn say(bench: &mut Bench, number: u64, text: &str) {
    bench.command(Command::SessionMessage {
        session: call(1),
        message: MessageId::new(number),
        content_type: "text/plain;charset=utf-8".to_owned(),
        body: Bytes::from(text.to_owned()),
    });
}

fn result(number: u64, code: u16, phrase: &str) -> Event {
    Event::MessageResult {
        account: alice(),
        message: MessageId::new(number),
        reason: StatusReason::new(code, phrase),
    }
}

fn said(number: u64, code: u16, phrase: &str) -> SessionEvent {
    SessionEvent::MessageResult {
        message: MessageId::new(number),
        reason: StatusReason::new(code, phrase),
    }
}
