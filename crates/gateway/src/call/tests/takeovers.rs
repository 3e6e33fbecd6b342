//! Another phone comes to take the present one's place (RFC 3891), in calls that are up and in
//! those that still ring.

use bytes::Bytes;
use media::{LegEvent, LegFailure};
use sip_stack::account::SessionId;
use sip_stack::event::{EndedBy, SessionEvent, StatusReason};

use super::harness::{PHONE, STRANGE_PHONE, Scenario};
use crate::call::{ClientState, Input, PhoneLegId, Replacement};

const OTHER: SessionId = SessionId::outgoing(2);

#[test]
fn a_phone_that_replaces_the_present_one_is_connected_when_that_one_has_been_let_go() {
    let mut call = Scenario::established();
    comes(&mut call, Some(PHONE));
    assert_eq!(call.actions(), ["open leg", "sip: 200"]);
    call.ended(200, "to BYE", EndedBy::Local);
    assert_eq!(call.actions(), ["media: swap"]);
    assert_eq!(call.call.client_state(), ClientState::Established);
    assert_eq!(call.terminate(), Ok(()));
    call.actions();
    call.other(OTHER, ended(200, "to BYE", EndedBy::Local));
    assert!(call.call.is_ended());
}

#[test]
fn a_phone_that_changes_its_mind_leaves_everything_as_it_was() {
    for sdp in [Some(PHONE), None] {
        let mut call = Scenario::established();
        comes(&mut call, sdp);
        assert_eq!(call.actions(), ["open leg", "sip: 200"]);
        call.other(OTHER, ended(487, "Request Terminated", EndedBy::Remote));
        assert_eq!(call.actions(), ["media: drop leg"]);
        assert_eq!(call.call.client_state(), ClientState::Established);
        call.ended(200, "Session Terminated", EndedBy::Remote);
        assert!(call.call.is_ended());
    }
}

#[test]
fn a_replacement_without_an_offer_gets_ours_and_begins_with_its_answer() {
    let mut call = Scenario::established();
    comes(&mut call, None);
    assert_eq!(call.actions(), ["open leg", "sip: 200"]);
    call.ended(200, "to BYE", EndedBy::Local);
    assert_eq!(call.actions(), [""; 0]);
    acknowledged(&mut call, PHONE);
    assert_eq!(call.actions(), ["media: swap"]);
}

#[test]
fn a_replacement_whose_answer_is_nonsense_is_the_end_when_the_present_phone_has_gone() {
    let mut call = Scenario::established();
    comes(&mut call, None);
    call.ended(200, "to BYE", EndedBy::Local);
    call.actions();
    acknowledged(&mut call, STRANGE_PHONE);
    assert_eq!(
        call.actions(),
        [
            "sip: hang up, Not Acceptable Here",
            "media: drop leg",
            "media: close",
            "client: terminated 488 Not Acceptable Here"
        ]
    );
    assert!(call.call.is_ended());
}

#[test]
fn a_replacement_that_cannot_be_carried_is_refused_and_nothing_changes() {
    let mut call = Scenario::established();
    comes(&mut call, Some(STRANGE_PHONE));
    assert_eq!(
        call.actions(),
        ["open leg", "media: drop leg", "sip: reject 488"]
    );
    assert_eq!(call.call.client_state(), ClientState::Established);
}

#[test]
fn a_replacement_whose_leg_fails_is_let_go() {
    for sdp in [Some(PHONE), None] {
        let mut call = Scenario::established();
        comes(&mut call, sdp);
        call.actions();
        let failed = LegEvent::Failed(LegFailure::Panicked);
        call.input(Input::Phone(PhoneLegId::FIRST.next(), failed));
        assert_eq!(call.actions(), ["sip: hang up", "media: drop leg"]);
        assert_eq!(call.call.client_state(), ClientState::Established);
    }
}

#[test]
fn a_client_that_hangs_up_meanwhile_ends_both_phones() {
    let mut call = Scenario::established();
    comes(&mut call, Some(PHONE));
    call.actions();
    assert_eq!(call.terminate(), Ok(()));
    assert_eq!(
        call.actions(),
        [
            "sip: hang up",
            "sip: hang up",
            "media: close",
            "client: terminated 200 to BYE"
        ]
    );
    call.other(OTHER, ended(200, "to BYE", EndedBy::Local));
    call.ended(200, "to BYE", EndedBy::Local);
    assert!(call.call.is_ended());
}

#[test]
fn a_call_that_rings_elsewhere_is_picked_up() {
    let mut call = Scenario::calling();
    call.provisional(180, None);
    call.actions();
    comes(&mut call, Some(PHONE));
    assert_eq!(call.actions(), ["open leg", "sip: 200"]);
    call.ended(487, "Request Terminated", EndedBy::Local);
    assert_eq!(
        call.actions(),
        ["media: swap browser", "client: accepted with sdp"]
    );
    call.browser(LegEvent::Connected);
    assert_eq!(call.actions(), ["client: established"]);
}

#[test]
fn a_call_that_rings_elsewhere_is_picked_up_by_a_phone_that_wants_our_offer() {
    let mut call = Scenario::calling();
    comes(&mut call, None);
    assert_eq!(call.actions(), ["open leg", "sip: 200"]);
    call.ended(487, "Request Terminated", EndedBy::Local);
    acknowledged(&mut call, PHONE);
    assert_eq!(
        call.actions(),
        ["media: swap browser", "client: accepted with sdp"]
    );
}

#[test]
fn a_call_with_early_media_is_picked_up_in_the_codec_that_the_browser_was_told() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    call.actions();
    let alaw = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
        m=audio 6000 RTP/AVP 8\r\n";
    comes(&mut call, Some(alaw));
    assert_eq!(
        call.actions(),
        ["open leg", "media: drop leg", "sip: reject 488"]
    );
    comes(&mut call, Some(PHONE));
    call.ended(487, "Request Terminated", EndedBy::Local);
    assert_eq!(
        call.actions(),
        [
            "open leg",
            "sip: 200",
            "media: swap",
            "client: accepted with sdp"
        ]
    );
}

#[test]
fn who_is_too_late_to_pick_up_a_call_leaves_it_with_the_one_who_answered() {
    let mut call = Scenario::calling();
    comes(&mut call, Some(PHONE));
    call.accepted(Some(PHONE));
    call.actions();
    call.other(OTHER, ended(486, "Busy Here", EndedBy::Local));
    assert_eq!(call.actions(), ["media: drop leg"]);
    assert_eq!(call.call.client_state(), ClientState::Accepted);
}

#[test]
fn what_the_page_has_put_on_hold_is_on_hold_for_the_next_phone_too() {
    let mut call = Scenario::established();
    comes(&mut call, None);
    call.actions();
    // It waits for the phone to come.
    assert_eq!(call.hold(true), Ok(()));
    call.ended(200, "to BYE", EndedBy::Local);
    acknowledged(&mut call, PHONE);
    assert_eq!(call.actions(), ["media: swap silent"]);
    call.wait(std::time::Duration::from_secs(1));
    assert_eq!(call.actions(), ["media: connect phone", "sip: re-INVITE"]);
}

#[test]
fn keys_reach_the_next_phone_in_the_form_that_it_takes() {
    let with_events =
        PHONE.replace("AVP 0\r\n", "AVP 0 101\r\n") + "a=rtpmap:101 telephone-event/8000\r\n";
    // By the phone's own offer, or by its answer to ours.
    for offers in [true, false] {
        for (phone, knows_info, keys) in [
            (PHONE, true, ["sip: INFO Signal=2 Duration=160"].as_slice()),
            (PHONE, false, &["media: send 2", "media: send 3"]),
            (&with_events, true, &["media: send 2", "media: send 3"]),
        ] {
            let mut call = Scenario::established();
            assert_eq!(call.tones("123", None), Ok(()));
            assert_eq!(call.actions(), ["sip: INFO Signal=1 Duration=160"]);
            call.input(Input::Replacement(Replacement {
                session: OTHER,
                sdp: offers.then(|| Bytes::copy_from_slice(phone.as_bytes())),
                over_tls: false,
                knows_info,
            }));
            call.opened(OTHER);
            call.actions();
            call.ended(200, "to BYE", EndedBy::Local);
            if !offers {
                acknowledged(&mut call, phone);
            }
            let expected = [&["media: swap"], keys].concat();
            assert_eq!(call.actions(), expected, "{offers} {knows_info} {phone}");
            if keys.len() == 1 {
                call.other(OTHER, SessionEvent::InfoResult { code: 200 });
                assert_eq!(call.actions(), ["sip: INFO Signal=3 Duration=160"]);
                call.other(OTHER, SessionEvent::InfoResult { code: 200 });
            }
            assert_eq!(call.tones("4", None), Ok(()));
            let last = keys[0].replace('2', "4");
            assert_eq!(call.actions(), [last]);
        }
    }
}

fn comes(call: &mut Scenario, sdp: Option<&'static str>) {
    call.input(Input::Replacement(Replacement {
        session: OTHER,
        sdp: sdp.map(|sdp| Bytes::from_static(sdp.as_bytes())),
        over_tls: false,
        knows_info: false,
    }));
    call.opened(OTHER);
}

fn acknowledged(call: &mut Scenario, sdp: &str) {
    let sdp = Some(Bytes::copy_from_slice(sdp.as_bytes()));
    call.other(OTHER, SessionEvent::Confirmed { sdp });
}

fn ended(code: u16, phrase: &str, by: EndedBy) -> SessionEvent {
    SessionEvent::Ended {
        reason: StatusReason::new(code, phrase),
        by,
        answered_elsewhere: false,
    }
}
