//! The video of two ends as the worker relays it, and what a browser was told of it.

use super::super::side::Side;
use super::super::{Agreed, Hold};
use super::fmtp;
use super::side::{SideFormat, VideoSide};
use crate::video::{AgreedVideo, Feedback, VideoEnd, VideoRelay};

/// The formats by which two legs are joined.
pub(super) fn pair<'a>(
    browser: &'a VideoSide,
    phone: &'a VideoSide,
) -> Option<(&'a SideFormat, &'a SideFormat)> {
    phone.formats.iter().find_map(|theirs| {
        let mut formats = browser.formats.iter();
        let same = formats.find(|format| fmtp::same(&format.format, &theirs.format))?;
        Some((same, theirs))
    })
}

/// Joins the video of two legs, and leaves each with the one format that is used.
pub(in crate::plan) fn join(
    browser: &mut Side,
    phone: &mut Side,
    hold: Hold,
) -> Option<AgreedVideo> {
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
    /// Whether the browser has been told of video, though the phone may have none just now: then
    /// it rests until the phone takes it again.
    #[must_use]
    pub fn browser_has_video(&self) -> bool {
        self.browser.video.is_some()
    }

    /// The browser has been told what `earlier` says of video, which cannot be taken back: other
    /// video of the phone is not carried.
    pub(in crate::plan) fn keep_video_of(&mut self, earlier: &Self) {
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
