//! The leg that carries a call's video towards the phone: opened when somebody speaks of video and
//! it is allowed, closed when there will be none after all. In between it may rest: its port is in
//! an offer, or a page has video that its phone has put aside.

use media::sdp::speaks_of_video;
use media::video::AgreedVideo;
use media::{
    AddressFamily, BrowserLeg, MediaError, PhoneLeg, PhoneLegConfig, VideoLocal, WorkerHandle,
};

use super::VideoNeed;
use crate::call::leg_events::LegEventSender;

/// The leg, or its absence.
#[derive(Debug)]
pub(super) struct VideoLeg {
    events: LegEventSender,
    allowed: bool,
    family: Option<AddressFamily>,
    leg: Option<PhoneLeg>,
    /// What it carries, or has carried last.
    carried: Option<AgreedVideo>,
    /// Its leg is another one, and the call has not heard so.
    changed: bool,
}

impl VideoLeg {
    /// None so far, and not allowed.
    pub(super) fn new(events: LegEventSender) -> Self {
        Self {
            events,
            allowed: false,
            family: None,
            leg: None,
            carried: None,
            changed: false,
        }
    }

    /// The operator's word.
    pub(super) fn allow(&mut self, allowed: bool) {
        self.allowed = allowed;
    }

    /// Its end is told by an address of this family, where there is one.
    pub(super) fn face(&mut self, family: Option<AddressFamily>) {
        self.family = family;
    }

    /// Our end of it.
    pub(super) fn local(&self) -> Option<VideoLocal> {
        self.leg.as_ref().map(|leg| {
            let local = leg.local();
            VideoLocal {
                rtp: local.rtp,
                rtcp: local.rtcp,
                srtp: local.srtp.clone(),
            }
        })
    }

    /// Opens it if a description wants it. Our end, if it is new. Without ports the call goes on
    /// without video.
    pub(super) fn prepare(&mut self, sdp: &[u8], worker: &WorkerHandle) -> Option<VideoLocal> {
        if !self.allowed || self.leg.is_some() || !speaks_of_video(sdp) {
            return None;
        }
        self.open(worker);
        self.local()
    }

    /// Opened anew for another phone, if `present` is there for the one that the call is with.
    pub(super) fn beside(&mut self, present: &Self, worker: &WorkerHandle) {
        self.allowed = present.allowed;
        self.family = present.family;
        self.close();
        if present.leg.is_some() {
            self.open(worker);
        }
    }

    fn open(&mut self, worker: &WorkerHandle) {
        let events = self.events.clone();
        let on_event = Box::new(move |event| events.video(event));
        match worker.open_phone_leg(PhoneLegConfig { on_event }) {
            Ok(mut leg) => {
                super::faced(&mut leg, self.family);
                self.leg = Some(leg);
            }
            Err(error) => tracing::warn!(%error, "no leg for video"),
        }
    }

    /// The candidate's leg is that of the call from here on. If it has none and the call has, another
    /// is opened: what the page waits for goes to the new phone.
    pub(super) fn take_over(&mut self, candidate: &mut Self) {
        let had = self.leg.is_some();
        self.leg = candidate.leg.take();
        self.carried = None;
        if had && self.leg.is_none() {
            self.changed = true;
        }
    }

    /// Does what is needed; our end, or none, if that has changed.
    pub(super) fn tend(
        &mut self,
        need: VideoNeed,
        worker: &WorkerHandle,
    ) -> Option<Option<VideoLocal>> {
        match need {
            VideoNeed::Gone if self.leg.is_some() => {
                self.close();
                self.changed = true;
            }
            VideoNeed::Rests if self.carried.is_some() || self.changed => {
                self.close();
                self.open(worker);
                self.changed = true;
            }
            VideoNeed::Gone | VideoNeed::Rests | VideoNeed::Stays => {}
        }
        std::mem::take(&mut self.changed).then(|| self.local())
    }

    /// Carries what was agreed on, or nothing.
    pub(super) fn connect(
        &mut self,
        worker: &WorkerHandle,
        browser: &BrowserLeg,
        video: Option<AgreedVideo>,
    ) -> Result<(), MediaError> {
        let Some(leg) = &self.leg else {
            return Ok(());
        };
        if let Some(video) = video {
            self.carried = Some(video.clone());
            leg.set_remote(video.phone_remote)?;
            worker.bridge_video(browser, leg, video.relay)
        } else if let Some(last) = self.carried.clone() {
            leg.set_remote(None)?;
            worker.bridge_video(browser, leg, last.closed().relay)
        } else {
            Ok(())
        }
    }

    /// Closes it.
    pub(super) fn close(&mut self) {
        self.leg = None;
        self.carried = None;
    }
}
