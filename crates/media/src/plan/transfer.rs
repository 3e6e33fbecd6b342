//! Another phone in the place of the one a browser talks with: its leg is new, the browser's side
//! stays as it is. The codec that the browser was told has to stay too, and is transcoded where
//! that is allowed and the phone cannot speak it; a browser that has been
//! told nothing takes what its offer and the other phone's have in common.

use super::abilities::Abilities;
use super::decide::Party;
use super::incoming::{Before, answer_phone};
use super::security::Security;
use super::side::Side;
use super::text::{PhoneContent, PhoneText};
use super::video::{self, VideoSide};
use super::{Agreed, Exchange, PhoneOffer, Policy, Refusal, own};
use crate::endpoints::PhoneLocal;
use crate::sdp::{BrowserDescription, MediaLine, PhoneDescription};

/// The first offer to another phone, from a leg of its own: the agreed codec, and those that it
/// can be transcoded to. Its answer goes to
/// [`accept_reinvite_answer`](super::accept_reinvite_answer).
pub fn offer_to_another(current: &Agreed, policy: &Policy, local: &PhoneLocal) -> PhoneOffer {
    let browser = &current.browser;
    let formats = own::for_another_phone(&policy.codecs_beside(browser.codec), browser);
    let (ptime, maxptime) = current.times_for_phone();
    let security = Security::offered(&local.srtp);
    let mut media = vec![MediaLine {
        media: "audio".to_owned(),
        port: local.rtp.port(),
        protocol: security.protocol().to_owned(),
        formats: Vec::new(),
    }];
    let video = video::first_offer(browser, current.hold, &mut media, local);
    let content = PhoneContent {
        local,
        media: &media,
        audio: 0,
        video: video.as_ref(),
        formats: &formats,
        direction: current.hold.wish(browser.direction),
        ptime,
        maxptime,
        rtcp_mux: false,
        security: &security,
    };
    let text = PhoneText::next(None, &content);
    PhoneOffer {
        exchange: Exchange {
            text,
            media,
            audio: 0,
            security,
        },
        formats,
        video: video.map(Box::new),
        local: Box::new(local.clone()),
        hold: current.hold,
    }
}

/// Answers another phone's first offer, from a leg of its own.
///
/// # Errors
/// It does not have the agreed codec, or an address of it is unusable.
pub fn answer_another(
    current: &Agreed,
    offer: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    let pair = current.pair_with(&offer.abilities(), policy)?;
    let before = Before {
        exchange: None,
        hold: current.hold,
        video: None,
    };
    answer_phone(pair, current.browser.clone(), offer, policy, local, before)
}

/// Joins the browser's offer, which nobody has answered, with that of a phone that takes the call
/// over from the one that was called. The browser's answer is
/// [`browser_answer`](super::browser_answer), the phone's [`Agreed::phone_sdp`].
///
/// # Errors
/// They share no codec that is allowed, or an address of the phone is unusable.
pub fn join_offers(
    browser: &BrowserDescription,
    phone: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    let times = (browser.ptime, browser.maxptime);
    let abilities = Abilities::new(&browser.formats, times);
    let wanted = phone.abilities().ordered(&policy.codecs_of(&phone.formats));
    let pair = policy.pair(&abilities, &wanted, Party::Phone)?;
    let (formats, direction) = (&browser.formats, browser.direction);
    let side = Side::new(pair.browser, formats, &[], direction, times);
    let video = browser.video.as_ref().map(VideoSide::of_browser);
    let side = side.ok_or(Refusal::NoCommonCodec)?.with_video(video);
    answer_phone(pair, side, phone, policy, local, Before::default())
}
