//! Outgoing call: the browser offers, the phone answers.

use super::abilities::Abilities;
use super::decide::{Party, packet_time};
use super::remote::{direction, phone_remote, with_keys};
use super::security::Security;
use super::side::{Pair, Side};
use super::text::{BrowserContent, BrowserText, PhoneContent, PhoneText};
use super::video::{self, VideoContent, VideoSide};
use super::{
    Agreed, BrowserExchange, Exchange, Hold, LaterAnswer, PhoneOffer, Policy, Refusal,
    current_offer, own,
};
use crate::codec::AudioCodec;
use crate::endpoints::{BrowserLocal, BrowserRemote, PhoneLocal};
use crate::sdp::{BrowserDescription, MediaLine, PhoneDescription};

/// The offer to the phone for a browser's offer: codecs that the browser has, in the policy's
/// order, as plain RTP; behind them those that could be transcoded, where there may be need of
/// them. Small enough for an INVITE over UDP (RFC 3261 §18.1.1).
///
/// # Errors
/// [`Refusal::NoCommonCodec`] when browser and policy share none.
pub fn phone_offer(
    browser: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<PhoneOffer, Refusal> {
    let codecs = policy.codecs_for_phone(&browser.formats);
    offer_of(&codecs, browser, policy, local)
}

/// For an INVITE without an offer: the offer that goes into our 200, with the one codec that the
/// browser's answer chose, and those that it could be transcoded to. The phone's answer in the ACK goes to [`accept_phone_answer`], with the
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
    let codecs = match chosen {
        Some(codec) => policy.with_transcoded(vec![codec]),
        None => Vec::new(),
    };
    offer_of(&codecs, answer, policy, local)
}

fn offer_of(
    codecs: &[AudioCodec],
    browser: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<PhoneOffer, Refusal> {
    if codecs.is_empty() {
        return Err(Refusal::NoCommonCodec);
    }
    let formats = own::for_phone(codecs, &browser.formats);
    let security = Security::offered(&local.srtp);
    let mut media = vec![MediaLine {
        media: "audio".to_owned(),
        port: local.rtp.port(),
        protocol: security.protocol().to_owned(),
        formats: Vec::new(),
    }];
    let video = local.video_leg().zip(browser.video.as_ref());
    let video = video.and_then(|(leg, section)| {
        let side = VideoSide::of_browser(section);
        let security = Security::offered(&leg.srtp);
        let video = VideoContent::for_phone(&side, media.len(), side.direction, security)?;
        media.push(video.media_line(leg.rtp.port(), video.security.protocol()));
        Some(video)
    });
    let content = PhoneContent {
        local,
        media: &media,
        audio: 0,
        video: video.as_ref(),
        formats: &formats,
        direction: browser.direction,
        ptime: Some(policy.ptime_for_phone(browser)),
        maxptime: browser.maxptime,
        rtcp_mux: false,
        security: &security,
    };
    let text = PhoneText::next(None, &content);
    Ok(PhoneOffer {
        exchange: Exchange {
            text,
            media,
            audio: 0,
            security,
        },
        formats,
        video: video.map(Box::new),
        local: Box::new(local.clone()),
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
    let times = (browser.ptime, browser.maxptime);
    let abilities = Abilities::new(&browser.formats, times);
    let pair = offer.pair(&abilities, answer, policy)?;
    let (formats, direction) = (&browser.formats, browser.direction);
    let side = Side::new(pair.browser, formats, &[], direction, times);
    let video = browser.video.as_ref().map(VideoSide::of_browser);
    let side = side.ok_or(Refusal::NoCommonCodec)?.with_video(video);
    let mut agreed = offer.answered(pair, side, answer, policy)?;
    // The browser is told by what comes of this; later, its video only rests.
    if agreed.video.is_none() {
        agreed.browser.video = None;
    }
    Ok(agreed)
}

/// Takes a further answer once the browser has been answered on the ground of `earlier`: the
/// browser's answer cannot be taken back, so its codec must stay, and another one of the phone's
/// is transcoded where that is allowed.
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
    let mut agreed = accept_phone_answer(browser, offer, answer, policy)?;
    agreed.keep_video_of(earlier);
    if agreed.codec() == earlier.codec() {
        return Ok(LaterAnswer::Same(Box::new(agreed)));
    }
    let told = earlier.browser.clone();
    let pair = offer.pair(&told.abilities(), answer, policy);
    match pair.and_then(|pair| offer.answered(pair, told, answer, policy)) {
        Ok(mut agreed) => {
            agreed.keep_video_of(earlier);
            Ok(LaterAnswer::Same(Box::new(agreed)))
        }
        Err(_) => Ok(LaterAnswer::OtherCodec(current_offer(earlier, local))),
    }
}

impl PhoneOffer {
    pub(super) fn lists(&self, codec: AudioCodec) -> bool {
        self.formats.iter().any(|format| format.is_codec(codec))
    }

    /// What the phone's answer to this offer and the browser come to.
    pub(super) fn pair(
        &self,
        browser: &Abilities,
        answer: &PhoneDescription,
        policy: &Policy,
    ) -> Result<Pair, Refusal> {
        let phone = Abilities::new(&answer.formats, (answer.ptime, answer.maxptime));
        let phone = policy.commitment(phone.only(|codec| self.lists(codec)));
        policy.pair(browser, &phone, Party::Phone)
    }

    /// Joins the phone's answer to this offer with the browser's side.
    pub(super) fn answered(
        &self,
        pair: Pair,
        browser: Side,
        answer: &PhoneDescription,
        policy: &Policy,
    ) -> Result<Agreed, Refusal> {
        if answer.audio != self.exchange.audio {
            return Err(Refusal::MismatchedAnswer);
        }
        let (security, keys) = self.exchange.security.clone().settled(answer.keying())?;
        let remote = phone_remote(answer, policy, self.local.rtp, false)?.map(with_keys(keys));
        let direction = direction(answer);
        let times = (answer.ptime, answer.maxptime);
        let phone = Side::new(pair.phone, &answer.formats, &self.formats, direction, times);
        let phone = phone.ok_or(Refusal::NoCommonCodec)?;
        let phone = phone.with_video(self.video_answered(answer, policy, &security));
        Ok(Agreed::new(
            browser,
            phone.insisting(pair.insists),
            remote,
            Exchange {
                security,
                ..self.exchange.clone()
            },
            self.hold,
        ))
    }
}

impl PhoneOffer {
    fn video_answered(
        &self,
        answer: &PhoneDescription,
        policy: &Policy,
        audio: &Security,
    ) -> Option<VideoSide> {
        let (video, local) = (self.video.as_ref()?, self.local.video_leg()?);
        video.answered_by_phone(answer.video.as_ref()?, policy, local.rtp, audio)
    }
}

/// The answer to a browser's offer: complete, with all candidates, the agreed codec and its
/// events, and its video if there is some. All other media are refused in their place.
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
    let comfort_noise = agreed.codec() == agreed.phone_codec()
        && agreed.browser.comfort_noise.is_some()
        && agreed.phone.comfort_noise.is_some();
    let fmtp = agreed.phone.fmtp_for(codec);
    let (ptime, maxptime) = agreed.times_for_browser();
    let video = video::answer_to_browser(&agreed.browser, &agreed.phone);
    let content = BrowserContent {
        local,
        media: &browser.media,
        audio: browser.audio,
        video: video.as_ref(),
        bundle: !browser.bundle.is_empty(),
        setup: remote.role.into(),
        formats: &own::for_answer(codec, fmtp, &browser.formats, comfort_noise),
        direction: browser.direction.reversed(),
        ptime,
        maxptime,
        audio_level: browser.audio_level,
    };
    BrowserExchange {
        text: BrowserText::next(previous, &content),
        media: slots(&browser.media),
        audio: browser.audio,
        ptime: packet_time(ptime, maxptime),
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
