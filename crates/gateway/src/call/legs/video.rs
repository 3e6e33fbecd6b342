//! The leg that carries a call's video towards the phone: opened when somebody speaks of video and
//! it is allowed, closed when there is none after all.

use media::sdp::speaks_of_video;
use media::video::AgreedVideo;
use media::{
    AddressFamily, BrowserLeg, MediaError, PhoneLeg, PhoneLegConfig, VideoLocal, WorkerHandle,
};

use crate::call::leg_events::LegEventSender;

/// The leg, or its absence.
#[derive(Debug)]
pub(super) struct VideoLeg {
    events: LegEventSender,
    allowed: bool,
    family: Option<AddressFamily>,
    leg: Option<PhoneLeg>,
}

impl VideoLeg {
    /// None so far, and not allowed.
    pub(super) fn new(events: LegEventSender) -> Self {
        Self {
            events,
            allowed: false,
            family: None,
            leg: None,
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
        self.leg = None;
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

    /// Carries what was agreed on; closes the leg when that is no video. Whether it was closed.
    pub(super) fn connect(
        &mut self,
        worker: &WorkerHandle,
        browser: &BrowserLeg,
        video: Option<AgreedVideo>,
    ) -> Result<bool, MediaError> {
        let Some(AgreedVideo {
            relay,
            phone_remote,
        }) = video
        else {
            return Ok(self.leg.take().is_some());
        };
        if let Some(leg) = &self.leg {
            leg.set_remote(phone_remote)?;
            worker.bridge_video(browser, leg, relay)?;
        }
        Ok(false)
    }

    /// Closes it.
    pub(super) fn close(&mut self) {
        self.leg = None;
    }
}
