//! What one end of a call has of video: its formats, its directions, and where a phone's goes.

use std::net::SocketAddr;

use super::super::Policy;
use super::super::remote::{remote_of, with_keys};
use super::super::security::Security;
use super::fmtp;
use crate::endpoints::{PhoneLocal, PhoneRemote};
use crate::rtp::Pt;
use crate::sdp::{Direction, MediaAddress, VideoFormat, VideoSection};
use crate::srtp::SdesKeys;

/// The video of one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct VideoSide {
    /// Its place among the leg's media lines.
    pub(in crate::plan) line: usize,
    /// What its far end takes, most wanted first; the one format once that is settled.
    pub(super) formats: Vec<SideFormat>,
    /// Seen from the far end.
    pub(in crate::plan) direction: Direction,
    /// Where the phone's goes; `None` for browsers, and while the phone names no address.
    pub(super) remote: Option<PhoneRemote>,
    /// Of a phone's: how it is encrypted.
    pub(super) security: Security,
    /// The most bits per second that it wants to be sent.
    pub(super) bandwidth: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SideFormat {
    /// The number that we listed, if it is another one than the far end's.
    pub(super) listed: Pt,
    /// As the far end wrote it.
    pub(super) format: VideoFormat,
}

/// Where a phone's video goes and how it is encrypted, and what the phone really does.
pub(super) struct PhoneEnd {
    direction: Direction,
    remote: Option<PhoneRemote>,
    security: Security,
}

impl VideoSide {
    /// What a browser offers.
    pub(in crate::plan) fn of_browser(section: &VideoSection) -> Self {
        let end = PhoneEnd {
            direction: section.direction,
            remote: None,
            security: Security::default(),
        };
        Self::offered(section, end)
    }

    /// What a phone offers; `None` when it cannot be used. `audio`: how its audio is
    /// encrypted. `before`: its video until now.
    pub(in crate::plan) fn of_phone(
        section: &VideoSection,
        policy: &Policy,
        local: &PhoneLocal,
        audio: &Security,
        before: Option<&Self>,
    ) -> Option<Self> {
        let local = local.video_leg()?;
        let before = before.map(|before| &before.security);
        let (security, keys) = Security::answered(&local.srtp, section.keying(), before).ok()?;
        let (rtp, mux) = (local.rtp, section.rtcp_mux);
        let end = end_of_phone(section, policy, rtp, mux, (security, keys), audio)?;
        Some(Self::offered(section, end))
    }

    pub(super) fn offered(section: &VideoSection, end: PhoneEnd) -> Self {
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
    pub(in crate::plan) fn described_again(
        &self,
        section: &VideoSection,
        policy: &Policy,
        local: &PhoneLocal,
        audio: &Security,
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
    pub(in crate::plan) fn reoffered(before: Option<&Self>, section: &VideoSection) -> Self {
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
    pub(in crate::plan) fn asks(&self) -> (Vec<&VideoFormat>, Direction, Option<u32>) {
        let formats = self.formats.iter().map(|format| &format.format);
        (formats.collect(), self.direction, self.bandwidth)
    }
}

/// Where a phone's video goes, and what it really does: without an address it hears nothing.
/// `None` when nothing may be sent there, or only in the clear beside audio that is encrypted.
pub(super) fn end_of_phone(
    section: &VideoSection,
    policy: &Policy,
    local: SocketAddr,
    mux: bool,
    (security, keys): (Security, Option<SdesKeys>),
    audio: &Security,
) -> Option<PhoneEnd> {
    if keys.is_none() && audio.is_encrypted() {
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
