//! The first offer and its answer: which codec, which numbers, at what rate, or none at all.

use media::plan::{
    LaterAnswer, Refusal, accept_browser_answer, accept_later_answer, browser_offer, current_offer,
    phone_offer, reinvite,
};
use media::sdp::UnsafeAddress;
use media::video::VideoCodec;

use super::{H264, VP8, local, outgoing, pt};
use crate::far_ends::{
    BARESIP_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, assert_lines,
    assert_well_formed, browser, browser_local, has, media_lines, phone_local, policy,
    video_phone as phone,
};

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
