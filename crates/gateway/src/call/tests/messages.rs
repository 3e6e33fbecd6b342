//! Messages within a call.

use sip_stack::event::{EndedBy, Originator, SessionEvent, StatusReason};
use sip_stack::page_message::{MessageId, PageMessage};

use super::harness::Scenario;
use crate::call::{ClientState, Refused};

#[test]
fn a_message_is_sent_and_its_answer_told_under_the_clients_name() {
    let mut call = Scenario::established();
    assert_eq!(call.write("m1"), Ok(()));
    assert_eq!(call.write("m2"), Ok(()));
    assert_eq!(call.actions(), ["sip: MESSAGE hello", "sip: MESSAGE hello"]);
    call.sip(answered(2, 415, "Unsupported Media Type"));
    call.sip(answered(1, 200, "OK"));
    call.sip(answered(7, 200, "OK"));
    assert_eq!(
        call.actions(),
        [
            "client: message m2: 415 Unsupported Media Type",
            "client: message m1: 200 OK"
        ]
    );
}

#[test]
fn messages_are_for_answered_calls() {
    let mut call = Scenario::calling();
    assert_eq!(
        call.write("m1"),
        Err(Refused::WrongState(ClientState::Progress))
    );
    let mut call = Scenario::incoming();
    assert_eq!(
        call.write("m1"),
        Err(Refused::WrongState(ClientState::Incoming))
    );
}

#[test]
fn messages_that_the_end_of_the_call_overtakes_have_failed() {
    let mut call = Scenario::established();
    assert_eq!(call.write("m1"), Ok(()));
    call.actions();
    call.ended(200, "Session Terminated", EndedBy::Remote);
    assert_eq!(
        call.actions(),
        [
            "client: message m1: 487 Call Ended",
            "media: close",
            "client: terminated 200 Session Terminated"
        ]
    );
}

#[test]
fn more_messages_than_can_wait_are_refused() {
    let mut call = Scenario::established();
    for _ in 0..32 {
        assert_eq!(call.write("m"), Ok(()));
    }
    assert_eq!(call.write("m"), Err(Refused::TooManyMessages));
}

#[test]
fn what_the_phone_writes_is_told() {
    let mut call = Scenario::established();
    call.sip(SessionEvent::Message {
        from: Originator {
            uri: "bob@sylk.test".to_owned(),
            display_name: None,
        },
        message: PageMessage {
            content_type: "text/plain".to_owned(),
            content: "hi".to_owned(),
            date: None,
            key: "k".to_owned(),
        },
    });
    assert_eq!(call.actions(), ["client: message hi"]);
}

fn answered(number: u64, code: u16, phrase: &str) -> SessionEvent {
    SessionEvent::MessageResult {
        message: MessageId::new(number),
        reason: StatusReason::new(code, phrase),
    }
}
