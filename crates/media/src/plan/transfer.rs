//! Another phone in the place of the one a browser talks with: its leg is new, the browser's side
//! stays as it is. The codec that the browser was told has to stay too.

use super::incoming::{Before, answer_phone};
use super::text::{PhoneContent, PhoneText};
use super::{Agreed, Exchange, PhoneOffer, Policy, Refusal, own};
use crate::endpoints::PhoneLocal;
use crate::sdp::{MediaLine, PhoneDescription};

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
