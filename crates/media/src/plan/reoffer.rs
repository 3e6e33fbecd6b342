//! Offers within a call, on the phone leg (RFC 3264 §8): hold, resume, another address or list of
//! codecs. Here the codec that the browser was told has to stay, and is transcoded where that is
//! allowed and the phone cannot speak it; what changes the browser's side too is in `update`.

use super::abilities::Abilities;
use super::decide::Party;
use super::incoming::answer_phone;
use super::remote::{direction, phone_remote, with_keys};
use super::side::{OwnFormat, Pair};
use super::text::{PhoneContent, PhoneText};
use super::video;
use super::{Agreed, Exchange, Hold, PhoneOffer, Policy, Refusal, own};
use crate::endpoints::PhoneLocal;
use crate::sdp::{Direction, PhoneDescription};

/// Answers a later offer of the phone. [`Agreed::phone_sdp`] of the result is the answer; media
/// that the browser has not got are refused in it. Give its relay to the worker, its far end to
/// the phone leg.
///
/// # Errors
/// The offer cannot be met; the call goes on as it was.
pub fn reinvite(
    current: &Agreed,
    offer: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    let pair = current.pair_with(&offer.abilities(), policy)?;
    let browser = current.browser.clone();
    answer_phone(pair, browser, offer, policy, local, current.before())
}

impl Agreed {
    /// What the browser, which keeps its codec, and a phone come to.
    pub(super) fn pair_with(&self, phone: &Abilities, policy: &Policy) -> Result<Pair, Refusal> {
        let pair = policy.pair(&self.browser.abilities(), phone, Party::Phone);
        pair.map_err(|_| Refusal::CodecGone)
    }
}

/// Our own later offer with the agreed codec alone, and both ways if the browser is able: the
/// answer to a re-INVITE without an offer, or a re-INVITE of ours that locks the codec. The
/// phone's answer goes to [`accept_reinvite_answer`].
pub fn current_offer(current: &Agreed, local: &PhoneLocal) -> PhoneOffer {
    hold_offer(current, current.hold, local)
}

/// The same with the phone put on hold, or taken off it (RFC 3264 §8.4): sendonly, or inactive
/// if the phone holds as well. `current` stays as it is until the phone has answered.
pub fn hold_offer(current: &Agreed, hold: Hold, local: &PhoneLocal) -> PhoneOffer {
    let (ptime, maxptime) = current.times_for_phone();
    let terms = Terms {
        formats: own::for_reoffer(&current.browser, &current.phone),
        direction: current.offered_direction(hold),
        ptime,
        maxptime,
        hold,
    };
    later_offer(current, terms, local)
}

/// What a later offer of ours says.
pub(super) struct Terms {
    pub(super) formats: Vec<OwnFormat>,
    pub(super) direction: Direction,
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
    pub(super) hold: Hold,
}

pub(super) fn later_offer(current: &Agreed, terms: Terms, local: &PhoneLocal) -> PhoneOffer {
    let Exchange {
        text,
        media,
        audio,
        security,
    } = &current.exchange;
    let mut media = media.clone();
    let (browser, phone) = (&current.browser, &current.phone);
    let video = video::later_offer(browser, phone, terms.hold, &current.exchange, local);
    if let Some((video, ports)) = video.as_ref().zip(local.video_leg())
        && media.get(video.line).is_none_or(|line| line.port == 0)
    {
        let line = video.media_line(ports.rtp.port(), video.security.protocol());
        match media.get_mut(video.line) {
            Some(refused) => *refused = line,
            None => media.push(line),
        }
    }
    let content = PhoneContent {
        local,
        media: &media,
        audio: *audio,
        video: video.as_ref(),
        formats: &terms.formats,
        direction: terms.direction,
        ptime: terms.ptime,
        maxptime: terms.maxptime,
        rtcp_mux: false,
        security,
    };
    let text = PhoneText::next(Some(text), &content);
    let exchange = Exchange {
        text,
        media,
        audio: *audio,
        security: security.clone(),
    };
    PhoneOffer {
        exchange,
        formats: terms.formats,
        video: video.map(Box::new),
        local: Box::new(local.clone()),
        hold: terms.hold,
    }
}

/// Takes the phone's answer to [`current_offer`] or [`hold_offer`].
///
/// # Errors
/// The phone no longer accepts the agreed codec, or an address of it is unusable.
pub fn accept_reinvite_answer(
    current: &Agreed,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
) -> Result<Agreed, Refusal> {
    let browser = current.browser.clone();
    let pair = offer.pair(&browser.abilities(), answer, policy);
    let pair = pair.map_err(|_| Refusal::CodecGone)?;
    offer.answered(pair, browser, answer, policy)
}

/// Takes the phone's answer to our last description sent again unchanged, as a session refresh
/// does (RFC 4028 §7.4): it may name another address or direction, and nothing of ours changes.
///
/// # Errors
/// The phone no longer accepts the agreed codec, or an address of it is unusable.
pub fn repeated(
    current: &Agreed,
    answer: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    if answer.audio != current.exchange.audio {
        return Err(Refusal::MismatchedAnswer);
    }
    let (security, keys) = current.exchange.security.clone().settled(answer.keying())?;
    let remote = phone_remote(answer, policy, local.rtp, false)?.map(with_keys(keys));
    let times = (answer.ptime, answer.maxptime);
    let direction = direction(answer);
    let phone = current
        .phone
        .described_again(&answer.formats, direction, times)
        .ok_or(Refusal::CodecGone)?;
    let video = current.phone.video.as_ref().zip(answer.video.as_ref());
    let video =
        video.and_then(|(before, now)| before.described_again(now, policy, local, &security));
    let phone = phone.with_video(video);
    let browser = current.browser.clone();
    let exchange = Exchange {
        security,
        ..current.exchange.clone()
    };
    Ok(Agreed::new(browser, phone, remote, exchange, current.hold))
}
