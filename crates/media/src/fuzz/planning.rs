//! Descriptions that meet: two of them under a route, and lines of keys.

use super::{BROWSER, Ours, PHONE, assert_answer, assert_for_browser, assert_lines};
use crate::codec::AudioCodec;
use crate::endpoints::PhoneLocal;
use crate::plan::{
    Agreed, CodecPolicy, Hold, PhoneSide, Policy, Route, Transcoding, accept_browser_answer,
    accept_browser_change, accept_phone_answer, accept_reinvite_answer, answer_another,
    browser_answer, browser_offer, browser_reoffer, can_be_encrypted, current_offer, hold_offer,
    join_offers, offer_to_another, phone_offer, reinvite, repeated,
};
use crate::sdp::{BrowserDescription, PhoneDescription};
use crate::srtp::{SrtpLocal, SrtpPolicy};

/// A line of keys, as it stands behind `a=crypto:`, in a phone's offer: what is read is written
/// and read again as the same, an answer takes one of the lines and shows no key of the phone's,
/// and where encryption is off nobody looks.
pub fn crypto(bytes: &[u8]) {
    let line = String::from_utf8_lossy(bytes);
    for protocol in ["RTP/AVP", "RTP/SAVP"] {
        let text = PHONE.replace("RTP/AVP", protocol) + "a=crypto:" + &line + "\r\n";
        for policy in [SrtpPolicy::Off, SrtpPolicy::Optional, SrtpPolicy::Required] {
            let Ok(phone) = PhoneDescription::parse_under(policy, &text) else {
                continue;
            };
            for crypto in &phone.crypto {
                let again = format!("{PHONE}a=crypto:{crypto}\r\n");
                let again = PhoneDescription::parse_under(SrtpPolicy::Optional, again);
                assert_eq!(again.expect("we read what we write").crypto, [*crypto]);
            }
            let mut ours = Ours::new(Route::default());
            ours.phone.srtp = SrtpLocal::new(policy, [9; 32]);
            let offer = browser_offer(Some(&phone), &ours.policy, &ours.browser);
            let browser = BrowserDescription::parse(BROWSER).expect("well-formed");
            let agreed = offer.and_then(|offer| {
                accept_browser_answer(&phone, &offer, &browser, &ours.policy, &ours.phone)
            });
            if let Ok(agreed) = agreed {
                assert_keys(&agreed, &ours.phone);
            }
        }
    }
}

/// What was agreed for audio is what we would say of its keys from now on.
fn assert_keys(agreed: &Agreed, local: &PhoneLocal) {
    let keys = agreed.phone_remote.and_then(|remote| remote.srtp);
    let offer = current_offer(agreed, local);
    let sections = offer.text().split("\r\nm=");
    let audio = sections
        .filter(|section| section.starts_with("audio ") && !section.starts_with("audio 0 "));
    let lines = audio.map(|section| section.matches("\r\na=crypto:").count());
    let lines = lines.sum::<usize>();
    if agreed.phone_remote.is_some() {
        assert_eq!(lines, usize::from(keys.is_some()));
    }
    match local.srtp.policy {
        SrtpPolicy::Off => assert_eq!(lines, 0),
        SrtpPolicy::Required => assert_eq!(lines, 1),
        SrtpPolicy::Optional => {}
    }
    if let Some(keys) = keys {
        assert_eq!(keys.local.profile(), keys.remote.profile());
        assert_ne!(keys.local, keys.remote);
    }
}

/// A browser's and a phone's description, behind two bytes that choose the route and parted by a
/// zero: all that becomes of them in a call. What cannot be read is replaced by one that can.
pub fn plan(bytes: &[u8]) {
    let &[route, keys, ref texts @ ..] = bytes else {
        return;
    };
    let parted = texts.iter().position(|byte| *byte == 0);
    let (browser, phone) = texts.split_at(parted.unwrap_or(texts.len()));
    let phone = phone.get(1..).unwrap_or_default();
    let srtp = [SrtpPolicy::Off, SrtpPolicy::Optional, SrtpPolicy::Required];
    let srtp = srtp[usize::from(keys) % srtp.len()];
    let mut ours = Ours::new(route_of(route));
    ours.phone.srtp = SrtpLocal::new(srtp, [9; 32]);
    let browser = BrowserDescription::parse(browser)
        .unwrap_or_else(|_| BrowserDescription::parse(BROWSER).expect("well-formed"));
    let phone = PhoneDescription::parse_under(srtp, phone).or_else(|_| {
        let protocol = ["RTP/AVP", "RTP/SAVP"][usize::from(srtp == SrtpPolicy::Required)];
        let key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:";
        let text = PHONE.replace("RTP/AVP", protocol) + key + &"A".repeat(40) + "\r\n";
        PhoneDescription::parse_under(srtp, text)
    });
    let phone = phone.expect("well-formed");
    Meeting {
        ours,
        srtp,
        browser,
        phone,
    }
    .play();
}

fn route_of(choice: u8) -> Route {
    Route {
        codecs: match choice & 3 {
            0 => CodecPolicy::Offerer,
            1 => CodecPolicy::Listed(vec![AudioCodec::Pcma, AudioCodec::Opus]),
            2 => CodecPolicy::Listed(vec![AudioCodec::G722]),
            _ => CodecPolicy::Listed(Vec::new()),
        },
        transcoding: match choice >> 2 & 3 {
            0 => Transcoding::Never,
            1 => Transcoding::OpusForBrowsers,
            _ => Transcoding::LastResort,
        },
        ptime: [None, Some(10), Some(30), Some(60)][usize::from(choice >> 4 & 3)],
        ..Route::default()
    }
}

struct Meeting {
    ours: Ours,
    srtp: SrtpPolicy,
    browser: BrowserDescription,
    phone: PhoneDescription,
}

impl Meeting {
    fn play(&self) {
        let Self {
            ours,
            browser,
            phone,
            ..
        } = self;
        let (policy, local) = (&ours.policy, &ours.phone);
        if let Ok(offer) = phone_offer(browser, policy, local) {
            self.assert_for_phone(offer.text());
            if let Ok(agreed) = accept_phone_answer(browser, &offer, phone, policy) {
                let exchange = browser_answer(browser, &agreed, &ours.browser);
                assert_answer(browser, exchange.text());
                self.go_on(&agreed);
                self.change_browser(&agreed, &exchange);
            }
        }
        let early = can_be_encrypted(phone, local);
        if let Ok(offer) = browser_offer(Some(phone), policy, &ours.browser) {
            assert_for_browser(offer.text(), 1 + usize::from(phone.video.is_some()));
            if let Ok(agreed) = accept_browser_answer(phone, &offer, browser, policy, local) {
                assert_eq!(early, Ok(()));
                self.go_on(&agreed);
                self.change_browser(&agreed, &offer.answered(browser));
            }
        }
        if let Ok(agreed) = join_offers(browser, phone, policy, local) {
            self.go_on(&agreed);
        }
    }

    /// What the phone, or another one, may want later.
    fn go_on(&self, agreed: &Agreed) {
        let (policy, local, phone) = (&self.ours.policy, &self.ours.phone, &self.phone);
        self.assert_agreed(agreed, policy);
        if let Ok(again) = reinvite(agreed, phone, policy, local) {
            self.assert_agreed(&again, policy);
            assert_eq!(again.codec(), agreed.codec());
        }
        if let Ok(again) = repeated(agreed, phone, policy, local) {
            assert_eq!(again.codec(), agreed.codec());
        }
        for hold in [Hold::On, Hold::Off] {
            let offer = hold_offer(agreed, hold, local);
            assert_lines(offer.text());
            let held = accept_reinvite_answer(agreed, &offer, phone, policy);
            if let (Ok(held), Hold::On) = (held, hold) {
                assert!(!held.relay.to_phone.open);
            }
        }
        let mut other = local.clone();
        other.srtp = SrtpLocal::new(self.srtp, [10; 32]);
        let offer = offer_to_another(agreed, policy, &other);
        self.assert_for_phone(offer.text());
        if let Ok(taken) = accept_reinvite_answer(agreed, &offer, phone, policy) {
            assert_eq!(taken.codec(), agreed.codec());
        }
        if let Ok(taken) = answer_another(agreed, phone, policy, &other) {
            self.assert_agreed(&taken, policy);
        }
    }

    /// What the page, or the phone from the page, may want later.
    fn change_browser(&self, agreed: &Agreed, exchange: &crate::plan::BrowserExchange) {
        let Self {
            ours,
            browser,
            phone,
            ..
        } = self;
        let (policy, local) = (&ours.policy, &ours.phone);
        if let Ok(update) = exchange.reoffered(browser.clone()) {
            match update.phone_side(agreed, policy, local) {
                Ok(PhoneSide::Unchanged(same)) => {
                    assert_eq!(same.codec(), agreed.codec());
                    let answer = update.answer(exchange, &same, &ours.browser);
                    assert_answer(browser, answer.text());
                }
                Ok(PhoneSide::Offer(offer)) => {
                    assert_lines(offer.text());
                    if let Ok(agreed) = update.accept_phone_answer(&offer, phone, policy) {
                        let answer = update.answer(exchange, &agreed, &ours.browser);
                        assert_answer(browser, answer.text());
                    }
                }
                Err(_) => {}
            }
        }
        if let Ok(offer) = browser_reoffer(phone, exchange, agreed, policy, &ours.browser) {
            assert_lines(offer.text());
            let taken =
                accept_browser_change(agreed, exchange, phone, &offer, browser, policy, local);
            if let Ok((agreed, _)) = taken {
                self.assert_agreed(&agreed, policy);
            }
        }
    }

    fn assert_agreed(&self, agreed: &Agreed, policy: &Policy) {
        self.assert_for_phone(agreed.phone_sdp());
        assert_keys(agreed, &self.ours.phone);
        assert!(policy.route.allows(agreed.phone_codec()));
        assert!(policy.route.transcodes() || agreed.codec() == agreed.phone_codec());
        let offer = current_offer(agreed, &self.ours.phone);
        self.assert_for_phone(offer.text());
    }

    fn assert_for_phone(&self, text: &str) {
        assert_lines(text);
        PhoneDescription::parse_under(self.srtp, text).expect("we write what we can read");
        let keys = text.contains("\r\na=crypto:");
        match self.srtp {
            SrtpPolicy::Off => assert!(!keys),
            SrtpPolicy::Required => assert!(keys),
            SrtpPolicy::Optional => {}
        }
    }
}
