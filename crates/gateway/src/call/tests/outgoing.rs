//! The client calls a phone.

use std::time::Duration;

use media::{LegEvent, LegFailure};
use sip_stack::event::EndedBy;

use super::harness::{PHONE, STRANGE_PHONE, Scenario, locals, outgoing};
use crate::call::{CONNECT_LIMIT, Call, ClientState, Input, Refused};

#[test]
fn an_answered_call_is_accepted_and_then_established() {
    let mut call = Scenario::calling();
    call.provisional(180, None);
    assert_eq!(call.actions(), ["client: ringing"]);
    call.accepted(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "client: accepted with sdp"]
    );
    assert_eq!(call.call.client_state(), ClientState::Accepted);
    call.browser(LegEvent::Connected);
    assert_eq!(call.actions(), ["client: established"]);
    assert_eq!(call.call.client_state(), ClientState::Established);
}

#[test]
fn progress_is_told_once() {
    let mut call = Scenario::calling();
    call.sent();
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn repeated_provisional_responses_are_told_once() {
    let mut call = Scenario::calling();
    call.provisional(183, None);
    call.provisional(183, None);
    call.provisional(180, None);
    call.provisional(180, None);
    assert_eq!(
        call.actions(),
        ["client: proceeding 183", "client: ringing"]
    );
}

#[test]
fn media_that_is_up_before_the_answer_makes_the_call_established_with_the_answer() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "client: early-media"]
    );
    call.browser(LegEvent::Connected);
    assert_eq!(call.actions(), [""; 0]);
    assert_eq!(call.call.client_state(), ClientState::EarlyMedia);
    call.accepted(None);
    assert_eq!(
        call.actions(),
        ["client: accepted with sdp", "client: established"]
    );
}

#[test]
fn ringing_with_sdp_is_both_ringing_and_early_media() {
    let mut call = Scenario::calling();
    call.provisional(180, Some(PHONE));
    assert_eq!(
        call.actions(),
        [
            "media: connect browser phone",
            "client: ringing",
            "client: early-media"
        ]
    );
}

#[test]
fn an_answer_that_repeats_the_early_one_changes_only_the_phone_side() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    call.actions();
    call.accepted(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: accepted with sdp"]
    );
}

#[test]
fn early_sdp_that_cannot_be_used_is_passed_over() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(STRANGE_PHONE));
    assert_eq!(call.actions(), ["client: proceeding 183"]);
    call.accepted(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "client: accepted with sdp"]
    );
}

#[test]
fn an_answer_that_cannot_be_used_ends_the_call_with_488() {
    let mut call = Scenario::calling();
    call.accepted(Some(STRANGE_PHONE));
    assert_eq!(
        call.actions(),
        [
            "sip: hang up, Not Acceptable Here",
            "media: close",
            "client: terminated 488 Not Acceptable Here"
        ]
    );
}

#[test]
fn an_answer_without_sdp_ends_the_call_with_488() {
    let mut call = Scenario::calling();
    call.accepted(None);
    assert_eq!(
        call.actions().last().map(String::as_str),
        Some("client: terminated 488 Not Acceptable Here")
    );
}

#[test]
fn a_rejected_call_ends_with_the_reason_of_the_phone() {
    let mut call = Scenario::calling();
    call.ended(486, "Busy Here", EndedBy::Remote);
    assert_eq!(
        call.actions(),
        ["media: close", "client: terminated 486 Busy Here"]
    );
    assert!(call.call.is_ended());
}

#[test]
fn a_call_that_nobody_answers_ends_with_408() {
    let mut call = Scenario::calling();
    call.provisional(180, None);
    call.ended(408, "Request Timeout", EndedBy::Timeout);
    assert_eq!(
        call.actions(),
        [
            "client: ringing",
            "media: close",
            "client: terminated 408 Request Timeout"
        ]
    );
}

#[test]
fn a_call_cancelled_by_the_client_is_over_at_once_and_told_once() {
    for ring in [false, true] {
        let mut call = Scenario::calling();
        if ring {
            call.provisional(180, None);
            call.actions();
        }
        assert_eq!(call.terminate(), Ok(()));
        assert_eq!(
            call.actions(),
            [
                "sip: hang up",
                "media: close",
                "client: terminated 487 Request Terminated"
            ]
        );
        assert!(!call.call.is_ended());
        call.ended(487, "Request Terminated", EndedBy::Local);
        assert_eq!(call.actions(), [""; 0]);
        assert!(call.call.is_ended());
    }
}

#[test]
fn an_answer_that_crosses_the_cancellation_is_not_told() {
    let mut call = Scenario::calling();
    assert_eq!(call.terminate(), Ok(()));
    call.actions();
    call.accepted(Some(PHONE));
    call.ended(200, "to BYE", EndedBy::Local);
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn hanging_up_twice_is_acknowledged_and_told_once() {
    let mut call = Scenario::established();
    assert_eq!(call.terminate(), Ok(()));
    assert_eq!(call.terminate(), Ok(()));
    assert_eq!(
        call.actions(),
        [
            "sip: hang up",
            "media: close",
            "client: terminated 200 to BYE"
        ]
    );
}

#[test]
fn a_phone_that_hangs_up_ends_the_call_normally() {
    let mut call = Scenario::established();
    call.ended(200, "OK", EndedBy::Remote);
    assert_eq!(
        call.actions(),
        ["media: close", "client: terminated 200 Session Terminated"]
    );
}

#[test]
fn failing_media_ends_the_call_on_both_sides() {
    for (failure, text) in [
        (
            LegFailure::FingerprintMismatch,
            "488 DTLS fingerprint mismatch",
        ),
        (LegFailure::DtlsFailed, "488 DTLS failed"),
        (LegFailure::DtlsClosed, "480 DTLS closed"),
        (LegFailure::IceTimeout, "408 ICE failed"),
        (LegFailure::ConsentExpired, "408 ICE consent expired"),
        (LegFailure::Panicked, "500 Media failure"),
    ] {
        let mut call = Scenario::established();
        call.fails(failure);
        let phrase = &text[4..];
        assert_eq!(
            call.actions(),
            [
                format!("sip: hang up, {phrase}"),
                "media: close".to_owned(),
                format!("client: terminated {text}")
            ]
        );
        call.ended(200, "to BYE", EndedBy::Local);
        assert_eq!(call.actions(), [""; 0]);
    }
}

#[test]
fn media_that_stops_ends_an_accepted_call() {
    let silence = Duration::from_secs(60);
    let mut call = Scenario::calling();
    call.phone(LegEvent::MediaStopped { silence });
    assert_eq!(call.actions(), [""; 0]);

    let mut call = Scenario::established();
    call.phone(LegEvent::MediaStopped { silence });
    assert_eq!(
        call.actions(),
        [
            "sip: hang up, Media timeout",
            "media: close",
            "client: terminated 408 Media timeout"
        ]
    );
}

#[test]
fn a_browser_that_never_connects_ends_an_accepted_call() {
    let mut call = Scenario::calling();
    call.accepted(Some(PHONE));
    call.actions();
    call.wait(CONNECT_LIMIT - Duration::from_secs(1));
    assert_eq!(call.actions(), [""; 0]);
    call.wait(Duration::from_secs(1));
    assert_eq!(
        call.actions().last().map(String::as_str),
        Some("client: terminated 408 ICE failed")
    );
}

#[test]
fn a_lost_client_hangs_up() {
    let mut call = Scenario::established();
    call.input(Input::ClientLost);
    assert_eq!(
        call.actions(),
        [
            "sip: hang up, Client disconnected",
            "media: close",
            "client: terminated 480 Client disconnected"
        ]
    );
}

#[test]
fn a_user_agent_that_never_ends_the_session_does_not_keep_the_call() {
    let mut call = Scenario::established();
    assert_eq!(call.terminate(), Ok(()));
    call.wait(Duration::from_secs(60));
    assert!(call.call.is_ended());
}

#[test]
fn an_outgoing_call_cannot_be_answered() {
    let mut call = Scenario::calling();
    assert_eq!(call.answer(PHONE), Err(Refused::CannotAnswerOutgoing));
}

#[test]
fn an_offer_without_audio_is_refused_before_anything_is_sent() {
    let result = Call::outgoing(outgoing("v=0\r\n"), locals());
    assert!(matches!(result, Err(Refused::UnusableSdp(_))));
}
