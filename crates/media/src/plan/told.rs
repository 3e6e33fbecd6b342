//! What a browser is told of the phone when that has had its answer: packets of another length, or
//! no video any more.
//!
//! Nothing depends on it: a browser that is not told sends packets as before, and has a section of
//! video in which nothing comes. It is an offer all the same (RFC 3264 §8), and what the browser
//! answers counts, though the phone is asked for nothing.

use super::decide::{browser_sends, packet_time};
use super::side::Side;
use super::update::Again;
use super::{Agreed, BrowserExchange, BrowserOffer, Refusal, own, video};
use crate::endpoints::BrowserLocal;
use crate::sdp::BrowserDescription;

impl Agreed {
    /// Whether the phone is another one than `told` says: it takes no video that the browser has, or
    /// wants packets of another length where the audio passes untouched.
    #[must_use]
    pub fn is_news_for(&self, told: &BrowserExchange) -> bool {
        let (ptime, maxptime) = self.times_for_browser();
        let ptime = packet_time(ptime, maxptime);
        let length = self.is_relayed() && ptime != told.ptime && browser_sends(self.codec(), ptime);
        length || (self.video.is_none() && self.browser_has_video())
    }
}

/// The offer to the browser that says what the phone has become. The browser's codec stays, under
/// its own numbers.
#[must_use]
pub fn browser_told(
    before: &BrowserExchange,
    current: &Agreed,
    local: &BrowserLocal,
) -> BrowserOffer {
    let (browser, phone) = (&current.browser, &current.phone);
    let video = current.video.as_ref();
    let again = Again {
        media: before.media.clone(),
        formats: own::for_browser_again(browser, phone),
        video: video.and_then(|_| video::answer_to_browser(browser, phone)),
        times: current.times_for_browser(),
    };
    again.offer(before, current, local)
}

/// Takes the browser's answer to [`browser_told`]. What the phone was told stays.
///
/// # Errors
/// The browser does not take its codec any more, or is not the same.
pub fn accept_told(
    current: &Agreed,
    before: &BrowserExchange,
    offer: &BrowserOffer,
    answer: &BrowserDescription,
) -> Result<(Agreed, BrowserExchange), Refusal> {
    before.goes_on(answer)?;
    if answer.audio != offer.audio {
        return Err(Refusal::MismatchedAnswer);
    }
    let times = (answer.ptime, answer.maxptime);
    let (formats, direction) = (&answer.formats, answer.direction);
    let browser = Side::new(current.codec(), formats, &offer.formats, direction, times);
    let video = offer.video.as_ref().zip(answer.video.as_ref());
    let video = video.and_then(|(offer, answer)| offer.answered_by_browser(answer));
    let browser = browser.ok_or(Refusal::CodecGone)?.with_video(video);
    Ok((current.with_browser(browser), offer.answered(answer)))
}
