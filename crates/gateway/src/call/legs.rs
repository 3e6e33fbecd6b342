//! The legs of a call, as its task holds them: one towards the browser, one towards the phone it
//! talks with, and now and then one towards a phone that may take that one's place.

mod video;

use std::sync::Arc;

use media::dtmf::Dtmf;
use media::plan::Policy;
use media::quality::CallFigures;
use media::video::AgreedVideo;
use media::{
    AddressFamily, BrowserLeg, BrowserRemote, IceCredentials, LegEvent, LegStats, MediaError,
    PhoneLeg, PhoneLegConfig, PhoneLocal, PhoneRemote, Relay, VideoLocal, WorkerHandle,
};
use tokio::sync::oneshot;

use self::video::VideoLeg;
use super::leg_events::LegEventSender;
use super::{Encryption, Locals};

/// A leg of a call towards a phone, numbered in the order of opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneLegId(u32);

impl PhoneLegId {
    /// The one a call begins with.
    pub const FIRST: Self = Self(0);

    /// The one that is opened next.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

fn answer(waiting: oneshot::Sender<LegStats>) -> Box<dyn FnOnce(LegStats) + Send> {
    Box::new(move |stats| {
        // A call that does not wait any more needs no answer.
        let _waits = waiting.send(stats).is_ok();
    })
}

/// Counters of both legs that are on their way.
#[derive(Debug)]
pub(super) struct Look {
    browser: oneshot::Receiver<LegStats>,
    phone: oneshot::Receiver<LegStats>,
}

impl Look {
    /// What the legs have told; `None` when one is gone. May be given up and asked again.
    pub(super) async fn figures(&mut self) -> Option<CallFigures> {
        let phone = (&mut self.phone).await.ok()?;
        let browser = self.browser.try_recv().ok()?;
        Some(CallFigures::new(&browser, &phone))
    }
}

/// What is to become of a leg for video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VideoNeed {
    /// It carries video, or its port is in an offer that may still be answered.
    Stays,
    /// It carries nothing, and video may come back. One that has carried some gives way to
    /// another, with other keys.
    Rests,
    /// None is needed.
    Gone,
}

/// The legs of a call, all on one worker. Dropping them closes them.
#[derive(Debug)]
pub struct Legs {
    worker: WorkerHandle,
    /// Closed first, so that the counters of both have come when those of the others have.
    video: VideoLeg,
    candidate_video: VideoLeg,
    browser: BrowserLeg,
    phone: PhoneLeg,
    candidate: Option<PhoneLeg>,
    family: Option<AddressFamily>,
}

/// The leg's end is told by an address of that family, if any was called for.
fn faced(leg: &mut PhoneLeg, family: Option<AddressFamily>) {
    if let Some(family) = family {
        leg.face(family);
    }
}

impl Legs {
    /// The two legs a call begins with.
    #[must_use]
    pub(super) fn new(
        worker: WorkerHandle,
        browser: BrowserLeg,
        phone: PhoneLeg,
        events: LegEventSender,
    ) -> Self {
        Self {
            worker,
            browser,
            phone,
            candidate: None,
            candidate_video: VideoLeg::new(events.clone()),
            video: VideoLeg::new(events),
            family: None,
        }
    }

    /// Phones are told addresses of this family, where there are some: also those that may take
    /// the first one's place.
    pub fn face(&mut self, family: Option<AddressFamily>) {
        self.family = family;
        self.video.face(family);
        faced(&mut self.phone, family);
    }

    /// Whether the operator allows video in this call, and the first description of it: a leg
    /// for video is opened if that wants one.
    pub fn allow_video(&mut self, allowed: bool, sdp: &[u8]) {
        self.video.allow(allowed);
        self.prepare_video(sdp);
    }

    /// Opens a leg for video if a description wants it, and says what our end of it is.
    pub(super) fn prepare_video(&mut self, sdp: &[u8]) -> Option<VideoLocal> {
        self.video.prepare(sdp, &self.worker)
    }

    /// Our ends of both legs, for the descriptions; nothing is encrypted towards the phone until
    /// [`Locals::encrypted`] says so.
    #[must_use]
    pub fn locals(&self, policy: Arc<Policy>) -> Locals {
        Locals {
            encryption: Encryption::default(),
            browser: self.browser.local().clone(),
            ice: self.browser.ice_seed(),
            phone: PhoneLocal {
                video: self.video.local(),
                ..self.phone.local().clone()
            },
            policy,
        }
    }

    /// Where the peers are and how media is carried between them; `None` for a browser that has
    /// been named before.
    pub(super) fn connect(
        &mut self,
        browser: Option<BrowserRemote>,
        phone: Option<PhoneRemote>,
        relay: Relay,
        video: Option<AgreedVideo>,
    ) -> Result<(), MediaError> {
        if let Some(remote) = browser {
            self.browser.set_remote(remote)?;
        }
        self.phone.set_remote(phone)?;
        self.worker.bridge(&self.browser, &self.phone, relay)?;
        self.video.connect(&self.worker, &self.browser, video)
    }

    /// Does what is needed with the leg for video; our end of it, or none, if that has changed.
    pub(super) fn tend_video(&mut self, need: VideoNeed) -> Option<Option<VideoLocal>> {
        self.video.tend(need, &self.worker)
    }

    /// Who the browser is, while the phone's end is unknown.
    pub(super) fn expect_browser(&self, remote: BrowserRemote) -> Result<(), MediaError> {
        self.browser.set_remote(remote)?;
        self.browser.expect_checks()
    }

    /// The browser is to send a keyframe; a wish that the media path has no room for is lost.
    pub(super) fn need_keyframe(&self) {
        if let Err(error) = self.browser.need_keyframe() {
            tracing::debug!(%error, "keyframe not asked for");
        }
    }

    /// The browser has restarted ICE.
    pub(super) fn restart_ice(&self, credentials: IceCredentials) -> Result<(), MediaError> {
        self.browser.restart_ice(credentials)
    }

    /// Sends the phone a key; one that the media path has no room for is lost.
    pub(super) fn send_key(&self, dtmf: Dtmf) {
        if let Err(error) = self.phone.send_digit(dtmf) {
            tracing::debug!(%error, "key not sent");
        }
    }

    /// The phone has sent a key by signalling; the same.
    pub(super) fn tell_key(&self, dtmf: Dtmf) {
        if let Err(error) = self.phone.tell_digit(dtmf) {
            tracing::debug!(%error, "key of the phone not told");
        }
    }

    /// The browser has our description.
    pub(super) fn expect_checks(&self) -> Result<(), MediaError> {
        self.browser.expect_checks()
    }

    /// Asks both legs for their counters. They live on one worker, which reads its letters in
    /// order: the second answer is the last.
    pub(super) fn look(&self) -> Result<Look, MediaError> {
        let (tell_browser, browser) = oneshot::channel();
        let (tell_phone, phone) = oneshot::channel();
        self.browser.snapshot(answer(tell_browser))?;
        self.phone.snapshot(answer(tell_phone))?;
        Ok(Look { browser, phone })
    }

    /// Opens a leg towards a phone that may take the present one's place, closing an earlier one.
    pub(super) fn open_candidate(
        &mut self,
        on_event: impl Fn(LegEvent) + Send + 'static,
    ) -> Result<PhoneLocal, MediaError> {
        let on_event = Box::new(on_event);
        let mut leg = self.worker.open_phone_leg(PhoneLegConfig { on_event })?;
        faced(&mut leg, self.family);
        let local = leg.local().clone();
        self.candidate = Some(leg);
        self.candidate_video.beside(&self.video, &self.worker);
        let video = self.candidate_video.local();
        Ok(PhoneLocal { video, ..local })
    }

    /// Closes the leg that might have taken the present one's place.
    pub(super) fn drop_candidate(&mut self) {
        self.candidate = None;
        self.candidate_video.close();
    }

    /// Moves the browser over to the other phone leg. What it receives goes on under the same SSRC
    /// and numbering; the present leg is closed afterwards, and so is that of its video.
    pub(super) fn swap(
        &mut self,
        browser: Option<BrowserRemote>,
        phone: Option<PhoneRemote>,
        relay: Relay,
        video: Option<AgreedVideo>,
    ) -> Result<(), MediaError> {
        let Some(candidate) = self.candidate.take() else {
            return Ok(());
        };
        if let Some(remote) = browser {
            self.browser.set_remote(remote)?;
        }
        candidate.set_remote(phone)?;
        self.worker.bridge(&self.browser, &candidate, relay)?;
        self.phone = candidate;
        self.video.take_over(&mut self.candidate_video);
        self.video.connect(&self.worker, &self.browser, video)
    }
}
