//! Incoming call: the phone offers, the browser answers.

use super::abilities::Abilities;
use super::decide::{Party, packet_time, wanted_ptime};
use super::remote::{direction, phone_remote, with_keys};
use super::security::Security;
use super::side::{Pair, Side, times_for_phone};
use super::text::{AUDIO_LEVEL_NUMBER, BrowserContent, BrowserText, PhoneContent, PhoneText};
use super::video::{self, VideoContent, VideoSide};
use super::{Agreed, BrowserExchange, BrowserOffer, Exchange, Hold, Policy, Refusal, own};
use crate::endpoints::{BrowserLocal, PhoneLocal};
use crate::sdp::{
    BrowserDescription, Direction, Formats, MediaAddress, MediaLine, PhoneDescription, Setup,
    UnsafeAddress,
};

/// The offer to a browser for a phone's offer, with codecs of the phone and, where that has no
/// G.711 or the route wants it, others that can be transcoded; for an INVITE
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
            (policy.codecs_for_browser(&phone.formats), &phone.formats)
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
    let mut media = vec![(line, Some("0".to_owned()))];
    let taken: Vec<_> = formats.iter().map(|format| format.pt).collect();
    let video = phone.and_then(|phone| phone.video.as_ref()).map(|section| {
        let video = VideoContent::for_browser(section, media.len(), &taken);
        let line = video.media_line(9, "UDP/TLS/RTP/SAVPF");
        media.push((line, Some("1".to_owned())));
        video
    });
    let ptime = ptime_for_browser(phone, policy);
    let maxptime = phone.and_then(|phone| phone.maxptime);
    let content = BrowserContent {
        local,
        media: &media,
        audio: 0,
        video: video.as_ref(),
        bundle: true,
        setup: Setup::Actpass,
        formats: &formats,
        direction: Direction::SendRecv,
        ptime,
        maxptime,
        audio_level: Some(AUDIO_LEVEL_NUMBER),
    };
    let text = BrowserText::next(None, &content);
    Ok(BrowserOffer {
        text,
        formats,
        video,
        media,
        audio: 0,
        ptime: packet_time(ptime, maxptime),
    })
}

/// The packet time that a browser is asked for: the route's, or what the phone wants.
pub(super) fn ptime_for_browser(phone: Option<&PhoneDescription>, policy: &Policy) -> Option<u16> {
    match (policy.route.ptime, phone) {
        (Some(_), Some(phone)) => Some(wanted_ptime(&phone.abilities(), &policy.route)),
        (Some(ptime), None) => Some(ptime),
        (None, phone) => phone.and_then(|phone| phone.ptime),
    }
}

impl BrowserOffer {
    /// Where the browser leg has come to with this answer.
    #[must_use]
    pub fn answered(&self, answer: &BrowserDescription) -> BrowserExchange {
        BrowserExchange {
            text: self.text.clone(),
            media: self.media.clone(),
            audio: self.audio,
            ptime: self.ptime,
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
    let (pair, browser) = chosen(phone, offer, answer, policy)?;
    let before = Before::default();
    answer_phone(pair, browser, phone, policy, local, before)
}

/// What a browser's answer and a phone's offer come to, and the browser's side of it.
pub(super) fn chosen(
    phone: &PhoneDescription,
    offer: &BrowserOffer,
    answer: &BrowserDescription,
    policy: &Policy,
) -> Result<(Pair, Side), Refusal> {
    if answer.audio != offer.audio {
        return Err(Refusal::MismatchedAnswer);
    }
    let listed = |codec| offer.formats.iter().any(|format| format.is_codec(codec));
    let times = (answer.ptime, answer.maxptime);
    let (formats, direction) = (&answer.formats, answer.direction);
    let browser = Abilities::new(formats, times).only(listed);
    let pair = policy.pair(&browser, &phone.abilities(), Party::Browser)?;
    let side = Side::new(pair.browser, formats, &offer.formats, direction, times);
    let video = offer.video.as_ref().zip(answer.video.as_ref());
    let video = video.and_then(|(offer, answer)| offer.answered_by_browser(answer));
    let side = side.ok_or(Refusal::NoCommonCodec)?.with_video(video);
    Ok((pair, side))
}

/// What an answer to the phone has to keep of the session so far.
#[derive(Default)]
pub(super) struct Before<'a> {
    /// Our last description on that leg.
    pub(super) exchange: Option<&'a Exchange>,
    pub(super) hold: Hold,
    /// The phone's video.
    pub(super) video: Option<&'a VideoSide>,
}

impl PhoneDescription {
    /// What the phone is able to do.
    pub(super) fn abilities(&self) -> Abilities {
        Abilities::new(&self.formats, (self.ptime, self.maxptime))
    }
}

/// Answers an offer of the phone with the codec that it is to speak.
pub(super) fn answer_phone(
    pair: Pair,
    browser: Side,
    offer: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
    before: Before<'_>,
) -> Result<Agreed, Refusal> {
    let security_before = before.exchange.map(|exchange| &exchange.security);
    let (security, keys) = Security::answered(&local.srtp, offer.keying(), security_before)?;
    let remote = phone_remote(offer, policy, local.rtp, offer.rtcp_mux)?.map(with_keys(keys));
    let codec = pair.phone;
    let comfort_noise = browser.codec == codec && browser.comfort_noise.is_some();
    let fmtp = browser.fmtp_for(codec);
    let formats = own::for_answer(codec, fmtp, &offer.formats, comfort_noise);
    let times = (offer.ptime, offer.maxptime);
    let phone = Side::new(codec, &offer.formats, &formats, direction(offer), times);
    let section = offer.video.as_ref();
    let video = section
        .and_then(|section| VideoSide::of_phone(section, policy, local, &security, before.video));
    let phone = phone.ok_or(Refusal::NoCommonCodec)?.insisting(pair.insists);
    let phone = phone.with_video(video);
    let video = video::answer_to_phone(&browser, &phone, before.hold);
    let (ptime, maxptime) = times_for_phone(&browser, &phone);
    let content = PhoneContent {
        local,
        media: &offer.media,
        audio: offer.audio,
        video: video.as_ref(),
        formats: &formats,
        direction: before
            .hold
            .wish(browser.direction)
            .and(phone.direction.reversed()),
        ptime,
        maxptime,
        rtcp_mux: offer.rtcp_mux,
        security: &security,
    };
    let text = PhoneText::next(before.exchange.map(|exchange| &exchange.text), &content);
    let exchange = Exchange {
        text,
        media: offer.media.clone(),
        audio: offer.audio,
        security,
    };
    let hold = before.hold;
    Ok(Agreed::new(browser, phone, remote, exchange, hold))
}
