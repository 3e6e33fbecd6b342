//! What holds for every text.

use media::plan::{
    accept_browser_answer, accept_phone_answer, browser_answer, browser_offer, current_offer,
    phone_offer, reinvite,
};
use media::sdp::{BrowserDescription, PhoneDescription};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, CISCO_ANSWER, FIREFOX_OFFER,
    FREESWITCH_OFFER, LINPHONE_ANSWER, LINPHONE_OFFER, SBC_OFFER, assert_well_formed, browser,
    browser_local, media_lines, phone, phone_local, policy,
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

/// Everything that is done with a description: none of it may panic, and whatever text comes out
/// must be a description again.
fn put_to_use(text: &str) {
    let (policy, phone_local, browser_local) = (policy(), phone_local(), browser_local());
    if let Ok(browser) = BrowserDescription::parse(text) {
        if let Ok(offer) = phone_offer(&browser, &policy, &phone_local) {
            assert_well_formed(offer.text());
            for answer in [ASTERISK_ANSWER, LINPHONE_ANSWER, CISCO_ANSWER] {
                let answer = phone(answer);
                if let Ok(agreed) = accept_phone_answer(&browser, &offer, &answer, &policy) {
                    let text = browser_answer(&browser, &agreed, &browser_local);
                    assert_answers(&browser, &text);
                }
            }
        }
        let phone = phone(BARESIP_OFFER);
        let offer = browser_offer(Some(&phone), &policy, &browser_local).expect("offer");
        if let Ok(agreed) = accept_browser_answer(&phone, &offer, &browser, &policy, &phone_local) {
            assert_well_formed(agreed.phone_sdp());
        }
    }
    if let Ok(phone) = PhoneDescription::parse(text) {
        if let Ok(offer) = browser_offer(Some(&phone), &policy, &browser_local) {
            assert_well_formed(offer.text());
            let answer = browser(CHROMIUM_ANSWER);
            if let Ok(agreed) =
                accept_browser_answer(&phone, &offer, &answer, &policy, &phone_local)
            {
                assert_well_formed(agreed.phone_sdp());
                assert_eq!(media_lines(agreed.phone_sdp()).len(), phone.media.len());
            }
        }
        let caller = browser(CHROMIUM_OFFER);
        let offer = phone_offer(&caller, &policy, &phone_local).expect("offer");
        if let Ok(agreed) = accept_phone_answer(&caller, &offer, &phone, &policy) {
            assert_answers(&caller, &browser_answer(&caller, &agreed, &browser_local));
            assert_well_formed(current_offer(&agreed, &phone_local).text());
            if let Ok(again) = reinvite(&agreed, &phone, &policy, &phone_local) {
                assert_well_formed(again.phone_sdp());
                assert_eq!(again.codec(), agreed.codec());
            }
        }
    }
}

/// An answer has the media lines and mids of its offer, and codecs of it alone.
fn assert_answers(offer: &BrowserDescription, answer: &str) {
    assert_well_formed(answer);
    assert_eq!(media_lines(answer).len(), offer.media.len(), "{answer}");
    let mids = answer
        .lines()
        .filter_map(|line| line.strip_prefix("a=mid:"));
    let offered = offer.media.iter().filter_map(|(_, mid)| mid.as_deref());
    assert!(mids.eq(offered), "{answer}");
    let ours = BrowserDescription::parse(answer).expect("our own answer can be read");
    for format in ours.formats.iter() {
        assert!(
            offer.formats.iter().any(|offered| offered.pt == format.pt),
            "{answer}"
        );
    }
    assert_eq!(ours.formats.codecs().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}") {
        put_to_use(&text);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = BrowserDescription::parse(&bytes);
        let _ = PhoneDescription::parse(&bytes);
    }

    #[test]
    fn damaged_descriptions_are_survived_and_answered_in_form(text in damaged()) {
        put_to_use(&text);
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
