//! The browser calls.

use media::codec::AudioCodec;
use media::plan::{
    Agreed, CodecPolicy, LaterAnswer, Policy, Refusal, Route, accept_later_answer,
    accept_phone_answer, browser_answer, phone_offer,
};
use media::relay::{EventClock, EventFormat, PayloadKind};
use media::rtp::Pt;
use media::sdp::{Direction, Setup};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_ANSWER, CHROMIUM_OFFER, CISCO_ANSWER, FIREFOX_OFFER, LINPHONE_ANSWER,
    address, assert_lines, assert_well_formed, browser, browser_local, has, media_lines, of_route,
    phone, phone_local, policy,
};

fn call(offer: &str, answer: &str) -> (Agreed, String) {
    let browser = browser(offer);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    let agreed = accept_phone_answer(&browser, &offer, &phone(answer), &policy()).expect("agreed");
    let answer = browser_answer(&browser, &agreed, &browser_local());
    let text = answer.text();
    assert_well_formed(offer.text());
    assert_well_formed(text);
    (agreed, text.to_owned())
}

fn pt(number: u8) -> Pt {
    Pt::new(number).expect("seven bits")
}

#[test]
fn a_phone_is_offered_the_browsers_codecs_as_plain_rtp_and_no_video() {
    let offer = phone_offer(&browser(CHROMIUM_OFFER), &policy(), &phone_local()).expect("offer");
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40000 RTP/AVP 111 9 0 8 13 101 100"]
    );
    assert_lines(
        offer.text(),
        &[
            "o=- 42 1 IN IP4 203.0.113.1",
            "c=IN IP4 203.0.113.1",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:13 CN/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:100 telephone-event/48000",
            "a=ptime:20",
            "a=sendrecv",
        ],
    );
    assert!(
        offer.text().len() < 600,
        "an INVITE over UDP must stay below 1300 bytes"
    );
}

#[test]
fn the_policy_narrows_and_orders_the_offer() {
    let two = listed(vec![AudioCodec::Pcma, AudioCodec::Opus]);
    let offer = phone_offer(&browser(CHROMIUM_OFFER), &two, &phone_local()).expect("offer");
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40000 RTP/AVP 8 111 13 101 100"]
    );
    let nothing = listed(Vec::new());
    let refused = phone_offer(&browser(CHROMIUM_OFFER), &nothing, &phone_local());
    assert_eq!(
        refused.map(|offer| offer.text().to_owned()),
        Err(Refusal::NoCommonCodec)
    );
}

fn listed(codecs: Vec<AudioCodec>) -> Policy {
    of_route(Route {
        codecs: CodecPolicy::Listed(codecs),
        ..Route::default()
    })
}

#[test]
fn the_browser_is_answered_completely_with_the_agreed_codec_alone() {
    let (agreed, text) = call(CHROMIUM_OFFER, ASTERISK_ANSWER);
    assert_eq!(agreed.codec(), AudioCodec::Pcmu);
    assert_eq!(
        media_lines(&text),
        [
            "m=audio 50000 UDP/TLS/RTP/SAVPF 0 126 110",
            "m=video 0 UDP/TLS/RTP/SAVPF 96"
        ]
    );
    let fingerprint = format!("a=fingerprint:sha-256 {}", browser_local().fingerprint);
    assert_lines(
        &text,
        &[
            "a=group:BUNDLE 0",
            "a=ice-lite",
            "a=ice-ufrag:ufra",
            "a=ice-pwd:password-of-22-letters",
            &fingerprint,
            "a=setup:active",
            "a=mid:0",
            "a=mid:1",
            "a=sendrecv",
            "a=rtcp-mux",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:126 telephone-event/8000",
            "a=rtpmap:110 telephone-event/48000",
            "a=ptime:20",
            "a=maxptime:150",
            "a=ssrc:1234 cname:gateway",
            "a=candidate:1 1 udp 2130706431 203.0.113.1 50000 typ host",
            "a=candidate:2 1 udp 2130706175 2001:db8::1 50000 typ host",
            "a=candidate:3 1 tcp 1520435199 203.0.113.1 50000 typ host tcptype passive",
            "a=candidate:4 1 tcp 1520434943 2001:db8::1 443 typ host tcptype passive",
            "a=end-of-candidates",
        ],
    );
    assert!(
        !text.contains("opus") && !text.contains("CN/8000"),
        "{text}"
    );
}

#[test]
fn the_relay_uses_each_legs_own_payload_types() {
    let (agreed, text) = call(CHROMIUM_OFFER, LINPHONE_ANSWER);
    let relay = &agreed.relay;
    assert_eq!(relay.codec, AudioCodec::Opus);
    assert_eq!((relay.to_phone.open, relay.to_browser.open), (true, true));
    // Linphone renumbered Opus: it is sent 96, and may send by our number or its own.
    assert_eq!(relay.to_phone.send.audio, pt(96));
    assert_eq!(relay.to_browser.receive.kind(pt(111)), PayloadKind::Audio);
    assert_eq!(relay.to_browser.receive.kind(pt(96)), PayloadKind::Audio);
    assert_eq!(relay.to_browser.send.audio, pt(111));
    assert_eq!(relay.to_phone.receive.kind(pt(111)), PayloadKind::Audio);
    assert_eq!(relay.to_phone.receive.kind(pt(0)), PayloadKind::Unknown);
    assert_eq!(
        relay.to_phone.receive.kind(pt(126)),
        PayloadKind::Event(EventClock::Khz8)
    );
    assert_eq!(
        relay.to_phone.receive.kind(pt(110)),
        PayloadKind::Event(EventClock::Khz48)
    );
    let event = |number, clock| {
        Some(EventFormat {
            payload_type: pt(number),
            clock,
        })
    };
    assert_eq!(relay.to_phone.send.event, event(100, EventClock::Khz48));
    assert_eq!(relay.to_browser.send.event, event(110, EventClock::Khz48));
    assert!(
        has(&text, "m=audio 50000 UDP/TLS/RTP/SAVPF 111 110 126"),
        "{text}"
    );
    assert!(
        has(&text, "a=fmtp:111 useinbandfec=1;stereo=0;sprop-stereo=0"),
        "{text}"
    );
    let remote = agreed.phone_remote.expect("address");
    assert_eq!(remote.rtp, address("192.0.2.60:7078"));
    assert_eq!(remote.rtcp, Some(address("192.0.2.60:48223")));
}

#[test]
fn a_phone_whose_events_have_another_clock_than_its_codec_gets_those() {
    let (agreed, _) = call(CHROMIUM_OFFER, BARESIP_ANSWER);
    assert_eq!(agreed.codec(), AudioCodec::Opus);
    let event = EventFormat {
        payload_type: pt(101),
        clock: EventClock::Khz8,
    };
    assert_eq!(agreed.relay.to_phone.send.event, Some(event));
}

#[test]
fn comfort_noise_passes_only_when_both_have_it() {
    let (agreed, text) = call(CHROMIUM_OFFER, CISCO_ANSWER);
    assert_eq!(agreed.codec(), AudioCodec::Pcma);
    assert_eq!(agreed.relay.to_phone.send.comfort_noise, Some(Pt::CN));
    assert_eq!(agreed.relay.to_browser.send.comfort_noise, Some(Pt::CN));
    assert!(
        has(&text, "m=audio 50000 UDP/TLS/RTP/SAVPF 8 13 126 110"),
        "{text}"
    );
    let (agreed, text) = call(FIREFOX_OFFER, CISCO_ANSWER);
    assert_eq!(agreed.relay.to_phone.send.comfort_noise, None);
    assert_eq!(agreed.relay.to_browser.send.comfort_noise, None);
    assert!(!text.contains("CN/8000"), "{text}");
}

#[test]
fn firefox_gets_its_data_channel_refused_and_its_own_numbers_back() {
    let (agreed, text) = call(FIREFOX_OFFER, LINPHONE_ANSWER);
    assert_eq!(
        media_lines(&text),
        [
            "m=audio 50000 UDP/TLS/RTP/SAVPF 109 101",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
        ]
    );
    assert_eq!(agreed.relay.to_browser.send.audio, pt(109));
    // Firefox has events at 8 kHz only, whatever the audio.
    let event = EventFormat {
        payload_type: pt(101),
        clock: EventClock::Khz8,
    };
    assert_eq!(agreed.relay.to_browser.send.event, Some(event));
}

#[test]
fn firefox_offers_a_phone_no_number_twice() {
    let offer = phone_offer(&browser(FIREFOX_OFFER), &policy(), &phone_local()).expect("offer");
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40000 RTP/AVP 109 9 0 8 101 100"]
    );
    let clash = FIREFOX_OFFER
        .replace("109", "101")
        .replace("8 101\r", "8 96\r");
    let offer = phone_offer(&browser(&clash), &policy(), &phone_local()).expect("offer");
    assert_eq!(
        media_lines(offer.text()),
        ["m=audio 40000 RTP/AVP 101 9 0 8 96 100"]
    );
}

#[test]
fn a_browser_that_listens_only_makes_a_phone_that_talks_only() {
    let listening = CHROMIUM_OFFER.replace("a=sendrecv", "a=recvonly");
    let browser = browser(&listening);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    assert!(has(offer.text(), "a=recvonly"));
    let answer = phone(&ASTERISK_ANSWER.replace("a=sendrecv", "a=sendonly"));
    let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
    assert_eq!(
        (agreed.relay.to_phone.open, agreed.relay.to_browser.open),
        (false, true)
    );
    let answer = browser_answer(&browser, &agreed, &browser_local());
    let text = answer.text();
    assert!(has(text, "a=sendonly"));
}

#[test]
fn a_phone_that_answers_on_hold_does_not_change_the_browsers_answer() {
    let (agreed, text) = call(
        CHROMIUM_OFFER,
        &ASTERISK_ANSWER.replace("a=sendrecv", "a=inactive"),
    );
    assert_eq!(
        (agreed.relay.to_phone.open, agreed.relay.to_browser.open),
        (false, false)
    );
    assert!(agreed.on_hold());
    assert!(has(&text, "a=sendrecv"));
}

#[test]
fn the_browser_chooses_the_dtls_role_if_it_wants_to() {
    for (theirs, ours) in [
        ("actpass", "active"),
        ("active", "passive"),
        ("passive", "active"),
    ] {
        let offer = CHROMIUM_OFFER.replace("a=setup:actpass", &format!("a=setup:{theirs}"));
        let (_, text) = call(&offer, ASTERISK_ANSWER);
        assert!(has(&text, &format!("a=setup:{ours}")));
        let role = browser(&offer).remote().role;
        assert_eq!(Setup::from(role).as_str(), ours);
    }
}

#[test]
fn an_early_answer_binds_the_final_one() {
    let browser = browser(CHROMIUM_OFFER);
    let local = phone_local();
    let offer = phone_offer(&browser, &policy(), &local).expect("offer");
    let early = phone(ASTERISK_ANSWER);
    let early = accept_phone_answer(&browser, &offer, &early, &policy()).expect("early");

    // The final answer prefers Opus, but PCMU is among its codecs.
    let last = phone(BARESIP_ANSWER);
    match accept_later_answer(&browser, &offer, &last, &policy(), &early, &local) {
        Ok(LaterAnswer::Same(agreed)) => {
            assert_eq!(agreed.codec(), AudioCodec::Pcmu);
            assert_eq!(
                agreed.phone_remote.map(|r| r.rtp),
                Some(address("192.0.2.50:11012"))
            );
        }
        other => panic!("{other:?}"),
    }

    // This one left PCMU out: it is asked again, with PCMU alone.
    let last = phone(CISCO_ANSWER);
    match accept_later_answer(&browser, &offer, &last, &policy(), &early, &local) {
        Ok(LaterAnswer::OtherCodec(offer)) => {
            assert_eq!(media_lines(offer.text()), ["m=audio 40000 RTP/AVP 0 101"]);
            assert!(has(offer.text(), "o=- 42 2 IN IP4 203.0.113.1"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_that_share_nothing_are_refused_with_488() {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    let g729 = ASTERISK_ANSWER
        .replace("AVP 0 101", "AVP 18 101")
        .replace("0 PCMU", "18 G729");
    let second = ASTERISK_ANSWER.replace("m=audio", "m=audio 0 RTP/AVP 0\r\nm=audio");
    let hidden = ASTERISK_ANSWER.replace("IN IP4 198.51.100.20", "IN IP4 pbx.example.com");
    for (answer, expected) in [
        (g729, Refusal::PhoneHasNoCodec),
        (second, Refusal::MismatchedAnswer),
        (
            hidden,
            Refusal::Address(media::sdp::UnsafeAddress::NoAddress),
        ),
        (
            ASTERISK_ANSWER.replace("c=IN IP4 198.51.100.20", "c=IN IP6 2001:db8::9"),
            Refusal::AddressFamily,
        ),
    ] {
        let refused = accept_phone_answer(&browser, &offer, &phone(&answer), &policy());
        assert_eq!(
            refused.map(|agreed| agreed.codec()),
            Err(expected),
            "{answer}"
        );
        assert_eq!(expected.status(), (488, "Not Acceptable Here"));
    }
}

#[test]
fn each_codec_pair_is_planned_as_a_relay() {
    for (number, rtpmap, codec) in [
        (111, "opus/48000/2", AudioCodec::Opus),
        (96, "OPUS/48000/2", AudioCodec::Opus),
        (96, "opus/48000", AudioCodec::Opus),
        (9, "G722/8000", AudioCodec::G722),
        (0, "PCMU/8000", AudioCodec::Pcmu),
        (8, "pcma/8000/1", AudioCodec::Pcma),
        (97, "PCMA/8000", AudioCodec::Pcma),
    ] {
        let answer = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
             m=audio 5000 RTP/AVP {number}\r\na=rtpmap:{number} {rtpmap}\r\n"
        );
        for offer in [CHROMIUM_OFFER, FIREFOX_OFFER] {
            let (agreed, _) = call(offer, &answer);
            assert_eq!(agreed.codec(), codec, "{rtpmap}");
            assert_eq!(agreed.relay.to_phone.send.audio, pt(number));
            assert_eq!(agreed.relay.to_phone.to.codec, codec);
            assert_eq!(agreed.relay.to_phone.send.event, None);
        }
    }
    assert_eq!(browser(CHROMIUM_OFFER).direction, Direction::SendRecv);
}
