//! Incoming call: the phone offers, the browser answers.

use super::remote::{direction, phone_remote};
use super::side::Side;
use super::text::{BrowserContent, BrowserText, PhoneContent, PhoneText};
use super::{Agreed, BrowserExchange, BrowserOffer, Exchange, Hold, Policy, Refusal, own};
use crate::codec::AudioCodec;
use crate::endpoints::{BrowserLocal, PhoneLocal};
use crate::sdp::{
    BrowserDescription, Direction, Formats, MediaAddress, MediaLine, PhoneDescription, Setup,
    UnsafeAddress,
};

/// The offer to a browser for a phone's offer, with codecs of the phone alone; for an INVITE
/// without one (`None`), with G.711, which every phone has. Whatever the phone's direction is just now, the browser is
/// asked for both ways: a hold is a matter of the relay.
///
/// # Errors
/// [`Refusal::NoCommonCodec`], or an address that we do not send to.
pub fn browser_offer(
    phone: Option<&PhoneDescription>,
    policy: &Policy,
    local: &BrowserLocal,
) -> Result<BrowserOffer, Refusal> {
    let none = Formats::default();
    let (codecs, described) = match phone {
        Some(phone) => {
            // Better refused before the browser rings than after it has answered.
            match phone.address {
                MediaAddress::At(rtp) => policy.addresses.check(rtp).map_err(Refusal::Address)?,
                MediaAddress::Unspecified => {}
                MediaAddress::Unusable => {
                    return Err(Refusal::Address(UnsafeAddress::NoAddress));
                }
            }
            (policy.codecs_of(&phone.formats), &phone.formats)
        }
        None => (policy.common_codecs(), &none),
    };
    if codecs.is_empty() {
        return Err(Refusal::NoCommonCodec);
    }
    let formats = own::for_browser(&codecs, described);
    let line = MediaLine {
        media: "audio".to_owned(),
        port: 9,
        protocol: "UDP/TLS/RTP/SAVPF".to_owned(),
        formats: Vec::new(),
    };
    let media = vec![(line, Some("0".to_owned()))];
    let content = BrowserContent {
        local,
        media: &media,
        audio: 0,
        bundle: true,
        setup: Setup::Actpass,
        formats: &formats,
        direction: Direction::SendRecv,
        ptime: phone.and_then(|phone| phone.ptime),
        maxptime: phone.and_then(|phone| phone.maxptime),
    };
    let text = BrowserText::next(None, &content);
    Ok(BrowserOffer {
        text,
        formats,
        media,
        audio: 0,
    })
}

impl BrowserOffer {
    /// Where the browser leg has come to with this answer.
    #[must_use]
    pub fn answered(&self, answer: &BrowserDescription) -> BrowserExchange {
        BrowserExchange {
            text: self.text.clone(),
            media: self.media.clone(),
            audio: self.audio,
            remote: answer.remote(),
        }
    }
}

/// Takes the browser's answer to [`browser_offer`]: the first codec that both accepted.
/// [`Agreed::phone_sdp`] is the answer to the phone.
///
/// # Errors
/// The browser accepted nothing of the phone's, or the phone's address is unusable.
pub fn accept_browser_answer(
    phone: &PhoneDescription,
    offer: &BrowserOffer,
    answer: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    let (codec, browser) = chosen(phone, offer, answer)?;
    let before = Before::default();
    answer_phone(codec, browser, phone, policy, local, before)
}

/// The codec that a browser's answer has chosen of a phone's offer, and its side of it.
pub(super) fn chosen(
    phone: &PhoneDescription,
    offer: &BrowserOffer,
    answer: &BrowserDescription,
) -> Result<(AudioCodec, Side), Refusal> {
    if answer.audio != offer.audio {
        return Err(Refusal::MismatchedAnswer);
    }
    let usable = |codec: &AudioCodec| {
        offer.formats.iter().any(|format| format.is_codec(*codec))
            && phone.formats.codec(*codec).is_some()
    };
    let codec = answer.formats.codecs().map(|(codec, _)| codec).find(usable);
    let codec = codec.ok_or(Refusal::NoCommonCodec)?;
    let times = (answer.ptime, answer.maxptime);
    let (formats, direction) = (&answer.formats, answer.direction);
    let side = Side::new(codec, formats, &offer.formats, direction, times);
    Ok((codec, side.ok_or(Refusal::NoCommonCodec)?))
}

/// What an answer to the phone has to keep of the session so far.
#[derive(Default)]
pub(super) struct Before<'a> {
    /// Our last description on that leg.
    pub(super) exchange: Option<&'a Exchange>,
    pub(super) hold: Hold,
}

/// Answers an offer of the phone with the agreed codec.
pub(super) fn answer_phone(
    codec: AudioCodec,
    browser: Side,
    offer: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
    before: Before<'_>,
) -> Result<Agreed, Refusal> {
    let remote = phone_remote(offer, policy, local.rtp, offer.rtcp_mux)?;
    let comfort_noise = browser.comfort_noise.is_some();
    let formats = own::for_answer(codec, browser.fmtp.clone(), &offer.formats, comfort_noise);
    let times = (offer.ptime, offer.maxptime);
    let phone = Side::new(codec, &offer.formats, &formats, direction(offer), times);
    let phone = phone.ok_or(Refusal::NoCommonCodec)?;
    let content = PhoneContent {
        local,
        media: &offer.media,
        audio: offer.audio,
        formats: &formats,
        direction: before
            .hold
            .wish(browser.direction)
            .and(phone.direction.reversed()),
        ptime: browser.ptime.or(offer.ptime),
        maxptime: browser.maxptime,
        rtcp_mux: offer.rtcp_mux,
    };
    let text = PhoneText::next(before.exchange.map(|exchange| &exchange.text), &content);
    let exchange = Exchange {
        text,
        media: offer.media.clone(),
        audio: offer.audio,
    };
    let hold = before.hold;
    Ok(Agreed::new(codec, browser, phone, remote, exchange, hold))
}
