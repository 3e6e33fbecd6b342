//! Calls whose ends share no codec, from the first description to the last.

use media::codec::AudioCodec;
use media::plan::{
    Agreed, BrowserExchange, CodecPolicy, LaterAnswer, PhoneSide, Policy, Refusal, Route,
    Transcoding, accept_browser_answer, accept_later_answer, accept_phone_answer,
    accept_reinvite_answer, answer_another, browser_answer, browser_offer, current_offer,
    join_offers, offer_to_another, phone_offer, reinvite,
};
use media::relay::{AudioFormat, Path};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_ANSWER, CHROMIUM_OFFER, CISCO_ANSWER, LINPHONE_ANSWER, address,
    assert_lines, browser, browser_local, has, media_lines, of_route, phone, phone_local, policy,
    transcoding,
};

use AudioCodec::{G722, Opus, Pcma, Pcmu};

/// A phone with G.722 and nothing else.
const G722_PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
    m=audio 5000 RTP/AVP 9 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:30\r\n";

/// A browser that a page has left nothing but Opus.
fn opus_page() -> String {
    CHROMIUM_OFFER.replace("SAVPF 111 63 9 0 8 13 110 126", "SAVPF 111 110 126")
}

fn last_resort() -> Policy {
    transcoding(Transcoding::LastResort)
}

fn call(offer: &str, answer: &str, policy: &Policy) -> (Agreed, BrowserExchange) {
    let browser = browser(offer);
    let offer = phone_offer(&browser, policy, &phone_local()).expect("offer");
    let agreed = accept_phone_answer(&browser, &offer, &phone(answer), policy).expect("agreed");
    let answer = browser_answer(&browser, &agreed, &browser_local());
    (agreed, answer)
}

/// The codecs and packet times of a way.
fn formats(path: &Path) -> [(AudioCodec, u16); 2] {
    [path.from, path.to].map(|AudioFormat { codec, ptime }| (codec, ptime))
}

#[test]
fn a_page_with_opus_alone_talks_with_a_phone_with_g722_alone() {
    let page = browser(&opus_page());
    let refused = phone_offer(&page, &policy(), &phone_local()).expect("Opus at least");
    let refused = accept_phone_answer(&page, &refused, &phone(G722_PHONE), &policy());
    assert_eq!(refused.map(|_| ()), Err(Refusal::PhoneHasNoCodec));

    let offer = phone_offer(&page, &last_resort(), &phone_local()).expect("offer");
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40000 RTP/AVP 111 9 0 8 101 100"],
        "what can be relayed comes first"
    );
    let (agreed, answer) = call(&opus_page(), G722_PHONE, &last_resort());
    assert_eq!((agreed.codec(), agreed.phone_codec()), (Opus, G722));
    assert!(!agreed.is_relayed());
    assert_eq!(formats(&agreed.relay.to_phone), [(Opus, 20), (G722, 30)]);
    assert_eq!(formats(&agreed.relay.to_browser), [(G722, 20), (Opus, 20)]);
    assert_eq!(agreed.relay.to_phone.send.audio.number(), 9);
    assert_eq!(agreed.relay.to_browser.send.audio.number(), 111);
    let event = |path: &Path| path.send.event.map(|event| event.payload_type.number());
    assert_eq!(event(&agreed.relay.to_phone), Some(101));
    assert_eq!(event(&agreed.relay.to_browser), Some(110));
    assert_lines(
        answer.text(),
        &[
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;useinbandfec=1",
        ],
    );
    assert!(!answer.text().contains("a=ptime"), "its packets end here");
}

#[test]
fn a_phone_with_g722_alone_calls_a_page_with_opus_alone() {
    let caller = phone(G722_PHONE);
    let offer = browser_offer(Some(&caller), &last_resort(), &browser_local()).expect("offer");
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 50000 UDP/TLS/RTP/SAVPF 9 111 0 8 126 110"]
    );
    let answer = browser(&opus_page().replace("a=setup:actpass", "a=setup:active"));
    let agreed = accept_browser_answer(&caller, &offer, &answer, &last_resort(), &phone_local());
    let agreed = agreed.expect("agreed");
    assert_eq!((agreed.codec(), agreed.phone_codec()), (Opus, G722));
    assert_lines(
        agreed.phone_sdp(),
        &["m=audio 40000 RTP/AVP 9 101", "a=ptime:30"],
    );
}

#[test]
fn a_route_that_wants_opus_has_it_in_the_browser_and_g711_at_the_phone() {
    let opus = of_route(Route {
        codecs: CodecPolicy::Listed(vec![Pcma, Pcmu]),
        transcoding: Transcoding::OpusForBrowsers,
        ..Route::default()
    });
    let offer = phone_offer(&browser(CHROMIUM_OFFER), &opus, &phone_local()).expect("offer");
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40000 RTP/AVP 8 0 13 101"]
    );
    let (agreed, answer) = call(CHROMIUM_OFFER, ASTERISK_ANSWER, &opus);
    assert_eq!((agreed.codec(), agreed.phone_codec()), (Opus, Pcmu));
    assert!(media_lines(answer.text())[0].ends_with("SAVPF 111 110 126"));

    let caller = phone(ASTERISK_ANSWER);
    let offer = browser_offer(Some(&caller), &opus, &browser_local()).expect("offer");
    assert!(media_lines(offer.text())[0].starts_with("m=audio 50000 UDP/TLS/RTP/SAVPF 111 0 "));
}

#[test]
fn a_fork_or_final_answer_with_another_codec_needs_no_reinvite() {
    let page = browser(CHROMIUM_OFFER);
    let (local, policy) = (phone_local(), last_resort());
    let offer = phone_offer(&page, &policy, &local).expect("offer");
    let early = accept_phone_answer(&page, &offer, &phone(ASTERISK_ANSWER), &policy).expect("183");
    assert!(early.is_relayed());
    for (answer, codec) in [
        (CISCO_ANSWER, Pcma),
        (LINPHONE_ANSWER, Opus),
        (BARESIP_ANSWER, Opus),
    ] {
        let later = accept_later_answer(&page, &offer, &phone(answer), &policy, &early, &local);
        let Ok(LaterAnswer::Same(agreed)) = later else {
            panic!("{later:?}");
        };
        assert_eq!((agreed.codec(), agreed.phone_codec()), (Pcmu, codec));
        // The browser is sent the same as before.
        assert_eq!(agreed.relay.to_browser.to, early.relay.to_browser.to);
        assert_eq!(
            agreed.relay.to_browser.send.audio,
            early.relay.to_browser.send.audio
        );
    }
}

#[test]
fn a_phone_that_changes_its_codec_is_followed_and_followed_back() {
    let (call, _) = call(CHROMIUM_OFFER, ASTERISK_ANSWER, &last_resort());
    let other = phone(&G722_PHONE.replace("a=ptime:30\r\n", ""));
    let changed = reinvite(&call, &other, &last_resort(), &phone_local()).expect("transcoded");
    assert_eq!((changed.codec(), changed.phone_codec()), (Pcmu, G722));
    assert_eq!(
        media_lines(changed.phone_sdp()),
        ["m=audio 40000 RTP/AVP 9 101"]
    );
    assert_eq!(formats(&changed.relay.to_phone), [(Pcmu, 20), (G722, 20)]);
    assert_eq!(
        changed.relay.to_browser.receive.kind(media::rtp::Pt::G722),
        media::relay::PayloadKind::Audio
    );
    // Our own offers keep to it: holding, and answering an offerless re-INVITE.
    let ours = current_offer(&changed, &phone_local());
    assert_eq!(media_lines(ours.text()), ["m=audio 40000 RTP/AVP 9 101"]);
    let answered = accept_reinvite_answer(&changed, &ours, &other, &last_resort());
    assert_eq!(answered.map(|agreed| agreed.phone_codec()), Ok(G722));

    let back = phone(ASTERISK_ANSWER);
    let back = reinvite(&changed, &back, &last_resort(), &phone_local()).expect("relayed");
    assert!(back.is_relayed());
    assert_eq!(back.relay.to_browser.send, call.relay.to_browser.send);
    assert_eq!(back.relay.to_browser.to, call.relay.to_browser.to);
}

#[test]
fn a_transfer_goes_to_a_phone_with_other_codecs() {
    let (call, _) = call(CHROMIUM_OFFER, ASTERISK_ANSWER, &last_resort());
    let local = media::PhoneLocal {
        rtp: address("203.0.113.1:40002"),
        ..phone_local()
    };
    let offer = offer_to_another(&call, &last_resort(), &local);
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40002 RTP/AVP 0 111 9 8 13 101 100"],
        "the codec of the call comes first"
    );
    let moved = accept_reinvite_answer(&call, &offer, &phone(LINPHONE_ANSWER), &last_resort());
    assert_eq!(moved.map(|agreed| agreed.phone_codec()), Ok(Opus));
    let came = answer_another(&call, &phone(CISCO_ANSWER), &last_resort(), &local).expect("agreed");
    assert_eq!((came.codec(), came.phone_codec()), (Pcmu, Pcma));

    let page = browser(&opus_page());
    let joined = join_offers(&page, &phone(G722_PHONE), &last_resort(), &local).expect("agreed");
    assert_eq!((joined.codec(), joined.phone_codec()), (Opus, G722));
}

#[test]
fn a_page_that_gives_up_the_codec_has_the_phone_asked_and_the_phone_may_keep_its_own() {
    let (call, exchange) = call(CHROMIUM_OFFER, ASTERISK_ANSWER, &last_resort());
    let update = exchange
        .reoffered(browser(&opus_page()))
        .expect("the same session");
    let side = update
        .phone_side(&call, &last_resort(), &phone_local())
        .expect("possible");
    let PhoneSide::Offer(offer) = side else {
        panic!("{side:?}");
    };
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40000 RTP/AVP 111 0 101 100"]
    );
    let keeps = update.accept_phone_answer(&offer, &phone(ASTERISK_ANSWER), &last_resort());
    let keeps = keeps.expect("transcoded");
    assert_eq!((keeps.codec(), keeps.phone_codec()), (Opus, Pcmu));
    let follows = update.accept_phone_answer(&offer, &phone(LINPHONE_ANSWER), &last_resort());
    assert!(follows.expect("relayed").is_relayed());
}

#[test]
fn a_transcoded_call_is_held_and_changed_like_any_other() {
    let (call, exchange) = call(&opus_page(), G722_PHONE, &last_resort());
    let same = exchange
        .reoffered(browser(&opus_page()))
        .expect("the same session");
    let same = same.phone_side(&call, &last_resort(), &phone_local());
    assert_eq!(same, Ok(PhoneSide::Unchanged(Box::new(call.clone()))));
    let held = G722_PHONE.to_owned() + "a=sendonly\r\n";
    let held = reinvite(&call, &phone(&held), &last_resort(), &phone_local()).expect("held");
    assert!(held.on_hold() && !held.relay.to_phone.open && held.relay.to_browser.open);
    assert_eq!(held.phone_codec(), G722);
}

#[test]
fn packets_of_the_routes_length_are_asked_for_or_made() {
    let of_30 = of_route(Route {
        transcoding: Transcoding::LastResort,
        ptime: Some(30),
        ..Route::default()
    });
    let (relayed, answer) = call(CHROMIUM_OFFER, ASTERISK_ANSWER, &of_30);
    assert!(relayed.is_relayed());
    assert_lines(answer.text(), &["a=ptime:30"]);
    assert!(has(relayed.phone_sdp(), "a=ptime:30"));
    assert_eq!(formats(&relayed.relay.to_phone), [(Pcmu, 30), (Pcmu, 30)]);

    let (made, answer) = call(CHROMIUM_OFFER, LINPHONE_ANSWER, &of_30);
    assert_eq!((made.codec(), made.phone_codec()), (Opus, Opus));
    assert_eq!(formats(&made.relay.to_phone), [(Opus, 20), (Opus, 30)]);
    assert_eq!(
        made.relay.to_browser.from, made.relay.to_browser.to,
        "browsers take any"
    );
    assert!(!has(answer.text(), "a=ptime:30"));
}
