//! What holds for every text.

use media::fuzz;
use media::sdp::PhoneDescription;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, CISCO_ANSWER, FIREFOX_OFFER,
    FREESWITCH_OFFER, LINPHONE_ANSWER, LINPHONE_OFFER, SBC_OFFER,
};

/// Descriptions with lines lost, doubled, moved and damaged.
fn damaged() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just(CHROMIUM_OFFER),
        Just(CHROMIUM_ANSWER),
        Just(FIREFOX_OFFER),
        Just(BARESIP_OFFER),
        Just(LINPHONE_OFFER),
        Just(LINPHONE_ANSWER),
        Just(ASTERISK_ANSWER),
        Just(FREESWITCH_OFFER),
        Just(CISCO_ANSWER),
        Just(SBC_OFFER),
    ];
    let edit = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..5_u8,
        "\\PC{0,12}",
    );
    (known, prop::collection::vec(edit, 0..6)).prop_map(|(sdp, edits)| {
        let mut lines: Vec<String> = sdp.lines().map(str::to_owned).collect();
        for (at, other, kind, junk) in edits {
            let (at, other) = (at.index(lines.len()), other.index(lines.len()));
            match kind {
                0 if lines.len() > 1 => {
                    lines.remove(at);
                }
                1 => {
                    let copy = lines[at].clone();
                    lines.insert(other, copy);
                }
                2 => lines.swap(at, other),
                3 => lines[at].push_str(&junk),
                _ => lines[at] = lines[at].chars().take(other % 20).collect::<String>() + &junk,
            }
        }
        lines.join("\r\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}") {
        fuzz::sdp(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::sdp(&bytes);
        fuzz::rtp(&bytes);
        fuzz::rtcp(&bytes);
        fuzz::client_hello(&bytes);
        fuzz::check(&bytes);
        fuzz::browser(&bytes);
        fuzz::srtp(&bytes);
    }

    #[test]
    fn damaged_descriptions_are_survived_and_answered_in_form(text in damaged()) {
        fuzz::sdp(text.as_bytes());
    }
}

#[test]
fn descriptions_beyond_all_bounds_are_refused_whole() {
    let huge = format!("{BARESIP_OFFER}{}", "a=x\r\n".repeat(20_000));
    let many_lines = format!("{BARESIP_OFFER}{}", "a\n".repeat(5_000));
    let many_media = format!("{BARESIP_OFFER}{}", "m=video 0 RTP/AVP 0\r\n".repeat(100));
    for text in [huge, many_lines, many_media] {
        let refused = PhoneDescription::parse(text).map(|_| ());
        assert_eq!(refused, Err(media::sdp::SdpError::TooLarge));
    }
}
