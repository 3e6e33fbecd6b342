//! Another phone in the place of the one the client talks with, and the client giving it away.

use bytes::Bytes;
use media::{LegEvent, MediaError};
use sip_stack::account::SessionId;
use sip_stack::event::{EndedBy, SessionEvent, StatusReason};
use sip_stack::refer::{ReferProgress, ReferTarget, Referral};

use super::harness::{PHONE, STRANGE_PHONE, Scenario};
use crate::call::{CallCommand, ClientState, Input, Refused, Replacement};

pub(super) const OTHER: SessionId = SessionId::outgoing(2);

#[test]
fn a_phone_that_refers_is_replaced_once_the_other_one_has_answered() {
    let mut call = referred();
    call.other(OTHER, ringing());
    assert_eq!(call.actions(), ["sip: NOTIFY 180 Ringing"]);
    call.other(OTHER, accepted(Some(PHONE)));
    assert_eq!(
        call.actions(),
        [
            "sip: NOTIFY 200 OK",
            "media: swap",
            "sip: hang up, Transferred"
        ]
    );
    call.ended(200, "to BYE", EndedBy::Local);
    assert_eq!(call.actions(), [""; 0]);
    assert_eq!(call.call.client_state(), ClientState::Established);

    // The other phone is the phone of the call in everything.
    call.other(
        OTHER,
        SessionEvent::Reinvite {
            sdp: Some(Bytes::from_static(PHONE.as_bytes())),
        },
    );
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
    call.other(OTHER, ended(200, "Session Terminated", EndedBy::Remote));
    assert_eq!(
        call.actions(),
        ["media: close", "client: terminated 200 Session Terminated"]
    );
    assert!(call.call.is_ended());
}

#[test]
fn an_answer_given_early_counts_when_the_last_one_has_none() {
    let mut call = referred();
    call.other(
        OTHER,
        SessionEvent::Provisional {
            code: 183,
            phrase: "Session Progress".to_owned(),
            sdp: Some(Bytes::from_static(PHONE.as_bytes())),
            dialog: 0,
        },
    );
    call.actions();
    call.other(OTHER, accepted(None));
    assert!(call.actions().contains(&"media: swap".to_owned()));
}

#[test]
fn the_call_goes_on_with_the_old_phone_when_the_other_one_does_not_want() {
    let mut call = referred();
    call.other(OTHER, ended(486, "Busy Here", EndedBy::Remote));
    assert_eq!(
        call.actions(),
        ["media: drop leg", "sip: NOTIFY 486 Busy Here"]
    );
    assert_eq!(call.call.client_state(), ClientState::Established);
    refer(&mut call);
    assert_eq!(call.actions(), ["open leg"]);
}

#[test]
fn an_answer_that_cannot_be_used_is_no_answer() {
    let mut call = referred();
    call.other(OTHER, accepted(Some(STRANGE_PHONE)));
    assert_eq!(
        call.actions(),
        [
            "sip: hang up, Not Acceptable Here",
            "media: drop leg",
            "sip: NOTIFY 488 Not Acceptable Here"
        ]
    );
    assert_eq!(call.call.client_state(), ClientState::Established);
}

#[test]
fn a_phone_that_hangs_up_at_once_has_left_the_rest_to_us() {
    let mut call = referred();
    call.ended(200, "Session Terminated", EndedBy::Remote);
    call.phone(LegEvent::MediaStopped {
        silence: std::time::Duration::from_secs(60),
    });
    assert_eq!(call.actions(), [""; 0]);
    call.other(OTHER, accepted(Some(PHONE)));
    assert_eq!(call.actions(), ["sip: NOTIFY 200 OK", "media: swap"]);
    assert_eq!(call.call.client_state(), ClientState::Established);
}

#[test]
fn without_any_phone_left_the_call_is_over() {
    let mut call = referred();
    call.ended(200, "Session Terminated", EndedBy::Remote);
    call.other(OTHER, ended(486, "Busy Here", EndedBy::Remote));
    assert_eq!(
        call.actions(),
        [
            "media: drop leg",
            "media: close",
            "client: terminated 486 Busy Here"
        ]
    );
    assert!(call.call.is_ended());
}

#[test]
fn a_client_that_hangs_up_meanwhile_ends_both_phones() {
    let mut call = referred();
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
    call.other(OTHER, ended(487, "Request Terminated", EndedBy::Local));
    assert!(!call.call.is_ended());
    call.ended(200, "to BYE", EndedBy::Local);
    assert!(call.call.is_ended());

    let mut call = referred();
    call.ended(200, "Session Terminated", EndedBy::Remote);
    assert_eq!(call.terminate(), Ok(()));
    call.other(OTHER, ended(487, "Request Terminated", EndedBy::Local));
    assert!(call.call.is_ended());
}

#[test]
fn what_the_page_holds_while_the_other_phone_rings_is_held_when_it_answers() {
    let mut call = referred();
    assert_eq!(call.hold(true), Ok(()));
    call.actions();
    call.reinvited(&PHONE.replace("sendrecv", "recvonly"));
    call.actions();
    call.other(OTHER, accepted(Some(PHONE)));
    assert_eq!(
        call.actions(),
        [
            "sip: NOTIFY 200 OK",
            "media: swap silent",
            "media: connect phone",
            "sip: re-INVITE",
            "sip: hang up, Transferred"
        ]
    );
    let held = Bytes::from(PHONE.replace("sendrecv", "recvonly"));
    call.other(OTHER, SessionEvent::Reinvited { sdp: Some(held) });
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: held true by Client"]
    );
}

#[test]
fn a_message_on_its_way_to_the_old_phone_has_failed() {
    let mut call = referred();
    assert_eq!(call.write("m1"), Ok(()));
    call.actions();
    call.other(OTHER, accepted(Some(PHONE)));
    assert!(
        call.actions()
            .contains(&"client: message m1: 487 Request Terminated".to_owned())
    );
}

#[test]
fn one_transfer_at_a_time_and_only_of_a_call_that_is_up() {
    let mut call = referred();
    refer(&mut call);
    assert_eq!(call.actions(), ["sip: refuse REFER 491"]);
    call.input(Input::Replacement(Replacement {
        session: SessionId::outgoing(3),
        sdp: None,
        over_tls: false,
        knows_info: false,
    }));
    assert_eq!(call.actions(), ["sip: reject 491"]);
    let mut call = Scenario::calling();
    refer(&mut call);
    assert_eq!(call.actions(), ["sip: refuse REFER 603"]);
}

#[test]
fn without_a_leg_the_phone_is_refused() {
    let mut call = Scenario::established();
    refer(&mut call);
    assert_eq!(call.actions(), ["open leg"]);
    call.input(Input::CandidateRefused(MediaError::PortsExhausted));
    assert_eq!(call.actions(), ["sip: refuse REFER 503"]);
    assert_eq!(call.call.client_state(), ClientState::Established);
}

#[test]
fn a_phone_given_away_ends_the_call_when_it_is_connected() {
    let mut call = given_away();
    progress(&mut call, ReferProgress::Accepted);
    progress(&mut call, ReferProgress::Trying(status(100, "Trying")));
    progress(&mut call, ReferProgress::Trying(status(180, "Ringing")));
    assert_eq!(
        call.actions(),
        [
            "client: transfer trying 100 Trying",
            "client: transfer trying 180 Ringing"
        ]
    );
    progress(&mut call, ReferProgress::Done(status(200, "OK")));
    assert_eq!(
        call.actions(),
        [
            "client: transfer accepted 200 OK",
            "sip: hang up",
            "media: close",
            "client: terminated 200 Transferred"
        ]
    );
}

#[test]
fn a_phone_that_cannot_be_given_away_stays() {
    let mut call = given_away();
    progress(&mut call, ReferProgress::Done(status(603, "Decline")));
    assert_eq!(call.actions(), ["client: transfer failed 603 Decline"]);
    assert_eq!(call.call.client_state(), ClientState::Established);
    assert_eq!(give_away(&mut call), Ok(()));
}

#[test]
fn only_a_call_that_is_up_can_be_given_away_and_once() {
    let mut call = Scenario::calling();
    assert_eq!(
        give_away(&mut call),
        Err(Refused::WrongState(ClientState::Progress))
    );
    let mut call = given_away();
    assert_eq!(
        give_away(&mut call),
        Err(Refused::WrongState(ClientState::Established))
    );
    refer(&mut call);
    assert_eq!(call.actions(), ["sip: refuse REFER 491"]);
}

#[test]
fn the_other_call_of_an_attended_transfer_ends_with_it() {
    let mut call = Scenario::established();
    call.input(Input::Transferred);
    assert_eq!(
        call.actions(),
        [
            "sip: hang up",
            "media: close",
            "client: terminated 200 Transferred"
        ]
    );
}

/// The phone has asked for carol, who is being called.
fn referred() -> Scenario {
    let mut call = Scenario::established();
    refer(&mut call);
    assert_eq!(call.actions(), ["open leg"]);
    call.opened(OTHER);
    assert_eq!(
        call.actions(),
        ["sip: 202", "sip: INVITE sip:carol@sylk.test"]
    );
    call
}

pub(super) fn refer(call: &mut Scenario) {
    call.sip(SessionEvent::Refer(Referral {
        target: "sip:carol@sylk.test".to_owned(),
        replaces: None,
        referred_by: None,
        anonymous: false,
    }));
}

fn given_away() -> Scenario {
    let mut call = Scenario::established();
    assert_eq!(give_away(&mut call), Ok(()));
    assert_eq!(call.actions(), ["sip: REFER carol"]);
    call
}

fn give_away(call: &mut Scenario) -> Result<(), Refused> {
    let target = ReferTarget::Address("carol".to_owned());
    call.command(CallCommand::Transfer(target))
}

fn progress(call: &mut Scenario, progress: ReferProgress) {
    call.sip(SessionEvent::ReferProgress(progress));
}

fn status(code: u16, phrase: &str) -> StatusReason {
    StatusReason::new(code, phrase)
}

fn ringing() -> SessionEvent {
    SessionEvent::Provisional {
        code: 180,
        phrase: "Ringing".to_owned(),
        sdp: None,
        dialog: 0,
    }
}

pub(super) fn accepted(sdp: Option<&'static str>) -> SessionEvent {
    SessionEvent::Accepted {
        sdp: sdp.map(|sdp| Bytes::from_static(sdp.as_bytes())),
        call_id: "other-call".to_owned(),
        headers: Vec::new(),
        dialog: 0,
    }
}

fn ended(code: u16, phrase: &str, by: EndedBy) -> SessionEvent {
    SessionEvent::Ended {
        reason: status(code, phrase),
        by,
        answered_elsewhere: false,
    }
}
