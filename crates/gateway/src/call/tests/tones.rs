//! Keys both ways: by INFO or by the media path, told and sent on.

use std::time::Duration;

use bytes::Bytes;
use media::LegEvent;
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
    // It has not said yet that it takes INFO.
    assert_eq!(call.actions(), ["media: send 1", "media: send 2"]);
}

#[test]
fn a_phone_with_telephone_events_gets_the_keys_of_requests_as_such() {
    let mut call = Scenario::calling();
    call.accepted(Some(PHONE_WITH_EVENTS));
    call.browser(LegEvent::Connected);
    call.actions();
    assert_eq!(call.tones("5#", None), Ok(()));
    assert_eq!(call.actions(), ["media: send 5", "media: send #"]);
    call.browser(pressed('1'));
    assert_eq!(call.actions(), [""; 0], "the media path has sent it on");
}

#[test]
fn what_the_page_presses_in_its_sound_is_sent_by_info_where_that_is_what_the_phone_takes() {
    let mut call = Scenario::established();
    call.browser(pressed('7'));
    assert_eq!(call.actions(), ["sip: INFO Signal=7 Duration=100"]);
}

#[test]
fn an_info_of_the_phone_is_told_by_the_media_path_which_knows_whether_it_is_new() {
    let mut call = Scenario::established();
    call.sip(SessionEvent::Info {
        content_type: "application/dtmf-relay".to_owned(),
        body: Bytes::from_static(b"Signal=9\r\nDuration=100\r\n"),
    });
    assert_eq!(call.actions(), ["media: told 9"]);
    call.sip(SessionEvent::Info {
        content_type: "application/dtmf".to_owned(),
        body: Bytes::from_static(b"flash"),
    });
    assert_eq!(call.actions(), [""; 0]);
    call.phone(pressed('9'));
    assert_eq!(call.actions(), ["client: key 9"]);
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

const PHONE_WITH_EVENTS: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\n\
    c=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 101\r\na=sendrecv\r\n\
    a=rtpmap:101 telephone-event/8000\r\n";

fn pressed(digit: char) -> LegEvent {
    LegEvent::Dtmf {
        digit,
        duration: Duration::from_millis(100),
    }
}
