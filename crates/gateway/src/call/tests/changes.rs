//! The phone changes a call that is up.

use bytes::Bytes;
use sip_stack::event::SessionEvent;

use super::harness::{PHONE, STRANGE_PHONE, Scenario};

#[test]
fn hold_and_resume_are_answered_without_the_client() {
    let mut call = Scenario::established();
    reinvite(&mut call, Some(&PHONE.replace("sendrecv", "sendonly")));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
    reinvite(&mut call, Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
}

#[test]
fn a_change_that_cannot_be_carried_is_refused_and_the_call_goes_on() {
    let mut call = Scenario::established();
    reinvite(&mut call, Some(STRANGE_PHONE));
    assert_eq!(call.actions(), ["sip: refuse re-INVITE 488"]);
    reinvite(&mut call, Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
}

#[test]
fn a_change_without_an_offer_gets_ours_and_its_answer_is_followed() {
    let mut call = Scenario::established();
    reinvite(&mut call, None);
    assert_eq!(call.actions(), ["sip: answer re-INVITE"]);
    let sdp = Some(Bytes::from_static(PHONE.as_bytes()));
    call.sip(SessionEvent::Reinvited { sdp });
    assert_eq!(call.actions(), ["media: connect phone"]);
}

#[test]
fn a_change_of_a_call_that_is_over_for_the_client_is_not_answered() {
    let mut call = Scenario::established();
    assert_eq!(call.terminate(), Ok(()));
    call.actions();
    reinvite(&mut call, Some(PHONE));
    assert_eq!(call.actions(), [""; 0]);
}

fn reinvite(call: &mut Scenario, sdp: Option<&str>) {
    let sdp = sdp.map(|sdp| Bytes::copy_from_slice(sdp.as_bytes()));
    call.sip(SessionEvent::Reinvite { sdp });
}
