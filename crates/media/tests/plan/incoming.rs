//! The phone calls.

use media::codec::AudioCodec;
use media::plan::{
    Refusal, accept_browser_answer, accept_phone_answer, browser_offer, delayed_phone_offer,
};
use media::relay::{EventClock, EventFormat, PayloadKind};
use media::rtp::Pt;
use media::sdp::{PhoneDescription, SdpError};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, FREESWITCH_OFFER, LINPHONE_OFFER, SBC_OFFER,
    address, assert_lines, assert_well_formed, browser, browser_local, has, media_lines, phone,
    phone_local, policy,
};

#[test]
fn a_browser_is_offered_what_the_phone_has_under_chromiums_numbers() {
    for (offer, expected) in [
        (
            BARESIP_OFFER,
            "m=audio 50000 UDP/TLS/RTP/SAVPF 111 9 0 8 126 110",
        ),
        (
            FREESWITCH_OFFER,
            "m=audio 50000 UDP/TLS/RTP/SAVPF 111 9 0 8 13 126 110",
        ),
        (
            LINPHONE_OFFER,
            "m=audio 50000 UDP/TLS/RTP/SAVPF 111 0 8 126 110",
        ),
        (SBC_OFFER, "m=audio 50000 UDP/TLS/RTP/SAVPF 8 0 126"),
    ] {
        let offer = browser_offer(Some(&phone(offer)), &policy(), &browser_local()).expect("offer");
        assert_well_formed(offer.text());
        assert_eq!(media_lines(offer.text()), [expected]);
        assert_lines(
            offer.text(),
            &[
                "a=group:BUNDLE 0",
                "a=mid:0",
                "a=setup:actpass",
                "a=sendrecv",
                "a=rtcp-mux",
                "a=ice-lite",
                "a=end-of-candidates",
            ],
        );
    }
    let offer = browser_offer(Some(&phone(FREESWITCH_OFFER)), &policy(), &browser_local());
    let fmtp = "a=fmtp:111 useinbandfec=1;maxaveragebitrate=30000;maxplaybackrate=48000;ptime=20;minptime=10";
    assert_lines(offer.expect("offer").text(), &[fmtp]);
}

#[test]
fn the_first_codec_that_both_accepted_is_the_calls() {
    let phone = phone(BARESIP_OFFER);
    let offer = browser_offer(Some(&phone), &policy(), &browser_local()).expect("offer");
    let answer = browser(CHROMIUM_ANSWER);
    let agreed = accept_browser_answer(&phone, &offer, &answer, &policy(), &phone_local());
    let agreed = agreed.expect("agreed");
    assert_eq!(agreed.codec(), AudioCodec::Pcmu);
    assert_well_formed(agreed.phone_sdp());
    assert_eq!(
        media_lines(agreed.phone_sdp()),
        ["m=audio 40000 RTP/AVP 0 101"]
    );
    assert_lines(
        agreed.phone_sdp(),
        &["o=- 42 1 IN IP4 203.0.113.1", "a=ptime:20", "a=sendrecv"],
    );
    assert_eq!(
        agreed.phone_remote.map(|r| r.rtp),
        Some(address("192.0.2.50:11012"))
    );
    assert_eq!(
        agreed.phone_remote.and_then(|r| r.rtcp),
        Some(address("192.0.2.50:11013"))
    );
    let event = |number, clock| {
        Some(EventFormat {
            payload_type: Pt::new(number).expect("seven bits"),
            clock,
        })
    };
    assert_eq!(
        agreed.relay.to_phone.send.event,
        event(101, EventClock::Khz8)
    );
    assert_eq!(
        agreed.relay.to_browser.send.event,
        event(126, EventClock::Khz8)
    );
    assert_eq!(
        agreed.relay.to_phone.receive.kind(Pt::PCMU),
        PayloadKind::Audio
    );
    assert_eq!(
        agreed.relay.to_phone.receive.kind(Pt::PCMA),
        PayloadKind::Unknown
    );
}

#[test]
fn video_of_a_phone_is_refused_in_its_place_and_its_protocol_kept() {
    let phone = phone(LINPHONE_OFFER);
    let offer = browser_offer(Some(&phone), &policy(), &browser_local()).expect("offer");
    let answer = browser(CHROMIUM_ANSWER);
    let agreed = accept_browser_answer(&phone, &offer, &answer, &policy(), &phone_local());
    let agreed = agreed.expect("agreed");
    assert_eq!(
        media_lines(agreed.phone_sdp()),
        ["m=audio 40000 RTP/AVPF 0 100 101", "m=video 0 RTP/AVPF 96"]
    );
    assert!(has(agreed.phone_sdp(), "a=rtcp-mux"));
    let remote = agreed.phone_remote.expect("address");
    assert_eq!(
        (remote.rtp, remote.mux),
        (address("203.0.113.9:7078"), true)
    );
    assert_eq!(remote.rtcp, Some(remote.rtp));
}

#[test]
fn a_carriers_careless_offer_is_understood() {
    let phone = phone(SBC_OFFER);
    assert_eq!(phone.maxptime, Some(20));
    let offer = browser_offer(Some(&phone), &policy(), &browser_local()).expect("offer");
    let answer = browser(&CHROMIUM_ANSWER.replace(" 0 8 126", " 8 0 126"));
    let agreed = accept_browser_answer(&phone, &offer, &answer, &policy(), &phone_local());
    let agreed = agreed.expect("agreed");
    assert_eq!(agreed.codec(), AudioCodec::Pcma);
    assert_eq!(
        media_lines(agreed.phone_sdp()),
        ["m=audio 40000 rtp/avp 8 96", "m=image 0 udptl t38"]
    );
    assert_eq!(
        agreed.phone_remote.map(|r| r.rtp),
        Some(address("198.51.100.50:30000"))
    );
}

#[test]
fn an_invite_without_offer_gets_ours_once_the_browser_has_chosen() {
    let offer = browser_offer(None, &policy(), &browser_local()).expect("offer");
    // The phone is asked last: nothing that it may lack.
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 50000 UDP/TLS/RTP/SAVPF 0 8 126"]
    );
    let answer = browser(CHROMIUM_ANSWER);
    let offer = delayed_phone_offer(&answer, &policy(), &phone_local()).expect("offer");
    assert_eq!(media_lines(offer.text()), ["m=audio 40000 RTP/AVP 0 101"]);
    let ack = phone(ASTERISK_ANSWER);
    let agreed = accept_phone_answer(&answer, &offer, &ack, &policy()).expect("agreed");
    assert_eq!(agreed.codec(), AudioCodec::Pcmu);
    assert!(agreed.relay.to_phone.open && agreed.relay.to_browser.open);
}

#[test]
fn offers_that_cannot_be_relayed_are_refused_before_the_browser_rings() {
    let g729 = "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 18\r\n";
    let refused = browser_offer(Some(&phone(g729)), &policy(), &browser_local());
    assert_eq!(
        refused.map(|offer| offer.text().to_owned()),
        Err(Refusal::NoCommonCodec)
    );
    for (sdp, expected) in [
        (
            "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/SAVP 0\r\n",
            SdpError::WrongProtocol,
        ),
        (
            "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 0 RTP/AVP 0\r\n",
            SdpError::NoAudio,
        ),
        (
            "v=0\r\nc=IN IP4 192.0.2.9\r\nm=video 5000 RTP/AVP 31\r\n",
            SdpError::NoAudio,
        ),
        ("v=0\r\nm=audio\r\n", SdpError::BadMediaLine),
        ("v=0\r\nm=audio 99999 RTP/AVP 0\r\n", SdpError::BadMediaLine),
        ("<html>", SdpError::NotSdp),
        ("", SdpError::NotSdp),
    ] {
        assert_eq!(
            PhoneDescription::parse(sdp).map(|_| ()),
            Err(expected),
            "{sdp}"
        );
    }
    let status = |error| Refusal::Description(error).status().0;
    assert_eq!(status(SdpError::WrongProtocol), 488);
    assert_eq!(status(SdpError::NotSdp), 400);
    assert_eq!(status(SdpError::TooLarge), 413);
}

#[test]
fn the_plain_line_is_taken_where_a_secure_one_stands_beside_it() {
    let both = "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/SAVP 0\r\n\
                a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\nm=audio 5000 RTP/AVP 0\r\n";
    let phone = phone(both);
    let offer = browser_offer(Some(&phone), &policy(), &browser_local()).expect("offer");
    let answer = browser(CHROMIUM_ANSWER);
    let agreed = accept_browser_answer(&phone, &offer, &answer, &policy(), &phone_local());
    assert_eq!(
        media_lines(agreed.expect("agreed").phone_sdp()),
        ["m=audio 0 RTP/SAVP 0", "m=audio 40000 RTP/AVP 0"]
    );
}
