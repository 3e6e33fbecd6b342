//! Video sections of ours, and what the answers to them say.

use std::net::SocketAddr;

use super::super::Policy;
use super::super::security::Security;
use super::fmtp;
use super::side::{SideFormat, VideoSide, end_of_phone};
use crate::rtp::Pt;
use crate::sdp::{Direction, MediaLine, VideoFormat, VideoSection};
use crate::video::Feedback;

/// Formats that a phone is offered: an INVITE over UDP has little room (RFC 3261 §18.1.1).
const MAX_OFFERED: usize = 5;

/// A video section of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct VideoContent {
    /// Its place among the media lines.
    pub(in crate::plan) line: usize,
    pub(in crate::plan) formats: Vec<VideoFormat>,
    pub(in crate::plan) direction: Direction,
    /// Towards phones.
    pub(in crate::plan) security: Security,
    /// The most bits per second that are wanted.
    pub(in crate::plan) bandwidth: Option<u32>,
    /// Towards phones: RTCP is taken on the RTP port.
    pub(in crate::plan) rtcp_mux: bool,
}

impl VideoContent {
    /// The offer to a phone, at `line`, of what the browser has. The browser's numbers are kept.
    pub(in crate::plan) fn for_phone(
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
    pub(in crate::plan) fn for_browser(phone: &VideoSection, line: usize, taken: &[Pt]) -> Self {
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
    pub(in crate::plan) fn answered_by_browser(&self, section: &VideoSection) -> Option<VideoSide> {
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
    pub(in crate::plan) fn answered_by_phone(
        &self,
        section: &VideoSection,
        policy: &Policy,
        local: SocketAddr,
        audio: &Security,
    ) -> Option<VideoSide> {
        let settled = self.security.clone().settled(section.keying()).ok()?;
        let end = end_of_phone(section, policy, local, false, settled, audio)?;
        Some(VideoSide {
            formats: vec![self.chosen(section)?],
            ..VideoSide::offered(section, end)
        })
    }

    /// The media line of this section, for the record of an offer.
    pub(in crate::plan) fn media_line(&self, port: u16, protocol: &str) -> MediaLine {
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
pub(super) fn ours(pt: Pt, own: Option<&VideoFormat>, other: &VideoFormat) -> VideoFormat {
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
