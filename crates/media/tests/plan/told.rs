//! What a browser is told of a phone that has had its answer.

use media::PhoneLocal;
use media::plan::{
    Agreed, BrowserExchange, Refusal, Transcoding, accept_phone_answer, accept_reinvite_answer,
    accept_told, answer_another, browser_answer, browser_told, offer_to_another, phone_offer,
    reinvite,
};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_ANSWER, CHROMIUM_ANSWER, CHROMIUM_OFFER, assert_lines, browser,
    browser_local, has, media_lines, phone, phone_local, policy, transcoding, video_phone,
};
use crate::video::local as local_with_video;

const VP8: &str = "m=video 5006 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\n";
const NO_VIDEO: &str = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n";

/// An outgoing call to a phone that answers so.
fn outgoing(answer: &str, local: &PhoneLocal) -> (Agreed, BrowserExchange) {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), local).expect("offer");
    let answer = video_phone(answer);
    let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
    let exchange = browser_answer(&browser, &agreed, &browser_local());
    (agreed, exchange)
}

/// The same browser answers, as the one that was the DTLS client from the beginning.
fn answers(audio: &str) -> String {
    let known = CHROMIUM_ANSWER.lines();
    let known = known.map(|line| match line.starts_with("m=audio") {
        true => audio,
        false => line,
    });
    let answer: String = known.map(|line| format!("{line}\r\n")).collect();
    answer.replace("a=setup:active", "a=setup:passive")
}

const PCMU: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 0 126";

#[test]
fn a_browser_is_told_once_which_packets_the_phone_wants_and_keeps_its_codec_and_numbers() {
    let (agreed, exchange) = outgoing(ASTERISK_ANSWER, &phone_local());
    assert!(!agreed.is_news_for(&exchange));
    let slower = phone(&ASTERISK_ANSWER.replace("ptime:20", "ptime:40"));
    let agreed = reinvite(&agreed, &slower, &policy(), &phone_local()).expect("agreed");
    assert!(agreed.is_news_for(&exchange));
    let offer = browser_told(&exchange, &agreed, &browser_local());
    assert_lines(
        offer.text(),
        &[
            "a=ptime:40",
            "a=maxptime:150",
            "a=setup:actpass",
            "a=sendrecv",
        ],
    );
    assert_eq!(
        media_lines(offer.text())[0],
        "m=audio 50000 UDP/TLS/RTP/SAVPF 0 126 110"
    );
    let (before, answer) = (agreed, browser(&answers(PCMU)));
    let taken = accept_told(&before, &exchange, &offer, &answer);
    let (agreed, exchange) = taken.expect("taken");
    assert!(!agreed.is_news_for(&exchange));
    assert_eq!(agreed.phone_sdp(), before.phone_sdp());
    assert_eq!(agreed.relay.to_phone.send, before.relay.to_phone.send);
    assert!(agreed.relay.to_phone.open && agreed.relay.to_browser.open);
}

#[test]
fn what_a_browser_would_not_send_or_does_not_send_the_phone_is_no_news() {
    let (agreed, exchange) = outgoing(ASTERISK_ANSWER, &phone_local());
    let odd = phone(&ASTERISK_ANSWER.replace("ptime:20", "ptime:25"));
    let agreed = reinvite(&agreed, &odd, &policy(), &phone_local()).expect("agreed");
    assert!(!agreed.is_news_for(&exchange), "25 ms");
    let unsaid = phone(&ASTERISK_ANSWER.replace("a=ptime:20\n", ""));
    let agreed = reinvite(&agreed, &unsaid, &policy(), &phone_local()).expect("agreed");
    assert!(!agreed.is_news_for(&exchange), "20 ms is what is usual");
    let other = ASTERISK_ANSWER
        .replace("RTP/AVP 0", "RTP/AVP 8")
        .replace("ptime:20", "ptime:40");
    let (policy, local) = (transcoding(Transcoding::LastResort), phone_local());
    let agreed = reinvite(&agreed, &phone(&other), &policy, &local).expect("agreed");
    assert!(!agreed.is_relayed());
    assert!(!agreed.is_news_for(&exchange), "the packets are ours");
}

#[test]
fn the_phone_of_a_transfer_may_want_other_packets() {
    let (agreed, exchange) = outgoing(ASTERISK_ANSWER, &phone_local());
    let slower = phone(&ASTERISK_ANSWER.replace("ptime:20", "ptime:60"));
    let offer = offer_to_another(&agreed, &policy(), &phone_local());
    let called = accept_reinvite_answer(&agreed, &offer, &slower, &policy()).expect("agreed");
    let came = answer_another(&agreed, &slower, &policy(), &phone_local()).expect("agreed");
    for moved in [called, came] {
        assert!(moved.is_news_for(&exchange));
        let offer = browser_told(&exchange, &moved, &browser_local());
        assert!(has(offer.text(), "a=ptime:60"), "{}", offer.text());
    }
}

#[test]
fn a_browser_is_told_that_the_phone_of_a_transfer_has_no_video() {
    let local = local_with_video();
    let (agreed, exchange) = outgoing(&format!("{BARESIP_ANSWER}{VP8}"), &local);
    let offer = offer_to_another(&agreed, &policy(), &local);
    let moved = accept_reinvite_answer(&agreed, &offer, &phone(BARESIP_ANSWER), &policy());
    let moved = moved.expect("agreed");
    assert!(moved.is_news_for(&exchange));
    let offer = browser_told(&exchange, &moved, &browser_local());
    let lines = media_lines(offer.text());
    assert!(
        lines[0].starts_with("m=audio 50000 UDP/TLS/RTP/SAVPF 111 "),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("m=video 0 "), "{lines:?}");
    assert!(has(offer.text(), "a=group:BUNDLE 0"));
    let answer = answers("m=audio 9 UDP/TLS/RTP/SAVPF 111 126");
    let answer = browser(&format!("{answer}a=rtpmap:111 opus/48000/2\r\n{NO_VIDEO}"));
    let taken = accept_told(&moved, &exchange, &offer, &answer);
    let (agreed, exchange) = taken.expect("taken");
    assert!(!agreed.browser_has_video() && !agreed.is_news_for(&exchange));
    assert_eq!(agreed.relay.codec.name(), "opus");
}

#[test]
fn video_goes_on_while_a_browser_is_told_of_other_packets() {
    let local = local_with_video();
    let (agreed, exchange) = outgoing(&format!("{BARESIP_ANSWER}{VP8}"), &local);
    let slower = BARESIP_ANSWER.replace("ptime:20", "ptime:40");
    let slower = video_phone(&format!("{slower}{VP8}"));
    let agreed = reinvite(&agreed, &slower, &policy(), &local).expect("agreed");
    let offer = browser_told(&exchange, &agreed, &browser_local());
    assert_lines(offer.text(), &["a=ptime:40", "a=group:BUNDLE 0 1"]);
    assert!(
        media_lines(offer.text())[1].starts_with("m=video 50000 UDP/TLS/RTP/SAVPF 96"),
        "{}",
        offer.text()
    );
}

#[test]
fn another_browser_or_one_without_the_codec_has_not_answered() {
    let (agreed, exchange) = outgoing(ASTERISK_ANSWER, &phone_local());
    let offer = browser_told(&exchange, &agreed, &browser_local());
    for (answer, refusal) in [
        (CHROMIUM_ANSWER.to_owned(), Refusal::OtherSession),
        (
            answers("m=audio 9 UDP/TLS/RTP/SAVPF 8 126"),
            Refusal::CodecGone,
        ),
    ] {
        let answer = browser(&answer);
        let taken = accept_told(&agreed, &exchange, &offer, &answer);
        assert_eq!(taken.map(drop), Err(refusal));
    }
}
