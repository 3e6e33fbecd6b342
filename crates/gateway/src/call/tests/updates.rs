//! The page changes a call that is up, holds it, or is asked about a change of the phone.

use std::time::Duration;

use sip_stack::event::SessionEvent;

use super::harness::{BROWSER_ANSWER, BROWSER_OFFER, PHONE, STRANGE_PHONE, Scenario};
use crate::call::{ClientState, Input, Refused};

const TURN: Duration = Duration::from_secs(1);

fn held_offer() -> String {
    BROWSER_OFFER.replace("a=sendrecv", "a=sendonly")
}

fn phone(direction: &str) -> String {
    PHONE.replace("sendrecv", direction)
}

#[test]
fn a_change_that_does_not_concern_the_phone_is_answered_at_once() {
    let mut call = Scenario::established();
    assert_eq!(call.update(BROWSER_OFFER), Ok(()));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "client: update accepted"]
    );
}

#[test]
fn an_ice_restart_reaches_the_browser_leg_before_the_answer() {
    let mut call = Scenario::established();
    let restarted = BROWSER_OFFER.replace("a=ice-ufrag:abcd", "a=ice-ufrag:efgh");
    assert_eq!(call.update(&restarted), Ok(()));
    assert_eq!(
        call.actions(),
        [
            "media: restart ICE",
            "media: connect browser phone",
            "client: update accepted"
        ]
    );
}

#[test]
fn a_new_direction_waits_for_the_phone() {
    let mut call = Scenario::established();
    assert_eq!(call.update(&held_offer()), Ok(()));
    assert_eq!(call.actions(), ["sip: re-INVITE"]);
    let updating = Err(Refused::WrongState(ClientState::LocalUpdating));
    assert_eq!(call.update(BROWSER_OFFER), updating);
    assert_eq!(call.hold(true), updating);
    assert_eq!(call.tones("5", None), Ok(()));
    assert_eq!(call.actions(), ["sip: INFO Signal=5 Duration=160"]);
    call.reinvited(&phone("recvonly"));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "client: update accepted"]
    );
}

#[test]
fn a_change_that_the_phone_refuses_fails_and_leaves_the_call() {
    let mut call = Scenario::established();
    assert_eq!(call.update(&held_offer()), Ok(()));
    call.actions();
    call.reinvite_refused(488, "Not Acceptable Here");
    assert_eq!(
        call.actions(),
        ["client: update failed 488 Not Acceptable Here"]
    );
    assert_eq!(call.update(&held_offer()), Ok(()));
    assert_eq!(call.actions(), ["sip: re-INVITE"]);
}

#[test]
fn a_phone_that_agrees_to_a_change_with_nonsense_is_asked_to_return() {
    let mut call = Scenario::established();
    assert_eq!(call.update(&held_offer()), Ok(()));
    call.actions();
    call.reinvited(STRANGE_PHONE);
    assert_eq!(
        call.actions(),
        [
            "client: update failed 488 Not Acceptable Here",
            "sip: re-INVITE"
        ]
    );
    call.reinvited(PHONE);
    assert_eq!(call.actions(), ["media: connect phone"]);
}

#[test]
fn an_offer_that_cannot_be_used_is_refused_and_the_call_is_as_before() {
    let mut call = Scenario::established();
    let other = BROWSER_OFFER.replace("a=mid:0", "a=mid:1");
    assert!(matches!(call.update(&other), Err(Refused::UnusableSdp(_))));
    assert!(matches!(
        call.update("no sdp"),
        Err(Refused::UnusableSdp(_))
    ));
    assert_eq!(call.actions(), [""; 0]);
    assert_eq!(call.update(BROWSER_OFFER), Ok(()));
}

#[test]
fn a_call_that_is_not_up_takes_no_change() {
    let mut call = Scenario::calling();
    let refused = Err(Refused::WrongState(ClientState::Progress));
    assert_eq!(call.update(BROWSER_OFFER), refused);
    assert_eq!(call.hold(true), refused);
}

#[test]
fn a_change_that_gave_way_to_the_phones_is_proposed_again() {
    let mut call = Scenario::established();
    assert_eq!(call.update(&held_offer()), Ok(()));
    call.actions();
    call.reinvite_refused(491, "Request Pending");
    call.reinvite(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
    call.wait(TURN);
    assert_eq!(call.actions(), ["sip: re-INVITE"]);
    call.reinvited(&phone("recvonly"));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "client: update accepted"]
    );
}

#[test]
fn a_change_that_never_gets_its_turn_fails() {
    let mut call = Scenario::established();
    assert_eq!(call.update(&held_offer()), Ok(()));
    let mut offers = 0;
    loop {
        let actions = call.actions();
        if actions != ["sip: re-INVITE"] {
            assert_eq!(actions, ["client: update failed 491 Request Pending"]);
            break;
        }
        offers += 1;
        call.reinvite_refused(491, "Request Pending");
        call.wait(TURN);
    }
    assert_eq!(offers, 5);
}

#[test]
fn the_client_holds_and_resumes_without_an_offer_of_its_own() {
    let mut call = Scenario::established();
    assert_eq!(call.hold(true), Ok(()));
    assert_eq!(call.actions(), ["media: connect phone", "sip: re-INVITE"]);
    call.reinvited(&phone("recvonly"));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: held true by Client"]
    );
    assert_eq!(call.hold(true), Ok(()));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: held true by Client"]
    );
    assert_eq!(call.hold(false), Ok(()));
    assert_eq!(call.actions(), ["media: connect phone", "sip: re-INVITE"]);
    call.reinvited(PHONE);
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: held false by Client"]
    );
}

#[test]
fn a_hold_that_the_phone_refuses_is_told_as_no_hold() {
    let mut call = Scenario::established();
    assert_eq!(call.hold(true), Ok(()));
    call.actions();
    call.reinvite_refused(488, "Not Acceptable Here");
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: held false by Client"]
    );
}

#[test]
fn both_sides_may_hold_at_once() {
    let mut call = Scenario::established();
    assert_eq!(call.hold(true), Ok(()));
    call.reinvited(&phone("recvonly"));
    call.actions();
    call.reinvite(Some(&phone("sendonly")));
    assert_eq!(
        call.actions(),
        [
            "media: connect phone",
            "sip: answer re-INVITE",
            "client: held true by Phone"
        ]
    );
    assert_eq!(call.hold(false), Ok(()));
    call.reinvited(&phone("sendonly"));
    assert_eq!(
        call.actions(),
        [
            "media: connect phone",
            "sip: re-INVITE",
            "media: connect phone",
            "client: held false by Client"
        ]
    );
}

#[test]
fn another_codec_of_the_phone_is_put_to_a_page_that_knows_how() {
    let mut call = Scenario::established();
    let pcma = PHONE.replace("RTP/AVP 0", "RTP/AVP 8");
    call.reinvite(Some(&pcma));
    assert_eq!(call.actions(), ["sip: refuse re-INVITE 488"]);
    call.input(Input::ClientTakesUpdates);
    call.reinvite(Some(&pcma));
    assert_eq!(call.actions(), ["client: update received"]);
    let answer = BROWSER_ANSWER
        .replace("SAVPF 0", "SAVPF 8")
        .replace("rtpmap:0 PCMU", "rtpmap:8 PCMA")
        // Its role is what the first answer has settled (RFC 8842 §5.2).
        .replace("setup:active", "setup:passive");
    assert_eq!(call.update(&answer), Ok(()));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "sip: answer re-INVITE"]
    );
}

#[test]
fn a_page_that_does_not_answer_or_answers_nonsense_leaves_the_call_as_it_was() {
    let mut call = Scenario::established();
    call.input(Input::ClientTakesUpdates);
    let pcma = PHONE.replace("RTP/AVP 0", "RTP/AVP 8");
    call.reinvite(Some(&pcma));
    call.actions();
    call.wait(Duration::from_secs(10));
    assert_eq!(
        call.actions(),
        [
            "sip: refuse re-INVITE 488",
            "client: update failed 408 Request Timeout"
        ]
    );
    call.reinvite(Some(&pcma));
    assert_eq!(
        call.actions(),
        ["sip: refuse re-INVITE 488"],
        "it is not waited for again"
    );
    call.input(Input::ClientAnswersUpdates);
    call.reinvite(Some(&pcma));
    assert_eq!(call.actions(), ["client: update received"]);
    assert!(matches!(call.update("no"), Err(Refused::UnusableSdp(_))));
    assert_eq!(call.actions(), ["sip: refuse re-INVITE 488"]);
    call.reinvite(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
}

#[test]
fn a_page_is_told_when_the_phone_takes_back_what_it_wanted_and_its_late_answer_is_void() {
    let mut call = Scenario::established();
    call.input(Input::ClientTakesUpdates);
    call.reinvite(Some(&PHONE.replace("RTP/AVP 0", "RTP/AVP 8")));
    assert_eq!(call.actions(), ["client: update received"]);
    call.sip(SessionEvent::ReinviteWithdrawn);
    assert_eq!(
        call.actions(),
        ["client: update failed 487 Request Terminated"]
    );
    let late = BROWSER_ANSWER
        .replace("SAVPF 0", "SAVPF 8")
        .replace("rtpmap:0 PCMU", "rtpmap:8 PCMA")
        // Its role is what the first answer has settled (RFC 8842 §5.2).
        .replace("setup:active", "setup:passive");
    let refused = Err(Refused::WrongState(ClientState::Established));
    assert_eq!(call.update(&late), refused);
    assert_eq!(call.actions(), [""; 0]);
    // The page may want something of its own as ever.
    assert_eq!(call.update(&held_offer()), Ok(()));
    assert_eq!(call.actions(), ["sip: re-INVITE"]);
}

#[test]
fn media_added_by_the_phone_are_refused_in_the_answer_without_the_page() {
    let mut call = Scenario::established();
    call.input(Input::ClientTakesUpdates);
    let video = format!("{PHONE}m=video 7000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n");
    call.reinvite(Some(&video));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
}
