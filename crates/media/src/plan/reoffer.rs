//! Offers within a call, on the phone leg (RFC 3264 §8): hold, resume, another address or list of
//! codecs. The browser was told one codec for good, so that codec has to stay.

use super::incoming::answer_phone;
use super::text::{PhoneContent, PhoneText};
use super::{Agreed, Exchange, PhoneOffer, Policy, Refusal, own};
use crate::endpoints::PhoneLocal;
use crate::sdp::PhoneDescription;

/// Answers a later offer of the phone. [`Agreed::phone_sdp`] of the result is the answer; added
/// media are refused in it. Give its relay to the worker, its far end to the phone leg.
///
/// # Errors
/// The offer cannot be met; the call goes on as it was.
pub fn reinvite(
    current: &Agreed,
    offer: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    let codec = current.codec();
    if offer.formats.codec(codec).is_none() {
        return Err(Refusal::CodecGone);
    }
    let browser = current.browser.clone();
    answer_phone(
        codec,
        browser,
        offer,
        policy,
        local,
        Some(&current.exchange.text),
    )
}

/// Our own later offer with the agreed codec alone, and both ways if the browser is able: the
/// answer to a re-INVITE without an offer, or a re-INVITE of ours that locks the codec. The
/// phone's answer goes to [`accept_reinvite_answer`].
pub fn current_offer(current: &Agreed, local: &PhoneLocal) -> PhoneOffer {
    let formats = own::for_reoffer(current.codec(), &current.browser, &current.phone);
    let Exchange { text, media, audio } = &current.exchange;
    let content = PhoneContent {
        local,
        media,
        audio: *audio,
        formats: &formats,
        direction: current.browser.direction,
        ptime: current.browser.ptime.or(current.phone.ptime),
        maxptime: current.browser.maxptime,
        rtcp_mux: false,
    };
    let text = PhoneText::next(Some(text), &content);
    let exchange = Exchange {
        text,
        media: media.clone(),
        audio: *audio,
    };
    PhoneOffer {
        exchange,
        formats,
        local: local.rtp,
    }
}

/// Takes the phone's answer to [`current_offer`].
///
/// # Errors
/// The phone no longer accepts the agreed codec, or an address of it is unusable.
pub fn accept_reinvite_answer(
    current: &Agreed,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
) -> Result<Agreed, Refusal> {
    let codec = current.codec();
    if answer.formats.codec(codec).is_none() {
        return Err(Refusal::CodecGone);
    }
    offer.answered(codec, current.browser.clone(), answer, policy)
}
