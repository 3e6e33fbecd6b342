//! A phone calls the client.

use std::time::Duration;

use media::{LegEvent, LegFailure};
use sip_stack::event::{EndedBy, SessionEvent};

use super::harness::{BROWSER_ANSWER, PHONE, STRANGE_PHONE, Scenario};
use crate::call::{ANSWER_WAIT, ClientState, Input, Refused};

#[test]
fn the_200_waits_for_the_browsers_media() {
    let mut call = Scenario::incoming();
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
    assert_eq!(call.actions(), ["media: connect browser phone"]);
    call.browser(LegEvent::IceValidated);
    assert_eq!(call.actions(), [""; 0]);
    call.browser(LegEvent::Connected);
    assert_eq!(
        call.actions(),
        ["sip: 200", "client: accepted", "client: established"]
    );
}

#[test]
fn the_200_waits_no_longer_than_its_limit() {
    let mut call = Scenario::incoming();
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
    call.actions();
    call.wait(ANSWER_WAIT);
    assert_eq!(call.actions(), ["sip: 200", "client: accepted"]);
    assert_eq!(call.call.client_state(), ClientState::Accepted);
    call.browser(LegEvent::Connected);
    assert_eq!(call.actions(), ["client: established"]);
}

#[test]
fn a_second_answer_is_refused_and_changes_nothing() {
    let mut call = Scenario::incoming();
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
    assert_eq!(
        call.answer(BROWSER_ANSWER),
        Err(Refused::WrongState(ClientState::Incoming))
    );
    call.browser(LegEvent::Connected);
    assert_eq!(
        call.answer(BROWSER_ANSWER),
        Err(Refused::WrongState(ClientState::Established))
    );
}

#[test]
fn an_answer_that_cannot_be_used_leaves_the_call_ringing() {
    let mut call = Scenario::incoming();
    assert!(matches!(
        call.answer("v=0\r\n"),
        Err(Refused::UnusableSdp(_))
    ));
    assert_eq!(call.actions(), [""; 0]);
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
}

#[test]
fn a_rejected_call_gets_the_configured_code_and_is_not_missed() {
    let mut call = Scenario::incoming();
    assert_eq!(call.terminate(), Ok(()));
    assert_eq!(
        call.actions(),
        [
            "sip: reject 486",
            "media: close",
            "client: terminated 486 Busy Here"
        ]
    );
    call.ended(486, "Busy Here", EndedBy::Local);
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn a_caller_who_gives_up_is_missed() {
    let mut call = Scenario::incoming();
    call.ended(487, "Request Terminated", EndedBy::Remote);
    assert_eq!(
        call.actions(),
        [
            "media: close",
            "client: terminated 487 Request Terminated",
            "client: missed bob@sylk.test"
        ]
    );
}

#[test]
fn a_call_answered_elsewhere_is_not_missed() {
    let mut call = Scenario::incoming();
    call.ended_elsewhere(200, "Call completed elsewhere", EndedBy::Remote, true);
    assert_eq!(
        call.actions(),
        [
            "media: close",
            "client: terminated 200 Call completed elsewhere"
        ]
    );
}

#[test]
fn a_caller_who_gives_up_while_the_browser_connects_is_missed() {
    let mut call = Scenario::incoming();
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
    call.actions();
    call.ended(487, "Request Terminated", EndedBy::Remote);
    call.browser(LegEvent::Connected);
    assert_eq!(
        call.actions(),
        [
            "media: close",
            "client: terminated 487 Request Terminated",
            "client: missed bob@sylk.test"
        ]
    );
}

#[test]
fn a_call_that_nobody_answers_is_missed() {
    let mut call = Scenario::incoming();
    call.ended(480, "Temporarily Unavailable", EndedBy::Timeout);
    assert_eq!(
        call.actions(),
        [
            "media: close",
            "client: terminated 480 Temporarily Unavailable",
            "client: missed bob@sylk.test"
        ]
    );
}

#[test]
fn a_client_that_is_lost_while_ringing_is_not_online() {
    let mut call = Scenario::incoming();
    call.input(Input::ClientLost);
    assert_eq!(call.actions()[0], "sip: reject 480");
}

#[test]
fn a_stopping_daemon_refuses_waiting_callers() {
    let mut call = Scenario::incoming();
    call.input(Input::Stop);
    assert_eq!(
        call.actions()[..3],
        [
            "sip: reject 503",
            "media: close",
            "client: terminated 503 Gateway is stopping"
        ]
    );
}

#[test]
fn media_that_fails_while_the_browser_connects_refuses_the_caller() {
    let mut call = Scenario::incoming();
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
    call.actions();
    call.fails(LegFailure::FingerprintMismatch);
    assert_eq!(
        call.actions(),
        [
            "sip: reject 488",
            "media: close",
            "client: terminated 488 DTLS fingerprint mismatch",
            "client: missed bob@sylk.test"
        ]
    );
}

#[test]
fn a_call_without_an_offer_is_answered_with_ours() {
    let mut call = Scenario::incoming_with(None);
    assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
    assert_eq!(call.actions(), ["media: expect browser"]);
    call.browser(LegEvent::Connected);
    assert_eq!(
        call.actions(),
        ["sip: 200", "client: accepted", "client: established"]
    );
    let sdp = Some(bytes::Bytes::from_static(PHONE.as_bytes()));
    call.sip(SessionEvent::Confirmed { sdp });
    assert_eq!(call.actions(), ["media: connect phone"]);
}

#[test]
fn a_call_without_an_offer_and_without_an_answer_in_the_ack_ends() {
    for answer in [None, Some(STRANGE_PHONE)] {
        let mut call = Scenario::incoming_with(None);
        assert_eq!(call.answer(BROWSER_ANSWER), Ok(()));
        call.wait(ANSWER_WAIT + Duration::from_secs(1));
        call.actions();
        let sdp = answer.map(|sdp| bytes::Bytes::from_static(sdp.as_bytes()));
        call.sip(SessionEvent::Confirmed { sdp });
        assert_eq!(
            call.actions(),
            [
                "sip: hang up, Not Acceptable Here",
                "media: close",
                "client: terminated 488 Not Acceptable Here"
            ]
        );
    }
}
