//! Video of a call: one codec for both ends, each under its own payload type.
//!
//! A side's video is part of its [`Side`](super::side::Side), beside the audio, so that it takes
//! the same way through offers and answers. An end that is asked is offered what the other end
//! has; the first format of an answer is the one that is used. A section without anything in
//! common, at an address that we do not send to, or without a phone leg to carry it is refused by
//! port 0, and the audio goes on as if it were not there.

mod fmtp;
mod text;

use std::net::SocketAddr;

use super::remote::{remote_of, with_keys};
use super::security::Security;
use super::side::Side;
use super::{Agreed, Hold, Policy};
use crate::endpoints::{PhoneLocal, PhoneRemote};
use crate::rtp::Pt;
use crate::sdp::{Direction, MediaAddress, MediaLine, VideoFormat, VideoSection};
use crate::srtp::SdesKeys;
use crate::video::{AgreedVideo, Feedback, VideoEnd, VideoRelay};

/// Formats that a phone is offered: an INVITE over UDP has little room (RFC 3261 §18.1.1).
const MAX_OFFERED: usize = 5;

/// The video of one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VideoSide {
    /// Its place among the leg's media lines.
    pub(super) line: usize,
    /// What its far end takes, most wanted first; the one format once that is settled.
    formats: Vec<SideFormat>,
    /// Seen from the far end.
    pub(super) direction: Direction,
    /// Where the phone's goes; `None` for browsers, and while the phone names no address.
    remote: Option<PhoneRemote>,
    /// Of a phone's: how it is encrypted.
    security: Security,
    /// The most bits per second that it wants to be sent.
    bandwidth: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct SideFormat {
    /// The number that we listed, if it is another one than the far end's.
    listed: Pt,
    /// As the far end wrote it.
    format: VideoFormat,
}

/// A video section of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VideoContent {
    /// Its place among the media lines.
    pub(super) line: usize,
    pub(super) formats: Vec<VideoFormat>,
    pub(super) direction: Direction,
    /// Towards phones.
    pub(super) security: Security,
    /// The most bits per second that are wanted.
    pub(super) bandwidth: Option<u32>,
    /// Towards phones: RTCP is taken on the RTP port.
    pub(super) rtcp_mux: bool,
}

/// Where a phone's video goes and how it is encrypted, and what the phone really does.
struct PhoneEnd {
    direction: Direction,
    remote: Option<PhoneRemote>,
    security: Security,
}

impl VideoSide {
    /// What a browser offers.
    pub(super) fn of_browser(section: &VideoSection) -> Self {
        let end = PhoneEnd {
            direction: section.direction,
            remote: None,
            security: Security::default(),
        };
        Self::offered(section, end)
    }

    /// What a phone offers; `None` when it cannot be used. `audio`: where its audio goes.
    pub(super) fn of_phone(
        section: &VideoSection,
        policy: &Policy,
        local: &PhoneLocal,
        audio: Option<&PhoneRemote>,
    ) -> Option<Self> {
        let local = local.video_leg()?;
        let (security, keys) = Security::answered(&local.srtp, section.keying(), None).ok()?;
        let (rtp, mux) = (local.rtp, section.rtcp_mux);
        let end = end_of_phone(section, policy, rtp, mux, (security, keys), audio)?;
        Some(Self::offered(section, end))
    }

    fn offered(section: &VideoSection, end: PhoneEnd) -> Self {
        let PhoneEnd {
            direction,
            remote,
            security,
        } = end;
        let format = |format: &VideoFormat| SideFormat {
            listed: format.pt,
            format: format.clone(),
        };
        Self {
            line: section.line,
            formats: section.formats.iter().map(format).collect(),
            direction,
            remote,
            security,
            bandwidth: section.bandwidth,
        }
    }

    /// The same far end after it has described itself again, if it keeps the format in use. What
    /// we told it holds.
    pub(super) fn described_again(
        &self,
        section: &VideoSection,
        policy: &Policy,
        local: &PhoneLocal,
        audio: Option<&PhoneRemote>,
    ) -> Option<Self> {
        let settled = self.security.clone().settled(section.keying()).ok()?;
        let rtp = local.video_leg()?.rtp;
        let PhoneEnd {
            direction,
            remote,
            security,
        } = end_of_phone(section, policy, rtp, false, settled, audio)?;
        Some(Self {
            line: self.line,
            formats: vec![self.kept(section)?],
            direction,
            remote,
            security,
            bandwidth: section.bandwidth,
        })
    }

    /// A browser's later offer: the format in use if it still lists it, else all it has.
    pub(super) fn reoffered(before: Option<&Self>, section: &VideoSection) -> Self {
        let kept = before.and_then(|before| before.kept(section));
        let new = Self::of_browser(section);
        match kept {
            Some(kept) => Self {
                formats: vec![kept],
                ..new
            },
            None => new,
        }
    }

    fn kept(&self, section: &VideoSection) -> Option<SideFormat> {
        self.formats.iter().find_map(|known| {
            let found = section
                .formats
                .iter()
                .find(|format| fmtp::same(format, &known.format))?;
            Some(SideFormat {
                listed: known.listed,
                format: found.clone(),
            })
        })
    }

    /// What an offer of ours would tell the other leg, beside its direction.
    pub(super) fn asks(&self) -> (Vec<&VideoFormat>, Direction, Option<u32>) {
        let formats = self.formats.iter().map(|format| &format.format);
        (formats.collect(), self.direction, self.bandwidth)
    }
}

/// Where a phone's video goes, and what it really does: without an address it hears nothing.
/// `None` when nothing may be sent there, or only in the clear beside audio that is encrypted.
fn end_of_phone(
    section: &VideoSection,
    policy: &Policy,
    local: SocketAddr,
    mux: bool,
    (security, keys): (Security, Option<SdesKeys>),
    audio: Option<&PhoneRemote>,
) -> Option<PhoneEnd> {
    if keys.is_none() && audio.is_some_and(|audio| audio.srtp.is_some()) {
        return None;
    }
    let remote = remote_of(section.address, section.rtcp, policy, local, mux).ok()?;
    let remote = remote.map(with_keys(keys));
    let direction = match section.address {
        MediaAddress::At(_) | MediaAddress::Unusable => section.direction,
        MediaAddress::Unspecified => Direction::new(section.direction.sends(), false),
    };
    Some(PhoneEnd {
        direction,
        remote,
        security,
    })
}

impl VideoContent {
    /// The offer to a phone, at `line`, of what the browser has. The browser's numbers are kept.
    pub(super) fn for_phone(
        browser: &VideoSide,
        line: usize,
        direction: Direction,
        security: Security,
    ) -> Option<Self> {
        let mut formats: Vec<VideoFormat> = Vec::new();
        let all = || browser.formats.iter().map(|format| &format.format);
        let constrained = all().filter(|format| fmtp::is_constrained(format));
        // Browsers list many profiles of H.264, in no order that would matter to a phone.
        for format in all() {
            let same = |known: &&VideoFormat| fmtp::same(known, format);
            let best = constrained.clone().find(same).unwrap_or(format);
            let known = formats.iter().any(|known| fmtp::same(known, best));
            if fmtp::is_common(best) && !known && formats.len() < MAX_OFFERED {
                formats.push(ours(best.pt, None, best));
            }
        }
        (!formats.is_empty()).then_some(Self {
            line,
            formats,
            direction,
            security,
            bandwidth: browser.bandwidth,
            rtcp_mux: false,
        })
    }

    /// The offer to a browser, at `line`, of what the phone has, under numbers that nothing else
    /// of the bundle has (RFC 9143 §10.1.2).
    pub(super) fn for_browser(phone: &VideoSection, line: usize, taken: &[Pt]) -> Self {
        let mut formats: Vec<VideoFormat> = Vec::new();
        for format in &phone.formats {
            let free = |pt: &Pt| {
                pt.is_dynamic()
                    && !taken.contains(pt)
                    && formats.iter().all(|known| known.pt != *pt)
            };
            let dynamic = (96..=127).filter_map(Pt::new);
            if let Some(pt) = [format.pt].into_iter().chain(dynamic).find(free) {
                formats.push(ours(pt, None, format));
            }
        }
        Self {
            line,
            formats,
            direction: Direction::SendRecv,
            security: Security::default(),
            bandwidth: phone.bandwidth,
            rtcp_mux: true,
        }
    }

    /// The far end's answer to this offer: the first format that both have.
    fn chosen(&self, section: &VideoSection) -> Option<SideFormat> {
        if section.line != self.line {
            return None;
        }
        section.formats.iter().find_map(|answered| {
            let same = |offered: &&VideoFormat| fmtp::same(offered, answered);
            let offered = || self.formats.iter().filter(same);
            let by_number = offered().find(|offered| offered.pt == answered.pt);
            let listed = by_number.or_else(|| offered().next())?.pt;
            Some(SideFormat {
                listed,
                format: answered.clone(),
            })
        })
    }

    /// A browser's answer.
    pub(super) fn answered_by_browser(&self, section: &VideoSection) -> Option<VideoSide> {
        Some(VideoSide {
            line: self.line,
            formats: vec![self.chosen(section)?],
            direction: section.direction,
            remote: None,
            security: Security::default(),
            bandwidth: section.bandwidth,
        })
    }

    /// A phone's answer; `None` when it takes none, or where we do not send to.
    pub(super) fn answered_by_phone(
        &self,
        section: &VideoSection,
        policy: &Policy,
        local: SocketAddr,
        audio: Option<&PhoneRemote>,
    ) -> Option<VideoSide> {
        let settled = self.security.clone().settled(section.keying()).ok()?;
        let end = end_of_phone(section, policy, local, false, settled, audio)?;
        Some(VideoSide {
            formats: vec![self.chosen(section)?],
            ..VideoSide::offered(section, end)
        })
    }

    /// The media line of this section, for the record of an offer.
    pub(super) fn media_line(&self, port: u16, protocol: &str) -> MediaLine {
        let formats = self.formats.first().map(|format| format.pt.to_string());
        MediaLine {
            media: "video".to_owned(),
            port,
            protocol: protocol.to_owned(),
            formats: formats.into_iter().collect(),
        }
    }
}

/// A format of ours under the number `pt`: what the writer of `own` is told of `other`.
fn ours(pt: Pt, own: Option<&VideoFormat>, other: &VideoFormat) -> VideoFormat {
    let feedback = match own {
        Some(own) => own.feedback.and(Feedback::OURS),
        None => Feedback::OURS,
    };
    VideoFormat {
        pt,
        codec: other.codec,
        fmtp: fmtp::told(own, other),
        feedback,
    }
}

/// The formats by which two legs are joined.
fn pair<'a>(
    browser: &'a VideoSide,
    phone: &'a VideoSide,
) -> Option<(&'a SideFormat, &'a SideFormat)> {
    phone.formats.iter().find_map(|theirs| {
        let mut formats = browser.formats.iter();
        let same = formats.find(|format| fmtp::same(&format.format, &theirs.format))?;
        Some((same, theirs))
    })
}

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
    media: &[MediaLine],
    local: &PhoneLocal,
) -> Option<VideoContent> {
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
    VideoContent::for_phone(video, line, wish, Security::offered(&leg.srtp))
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

/// Joins the video of two legs, and leaves each with the one format that is used.
pub(super) fn join(browser: &mut Side, phone: &mut Side, hold: Hold) -> Option<AgreedVideo> {
    let (browser, phone) = (browser.video.as_mut()?, phone.video.as_mut()?);
    let (to_browser, to_phone) = pair(browser, phone)?;
    let (to_browser, to_phone) = (to_browser.clone(), to_phone.clone());
    let wish = hold.wish(browser.direction);
    let end = |own: &SideFormat, limit: Option<u32>, open: bool| VideoEnd {
        receive: [own.listed, own.format.pt],
        send: own.format.pt,
        open,
        limit: limit.map(u64::from),
        feedback: own.format.feedback.and(Feedback::OURS),
    };
    let sent_to_phone =
        hold == Hold::Off && wish.sends() && phone.direction.receives() && phone.remote.is_some();
    let sent_to_browser = phone.direction.sends() && wish.receives();
    let relay = VideoRelay {
        codec: to_browser.format.codec,
        browser: end(&to_browser, browser.bandwidth, sent_to_browser),
        phone: end(&to_phone, phone.bandwidth, sent_to_phone),
    };
    let phone_remote = phone.remote;
    browser.formats = vec![to_browser];
    phone.formats = vec![to_phone];
    Some(AgreedVideo {
        relay,
        phone_remote,
    })
}

impl Agreed {
    /// Whether the browser has been told of video, though the phone may not have any just now.
    #[must_use]
    pub fn browser_has_video(&self) -> bool {
        self.browser.video.is_some()
    }

    /// The browser has been told what `earlier` says of video, which cannot be taken back: other
    /// video of the phone is not carried.
    pub(super) fn keep_video_of(&mut self, earlier: &Self) {
        let told = |agreed: &Self| {
            let video = agreed.browser.video.as_ref();
            video.map(|video| video.formats.clone())
        };
        if told(self) != told(earlier) {
            self.video = None;
            self.phone.video = None;
            self.browser.video.clone_from(&earlier.browser.video);
        }
    }
}
