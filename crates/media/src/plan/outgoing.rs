//! Outgoing call: the browser offers, the phone answers.

use super::remote::{direction, phone_remote};
use super::side::Side;
use super::text::{BrowserContent, BrowserText, PhoneContent, PhoneText};
use super::{
    Agreed, BrowserExchange, Exchange, Hold, LaterAnswer, PhoneOffer, Policy, Refusal,
    current_offer, own,
};
use crate::codec::AudioCodec;
use crate::endpoints::{BrowserLocal, BrowserRemote, PhoneLocal};
use crate::sdp::{BrowserDescription, MediaLine, PhoneDescription};

/// The packet time that phones expect to be told.
const PTIME: u16 = 20;

/// The offer to the phone for a browser's offer: only codecs that the browser has, in the
/// policy's order, as plain RTP. Small enough for an INVITE over UDP (RFC 3261 §18.1.1).
///
/// # Errors
/// [`Refusal::NoCommonCodec`] when browser and policy share none.
pub fn phone_offer(
    browser: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<PhoneOffer, Refusal> {
    offer_of(&policy.codecs_of(&browser.formats), browser, local)
}

/// For an INVITE without an offer: the offer that goes into our 200, with the one codec that the
/// browser's answer chose. The phone's answer in the ACK goes to [`accept_phone_answer`], with the
/// browser's answer as its description.
///
/// # Errors
/// The browser accepted nothing of ours.
pub fn delayed_phone_offer(
    answer: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<PhoneOffer, Refusal> {
    let allowed = policy.common_codecs();
    let chosen = answer
        .formats
        .codecs()
        .map(|(codec, _)| codec)
        .find(|codec| allowed.contains(codec));
    offer_of(chosen.as_slice(), answer, local)
}

fn offer_of(
    codecs: &[AudioCodec],
    browser: &BrowserDescription,
    local: &PhoneLocal,
) -> Result<PhoneOffer, Refusal> {
    if codecs.is_empty() {
        return Err(Refusal::NoCommonCodec);
    }
    let formats = own::for_phone(codecs, &browser.formats);
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
        direction: browser.direction,
        ptime: Some(browser.ptime.unwrap_or(PTIME)),
        maxptime: browser.maxptime,
        rtcp_mux: false,
    };
    let text = PhoneText::next(None, &content);
    Ok(PhoneOffer {
        exchange: Exchange {
            text,
            media,
            audio: 0,
        },
        formats,
        local: local.rtp,
        hold: Hold::Off,
    })
}

/// Takes a phone's answer (183 or 200) to [`phone_offer`]. May be called for each early dialog.
/// The phone's most wanted codec wins (RFC 3264 §6.1).
///
/// # Errors
/// The phone accepted nothing that can be relayed: acknowledge, then end the call.
pub fn accept_phone_answer(
    browser: &BrowserDescription,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
) -> Result<Agreed, Refusal> {
    let usable =
        |codec: &AudioCodec| offer.lists(*codec) && browser.formats.codec(*codec).is_some();
    let codec = answer.formats.codecs().map(|(codec, _)| codec).find(usable);
    agree(
        browser,
        offer,
        answer,
        policy,
        codec.ok_or(Refusal::NoCommonCodec)?,
    )
}

/// Takes a further answer once the browser has been answered on the ground of `earlier`: the
/// browser's answer cannot be taken back, so its codec must stay.
///
/// # Errors
/// As [`accept_phone_answer`].
pub fn accept_later_answer(
    browser: &BrowserDescription,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
    earlier: &Agreed,
    local: &PhoneLocal,
) -> Result<LaterAnswer, Refusal> {
    let agreed = accept_phone_answer(browser, offer, answer, policy)?;
    if agreed.codec() == earlier.codec() {
        return Ok(LaterAnswer::Same(Box::new(agreed)));
    }
    match agree(browser, offer, answer, policy, earlier.codec()) {
        Ok(agreed) => Ok(LaterAnswer::Same(Box::new(agreed))),
        Err(_) => Ok(LaterAnswer::OtherCodec(current_offer(earlier, local))),
    }
}

fn agree(
    browser: &BrowserDescription,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
    codec: AudioCodec,
) -> Result<Agreed, Refusal> {
    let times = (browser.ptime, browser.maxptime);
    let side = Side::new(codec, &browser.formats, &[], browser.direction, times);
    offer.answered(codec, side.ok_or(Refusal::NoCommonCodec)?, answer, policy)
}

impl PhoneOffer {
    pub(super) fn lists(&self, codec: AudioCodec) -> bool {
        self.formats.iter().any(|format| format.is_codec(codec))
    }

    /// Joins the phone's answer to this offer with the browser's side.
    pub(super) fn answered(
        &self,
        codec: AudioCodec,
        browser: Side,
        answer: &PhoneDescription,
        policy: &Policy,
    ) -> Result<Agreed, Refusal> {
        if answer.audio != self.exchange.audio {
            return Err(Refusal::MismatchedAnswer);
        }
        let remote = phone_remote(answer, policy, self.local, false)?;
        let direction = direction(answer);
        let times = (answer.ptime, answer.maxptime);
        let phone = Side::new(codec, &answer.formats, &self.formats, direction, times);
        let phone = phone.ok_or(Refusal::NoCommonCodec)?;
        Ok(Agreed::new(
            codec,
            browser,
            phone,
            remote,
            self.exchange.clone(),
            self.hold,
        ))
    }
}

/// The answer to a browser's offer: complete, with all candidates, the agreed codec and its
/// events alone. All other media are refused in their place.
///
/// Its direction is what the browser asked for, whatever the phone says just now: a phone on hold
/// is a matter of the relay, and the page need not hear of it.
pub fn browser_answer(
    browser: &BrowserDescription,
    agreed: &Agreed,
    local: &BrowserLocal,
) -> BrowserExchange {
    answer_browser(browser, browser.remote(), agreed, local, None)
}

/// The same for any offer of the browser; `remote` has the DTLS roles as they were settled.
pub(super) fn answer_browser(
    browser: &BrowserDescription,
    remote: BrowserRemote,
    agreed: &Agreed,
    local: &BrowserLocal,
    previous: Option<&BrowserText>,
) -> BrowserExchange {
    let codec = agreed.codec();
    let comfort_noise =
        agreed.browser.comfort_noise.is_some() && agreed.phone.comfort_noise.is_some();
    let fmtp = agreed.phone.fmtp.clone();
    let content = BrowserContent {
        local,
        media: &browser.media,
        audio: browser.audio,
        bundle: !browser.bundle.is_empty(),
        setup: remote.role.into(),
        formats: &own::for_answer(codec, fmtp, &browser.formats, comfort_noise),
        direction: browser.direction.reversed(),
        ptime: agreed.phone.ptime,
        maxptime: agreed.phone.maxptime,
    };
    BrowserExchange {
        text: BrowserText::next(previous, &content),
        media: slots(&browser.media),
        audio: browser.audio,
        remote,
    }
}

/// The media lines without the long lists of formats, of which a refusal repeats the first.
fn slots(media: &[(MediaLine, Option<String>)]) -> Vec<(MediaLine, Option<String>)> {
    let slot = |(line, mid): &(MediaLine, Option<String>)| {
        let formats = line.formats.first().cloned().into_iter().collect();
        let line = MediaLine {
            media: line.media.clone(),
            port: line.port,
            protocol: line.protocol.clone(),
            formats,
        };
        (line, mid.clone())
    };
    media.iter().map(slot).collect()
}
