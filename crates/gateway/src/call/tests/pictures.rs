//! Video that comes and goes by the phone, and keyframes by INFO.

use std::time::Duration;

use bytes::Bytes;
use media::{LegEvent, SrtpLocal, SrtpPolicy, VideoLocal};
use sip_stack::command::Command;
use sip_stack::event::SessionEvent;

use super::harness::{BROWSER_ANSWER, BROWSER_OFFER, PHONE, Scenario, locals};
use crate::call::legs::VideoNeed;
use crate::call::{Action, CallCommand, Input};

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

const WITH_VIDEO: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
    m=audio 6000 RTP/AVP 0\r\nm=video 7000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";

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
fn wishes_of_a_phone_are_passed_on_at_a_pace() {
    let mut call = Scenario::established();
    for (after, actions) in [(0, 1), (100, 0), (199, 0), (1, 1), (299, 0)] {
        call.wait(Duration::from_millis(after));
        call.sip(info(UPDATE));
        assert_eq!(call.actions().len(), actions, "{after}");
    }
}

#[test]
fn added_video_waits_only_for_a_page_that_has_changed_a_call_and_once_in_vain() {
    let mut call = Scenario::established();
    let at_once = ["media: connect phone", "sip: answer re-INVITE"];
    call.input(Input::VideoLeg(Some(leg())));
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), at_once, "a page that knows no updates");
    call.input(Input::ClientTakesUpdates);
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), at_once, "a page that only knows them");
    call.input(Input::ClientAnswersUpdates);
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), ["client: update received"]);
    assert_eq!(call.call.video_need(), VideoNeed::Stays);
    call.wait(Duration::from_secs(10));
    assert_eq!(
        call.actions(),
        [
            "media: connect phone",
            "sip: answer re-INVITE",
            "client: update failed 408 Request Timeout"
        ]
    );
    assert_eq!(call.call.video_need(), VideoNeed::Gone);
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), at_once, "a page that has stayed silent");
    call.input(Input::ClientAnswersUpdates);
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), ["client: update received"]);
    let sdp = "v=0".to_owned();
    assert!(call.command(CallCommand::Update { sdp }).is_err());
    assert_eq!(call.actions(), at_once);
}

/// The phone has added video, and the page has agreed.
fn seen() -> Scenario {
    let mut call = Scenario::established();
    call.input(Input::VideoLeg(Some(leg())));
    call.input(Input::ClientAnswersUpdates);
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), ["client: update received"]);
    assert_eq!(call.update(&page_answers(VIDEO)), Ok(()));
    assert_eq!(
        call.actions(),
        ["media: connect browser phone", "sip: answer re-INVITE"]
    );
    call
}

const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\n\
                     a=rtpmap:96 VP8/90000\r\n";

fn page_answers(video: &str) -> String {
    let answer = BROWSER_ANSWER
        .replace("BUNDLE 0", "BUNDLE 0 1")
        .replace("setup:active", "setup:passive");
    format!("{answer}{video}")
}

fn without_video() -> String {
    format!("{PHONE}m=video 0 RTP/AVP 96\r\n")
}

#[test]
fn video_that_the_phone_drops_is_answered_at_once_and_told_afterwards() {
    let mut call = seen();
    assert_eq!(call.call.video_need(), VideoNeed::Stays);
    call.reinvite(Some(&without_video()));
    let told = [
        "media: connect phone",
        "sip: answer re-INVITE",
        "client: update received",
    ];
    assert_eq!(call.actions(), told);
    // Resumed before the page has answered.
    call.reinvite(Some(&with_video()));
    assert_eq!(
        call.actions(),
        [
            "client: update failed 487 Request Terminated",
            "media: connect phone",
            "sip: answer re-INVITE"
        ]
    );
    call.reinvite(Some(&without_video()));
    assert_eq!(call.actions(), told[..2]);
    call.wait(Duration::from_secs(1));
    assert_eq!(call.actions(), told[2..]);
    let gone = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n";
    assert_eq!(call.update(&page_answers(gone)), Ok(()));
    assert_eq!(call.actions(), ["media: connect browser phone"]);
    assert_eq!(call.call.video_need(), VideoNeed::Gone);
}

#[test]
fn a_page_that_does_not_answer_is_told_once_and_its_video_rests_until_the_phone_takes_it_again() {
    let mut call = seen();
    call.reinvite(Some(&without_video()));
    call.actions();
    call.wait(Duration::from_secs(10));
    assert_eq!(
        call.actions(),
        ["client: update failed 408 Request Timeout"]
    );
    assert_eq!(call.call.video_need(), VideoNeed::Rests);
    let at_once = ["media: connect phone", "sip: answer re-INVITE"];
    call.reinvite(Some(&without_video()));
    assert_eq!(call.actions(), at_once);
    call.reinvite(Some(&with_video()));
    assert_eq!(call.actions(), at_once);
    assert_eq!(call.call.video_need(), VideoNeed::Stays);
}

fn page_with_video() -> String {
    let offer = BROWSER_OFFER.replace("BUNDLE 0", "BUNDLE 0 1");
    format!("{offer}{VIDEO}")
}

/// The offer that the phone is sent next.
fn offered(call: &mut Scenario) -> String {
    let mut actions = std::iter::from_fn(|| call.call.poll_action());
    let offer = actions.find_map(|action| {
        if let Action::Sip(Command::Reinvite { sdp, .. }) = action {
            Some(sdp)
        } else {
            None
        }
    });
    String::from_utf8_lossy(&offer.expect("a re-INVITE")).into_owned()
}

#[test]
fn video_that_a_page_adds_keeps_its_leg_while_it_waits_for_its_turn() {
    let mut call = Scenario::established();
    call.input(Input::VideoLeg(Some(leg())));
    assert_eq!(call.update(&page_with_video()), Ok(()));
    assert!(offered(&mut call).contains("m=video 40002 "));
    call.reinvite_refused(491, "Request Pending");
    call.reinvite(Some(PHONE));
    assert_eq!(
        call.actions(),
        ["media: connect phone", "sip: answer re-INVITE"]
    );
    assert_eq!(call.call.video_need(), VideoNeed::Rests);
    call.wait(Duration::from_secs(1));
    assert!(offered(&mut call).contains("m=video 40002 "));
    call.reinvite_refused(488, "Not Acceptable Here");
    assert_eq!(call.call.video_need(), VideoNeed::Gone);
}

#[test]
fn video_that_a_phone_takes_up_after_an_early_answer_without_is_taken_back() {
    let mut locals = locals();
    locals.phone.video = Some(leg());
    let mut call = Scenario::calling_with(&page_with_video(), locals);
    call.provisional(183, Some(PHONE));
    call.actions();
    assert_eq!(call.call.video_need(), VideoNeed::Stays);
    call.accepted(Some(WITH_VIDEO));
    assert!(offered(&mut call).contains("m=video 0 "));
    call.reinvited(&without_video());
    assert_eq!(call.actions(), ["media: connect phone"]);
    assert_eq!(call.call.video_need(), VideoNeed::Gone);
}
