//! What a page is told of a phone that has had its answer, and its own hold meanwhile.

use std::time::Duration;

use super::harness::{BROWSER_ANSWER, PHONE, Scenario};
use super::transfers::{OTHER, accepted, refer};
use crate::call::{CallCommand, ClientState, Input, Refused};

/// A phone that wants longer packets.
const SLOWER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\n\
    t=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=ptime:40\r\na=sendrecv\r\n";

/// A call of a page that answers changes of the phone.
fn answering() -> Scenario {
    let mut call = Scenario::established();
    call.input(Input::ClientAnswersUpdates);
    call
}

fn page_answers() -> String {
    BROWSER_ANSWER.replace("setup:active", "setup:passive")
}

/// How long an answer to what was taken back may be on its way.
const REST: Duration = Duration::from_secs(1);

/// The phone transfers the call to carol, who answers so.
fn transferred(call: &mut Scenario, answer: &'static str) {
    refer(call);
    call.opened(OTHER);
    call.actions();
    call.other(OTHER, accepted(Some(answer)));
}

const SWAPPED: [&str; 3] = [
    "sip: NOTIFY 200 OK",
    "media: swap",
    "sip: hang up, Transferred",
];
const TOLD: &str = "client: update received";
const TAKEN_BACK: &str = "client: update failed 487 Request Terminated";
const ANSWERED: [&str; 2] = ["media: connect phone", "sip: answer re-INVITE"];

#[test]
fn a_page_is_told_the_packet_time_of_the_phone_that_a_call_is_transferred_to() {
    let mut call = answering();
    transferred(&mut call, SLOWER);
    let mut actions = SWAPPED.to_vec();
    actions.push(TOLD);
    assert_eq!(call.actions(), actions);
    assert_eq!(call.update(&page_answers()), Ok(()));
    assert_eq!(call.actions(), ["media: connect browser phone"]);
    assert_eq!(call.call.client_state(), ClientState::Established);

    let mut call = answering();
    transferred(&mut call, PHONE);
    assert_eq!(call.actions(), SWAPPED, "nothing has changed");
    let mut call = Scenario::established();
    transferred(&mut call, SLOWER);
    assert_eq!(call.actions(), SWAPPED, "a page that knows no updates");
}

#[test]
fn a_phone_that_changes_its_packet_time_has_its_answer_before_the_page_is_told() {
    let mut call = answering();
    call.reinvite(Some(SLOWER));
    assert_eq!(call.actions(), [ANSWERED[0], ANSWERED[1], TOLD]);
    // And back, before the page has answered.
    call.reinvite(Some(PHONE));
    assert_eq!(call.actions(), [TAKEN_BACK, ANSWERED[0], ANSWERED[1]]);
    let late = Err(Refused::WrongState(ClientState::Established));
    assert_eq!(call.update(&page_answers()), late);
    call.reinvite(Some(SLOWER));
    assert_eq!(call.actions(), ANSWERED);
    call.wait(REST);
    assert_eq!(call.actions(), [TOLD]);
    assert_eq!(call.update(&page_answers()), Ok(()));
    call.actions();
    call.reinvite(Some(SLOWER));
    assert_eq!(call.actions(), ANSWERED, "told once");
}

#[test]
fn a_late_answer_is_not_taken_for_one_to_what_the_page_is_told_next() {
    let mut call = answering();
    call.reinvite(Some(SLOWER));
    call.actions();
    call.reinvite(Some(&SLOWER.replace("ptime:40", "ptime:60")));
    assert_eq!(call.actions(), [TAKEN_BACK, ANSWERED[0], ANSWERED[1]]);
    let late = Err(Refused::WrongState(ClientState::Established));
    assert_eq!(call.update(&page_answers()), late);
    call.wait(REST);
    assert_eq!(call.actions(), [TOLD]);
    assert_eq!(call.update(&page_answers()), Ok(()));
}

#[test]
fn a_page_that_holds_is_not_kept_waiting_by_what_it_is_told_and_is_told_again() {
    let mut call = answering();
    call.reinvite(Some(SLOWER));
    call.actions();
    assert_eq!(call.hold(false), Ok(()));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "client: held false by Client"]
    );
    assert_eq!(call.call.client_state(), ClientState::RemoteUpdating);
    assert_eq!(call.hold(true), Ok(()));
    let begun = [TAKEN_BACK, "media: connect phone", "sip: re-INVITE"];
    assert_eq!(call.actions(), begun);
    call.reinvited(&SLOWER.replace("sendrecv", "recvonly"));
    let held = ["media: connect phone", "client: held true by Client"];
    assert_eq!(call.actions(), held);
    call.wait(REST);
    assert_eq!(call.actions(), [TOLD]);
    call.wait(Duration::from_secs(10));
    let silent = ["client: update failed 408 Request Timeout"];
    assert_eq!(call.actions(), silent);
    assert_eq!(call.hold(false), Ok(()));
    assert_eq!(call.actions(), [begun[1], begun[2]]);
}

#[test]
fn a_transfer_does_not_wait_for_what_a_page_is_told() {
    let mut call = answering();
    call.reinvite(Some(SLOWER));
    call.actions();
    transferred(&mut call, PHONE);
    let mut actions = SWAPPED.to_vec();
    actions.insert(2, TAKEN_BACK);
    assert_eq!(call.actions(), actions);
    assert_eq!(call.call.client_state(), ClientState::Established);
}

#[test]
fn a_phone_that_waits_for_a_page_that_holds_is_to_ask_again() {
    let mut call = answering();
    call.reinvite(Some(&PHONE.replace("RTP/AVP 0", "RTP/AVP 8")));
    assert_eq!(call.actions(), [TOLD]);
    assert_eq!(call.command(CallCommand::Hold(true)), Ok(()));
    assert_eq!(
        call.actions(),
        [
            "sip: refuse re-INVITE 491",
            TAKEN_BACK,
            "media: connect phone",
            "sip: re-INVITE"
        ]
    );
    let late = Err(Refused::WrongState(ClientState::LocalUpdating));
    assert_eq!(call.update(&page_answers()), late);
}
