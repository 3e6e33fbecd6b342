//! Video of a call: one codec for both ends, each under its own payload type.
//!
//! A side's video is part of its [`Side`], beside the audio, so that it takes the same way through
//! offers and answers. An end that is asked is offered what the other end has; the first format of
//! an answer is the one that is used. A section without anything in common, at an address that we
//! do not send to, or without a phone leg to carry it is refused by port 0, and the audio goes on
//! as if it were not there.
//!
//! Here is which section an offer or an answer of ours has. What an end has is in [`side`], what
//! is written in [`content`], what the worker is told in [`join`].

mod content;
mod fmtp;
mod join;
mod side;
mod text;

pub(super) use self::content::VideoContent;
pub(super) use self::join::join;
pub(super) use self::side::VideoSide;

use self::content::ours;
use self::join::pair;
use super::security::Security;
use super::side::Side;
use super::{Exchange, Hold};
use crate::endpoints::PhoneLocal;
use crate::sdp::{Direction, MediaLine};

/// The section that answers a phone's offer. `None`: it is refused.
pub(super) fn answer_to_phone(browser: &Side, phone: &Side, hold: Hold) -> Option<VideoContent> {
    let (browser, phone) = (browser.video.as_ref()?, phone.video.as_ref()?);
    let (from, to) = pair(browser, phone)?;
    let wish = hold.wish(browser.direction);
    Some(VideoContent {
        line: phone.line,
        formats: vec![ours(to.format.pt, Some(&to.format), &from.format)],
        direction: wish.and(phone.direction.reversed()),
        security: phone.security.clone(),
        bandwidth: browser.bandwidth,
        rtcp_mux: phone.remote.is_some_and(|remote| remote.mux),
    })
}

/// The section that answers a browser's offer, or repeats what it was told.
pub(super) fn answer_to_browser(browser: &Side, phone: &Side) -> Option<VideoContent> {
    let video = browser.video.as_ref()?;
    let pair = phone.video.as_ref().and_then(|phone| pair(video, phone));
    let own = video.formats.first()?;
    let (to, from) = pair.unwrap_or((own, own));
    Some(VideoContent {
        line: video.line,
        formats: vec![ours(to.format.pt, Some(&to.format), &from.format)],
        direction: video.direction.reversed(),
        security: Security::default(),
        bandwidth: phone.video.as_ref().and_then(|phone| phone.bandwidth),
        rtcp_mux: true,
    })
}

/// The section of a later offer of ours to a phone: the format in use, or all the browser has
/// when the phone has none in use. `None`: no video, or none any more.
pub(super) fn later_offer(
    browser: &Side,
    phone: &Side,
    hold: Hold,
    exchange: &Exchange,
    local: &PhoneLocal,
) -> Option<VideoContent> {
    let Exchange {
        media, security, ..
    } = exchange;
    let leg = local.video_leg()?;
    let video = browser.video.as_ref()?;
    let wish = hold.wish(video.direction);
    let used = phone.video.as_ref();
    if let Some((known, (from, to))) = used.and_then(|known| Some((known, pair(video, known)?))) {
        let direction = match hold {
            Hold::Off => wish,
            Hold::On => wish.and(Direction::new(known.direction.receives(), true)),
        };
        return Some(VideoContent {
            line: known.line,
            formats: vec![ours(to.listed, Some(&to.format), &from.format)],
            direction,
            security: known.security.clone(),
            bandwidth: video.bandwidth,
            rtcp_mux: false,
        });
    }
    // A line that was refused may be used again (RFC 3264 §8.1).
    let refused = media.iter().position(|line| line.media == "video");
    let line = refused.unwrap_or(media.len());
    VideoContent::for_phone(video, line, wish, security.beside(&leg.srtp))
}

/// The section of the first offer to a phone, with its media line.
pub(super) fn first_offer(
    browser: &Side,
    hold: Hold,
    media: &mut Vec<MediaLine>,
    local: &PhoneLocal,
) -> Option<VideoContent> {
    let leg = local.video_leg()?;
    let video = browser.video.as_ref()?;
    let security = Security::offered(&leg.srtp);
    let wish = hold.wish(video.direction);
    let content = VideoContent::for_phone(video, media.len(), wish, security)?;
    media.push(content.media_line(leg.rtp.port(), content.security.protocol()));
    Some(content)
}
