//! Keys of the video beside the keys of the audio (RFC 4568).

use media::plan::{Agreed, PhoneSide, accept_phone_answer, browser_answer, phone_offer, reinvite};
use media::sdp::PhoneDescription;
use media::{PhoneLocal, SrtpLocal, SrtpPolicy};

use super::{VP8, local, outgoing, without_video};
use crate::far_ends::{
    BARESIP_ANSWER, BARESIP_OFFER, CHROMIUM_OFFER, browser, browser_local, media_lines, policy,
};

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

fn optional_phone(audio: &str, video: &str) -> PhoneDescription {
    let caller = format!("{BARESIP_OFFER}{audio}{VP8}{video}");
    PhoneDescription::parse_under(SrtpPolicy::Optional, caller).expect("read")
}
