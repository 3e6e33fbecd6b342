//! Video beside the audio: offered, chosen, refused, added and taken away.

use media::plan::{
    Agreed, Hold, LaterAnswer, PhoneSide, Refusal, accept_browser_answer, accept_browser_change,
    accept_later_answer, accept_phone_answer, accept_reinvite_answer, browser_answer,
    browser_offer, browser_reoffer, current_offer, hold_offer, offer_to_another, phone_offer,
    reinvite,
};
use media::rtp::Pt;
use media::sdp::{PhoneDescription, UnsafeAddress};
use media::video::VideoCodec;
use media::{PhoneLocal, SrtpLocal, SrtpPolicy, VideoLocal};

use crate::far_ends::{
    BARESIP_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, address, assert_lines,
    assert_well_formed, browser, browser_local, has, media_lines, phone_local, policy,
    video_phone as phone,
};

const VP8: &str = "m=video 5006 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\na=rtcp-fb:* nack pli\r\n";
const H264: &str = "m=video 5006 RTP/AVP 107\r\na=rtpmap:107 H264/90000\r\n\
                    a=fmtp:107 packetization-mode=0;profile-level-id=428014\r\n";

/// Our end with a leg for video.
fn local() -> PhoneLocal {
    PhoneLocal {
        video: Some(VideoLocal {
            rtp: address("203.0.113.1:40002"),
            rtcp: address("203.0.113.1:40003"),
            srtp: SrtpLocal::new(SrtpPolicy::Off, [8; 32]),
        }),
        ..phone_local()
    }
}

fn pt(number: u8) -> Pt {
    Pt::new(number).expect("seven bits")
}

fn outgoing(video: &str) -> (Agreed, String) {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &local()).expect("offer");
    let answer = phone(&format!("{BARESIP_ANSWER}{video}"));
    let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
    let answer = browser_answer(&browser, &agreed, &browser_local());
    assert_well_formed(offer.text());
    (agreed, answer.text().to_owned())
}

#[test]
fn a_phone_is_offered_the_browsers_video_from_a_leg_of_its_own() {
    let offer = phone_offer(&browser(CHROMIUM_OFFER), &policy(), &local()).expect("offer");
    assert_eq!(
        media_lines(offer.text())[1],
        "m=video 40002 RTP/AVP 96 103 107 45 98"
    );
    assert_lines(
        offer.text(),
        &[
            "a=rtpmap:96 VP8/90000",
            "a=rtpmap:107 H264/90000",
            "a=fmtp:107 profile-level-id=42001f;packetization-mode=0;level-asymmetry-allowed=1",
            "a=rtcp-fb:* nack pli",
            "a=rtcp-fb:* ccm fir",
        ],
    );
    for unknown in ["rtx", "red", "ulpfec", "transport-cc", "extmap"] {
        assert!(!offer.text().contains(unknown), "{unknown}");
    }
    assert!(
        offer.text().len() < 1_100,
        "room for an INVITE over UDP: {}",
        offer.text().len()
    );
}

#[test]
fn the_phones_choice_is_what_the_browser_is_told() {
    let (agreed, answer) = outgoing(VP8);
    let video = agreed.video.expect("video");
    assert_eq!(video.relay.codec, VideoCodec::Vp8);
    assert_eq!(
        (video.relay.browser.send, video.relay.phone.send),
        (pt(96), pt(97))
    );
    assert_eq!(video.relay.phone.receive, [pt(96), pt(97)]);
    assert!(video.relay.browser.open && video.relay.phone.open);
    assert!(video.relay.phone.feedback.pli && !video.relay.phone.feedback.nack);
    assert_eq!(video.phone_remote.expect("an address").rtp.port(), 5006);
    assert_lines(
        &answer,
        &[
            "a=group:BUNDLE 0 1",
            "m=video 50000 UDP/TLS/RTP/SAVPF 96",
            "a=rtpmap:96 VP8/90000",
            "a=rtcp-fb:96 nack",
            "a=rtcp-fb:96 nack pli",
            "a=rtcp-fb:96 goog-remb",
            "a=msid:call call-video",
            "a=ssrc:1235 cname:gateway",
        ],
    );
    assert!(!answer.contains("transport-cc"));
}

#[test]
fn h264_keeps_the_browsers_profile_and_takes_the_phones_level() {
    let (agreed, answer) = outgoing(H264);
    let video = agreed.video.expect("video");
    assert_eq!(video.relay.codec, VideoCodec::H264);
    assert_eq!(video.relay.browser.send, pt(107));
    assert!(has(
        &answer,
        "a=fmtp:107 profile-level-id=420014;packetization-mode=0"
    ));
}

#[test]
fn refused_video_leaves_the_audio_untouched() {
    let elsewhere = "m=video 5006 RTP/AVP 97\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:97 VP8/90000\r\n";
    for video in [
        "",
        "m=video 0 RTP/AVP 96\r\n",
        "m=video 5006 RTP/AVP 34\r\n",
        elsewhere,
    ] {
        let (agreed, answer) = outgoing(video);
        assert_eq!(agreed.video, None, "{video}");
        assert!(agreed.relay.to_phone.open && agreed.relay.to_browser.open);
        assert!(has(&answer, "a=group:BUNDLE 0"));
        assert!(
            media_lines(&answer)[1].starts_with("m=video 0 "),
            "{answer}"
        );
    }
}

#[test]
fn our_own_port_is_no_place_for_video() {
    let own = "m=video 40002 RTP/AVP 96\r\nc=IN IP4 203.0.113.1\r\na=rtpmap:96 VP8/90000\r\n";
    let (agreed, _) = outgoing(own);
    assert_eq!(agreed.video, None);
    assert_eq!(Refusal::Address(UnsafeAddress::Own).status().0, 488);
}

#[test]
fn without_a_leg_for_it_no_video_is_offered_or_accepted() {
    let offer = phone_offer(&browser(CHROMIUM_OFFER), &policy(), &phone_local()).expect("offer");
    assert_eq!(media_lines(offer.text()).len(), 1);
    let (agreed, _) = outgoing(VP8);
    let again = format!("{BARESIP_OFFER}{VP8}");
    let agreed = reinvite(&agreed, &phone(&again), &policy(), &phone_local()).expect("answered");
    assert_eq!(agreed.video, None);
    assert!(media_lines(agreed.phone_sdp())[1].starts_with("m=video 0 "));
}

#[test]
fn a_phones_video_is_put_to_the_browser_under_numbers_of_its_own() {
    let caller = phone(&format!(
        "{BARESIP_OFFER}m=video 5006 RTP/AVP 111 99\r\na=rtpmap:111 VP8/90000\r\na=rtpmap:99 AV1/90000\r\n"
    ));
    let offer = browser_offer(Some(&caller), &policy(), &browser_local()).expect("offer");
    assert_well_formed(offer.text());
    let line = media_lines(offer.text())[1];
    assert!(
        line.starts_with("m=video 50000 UDP/TLS/RTP/SAVPF "),
        "{line}"
    );
    let numbers: Vec<&str> = line.split(' ').skip(3).collect();
    let audio: Vec<&str> = media_lines(offer.text())[0].split(' ').skip(3).collect();
    assert!(
        numbers.iter().all(|number| !audio.contains(number)),
        "{line}"
    );
    assert!(has(offer.text(), "a=group:BUNDLE 0 1"));
    let bundled = CHROMIUM_ANSWER.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 1");
    let answer = format!(
        "{bundled}m=video 9 UDP/TLS/RTP/SAVPF {0}\r\na=mid:1\r\na=rtcp-mux\r\na=sendrecv\r\n\
         a=rtpmap:{0} VP8/90000\r\na=ssrc:99 cname:x\r\n",
        numbers[0]
    );
    let answer = browser(&answer);
    assert!(answer.remote().ssrcs.contains(&media::Ssrc(99)));
    let agreed = accept_browser_answer(&caller, &offer, &answer, &policy(), &local());
    let agreed = agreed.expect("agreed");
    let video = agreed.video.as_ref().expect("video");
    assert_eq!(video.relay.phone.send, pt(111));
    assert_eq!(video.relay.browser.send.number().to_string(), numbers[0]);
    assert_eq!(
        media_lines(agreed.phone_sdp())[1],
        "m=video 40002 RTP/AVP 111"
    );
}

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

fn without_video(offer: &str) -> String {
    let at = offer.find("m=video").expect("video");
    let end = offer[at..]
        .find("m=application")
        .map_or(offer.len(), |end| at + end);
    format!("{}{}", &offer[..at], &offer[end..]).replace("BUNDLE 0 1", "BUNDLE 0")
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

/// Our end, whose audio and video may be encrypted.
fn optional() -> PhoneLocal {
    PhoneLocal {
        srtp: SrtpLocal::new(SrtpPolicy::Optional, [9; 32]),
        ..local()
    }
}

/// The phone's lines of keys for ours of that tag: the suite that we list under it.
fn key(tag: &str) -> String {
    let chars = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{chars}\r\n")
}

#[test]
fn beside_encrypted_audio_there_is_encrypted_video_or_none() {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &optional()).expect("offer");
    assert_eq!(offer.text().matches("a=crypto:2 AES_CM_128").count(), 2);
    let keys: Vec<&str> = offer
        .text()
        .lines()
        .filter(|line| line.starts_with("a=crypto:2"))
        .collect();
    assert_ne!(keys[0], keys[1], "each leg has keys of its own");
    for (audio, video, taken) in [
        (key("2"), key("2"), true),
        (key("2"), String::new(), false),
        (String::new(), String::new(), true),
        (String::new(), key("2"), true),
    ] {
        let answer = format!("{BARESIP_ANSWER}{audio}{VP8}{video}");
        let answer = PhoneDescription::parse_under(SrtpPolicy::Optional, answer).expect("read");
        let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
        assert_eq!(agreed.video.is_some(), taken, "{audio}{video}");
        let remote = agreed.video.and_then(|video| video.phone_remote);
        let encrypted = remote.is_some_and(|remote| remote.srtp.is_some());
        assert_eq!(encrypted, !video.is_empty() && taken);
        let caller = format!("{BARESIP_OFFER}{audio}{VP8}{video}");
        let caller = PhoneDescription::parse_under(SrtpPolicy::Optional, caller).expect("read");
        let (current, _) = outgoing(VP8);
        let agreed = reinvite(&current, &caller, &policy(), &optional()).expect("answered");
        assert_eq!(agreed.video.is_some(), taken, "{audio}{video}");
        let ours = agreed.phone_sdp().matches("a=crypto:2").count();
        let wanted = usize::from(!audio.is_empty()) + usize::from(!video.is_empty() && taken);
        assert_eq!(ours, wanted, "{}", agreed.phone_sdp());
    }
}

#[test]
fn the_rate_that_one_end_allows_is_told_to_the_other() {
    let (agreed, answer) =
        outgoing(&VP8.replace("a=rtpmap", "b=AS:384\r\nb=TIAS:350000\r\na=rtpmap"));
    assert_eq!(
        agreed.video.expect("video").relay.phone.limit,
        Some(350_000)
    );
    assert!(has(&answer, "b=AS:350") && has(&answer, "b=TIAS:350000"));
    let (agreed, answer) = outgoing(&VP8.replace("a=rtpmap", "b=AS:384\r\na=rtpmap"));
    assert_eq!(
        agreed.video.expect("video").relay.phone.limit,
        Some(384_000)
    );
    assert!(has(&answer, "b=AS:384"));
    for nonsense in [
        "b=AS:x",
        "b=TIAS:",
        "b=AS:4294967295",
        "b=TIAS:-1",
        "b=AS:0",
    ] {
        let (agreed, _) = outgoing(&VP8.replace("a=rtpmap", &format!("{nonsense}\r\na=rtpmap")));
        assert_eq!(agreed.video.expect("video").relay.phone.limit, None);
    }
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
fn reports_are_multiplexed_where_the_phones_own_section_says_so() {
    let (current, _) = outgoing(VP8);
    for (audio, video) in [("a=rtcp-mux\r\n", ""), ("", "a=rtcp-mux\r\n")] {
        let caller = phone(&format!("{BARESIP_OFFER}{audio}{VP8}{video}"));
        let agreed = reinvite(&current, &caller, &policy(), &local()).expect("answered");
        let (ours, theirs) = agreed.phone_sdp().split_once("m=video").expect("video");
        assert_eq!(ours.contains("a=rtcp-mux"), !audio.is_empty());
        assert_eq!(theirs.contains("a=rtcp-mux"), !video.is_empty());
        let remote = agreed.video.and_then(|video| video.phone_remote);
        assert_eq!(remote.map(|remote| remote.mux), Some(!video.is_empty()));
    }
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

#[test]
fn a_later_answer_leaves_the_browser_the_video_that_it_was_told() {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &local()).expect("offer");
    let (early, _) = outgoing(VP8);
    for video in ["", H264] {
        let answer = phone(&format!("{BARESIP_ANSWER}{video}"));
        let later = accept_later_answer(&browser, &offer, &answer, &policy(), &early, &local());
        let Ok(LaterAnswer::Same(agreed)) = later else {
            panic!("the same sound: {later:?}");
        };
        assert!(agreed.video.is_none() && agreed.browser_has_video());
        let offer = current_offer(&agreed, &local());
        assert!(media_lines(offer.text())[1].starts_with("m=video 40002 RTP/AVP 96"));
    }
}

fn optional_phone(audio: &str, video: &str) -> PhoneDescription {
    let caller = format!("{BARESIP_OFFER}{audio}{VP8}{video}");
    PhoneDescription::parse_under(SrtpPolicy::Optional, caller).expect("read")
}

#[test]
fn plain_video_beside_encrypted_audio_is_refused_while_the_phone_names_no_address_too() {
    let (current, _) = outgoing(VP8);
    let held = BARESIP_OFFER.replace("c=IN IP4 192.0.2.50", "c=IN IP4 0.0.0.0");
    assert_ne!(held, BARESIP_OFFER);
    let at = VP8.replace("a=rtpmap", "c=IN IP4 192.0.2.50\r\na=rtpmap");
    for (audio, taken) in [(key("2"), false), (String::new(), true)] {
        let caller = format!("{held}{audio}{at}");
        let caller = PhoneDescription::parse_under(SrtpPolicy::Optional, caller).expect("read");
        let agreed = reinvite(&current, &caller, &policy(), &optional()).expect("answered");
        assert_eq!(agreed.phone_remote, None);
        assert_eq!(agreed.video.is_some(), taken);
    }
}

#[test]
fn video_that_is_added_beside_plain_audio_is_offered_without_keys() {
    let audio_only = without_video(CHROMIUM_OFFER);
    for (keys, wanted) in [(String::new(), 0), (key("2"), 4)] {
        let offer = phone_offer(&browser(&audio_only), &policy(), &optional()).expect("offer");
        let answer = format!("{BARESIP_ANSWER}{keys}");
        let answer = PhoneDescription::parse_under(SrtpPolicy::Optional, answer).expect("read");
        let agreed = accept_phone_answer(&browser(&audio_only), &offer, &answer, &policy());
        let agreed = agreed.expect("audio");
        let exchange = browser_answer(&browser(&audio_only), &agreed, &browser_local());
        let update = exchange.reoffered(browser(CHROMIUM_OFFER)).expect("same");
        let Ok(PhoneSide::Offer(offer)) = update.phone_side(&agreed, &policy(), &optional()) else {
            panic!("the phone has to be asked");
        };
        assert!(media_lines(offer.text())[1].starts_with("m=video 40002 RTP/AVP "));
        let keys = offer.text().matches("a=crypto:").count();
        assert_eq!(keys, wanted, "{}", offer.text());
    }
}

#[test]
fn video_that_returns_to_encryption_with_a_new_key_is_given_one() {
    let (current, _) = outgoing(VP8);
    let ours = |agreed: &Agreed| {
        let video = agreed.phone_sdp().split("m=video").nth(1);
        let keys = video.and_then(|video| video.lines().find(|line| line.contains("a=crypto")));
        keys.map(str::to_owned)
    };
    let mut current = current;
    let mut keys = Vec::new();
    for (audio, video) in [
        (key("2"), key("2")),
        (key("2"), key("2")),
        (String::new(), String::new()),
        (key("2"), key("2").replace("WVNf", "XVNf")),
    ] {
        let caller = optional_phone(&audio, &video);
        current = reinvite(&current, &caller, &policy(), &optional()).expect("answered");
        keys.push(ours(&current));
    }
    assert!(keys[0].is_some() && keys[0] == keys[1]);
    assert!(keys[2].is_none());
    assert!(keys[3].is_some() && keys[3] != keys[0]);
}
