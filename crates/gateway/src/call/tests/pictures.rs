//! Video that comes and goes by the phone, and keyframes by INFO.

use std::time::Duration;

use bytes::Bytes;
use media::{LegEvent, SrtpLocal, SrtpPolicy, VideoLocal};
use sip_stack::event::SessionEvent;

use super::harness::{PHONE, Scenario};
use crate::call::{CallCommand, Input};

const UPDATE: &str = "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>";

fn info(body: &str) -> SessionEvent {
    SessionEvent::Info {
        content_type: "application/media_control+xml".to_owned(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn with_video() -> String {
    format!("{PHONE}m=video 7000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n")
}

fn leg() -> VideoLocal {
    VideoLocal {
        rtp: "203.0.113.1:40002".parse().expect("an address"),
        rtcp: "203.0.113.1:40003".parse().expect("an address"),
        srtp: SrtpLocal::new(SrtpPolicy::Off, [7; 32]),
    }
}

#[test]
fn a_phone_without_feedback_is_asked_for_keyframes_one_wish_at_a_time() {
    let mut call = Scenario::established();
    let mut asked = || {
        call.input(Input::Video(LegEvent::KeyframeNeeded));
        let actions = call.actions();
        let asked = actions
            .iter()
            .filter(|action| action.contains("picture_fast_update"));
        let count = asked.count();
        assert_eq!(count, actions.len());
        count
    };
    assert_eq!((asked(), asked()), (1, 0));
    let mut call = Scenario::established();
    for (code, more) in [(200, true), (481, true), (415, false)] {
        call.input(Input::Video(LegEvent::KeyframeNeeded));
        assert_eq!(call.actions().len(), 1, "{code}");
        call.sip(SessionEvent::InfoResult { code });
        assert_eq!(call.actions(), [""; 0]);
        if !more {
            call.input(Input::Video(LegEvent::KeyframeNeeded));
            assert_eq!(call.actions(), [""; 0], "it does not know them");
        }
    }
    assert_eq!(call.tones("5", None), Ok(()));
    assert_eq!(call.actions(), ["sip: INFO Signal=5 Duration=160"]);
}

#[test]
fn a_phone_that_has_not_said_that_it_takes_info_is_asked_for_nothing() {
    let mut call = Scenario::calling();
    call.sip(SessionEvent::Accepted {
        sdp: Some(Bytes::from_static(PHONE.as_bytes())),
        call_id: "call-id".to_owned(),
        headers: vec![("Allow".to_owned(), "INVITE, ACK, BYE".to_owned())],
        dialog: 0,
    });
    call.browser(LegEvent::Connected);
    call.actions();
    call.input(Input::Video(LegEvent::KeyframeNeeded));
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn a_phones_wish_reaches_the_browser_and_other_controls_do_not() {
    let mut call = Scenario::established();
    call.sip(info(UPDATE));
    assert_eq!(call.actions(), ["media: keyframe"]);
    call.sip(info("<media_control/>"));
    assert_eq!(call.actions(), [""; 0]);
}

#[test]
fn video_that_a_page_does_not_answer_for_is_refused_and_the_call_goes_on() {
    let mut call = Scenario::established();
    call.input(Input::VideoLeg(Some(leg())));
    call.reinvite(Some(&with_video()));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"],
        "a page that knows no updates"
    );
    call.input(Input::VideoLeg(Some(leg())));
    call.input(Input::ClientTakesUpdates);
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), ["client: update received"]);
    call.wait(Duration::from_secs(10));
    assert_eq!(
        call.actions(),
        [
            "media: connect phone",
            "sip: answer re-INVITE",
            "client: update failed 408 Request Timeout"
        ]
    );
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), ["client: update received"]);
    let sdp = "v=0".to_owned();
    assert!(call.command(CallCommand::Update { sdp }).is_err());
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
}
