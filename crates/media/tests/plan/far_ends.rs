//! Descriptions of real products, our own ends, and words to ask a description with.

use std::net::SocketAddr;

use media::plan::{Policy, Route, Transcoding};
use media::sdp::{AddressPolicy, BrowserDescription, PhoneDescription};
use media::{BrowserLocal, Fingerprint, PhoneLocal, SrtpLocal, SrtpPolicy, Ssrc};

pub(crate) const CHROMIUM_OFFER: &str = include_str!("fixtures/chromium-offer.sdp");
pub(crate) const CHROMIUM_ANSWER: &str = include_str!("fixtures/chromium-answer.sdp");
pub(crate) const FIREFOX_OFFER: &str = include_str!("fixtures/firefox-offer.sdp");
pub(crate) const BARESIP_OFFER: &str = include_str!("fixtures/baresip-offer.sdp");
pub(crate) const BARESIP_ANSWER: &str = include_str!("fixtures/baresip-answer.sdp");
pub(crate) const LINPHONE_OFFER: &str = include_str!("fixtures/linphone-offer.sdp");
pub(crate) const LINPHONE_ANSWER: &str = include_str!("fixtures/linphone-answer.sdp");
pub(crate) const ASTERISK_ANSWER: &str = include_str!("fixtures/asterisk-answer.sdp");
pub(crate) const FREESWITCH_OFFER: &str = include_str!("fixtures/freeswitch-offer.sdp");
pub(crate) const CISCO_ANSWER: &str = include_str!("fixtures/cisco-answer.sdp");
pub(crate) const SBC_OFFER: &str = include_str!("fixtures/sbc-offer.sdp");

pub(crate) fn browser(sdp: &str) -> BrowserDescription {
    BrowserDescription::parse(sdp).expect("a browser's description")
}

/// A phone's description as it is taken where video is not allowed.
pub(crate) fn phone(sdp: &str) -> PhoneDescription {
    PhoneDescription {
        video: None,
        ..video_phone(sdp)
    }
}

pub(crate) fn video_phone(sdp: &str) -> PhoneDescription {
    PhoneDescription::parse(sdp).expect("a phone's description")
}

/// Relays all codecs, in the order of whoever offers.
pub(crate) fn policy() -> Policy {
    of_route(Route::default())
}

/// The same, and transcodes.
pub(crate) fn transcoding(transcoding: Transcoding) -> Policy {
    of_route(Route {
        transcoding,
        ..Route::default()
    })
}

pub(crate) fn of_route(route: Route) -> Policy {
    Policy {
        route,
        addresses: AddressPolicy::default(),
    }
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(crate) fn phone_local() -> PhoneLocal {
    PhoneLocal {
        rtp: address("203.0.113.1:40000"),
        rtcp: address("203.0.113.1:40001"),
        ssrc: Ssrc(7),
        cname: "gateway".to_owned(),
        session_id: 42,
        srtp: SrtpLocal::new(SrtpPolicy::Off, [9; 32]),
        video: None,
    }
}

pub(crate) fn browser_local() -> BrowserLocal {
    BrowserLocal {
        ufrag: "ufra".to_owned(),
        pwd: "password-of-22-letters".to_owned(),
        fingerprint: Fingerprint([0xab; 32]),
        addrs: vec![address("203.0.113.1:50000"), address("[2001:db8::1]:50000")],
        tcp: vec![address("203.0.113.1:50000"), address("[2001:db8::1]:443")],
        ssrc: Ssrc(1234),
        cname: "gateway".to_owned(),
        msid: "call".to_owned(),
        session_id: 43,
    }
}

/// The `m=` lines of a description.
pub(crate) fn media_lines(sdp: &str) -> Vec<&str> {
    sdp.lines().filter(|line| line.starts_with("m=")).collect()
}

/// Whether a description has exactly this line.
pub(crate) fn has(sdp: &str, wanted: &str) -> bool {
    sdp.lines().any(|line| line == wanted)
}

/// Panics unless every line of `wanted` is there.
pub(crate) fn assert_lines(sdp: &str, wanted: &[&str]) {
    for line in wanted {
        assert!(has(sdp, line), "no line {line:?} in\n{sdp}");
    }
}

/// What every description of ours must be: lines that end in CR LF, in the order of RFC 8866 §9.
pub(crate) fn assert_well_formed(sdp: &str) {
    assert!(sdp.ends_with("\r\n"));
    let mut keys = String::new();
    for line in sdp.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert_eq!(line.as_bytes().get(1), Some(&b'='), "{line:?}");
        if line.starts_with("m=") {
            break;
        }
        keys.push_str(&line[..1]);
    }
    let order = keys.trim_end_matches('a');
    assert!(["vosct", "vost"].contains(&order), "{keys} in\n{sdp}");
}
