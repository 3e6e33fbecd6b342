//! The client sends tones by INFO.

use std::time::Duration;

use sip_stack::event::SessionEvent;

use super::harness::{PHONE, Scenario};
use crate::call::{ClientState, Refused};

#[test]
fn a_tone_is_sent_with_the_usual_duration() {
    let mut call = Scenario::established();
    assert_eq!(call.tones("5", None), Ok(()));
    assert_eq!(call.actions(), ["sip: INFO Signal=5 Duration=160"]);
}

#[test]
fn several_tones_are_sent_one_after_the_other() {
    let mut call = Scenario::established();
    assert_eq!(call.tones("1#", Some(Duration::from_millis(250))), Ok(()));
    assert_eq!(call.tones("2", None), Ok(()));
    assert_eq!(call.actions(), ["sip: INFO Signal=1 Duration=250"]);
    call.sip(SessionEvent::InfoResult { code: 200 });
    assert_eq!(call.actions(), ["sip: INFO Signal=# Duration=250"]);
    call.sip(SessionEvent::InfoResult { code: 415 });
    assert_eq!(call.actions(), ["sip: INFO Signal=2 Duration=160"]);
    call.sip(SessionEvent::InfoResult { code: 200 });
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn a_call_that_is_not_accepted_takes_no_tones() {
    let mut call = Scenario::calling();
    assert_eq!(
        call.tones("5", None),
        Err(Refused::WrongState(ClientState::Progress))
    );
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn a_voice_that_asks_before_it_answers_gets_its_tones() {
    let mut call = Scenario::calling();
    call.provisional(183, Some(PHONE));
    call.actions();
    assert_eq!(call.tones("12", None), Ok(()));
    assert_eq!(call.actions(), ["sip: INFO Signal=1 Duration=160"]);
    call.sip(SessionEvent::InfoResult { code: 200 });
    assert_eq!(call.actions(), ["sip: INFO Signal=2 Duration=160"]);
}

#[test]
fn waiting_tones_are_bounded() {
    let mut call = Scenario::established();
    let many = "1".repeat(64);
    assert_eq!(call.tones(&many, None), Ok(()));
    assert_eq!(call.tones(&many, None), Ok(()));
    assert_eq!(call.tones(&many, None), Err(Refused::TooManyTones));
}

#[test]
fn tones_that_wait_are_forgotten_when_the_call_is_over() {
    let mut call = Scenario::established();
    assert_eq!(call.tones("12", None), Ok(()));
    call.actions();
    assert_eq!(call.terminate(), Ok(()));
    call.actions();
    call.sip(SessionEvent::InfoResult { code: 200 });
    assert_eq!(call.actions(), [""; 0]);
}
