//! Offers within a call, on the phone leg.

use media::plan::{
    Agreed, Hold, Refusal, accept_browser_answer, accept_phone_answer, accept_reinvite_answer,
    browser_offer, current_offer, hold_offer, phone_offer, reinvite,
};
use media::relay::Waits;

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, address, browser,
    browser_local, has, media_lines, phone, phone_local, policy,
};

/// An outgoing call that has come to PCMU.
fn outgoing() -> Agreed {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    accept_phone_answer(&browser, &offer, &phone(ASTERISK_ANSWER), &policy()).expect("agreed")
}

/// An incoming call that has come to PCMU.
fn incoming() -> Agreed {
    let phone = phone(BARESIP_OFFER);
    let offer = browser_offer(Some(&phone), &policy(), &browser_local()).expect("offer");
    let answer = browser(CHROMIUM_ANSWER);
    accept_browser_answer(&phone, &offer, &answer, &policy(), &phone_local()).expect("agreed")
}

fn reoffered(current: &Agreed, offer: &str) -> Result<Agreed, Refusal> {
    reinvite(current, &phone(offer), &policy(), &phone_local())
}

/// Who has been put on hold: the phone, the browser.
fn waits(agreed: &Agreed) -> (Waits, Waits) {
    (agreed.relay.to_phone.waits, agreed.relay.to_browser.waits)
}

fn ways(agreed: &Agreed) -> (bool, bool) {
    (agreed.relay.to_phone.open, agreed.relay.to_browser.open)
}

#[test]
fn hold_and_resume_are_answered_with_a_rising_version() {
    let call = outgoing();
    let held = ASTERISK_ANSWER.replace("a=sendrecv", "a=sendonly");
    let hold = reoffered(&call, &held).expect("hold");
    assert_eq!(ways(&hold), (false, true));
    assert!(hold.on_hold());
    assert!(has(hold.phone_sdp(), "a=recvonly"));
    assert!(has(hold.phone_sdp(), "o=- 42 2 IN IP4 203.0.113.1"));

    let again = reoffered(&hold, &held).expect("a refresh of the hold");
    assert_eq!(
        again.phone_sdp(),
        hold.phone_sdp(),
        "nothing changed: same version"
    );

    let silent = reoffered(&again, &ASTERISK_ANSWER.replace("a=sendrecv", "a=inactive"));
    let silent = silent.expect("inactive");
    assert_eq!(ways(&silent), (false, false));
    assert!(has(silent.phone_sdp(), "a=inactive"));
    assert!(has(silent.phone_sdp(), "o=- 42 3 IN IP4 203.0.113.1"));

    let resumed = reoffered(&silent, ASTERISK_ANSWER).expect("resume");
    assert_eq!(ways(&resumed), (true, true));
    assert!(!resumed.on_hold());
    assert!(has(resumed.phone_sdp(), "a=sendrecv"));
    assert!(has(resumed.phone_sdp(), "o=- 42 4 IN IP4 203.0.113.1"));
}

#[test]
fn who_is_put_on_hold_waits() {
    let call = outgoing();
    assert_eq!(waits(&call), (Waits::No, Waits::No));
    for (said, expected) in [
        ("a=sendonly", Waits::UntilHeard),
        ("a=inactive", Waits::InSilence),
        ("a=recvonly", Waits::No),
    ] {
        let held = reoffered(&call, &ASTERISK_ANSWER.replace("a=sendrecv", said)).expect("hold");
        assert_eq!(waits(&held), (Waits::No, expected), "{said}");
    }
    let nowhere = ASTERISK_ANSWER.replace("c=IN IP4 198.51.100.20", "c=IN IP4 0.0.0.0");
    let held = reoffered(&call, &nowhere).expect("hold");
    assert_eq!(waits(&held), (Waits::No, Waits::UntilHeard));

    let offer = hold_offer(&call, Hold::On, &phone_local());
    for (said, expected) in [("a=recvonly", Waits::InSilence), ("a=inactive", Waits::No)] {
        let answer = phone(&ASTERISK_ANSWER.replace("a=sendrecv", said));
        let held = accept_reinvite_answer(&call, &offer, &answer, &policy()).expect("hold");
        assert_eq!(waits(&held), (expected, Waits::No), "{said}");
        assert_eq!(ways(&held), (false, false), "{said}");
    }

    let browser = browser(&CHROMIUM_OFFER.replace("a=sendrecv", "a=sendonly"));
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    let answer = phone(&ASTERISK_ANSWER.replace("a=sendrecv", "a=recvonly"));
    let held = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
    assert_eq!(waits(&held), (Waits::UntilHeard, Waits::No));
}

#[test]
fn the_old_hold_by_an_unspecified_address_sends_nothing_there() {
    for call in [outgoing(), incoming()] {
        let old = ASTERISK_ANSWER.replace("c=IN IP4 198.51.100.20", "c=IN IP4 0.0.0.0");
        let hold = reoffered(&call, &old).expect("hold");
        assert_eq!(hold.phone_remote, None);
        assert_eq!(ways(&hold), (false, true));
        assert!(has(hold.phone_sdp(), "a=recvonly"));
        let resumed = reoffered(&hold, ASTERISK_ANSWER).expect("resume");
        assert_eq!(ways(&resumed), (true, true));
        assert_eq!(
            resumed.phone_remote.map(|r| r.rtp),
            Some(address("198.51.100.20:14802"))
        );
    }
}

#[test]
fn a_new_address_and_a_new_list_of_codecs_are_followed() {
    let moved = "v=0\r\no=- 1 2 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\n\
                 m=audio 6000 RTP/AVP 18 98 97\r\na=rtpmap:98 PCMU/8000\r\n\
                 a=rtpmap:97 telephone-event/8000\r\n";
    let agreed = reoffered(&outgoing(), moved).expect("moved");
    assert_eq!(
        agreed.phone_remote.map(|r| r.rtp),
        Some(address("192.0.2.99:6000"))
    );
    assert_eq!(agreed.relay.to_phone.send.audio.number(), 98);
    assert_eq!(agreed.relay.to_browser.send.audio.number(), 0);
    assert_eq!(
        media_lines(agreed.phone_sdp()),
        ["m=audio 40000 RTP/AVP 98 97"]
    );
}

#[test]
fn an_offer_without_the_agreed_codec_is_refused_and_the_call_goes_on() {
    let call = incoming();
    let before = call.clone();
    let other = "v=0\r\nc=IN IP4 192.0.2.99\r\nm=audio 6000 RTP/AVP 8 9\r\n";
    assert_eq!(reoffered(&call, other).map(|_| ()), Err(Refusal::CodecGone));
    assert_eq!(Refusal::CodecGone.status().0, 488);
    assert_eq!(call, before);
}

#[test]
fn added_video_is_refused_by_port_0_and_keeps_its_place_for_good() {
    let video = format!("{ASTERISK_ANSWER}m=video 5004 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n");
    let agreed = reoffered(&outgoing(), &video).expect("audio goes on");
    assert_eq!(
        media_lines(agreed.phone_sdp()),
        ["m=audio 40000 RTP/AVP 0 101", "m=video 0 RTP/AVP 97"]
    );
    let ours = current_offer(&agreed, &phone_local());
    assert_eq!(
        media_lines(ours.text()),
        ["m=audio 40000 RTP/AVP 0 101", "m=video 0 RTP/AVP 97"]
    );
}

#[test]
fn an_offerless_reinvite_is_given_our_present_offer_and_its_answer_taken() {
    let held = ASTERISK_ANSWER.replace("a=sendrecv", "a=sendonly");
    let hold = reoffered(&outgoing(), &held).expect("hold");
    let ours = current_offer(&hold, &phone_local());
    assert!(has(ours.text(), "a=sendrecv"), "we hold nobody ourselves");
    assert!(has(ours.text(), "o=- 42 3 IN IP4 203.0.113.1"));
    let answered = accept_reinvite_answer(&hold, &ours, &phone(ASTERISK_ANSWER), &policy());
    let answered = answered.expect("resumed");
    assert_eq!(ways(&answered), (true, true));
    let other = phone("v=0\r\nc=IN IP4 192.0.2.99\r\nm=audio 6000 RTP/AVP 8\r\n");
    let refused = accept_reinvite_answer(&hold, &ours, &other, &policy());
    assert_eq!(refused.map(|_| ()), Err(Refusal::CodecGone));
}

#[test]
fn a_refused_offer_of_ours_uses_up_its_version() {
    let held = ASTERISK_ANSWER.replace("a=sendrecv", "a=sendonly");
    let mut hold = reoffered(&outgoing(), &held).expect("hold");
    let before = hold.phone_sdp().to_owned();
    assert!(has(&before, "o=- 42 2 IN IP4 203.0.113.1"));
    let ours = current_offer(&hold, &phone_local());
    assert!(has(ours.text(), "o=- 42 3 IN IP4 203.0.113.1"));
    hold.withdraw(&ours);
    assert_eq!(hold.phone_sdp(), before, "what was agreed stays in force");
    let again = reoffered(&hold, &held).expect("the hold again");
    assert!(has(again.phone_sdp(), "o=- 42 4 IN IP4 203.0.113.1"));
}
