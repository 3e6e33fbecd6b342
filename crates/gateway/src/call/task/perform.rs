//! What a call decides, done: commands to the user agent and to the legs, events to the client.

use media::MediaError;

use super::{CallTask, now};
use crate::call::ends::log;
use crate::call::{Action, CallEvent, CandidateSession, Input, MediaAction};

impl CallTask {
    /// Somebody describes a change: if it is about video, there has to be a leg for it first.
    pub(super) fn prepare_video(&mut self, sdp: &[u8]) {
        let opened = self.legs.as_mut().and_then(|legs| legs.prepare_video(sdp));
        if let Some(local) = opened {
            self.call.handle(Input::VideoLeg(Some(local)), now());
        }
    }

    pub(super) async fn perform(&mut self, action: Action) {
        match action {
            Action::Sip(command) => self.ends.sip.command(command).await,
            Action::Media(action) => {
                if let Err(error) = self.perform_on_legs(action) {
                    tracing::warn!(%error, "media path refused");
                    self.call.handle(Input::MediaRefused(error), now());
                }
            }
            Action::OpenCandidate(session) => self.open_candidate(session),
            Action::Notify(event) => {
                log(&event);
                self.note_progress(&event);
                if self.ends.tell(event).is_err() {
                    self.call.handle(Input::ClientLost, now());
                }
            }
        }
    }

    fn perform_on_legs(&mut self, action: MediaAction) -> Result<(), MediaError> {
        let Some(legs) = &mut self.legs else {
            return Ok(());
        };
        match action {
            MediaAction::Connect {
                browser,
                phone,
                relay,
                video,
            } => legs.connect(browser, phone, *relay, video.map(|video| *video)),
            MediaAction::ExpectBrowser(remote) => legs.expect_browser(remote),
            MediaAction::Swap {
                browser,
                phone,
                relay,
                video,
            } => legs.swap(browser, phone, *relay, video.map(|video| *video)),
            MediaAction::DropCandidate => {
                legs.drop_candidate();
                Ok(())
            }
            MediaAction::SendKey(dtmf) => {
                legs.send_key(dtmf);
                Ok(())
            }
            MediaAction::TellKey(dtmf) => {
                legs.tell_key(dtmf);
                Ok(())
            }
            MediaAction::NeedKeyframe => {
                legs.need_keyframe();
                Ok(())
            }
            MediaAction::RestartIce(credentials) => legs.restart_ice(credentials),
            MediaAction::Close => {
                self.legs = None;
                Ok(())
            }
        }
    }

    /// A leg for video that carries nothing is kept as long as something may come of it.
    pub(super) fn tend_video(&mut self) {
        let Some(legs) = &mut self.legs else {
            return;
        };
        if let Some(local) = legs.tend_video(self.call.video_need()) {
            self.call.handle(Input::VideoLeg(local), now());
        }
    }

    /// What the task itself has to do when a call is accepted, and how long it took to come up.
    fn note_progress(&mut self, event: &CallEvent) {
        match event {
            CallEvent::Accepted(_) => {
                self.stats.accepted();
                self.watcher.handle_accepted(now());
                self.expect_checks();
            }
            CallEvent::Established => {
                if let Some(metrics) = &self.metrics {
                    metrics.established(self.started.elapsed());
                }
            }
            CallEvent::Progress
            | CallEvent::Proceeding { .. }
            | CallEvent::Ringing
            | CallEvent::EarlyMedia { .. }
            | CallEvent::Terminated { .. }
            | CallEvent::Message { .. }
            | CallEvent::MessageResult { .. }
            | CallEvent::Held { .. }
            | CallEvent::Transfer(_)
            | CallEvent::Expiring { .. }
            | CallEvent::Update(_)
            | CallEvent::Quality(..)
            | CallEvent::MediaTrouble(_)
            | CallEvent::Key { .. }
            | CallEvent::Missed { .. } => {}
        }
    }

    fn open_candidate(&mut self, session: CandidateSession) {
        let Some(legs) = &mut self.legs else {
            let refused = Input::CandidateRefused(MediaError::Stopped);
            return self.call.handle(refused, now());
        };
        let leg = self.last_leg.next();
        self.last_leg = leg;
        let events = self.mailbox.to_leg_events.clone();
        let opened = legs.open_candidate(move |event| events.phone(leg, event));
        let input = match opened {
            Ok(local) => {
                self.stats.expect_phone();
                let session = match session {
                    CandidateSession::Incoming(session) => session,
                    CandidateSession::New => {
                        let sender = self.mailbox.sender.clone();
                        let (session, route) = self.switchboard.open_session(sender);
                        self.routes.insert(session, route);
                        self.ends.sessions.insert(session);
                        session
                    }
                };
                let local = Box::new(local);
                Input::CandidateOpened {
                    session,
                    leg,
                    local,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no media for another phone");
                Input::CandidateRefused(error)
            }
        };
        self.call.handle(input, now());
    }

    /// The browser has our description by now, however long the call has been ringing: its ICE
    /// has a time limit.
    fn expect_checks(&mut self) {
        let Some(legs) = &self.legs else {
            return;
        };
        if let Err(error) = legs.expect_checks() {
            tracing::warn!(%error, "media path refused");
            self.call.handle(Input::MediaRefused(error), now());
        }
    }
}
