//! The phone changes a call that is up.

use bytes::Bytes;
use sip_stack::event::SessionEvent;

use super::harness::{PHONE, STRANGE_PHONE, Scenario};

#[test]
fn hold_and_resume_are_answered_without_the_client() {
    let mut call = Scenario::established();
    call.reinvite(Some(&PHONE.replace("sendrecv", "sendonly")));
    assert_eq!(
        call.actions(),
        [
            "media: connect phone",
            "sip: answer re-INVITE",
            "client: held true by Phone"
        ]
    );
    call.reinvite(Some(PHONE));
    assert_eq!(
        call.actions(),
        [
            "media: connect phone",
            "sip: answer re-INVITE",
            "client: held false by Phone"
        ]
    );
}

#[test]
fn a_change_that_cannot_be_carried_is_refused_and_the_call_goes_on() {
    let mut call = Scenario::established();
    call.reinvite(Some(STRANGE_PHONE));
    assert_eq!(call.actions(), ["sip: refuse re-INVITE 488"]);
    call.reinvite(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
}

#[test]
fn a_change_without_an_offer_gets_ours_and_its_answer_is_followed() {
    let mut call = Scenario::established();
    call.reinvite(None);
    assert_eq!(call.actions(), ["sip: answer re-INVITE"]);
    let sdp = Some(Bytes::from_static(PHONE.as_bytes()));
    call.sip(SessionEvent::Reinvited { sdp });
    assert_eq!(call.actions(), ["media: connect phone"]);
}

#[test]
fn an_offer_of_ours_without_a_usable_answer_leaves_the_call_as_it_was() {
    let mut call = Scenario::established();
    for answer in [None, Some(STRANGE_PHONE)] {
        call.reinvite(None);
        assert_eq!(call.actions(), ["sip: answer re-INVITE"]);
        let sdp = answer.map(|sdp| Bytes::from_static(sdp.as_bytes()));
        call.sip(SessionEvent::Reinvited { sdp });
        assert_eq!(call.actions(), [""; 0]);
    }
}

#[test]
fn a_phone_that_answers_with_another_codec_than_its_early_one_is_asked_to_return() {
    let mut call = accepted_with_another_codec();
    let sdp = Some(Bytes::from_static(PHONE.as_bytes()));
    call.sip(SessionEvent::Reinvited { sdp });
    assert_eq!(call.actions(), ["media: connect phone"]);
}

#[test]
fn a_phone_that_does_not_return_to_the_codec_of_the_browser_ends_the_call() {
    let ended = [
        "sip: hang up, Not Acceptable Here",
        "media: close",
        "client: terminated 488 Not Acceptable Here",
    ];
    let mut call = accepted_with_another_codec();
    call.sip(SessionEvent::ReinviteFailed {
        code: 488,
        phrase: "Not Acceptable Here".to_owned(),
    });
    assert_eq!(call.actions(), ended);
    let mut call = accepted_with_another_codec();
    let sdp = Some(Bytes::from(pcma()));
    call.sip(SessionEvent::Reinvited { sdp });
    assert_eq!(call.actions(), ended);
}

#[test]
fn a_change_of_a_call_that_is_over_for_the_client_is_not_answered() {
    let mut call = Scenario::established();
    assert_eq!(call.terminate(), Ok(()));
    call.actions();
    call.reinvite(Some(PHONE));
    assert_eq!(call.actions(), [""; 0]);
}

/// The browser has been told PCMU; the 200 says PCMA.
fn accepted_with_another_codec() -> Scenario {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    call.actions();
    call.sip(SessionEvent::Accepted {
        sdp: Some(Bytes::from(pcma())),
        call_id: "call-id".to_owned(),
        headers: Vec::new(),
        dialog: 1,
    });
    assert_eq!(
        call.actions(),
        [
            "media: connect",
            "client: accepted with sdp",
            "sip: re-INVITE"
        ]
    );
    call
}

fn pcma() -> String {
    PHONE.replace("RTP/AVP 0", "RTP/AVP 8")
}
