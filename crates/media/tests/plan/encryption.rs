//! Keys in SDP (RFC 4568): what phones are offered and answered under each policy.

use media::plan::{
    Agreed, Refusal, accept_browser_answer, accept_phone_answer, accept_reinvite_answer,
    browser_offer, can_be_encrypted, current_offer, delayed_phone_offer, phone_offer, reinvite,
    repeated,
};
use media::sdp::{PhoneDescription, SdpError};
use media::{PhoneLocal, SrtpLocal, SrtpPolicy};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, browser, browser_local, has,
    media_lines, phone_local, policy,
};

const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const OTHER_KEY: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn local(policy: SrtpPolicy) -> PhoneLocal {
    PhoneLocal {
        srtp: SrtpLocal::new(policy, [3; 32]),
        ..phone_local()
    }
}

fn read(policy: SrtpPolicy, sdp: &str) -> PhoneDescription {
    PhoneDescription::parse_under(policy, sdp).expect("a phone's description")
}

/// The same description with another protocol and further lines behind its `m=`.
fn with(sdp: &str, protocol: &str, lines: &[String]) -> String {
    let mut text = String::new();
    for line in sdp.lines() {
        if line.starts_with("m=audio") {
            text += &line.replace("RTP/AVP", protocol);
            for more in lines {
                text += "\r\na=crypto:";
                text += more;
            }
        } else {
            text += line;
        }
        text += "\r\n";
    }
    text
}

fn crypto(sdp: &str) -> Vec<&str> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=crypto:"))
        .collect()
}

fn offered(srtp: SrtpPolicy) -> String {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &local(srtp)).expect("offer");
    offer.text().to_owned()
}

fn called(srtp: SrtpPolicy, answer: &str) -> Result<Agreed, Refusal> {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &local(srtp))?;
    accept_phone_answer(&browser, &offer, &read(srtp, answer), &policy())
}

fn calling(srtp: SrtpPolicy, offer: &str) -> Result<Agreed, Refusal> {
    let phone = read(srtp, offer);
    let offer = browser_offer(Some(&phone), &policy(), &browser_local())?;
    let answer = browser(CHROMIUM_ANSWER);
    accept_browser_answer(&phone, &offer, &answer, &policy(), &local(srtp))
}

fn is_encrypted(agreed: &Agreed) -> bool {
    agreed.phone_remote.expect("an address").srtp.is_some()
}

#[test]
fn each_policy_has_its_offer() {
    let off = offered(SrtpPolicy::Off);
    assert!(media_lines(&off)[0].contains(" RTP/AVP "));
    assert!(crypto(&off).is_empty());
    for (srtp, protocol) in [
        (SrtpPolicy::Optional, " RTP/AVP "),
        (SrtpPolicy::Required, " RTP/SAVP "),
    ] {
        let offer = offered(srtp);
        assert!(media_lines(&offer)[0].contains(protocol), "{offer}");
        let suites: Vec<_> = crypto(&offer)
            .iter()
            .map(|line| line.split(" inline:").next().expect("a line").to_owned())
            .collect();
        let expected = [
            "1 AEAD_AES_128_GCM",
            "2 AES_CM_128_HMAC_SHA1_80",
            "3 AEAD_AES_256_GCM",
        ];
        assert_eq!(suites, expected);
        let again = offered(srtp);
        assert_eq!(
            offer, again,
            "an offer that is made again has the same keys"
        );
    }
}

#[test]
fn an_offer_still_fits_into_a_datagram() {
    let length = offered(SrtpPolicy::Required).len();
    assert!(length < 800, "{length}");
}

#[test]
fn an_answer_is_taken_by_its_tag() {
    let lines = [format!("2 AES_CM_128_HMAC_SHA1_80 {KEY}")];
    for (srtp, protocol) in [
        (SrtpPolicy::Optional, "RTP/AVP"),
        (SrtpPolicy::Required, "RTP/SAVP"),
    ] {
        let agreed = called(srtp, &with(ASTERISK_ANSWER, protocol, &lines)).expect("agreed");
        assert!(is_encrypted(&agreed));
        let later = current_offer(&agreed, &local(srtp));
        assert_eq!(crypto(later.text()).len(), 1, "the one that was chosen");
        assert!(crypto(later.text())[0].starts_with("2 AES_CM_128_HMAC_SHA1_80 "));
        assert!(
            offered(srtp).contains(crypto(later.text())[0]),
            "the same key"
        );
    }
}

#[test]
fn nothing_plain_is_taken_where_encryption_is_required() {
    assert_eq!(Refusal::NotEncrypted.status(), (488, "SRTP Required"));
    let wrong_tag = [format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}")];
    for answer in [
        ASTERISK_ANSWER.to_owned(),
        with(ASTERISK_ANSWER, "RTP/SAVP", &[]),
        with(ASTERISK_ANSWER, "RTP/SAVP", &wrong_tag),
    ] {
        let refused = called(SrtpPolicy::Required, &answer);
        assert_eq!(refused.err(), Some(Refusal::NotEncrypted), "{answer}");
    }
    let refused = calling(SrtpPolicy::Required, BARESIP_OFFER);
    assert_eq!(refused.err(), Some(Refusal::NotEncrypted));
    let phone = read(SrtpPolicy::Required, BARESIP_OFFER);
    let early = can_be_encrypted(&phone, &local(SrtpPolicy::Required));
    assert_eq!(early, Err(Refusal::NotEncrypted), "before anybody rings");
}

#[test]
fn an_optional_offer_is_plain_with_phones_that_know_no_keys() {
    let agreed = called(SrtpPolicy::Optional, ASTERISK_ANSWER).expect("agreed");
    assert!(!is_encrypted(&agreed));
    let later = current_offer(&agreed, &local(SrtpPolicy::Optional));
    assert!(crypto(later.text()).is_empty());
    let agreed = calling(SrtpPolicy::Optional, BARESIP_OFFER).expect("agreed");
    assert!(!is_encrypted(&agreed));
}

#[test]
fn the_first_line_that_we_can_do_is_answered_with_its_tag_and_protocol() {
    let lines = [
        format!("7 F8_128_HMAC_SHA1_80 {KEY}"),
        format!("8 AES_CM_128_HMAC_SHA1_80 {KEY}|2^20|1:4"),
        format!("9 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTCP"),
        format!("10 AES_CM_128_HMAC_SHA1_32 {KEY}|2^31"),
        format!("11 AES_CM_128_HMAC_SHA1_80 {KEY}"),
    ];
    for srtp in [SrtpPolicy::Optional, SrtpPolicy::Required] {
        for protocol in ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"] {
            let agreed = calling(srtp, &with(BARESIP_OFFER, protocol, &lines)).expect("agreed");
            assert!(is_encrypted(&agreed));
            let answer = agreed.phone_sdp();
            assert!(
                media_lines(answer)[0].contains(&format!(" {protocol} ")),
                "{answer}"
            );
            let ours = crypto(answer);
            assert_eq!(ours.len(), 1);
            assert!(
                ours[0].starts_with("10 AES_CM_128_HMAC_SHA1_32 inline:"),
                "{ours:?}"
            );
            assert!(!answer.contains(KEY), "our own key, not theirs");
        }
    }
}

#[test]
fn where_it_is_off_keys_are_not_looked_at() {
    let lines = [format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}")];
    let agreed = calling(SrtpPolicy::Off, &with(BARESIP_OFFER, "RTP/AVP", &lines));
    let agreed = agreed.expect("agreed");
    assert!(!is_encrypted(&agreed));
    assert!(crypto(agreed.phone_sdp()).is_empty());
    let secure = with(BARESIP_OFFER, "RTP/SAVP", &lines);
    let refused = PhoneDescription::parse_under(SrtpPolicy::Off, secure);
    assert_eq!(refused.err(), Some(SdpError::WrongProtocol));
}

#[test]
fn of_a_plain_and_an_encrypted_section_the_policy_takes_its_own() {
    let lines = [format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}")];
    let secure = with(BARESIP_OFFER, "RTP/SAVP", &lines);
    let plain = BARESIP_OFFER.find("m=audio").expect("audio");
    let both = format!("{secure}{}", &BARESIP_OFFER[plain..]);
    assert_eq!(read(SrtpPolicy::Off, &both).audio, 1);
    assert_eq!(read(SrtpPolicy::Optional, &both).audio, 0);
    assert_eq!(read(SrtpPolicy::Required, &both).audio, 0);
    let agreed = calling(SrtpPolicy::Optional, &both).expect("agreed");
    assert!(is_encrypted(&agreed));
    assert!(media_lines(agreed.phone_sdp())[1].contains(" 0 RTP/AVP"));
}

#[test]
fn an_encrypted_section_that_we_cannot_do_leaves_the_plain_one() {
    let lines = ["1 F8_128_HMAC_SHA1_80 inline:d2hhdGV2ZXI=".to_owned()];
    let secure = with(BARESIP_OFFER, "RTP/SAVP", &lines);
    let plain = BARESIP_OFFER.find("m=audio").expect("audio");
    let both = format!("{secure}{}", &BARESIP_OFFER[plain..]);
    let agreed = calling(SrtpPolicy::Optional, &both).expect("agreed");
    assert!(!is_encrypted(&agreed));
    assert_eq!(
        calling(SrtpPolicy::Required, &both),
        Err(Refusal::NotEncrypted)
    );
}

#[test]
fn our_key_stays_when_the_phone_changes_its_own_and_holds() {
    let srtp = SrtpPolicy::Required;
    let lines = [format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}")];
    let offer = with(BARESIP_OFFER, "RTP/SAVP", &lines);
    let call = calling(srtp, &offer).expect("agreed");
    let ours = crypto(call.phone_sdp())[0].to_owned();
    let first = call.phone_remote.expect("an address").srtp;

    let same = reinvite(&call, &read(srtp, &offer), &policy(), &local(srtp)).expect("agreed");
    assert_eq!(same.phone_sdp(), call.phone_sdp());
    assert_eq!(same.phone_remote.expect("an address").srtp, first);

    let held = with(
        BARESIP_OFFER,
        "RTP/SAVP",
        &[format!("1 AES_CM_128_HMAC_SHA1_80 {OTHER_KEY}")],
    )
    .replace("a=sendrecv", "a=sendonly");
    let held = reinvite(&same, &read(srtp, &held), &policy(), &local(srtp)).expect("agreed");
    assert_eq!(crypto(held.phone_sdp()), [ours.as_str()]);
    assert_ne!(held.phone_remote.expect("an address").srtp, first);

    let plain = reinvite(&held, &read(srtp, BARESIP_OFFER), &policy(), &local(srtp));
    assert_eq!(
        plain.err(),
        Some(Refusal::NotEncrypted),
        "no way back to plain"
    );

    let ask = current_offer(&held, &local(srtp));
    assert!(has(ask.text(), &format!("a=crypto:{ours}")));
    let answer = with(ASTERISK_ANSWER, "RTP/SAVP", &lines);
    let asked = accept_reinvite_answer(&held, &ask, &read(srtp, &answer), &policy());
    assert!(is_encrypted(&asked.expect("agreed")));
}

#[test]
fn a_phone_that_comes_back_to_encryption_or_to_a_suite_gets_another_key_of_ours() {
    let srtp = SrtpPolicy::Optional;
    let offered = |suite: &str, key: &str| {
        let lines = [format!("1 {suite} {key}")];
        read(srtp, &with(BARESIP_OFFER, "RTP/AVP", &lines))
    };
    let (long, short) = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32");
    let again = |before: &Agreed, offer: &PhoneDescription| {
        reinvite(before, offer, &policy(), &local(srtp)).expect("agreed")
    };
    let ours = |agreed: &Agreed| crypto(agreed.phone_sdp())[0].to_owned();
    let lines = [format!("1 {long} {KEY}")];
    let first = calling(srtp, &with(BARESIP_OFFER, "RTP/AVP", &lines)).expect("agreed");

    let plain = again(&first, &read(srtp, BARESIP_OFFER));
    assert!(!is_encrypted(&plain));
    let back = again(&plain, &offered(long, OTHER_KEY));
    assert!(is_encrypted(&back));
    assert_ne!(ours(&back), ours(&first));
    let kept = again(&back, &offered(long, OTHER_KEY));
    assert_eq!(ours(&kept), ours(&back));
    let kept = again(&back, &offered(long, KEY));
    assert_eq!(ours(&kept), ours(&back), "ours is in use");

    let other = again(&first, &offered(short, KEY));
    let back = again(&other, &offered(long, OTHER_KEY));
    assert_ne!(ours(&back), ours(&first));
}

#[test]
fn a_refresh_may_bring_a_new_key_of_the_phone_but_not_none() {
    let srtp = SrtpPolicy::Required;
    let answer = |key: &str| {
        let lines = [format!("2 AES_CM_128_HMAC_SHA1_80 {key}")];
        with(ASTERISK_ANSWER, "RTP/SAVP", &lines)
    };
    let call = called(srtp, &answer(KEY)).expect("agreed");
    let again = |sdp: &str| repeated(&call, &read(srtp, sdp), &policy(), &local(srtp));
    assert_eq!(again(&answer(KEY)).expect("agreed"), call);
    assert_ne!(again(&answer(OTHER_KEY)).expect("agreed"), call);
    assert_eq!(again(ASTERISK_ANSWER).err(), Some(Refusal::NotEncrypted));
}

#[test]
fn forks_answer_with_keys_of_their_own_to_the_same_key_of_ours() {
    let srtp = SrtpPolicy::Required;
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &local(srtp)).expect("offer");
    let answered = |tag_and_suite: &str, key: &str| {
        let lines = [format!("{tag_and_suite} {key}")];
        let answer = with(ASTERISK_ANSWER, "RTP/SAVP", &lines);
        accept_phone_answer(&browser, &offer, &read(srtp, &answer), &policy()).expect("agreed")
    };
    let one = answered("2 AES_CM_128_HMAC_SHA1_80", KEY);
    let other = answered("2 AES_CM_128_HMAC_SHA1_80", OTHER_KEY);
    assert_ne!(one.phone_remote, other.phone_remote);
    let ours = |agreed: &Agreed| crypto(current_offer(agreed, &local(srtp)).text())[0].to_owned();
    assert_eq!(ours(&one), ours(&other));
}

#[test]
fn an_offer_that_the_phone_asked_for_has_keys_too() {
    let srtp = SrtpPolicy::Required;
    let asked = browser_offer(None, &policy(), &browser_local()).expect("offer");
    let browser = browser(CHROMIUM_ANSWER);
    let _exchange = asked.answered(&browser);
    let offer = delayed_phone_offer(&browser, &policy(), &local(srtp)).expect("offer");
    assert_eq!(crypto(offer.text()).len(), 3);
    let lines = [format!("1 AEAD_AES_128_GCM inline:{}", "A".repeat(38))];
    let answer = with(ASTERISK_ANSWER, "RTP/SAVP", &lines);
    let agreed = accept_phone_answer(&browser, &offer, &read(srtp, &answer), &policy());
    assert!(is_encrypted(&agreed.expect("agreed")));
    let refused = accept_phone_answer(&browser, &offer, &read(srtp, ASTERISK_ANSWER), &policy());
    assert_eq!(refused.err(), Some(Refusal::NotEncrypted));
}
