//! The client says when it rings, and how it rejects.

use media::LegEvent;
use sip_stack::event::EndedBy;

use super::harness::{BROWSER_ANSWER, Scenario};
use crate::call::{ClientState, Refused};

#[test]
fn a_client_that_rings_by_itself_is_asked_once() {
    let mut call = Scenario::incoming_unrung();
    assert_eq!(call.ring(), Ok(()));
    assert_eq!(call.actions(), ["sip: 180"]);
    assert_eq!(call.ring(), Ok(()));
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn a_call_that_never_rang_can_be_answered() {
    let mut call = Scenario::incoming_unrung();
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
    call.browser(LegEvent::Connected);
    assert_eq!(
        call.actions(),
        [
            "media: connect browser phone",
            "sip: 200",
            "client: accepted",
            "client: established"
        ]
    );
    let established = ClientState::Established;
    assert_eq!(call.ring(), Err(Refused::WrongState(established)));
}

#[test]
fn only_incoming_calls_ring_here() {
    let mut call = Scenario::calling();
    assert_eq!(call.ring(), Err(Refused::CannotRingOutgoing));
}

#[test]
fn a_call_is_rejected_in_the_clients_own_words() {
    for (code, phrase, sent, told) in [
        (
            Some(603),
            None,
            "sip: reject 603",
            "client: terminated 603 Decline",
        ),
        (
            Some(480),
            Some("At lunch"),
            "sip: reject 480 At lunch",
            "client: terminated 480 At lunch",
        ),
        (
            None,
            Some("At lunch"),
            "sip: reject 486 At lunch",
            "client: terminated 486 At lunch",
        ),
    ] {
        let mut call = Scenario::incoming();
        assert_eq!(call.reject(code, phrase), Ok(()));
        assert_eq!(call.actions(), [sent, "media: close", told]);
        call.ended(603, "Decline", EndedBy::Local);
        assert_eq!(call.actions(), [""; 0]);
    }
}

#[test]
fn a_reason_for_an_answered_call_goes_with_the_bye() {
    let mut call = Scenario::established();
    assert_eq!(call.reject(Some(480), Some("Fire alarm")), Ok(()));
    assert_eq!(
        call.actions(),
        [
            "sip: hang up, Fire alarm",
            "media: close",
            "client: terminated 200 to BYE"
        ]
    );
}

#[test]
fn the_client_hears_why_the_phone_or_the_network_ended_the_call() {
    for (code, phrase, told) in [
        (200, "Session Terminated", "200 Session Terminated"),
        (503, "Network out of order", "503 Network out of order"),
        (481, "Call Does Not Exist", "200 Session Terminated"),
    ] {
        let mut call = Scenario::established();
        call.ended(code, phrase, EndedBy::Remote);
        let terminated = format!("client: terminated {told}");
        assert_eq!(call.actions(), ["media: close", terminated.as_str()]);
    }
}
