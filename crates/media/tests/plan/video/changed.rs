//! Video in mid-call: held, dropped, taken up again, added by either end, given to another phone.

use media::plan::{
    Agreed, Hold, PhoneSide, accept_browser_change, accept_phone_answer, accept_reinvite_answer,
    browser_answer, browser_reoffer, hold_offer, offer_to_another, phone_offer, reinvite,
};
use media::video::VideoCodec;

use super::{VP8, local, outgoing, pt, without_video};
use crate::far_ends::{
    BARESIP_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, browser, browser_local, has,
    media_lines, phone_local, policy, video_phone as phone,
};

#[test]
fn a_hold_stops_the_video_too_and_a_resume_brings_it_back() {
    let (agreed, _) = outgoing(VP8);
    let offer = hold_offer(&agreed, Hold::On, &local());
    assert_eq!(offer.text().matches("a=sendonly").count(), 2);
    assert_eq!(media_lines(offer.text())[1], "m=video 40002 RTP/AVP 96");
    let held = format!("{BARESIP_ANSWER}a=recvonly\r\n{VP8}a=recvonly\r\n");
    let held = accept_reinvite_answer(&agreed, &offer, &phone(&held), &policy()).expect("held");
    let video = held.video.as_ref().expect("still there");
    assert!(!video.relay.browser.open && !video.relay.phone.open);
    let offer = hold_offer(&held, Hold::Off, &local());
    let answer = phone(&format!("{BARESIP_ANSWER}{VP8}"));
    let resumed = accept_reinvite_answer(&held, &offer, &answer, &policy()).expect("resumed");
    let video = resumed.video.expect("video");
    assert!(video.relay.browser.open && video.relay.phone.open);
    assert_eq!(video.relay.browser.send, pt(96));
}

#[test]
fn a_phone_may_drop_its_video_and_take_it_up_again() {
    let (agreed, _) = outgoing(VP8);
    let without = phone(&format!("{BARESIP_OFFER}m=video 0 RTP/AVP 97\r\n"));
    let audio = reinvite(&agreed, &without, &policy(), &local()).expect("answered");
    assert_eq!(audio.video, None);
    assert!(media_lines(audio.phone_sdp())[1].starts_with("m=video 0 "));
    let with = phone(&format!("{BARESIP_OFFER}{VP8}"));
    let back = reinvite(&audio, &with, &policy(), &local()).expect("answered");
    assert_eq!(back.video.expect("video").relay.browser.send, pt(96));
}

#[test]
fn a_page_adds_video_and_takes_it_away() {
    let audio_only = without_video(CHROMIUM_OFFER);
    let offer = phone_offer(&browser(&audio_only), &policy(), &local()).expect("offer");
    let answer = phone(BARESIP_ANSWER);
    let agreed = accept_phone_answer(&browser(&audio_only), &offer, &answer, &policy());
    let agreed = agreed.expect("audio");
    assert_eq!(agreed.video, None);
    let with = format!("{BARESIP_ANSWER}{VP8}");
    let (asked, added, told) = update(&agreed, &audio_only, CHROMIUM_OFFER, &with);
    assert!(
        media_lines(&asked)[1].starts_with("m=video 40002 RTP/AVP 96 "),
        "{asked}"
    );
    assert_eq!(
        added.video.as_ref().expect("video").relay.codec,
        VideoCodec::Vp8
    );
    assert!(has(&told, "m=video 50000 UDP/TLS/RTP/SAVPF 96"));
    let without = format!("{BARESIP_ANSWER}m=video 0 RTP/AVP 96\r\n");
    let disabled = format!("{audio_only}m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n");
    let (asked, removed, told) = update(&added, CHROMIUM_OFFER, &disabled, &without);
    assert!(media_lines(&asked)[1].starts_with("m=video 0 "), "{asked}");
    assert_eq!(removed.video, None);
    assert!(media_lines(&told)[1].starts_with("m=video 0 "), "{told}");
}

#[test]
fn a_page_that_changes_nothing_of_the_video_leaves_the_phone_alone() {
    let (agreed, _) = outgoing(VP8);
    let exchange = browser_answer(&browser(CHROMIUM_OFFER), &agreed, &browser_local());
    let update = exchange
        .reoffered(browser(CHROMIUM_OFFER))
        .expect("the same session");
    let side = update
        .phone_side(&agreed, &policy(), &local())
        .expect("possible");
    let PhoneSide::Unchanged(same) = side else {
        panic!("nothing to ask");
    };
    assert_eq!(same.video, agreed.video);
}

#[test]
fn video_that_the_phone_adds_is_put_to_the_page() {
    let (agreed, _) = outgoing("");
    let exchange = browser_answer(&browser(CHROMIUM_OFFER), &agreed, &browser_local());
    let with = phone(&format!("{BARESIP_OFFER}{VP8}"));
    let offer = browser_reoffer(&with, &exchange, &agreed, &policy(), &browser_local());
    let offer = offer.expect("an offer");
    let line = media_lines(offer.text())[1];
    assert_eq!(line, "m=video 50000 UDP/TLS/RTP/SAVPF 97");
    // The page's own video was refused: its line is used again under another mid (RFC 8829 §5.2.2).
    assert!(has(offer.text(), "a=group:BUNDLE 0 2"));
    let bundled = CHROMIUM_ANSWER.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 2");
    let answer = browser(&format!(
        "{bundled}m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:2\r\na=rtcp-mux\r\na=rtpmap:97 VP8/90000\r\n"
    ).replace("a=setup:active", "a=setup:passive"));
    let changed = accept_browser_change(
        &agreed,
        &exchange,
        &with,
        &offer,
        &answer,
        &policy(),
        &local(),
    );
    let (agreed, exchange) = changed.expect("agreed");
    assert_eq!(
        agreed.video.as_ref().expect("video").relay.phone.send,
        pt(97)
    );
    assert!(agreed.browser_has_video());
    assert_eq!(
        media_lines(agreed.phone_sdp())[1],
        "m=video 40002 RTP/AVP 97"
    );
    // It is taken away again, and the page hears so.
    let without = phone(&format!("{BARESIP_OFFER}m=video 0 RTP/AVP 97\r\n"));
    let offer = browser_reoffer(&without, &exchange, &agreed, &policy(), &browser_local());
    let offer = offer.expect("an offer");
    assert!(media_lines(offer.text())[1].starts_with("m=video 0 "));
    let answer = browser(
        &format!("{CHROMIUM_ANSWER}m=video 0 UDP/TLS/RTP/SAVPF 97\r\na=mid:2\r\n")
            .replace("a=setup:active", "a=setup:passive"),
    );
    let (audio, exchange) = accept_browser_change(
        &agreed,
        &exchange,
        &without,
        &offer,
        &answer,
        &policy(),
        &local(),
    )
    .expect("agreed");
    assert!(audio.video.is_none() && !audio.browser_has_video());
    assert!(audio.relay.to_phone.open && audio.relay.to_browser.open);
    // And it comes back.
    let offer = browser_reoffer(&with, &exchange, &audio, &policy(), &browser_local());
    let offer = offer.expect("an offer");
    assert!(has(offer.text(), "a=group:BUNDLE 0 3"), "{}", offer.text());
}

#[test]
fn another_phone_is_offered_the_video_that_the_browser_has() {
    let (agreed, _) = outgoing(VP8);
    let offer = offer_to_another(&agreed, &policy(), &local());
    assert_eq!(media_lines(offer.text())[1], "m=video 40002 RTP/AVP 96");
    let answer = phone(&format!("{BARESIP_ANSWER}{VP8}"));
    let moved = accept_reinvite_answer(&agreed, &offer, &answer, &policy()).expect("agreed");
    assert_eq!(moved.video.expect("video").relay.browser.send, pt(96));
    let moved = accept_reinvite_answer(&agreed, &offer, &phone(BARESIP_ANSWER), &policy());
    assert_eq!(moved.expect("agreed").video, None);
    let offer = offer_to_another(&agreed, &policy(), &phone_local());
    assert_eq!(media_lines(offer.text()).len(), 1);
}

#[test]
fn video_that_a_phone_does_not_take_with_our_hold_rests_and_is_offered_again() {
    let (agreed, _) = outgoing(VP8);
    let offer = hold_offer(&agreed, Hold::On, &local());
    let without = phone(&format!(
        "{BARESIP_ANSWER}a=recvonly\r\nm=video 0 RTP/AVP 96\r\n"
    ));
    let held = accept_reinvite_answer(&agreed, &offer, &without, &policy()).expect("held");
    assert_eq!(held.video, None);
    assert!(held.browser_has_video(), "it was told nothing else");
    let offer = hold_offer(&held, Hold::Off, &local());
    assert!(media_lines(offer.text())[1].starts_with("m=video 40002 RTP/AVP 96"));
    let answer = phone(&format!("{BARESIP_ANSWER}{VP8}"));
    let resumed = accept_reinvite_answer(&held, &offer, &answer, &policy()).expect("resumed");
    assert_eq!(resumed.video.expect("video").relay.browser.send, pt(96));
    // The phone takes it up itself: the page's line is in use, and needs no other mid.
    let exchange = browser_answer(&browser(CHROMIUM_OFFER), &agreed, &browser_local());
    let with = phone(&format!("{BARESIP_OFFER}{VP8}"));
    let offer = browser_reoffer(&with, &exchange, &held, &policy(), &browser_local());
    assert!(has(offer.expect("an offer").text(), "a=group:BUNDLE 0 1"));
}

/// A page that adds video to a call, or takes it away, by the media line of its offer.
fn update(before: &Agreed, first: &str, later: &str, answer: &str) -> (String, Agreed, String) {
    let exchange = browser_answer(&browser(first), before, &browser_local());
    let update = exchange
        .reoffered(browser(later))
        .expect("the same session");
    let side = update
        .phone_side(before, &policy(), &local())
        .expect("possible");
    let PhoneSide::Offer(offer) = side else {
        panic!("the phone has to be asked");
    };
    let agreed = update
        .accept_phone_answer(&offer, &phone(answer), &policy())
        .expect("agreed");
    let answer = update.answer(&exchange, &agreed, &browser_local());
    (offer.text().to_owned(), agreed, answer.text().to_owned())
}
