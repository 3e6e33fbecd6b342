//! Another phone in the place of the one a browser talks with.

use media::plan::{
    Agreed, Refusal, accept_phone_answer, accept_reinvite_answer, answer_another, offer_to_another,
    phone_offer,
};
use media::{PhoneLocal, SrtpLocal, SrtpPolicy, Ssrc};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_OFFER, LINPHONE_ANSWER, address, browser, has,
    media_lines, phone, phone_local, policy,
};

#[test]
fn the_other_phone_is_offered_the_codec_of_the_call_alone() {
    let call = call();
    let offer = offer_to_another(&call, &policy(), &another());
    let text = offer.text();
    assert!(media_lines(text)[0].starts_with("m=audio 40002 RTP/AVP 0 "));
    assert!(!text.contains("opus") && !text.contains("PCMA"));
    assert!(has(text, "a=sendrecv"));
    assert!(has(text, "o=- 43 1 IN IP4 203.0.113.1"));

    let moved = accept_reinvite_answer(&call, &offer, &phone(ASTERISK_ANSWER), &policy());
    let moved = moved.expect("agreed");
    assert_eq!(moved.codec(), call.codec());
    assert_eq!(moved.relay.to_browser.send, call.relay.to_browser.send);
    assert!(moved.relay.to_phone.open && moved.relay.to_browser.open);
}

#[test]
fn a_phone_without_that_codec_cannot_take_the_place() {
    let call = call();
    let offer = offer_to_another(&call, &policy(), &another());
    let refused = accept_reinvite_answer(&call, &offer, &phone(LINPHONE_ANSWER), &policy());
    assert_eq!(refused, Err(Refusal::CodecGone));
}

#[test]
fn a_phone_that_comes_by_itself_is_answered_from_its_own_leg() {
    let call = call();
    let moved = answer_another(&call, &phone(BARESIP_OFFER), &policy(), &another());
    let moved = moved.expect("agreed");
    assert!(has(moved.phone_sdp(), "o=- 43 1 IN IP4 203.0.113.1"));
    assert_eq!(moved.relay.to_browser.send, call.relay.to_browser.send);
}

/// A call that has come to PCMU.
fn call() -> Agreed {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    accept_phone_answer(&browser, &offer, &phone(ASTERISK_ANSWER), &policy()).expect("agreed")
}

/// Our end of a further leg.
fn another() -> PhoneLocal {
    PhoneLocal {
        rtp: address("203.0.113.1:40002"),
        rtcp: address("203.0.113.1:40003"),
        ssrc: Ssrc(77),
        session_id: 43,
        srtp: SrtpLocal::new(SrtpPolicy::Off, [9; 32]),
        video: None,
        ..phone_local()
    }
}
