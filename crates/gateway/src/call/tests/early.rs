//! The phone changes a call before it answers, and repeats itself at refreshes.

use bytes::Bytes;
use sip_stack::event::SessionEvent;

use super::harness::{PHONE, STRANGE_PHONE, Scenario};

#[test]
fn an_early_offer_is_answered_and_followed_without_the_client() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    call.actions();
    offered(&mut call, &PHONE.replace("192.0.2.7", "192.0.2.9"));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer offer of 1"]
    );
    call.accepted(None);
    assert_eq!(call.actions(), ["client: accepted with sdp"]);
}

#[test]
fn an_early_offer_that_cannot_be_carried_leaves_the_early_sound() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    call.actions();
    offered(&mut call, STRANGE_PHONE);
    assert_eq!(call.actions(), ["sip: refuse offer of 1 488"]);
    call.accepted(None);
    assert_eq!(call.actions(), ["client: accepted with sdp"]);
}

#[test]
fn the_sound_of_the_latest_early_dialog_is_heard_and_then_that_of_the_answer() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "client: early-media"]
    );
    let other = PHONE.replace("192.0.2.7", "192.0.2.9");
    call.sip(SessionEvent::Provisional {
        code: 183,
        phrase: "Session Progress".to_owned(),
        sdp: Some(Bytes::from(other)),
        dialog: 1,
    });
    assert_eq!(call.actions(), ["media: connect phone"]);
    call.provisional(199, None);
    assert_eq!(call.actions(), [""; 0]);
    call.accepted(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: accepted with sdp"]
    );
}

#[test]
fn nobody_is_heard_until_a_phone_that_answers_with_another_codec_has_returned_to_the_first() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    call.actions();
    call.accepted(Some(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
         m=audio 6000 RTP/AVP 8\r\n",
    ));
    assert_eq!(
        call.actions(),
        [
            // Not to the phone that was heard first, which has not answered.
            "media: connect",
            "client: accepted with sdp",
            "sip: re-INVITE"
        ]
    );
    call.reinvited(&PHONE.replace("192.0.2.7", "192.0.2.9"));
    assert_eq!(call.actions(), ["media: connect phone"]);
}

#[test]
fn a_refresh_that_says_what_holds_changes_nothing_and_a_new_address_is_followed() {
    let mut call = Scenario::established();
    refreshed(&mut call, PHONE);
    assert_eq!(call.actions(), [""; 0]);
    refreshed(&mut call, STRANGE_PHONE);
    assert_eq!(call.actions(), [""; 0]);
    refreshed(&mut call, &PHONE.replace("192.0.2.7", "192.0.2.9"));
    assert_eq!(call.actions(), ["media: connect phone"]);
}

fn offered(call: &mut Scenario, sdp: &str) {
    let sdp = Bytes::copy_from_slice(sdp.as_bytes());
    call.sip(SessionEvent::Offered { sdp, dialog: 1 });
}

fn refreshed(call: &mut Scenario, sdp: &str) {
    let sdp = Bytes::copy_from_slice(sdp.as_bytes());
    call.sip(SessionEvent::Refreshed { sdp });
}
