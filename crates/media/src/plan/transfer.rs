//! Another phone in the place of the one a browser talks with: its leg is new, the browser's side
//! stays as it is. The codec that the browser was told has to stay too; a browser that has been
//! told nothing takes what its offer and the other phone's have in common.

use super::incoming::{Before, answer_phone};
use super::side::Side;
use super::text::{PhoneContent, PhoneText};
use super::{Agreed, Exchange, PhoneOffer, Policy, Refusal, own};
use crate::endpoints::PhoneLocal;
use crate::sdp::{BrowserDescription, MediaLine, PhoneDescription};

/// The first offer to another phone, from a leg of its own: the agreed codec alone. Its answer
/// goes to [`accept_reinvite_answer`](super::accept_reinvite_answer).
pub fn offer_to_another(current: &Agreed, local: &PhoneLocal) -> PhoneOffer {
    let browser = &current.browser;
    let formats = own::for_another_phone(current.codec(), browser);
    let media = vec![MediaLine {
        media: "audio".to_owned(),
        port: local.rtp.port(),
        protocol: "RTP/AVP".to_owned(),
        formats: Vec::new(),
    }];
    let content = PhoneContent {
        local,
        media: &media,
        audio: 0,
        formats: &formats,
        direction: current.hold.wish(browser.direction),
        ptime: browser.ptime.or(current.phone.ptime),
        maxptime: browser.maxptime,
        rtcp_mux: false,
    };
    let text = PhoneText::next(None, &content);
    PhoneOffer {
        exchange: Exchange {
            text,
            media,
            audio: 0,
        },
        formats,
        local: local.rtp,
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
    let codec = current.codec();
    if offer.formats.codec(codec).is_none() {
        return Err(Refusal::CodecGone);
    }
    let before = Before {
        exchange: None,
        hold: current.hold,
    };
    answer_phone(codec, current.browser.clone(), offer, policy, local, before)
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
    let mut codecs = policy.codecs_of(&phone.formats).into_iter();
    let codec = codecs.find(|codec| browser.formats.codec(*codec).is_some());
    let codec = codec.ok_or(Refusal::NoCommonCodec)?;
    let times = (browser.ptime, browser.maxptime);
    let side = Side::new(codec, &browser.formats, &[], browser.direction, times);
    let side = side.ok_or(Refusal::NoCommonCodec)?;
    answer_phone(codec, side, phone, policy, local, Before::default())
}
