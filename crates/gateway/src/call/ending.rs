//! A call ends without the client's doing: its phone has hung up, or something that neither side
//! asked for, such as lost media. What the client itself does to end it is in `leaving`.
//!
//! The client's view ends first, with the one `terminated`; the call lives on until the user agent
//! has finished with its session.

use std::time::{Duration, Instant};

use media::LegFailure;
use sip_stack::command::{Command, Reason};
use sip_stack::event::{EndedBy, StatusReason};

use super::deadlines::ENDING_LIMIT;
use super::{
    Action, Call, CallEvent, ClientState, Direction, MediaAction, MediaState, Signalling, reason,
};

impl Call {
    pub(super) fn handle_ended(
        &mut self,
        reason: StatusReason,
        by: EndedBy,
        answered_elsewhere: bool,
        now: Instant,
    ) {
        if self.goes_on_with_another(now) {
            return;
        }
        let missed = matches!(
            self.signalling,
            Signalling::Alerting | Signalling::Answering { .. }
        ) && !answered_elsewhere;
        if self.client_state() != ClientState::Terminated {
            let up = matches!(self.signalling, Signalling::Accepted { .. });
            // 481: a phone that knows nothing of the call any more has ended it before.
            let is_over = matches!(reason.code, 200..=299 | 481);
            let hung_up = up && by == EndedBy::Remote && is_over;
            let reason = if hung_up {
                reason::remote_bye()
            } else {
                reason
            };
            self.tell_terminated(reason, now);
        }
        if missed {
            self.tell_missed();
        }
        self.finish();
    }

    pub(super) fn handle_failure(&mut self, failure: LegFailure, now: Instant) {
        tracing::info!(?failure, "media failed");
        self.end(&reason::leg_failure(failure), now);
    }

    pub(super) fn handle_silence(&mut self, leg: &'static str, silence: Duration, now: Instant) {
        if matches!(self.signalling, Signalling::Accepted { .. }) {
            tracing::info!(leg, seconds = silence.as_secs(), "media stopped");
            self.end(&reason::media_timeout(), now);
        }
    }

    /// Ends the call on both sides because of something that neither side asked for.
    pub(super) fn end(&mut self, reason: &StatusReason, now: Instant) {
        let told = Some(Reason::sip(reason.code, reason.phrase.clone()));
        match self.signalling {
            Signalling::Alerting | Signalling::Answering { .. } => {
                self.sip(Command::Reject {
                    session: self.session,
                    code: reason::to_caller(reason),
                    reason: None,
                });
                self.tell_terminated(reason.clone(), now);
                self.tell_missed();
            }
            Signalling::Calling(_) | Signalling::Accepted { .. } => {
                self.sip(Command::HangUp {
                    session: self.session,
                    reason: told,
                });
                self.tell_terminated(reason.clone(), now);
            }
            Signalling::Ending { .. } | Signalling::Ended => {}
        }
    }

    /// The client's view of the call ends here; media stops with it.
    pub(super) fn tell_terminated(&mut self, reason: StatusReason, now: Instant) {
        self.fail_messages("Call Ended");
        self.abandon_transfer();
        self.actions.push_back(Action::Media(MediaAction::Close));
        self.media = MediaState::Closed;
        self.signalling = Signalling::Ending {
            deadline: now + ENDING_LIMIT,
        };
        self.notify(CallEvent::Terminated { reason });
    }

    pub(super) fn tell_missed(&mut self) {
        if let Direction::Incoming { originator, .. } = &self.direction {
            let event = CallEvent::Missed {
                account: self.account,
                originator: originator.clone(),
            };
            self.notify(event);
        }
    }

    pub(super) fn finish(&mut self) {
        self.signalling = Signalling::Ended;
    }
}
