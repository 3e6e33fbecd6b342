//! The client gives its phone away: the phone is asked to call somebody else (RFC 3515, RFC 5589),
//! and when it is connected there, the client's own call ends.

use std::time::Instant;

use sip_stack::account::SessionId;
use sip_stack::command::Command;
use sip_stack::event::StatusReason;
use sip_stack::refer::{ReferProgress, ReferTarget};

use super::transfer::Transfer;
use super::{Call, CallEvent, ClientState, Refused, Signalling, TransferChange, reason};

impl Call {
    pub(super) fn transfer(&mut self, target: ReferTarget) -> Result<(), Refused> {
        match (self.client_state(), &self.transfer) {
            (ClientState::Established | ClientState::Accepted, Transfer::None) => {}
            (state, _) => return Err(Refused::WrongState(state)),
        }
        self.transfer = Transfer::Asked { told: None };
        self.sip(Command::Refer {
            session: self.session,
            target,
        });
        Ok(())
    }

    /// The session of the phone that the client talks with.
    pub(super) fn phone(&self) -> Result<SessionId, ClientState> {
        match self.signalling {
            Signalling::Accepted { .. } => Ok(self.session),
            Signalling::Calling(_)
            | Signalling::Alerting
            | Signalling::Answering { .. }
            | Signalling::Ending { .. }
            | Signalling::Ended => Err(self.client_state()),
        }
    }

    pub(super) fn handle_refer_progress(&mut self, progress: ReferProgress, now: Instant) {
        let Transfer::Asked { told } = &mut self.transfer else {
            return;
        };
        match progress {
            ReferProgress::Accepted => self.tell_trying(StatusReason::new(100, "Trying")),
            ReferProgress::Trying(status) if told.as_ref() != Some(&status) => {
                self.tell_trying(status);
            }
            ReferProgress::Trying(_) => {}
            ReferProgress::Done(status) if (200..300).contains(&status.code) => {
                self.transfer = Transfer::None;
                self.notify(CallEvent::Transfer(TransferChange::Accepted(status)));
                self.end_transferred(now);
            }
            ReferProgress::Done(status) => {
                tracing::info!(%status, "the phone could not be transferred");
                self.transfer = Transfer::None;
                self.notify(CallEvent::Transfer(TransferChange::Failed(status)));
            }
        }
    }

    fn tell_trying(&mut self, status: StatusReason) {
        let told = Some(status.clone());
        self.transfer = Transfer::Asked { told };
        self.notify(CallEvent::Transfer(TransferChange::Trying(status)));
    }

    /// The phone talks with somebody else now.
    pub(super) fn end_transferred(&mut self, now: Instant) {
        match self.signalling {
            Signalling::Accepted { .. } => {
                self.sip(Command::HangUp {
                    session: self.session,
                    reason: None,
                });
                self.tell_terminated(reason::transferred(), now);
            }
            Signalling::Calling(_)
            | Signalling::Alerting
            | Signalling::Answering { .. }
            | Signalling::Ending { .. }
            | Signalling::Ended => {}
        }
    }
}
