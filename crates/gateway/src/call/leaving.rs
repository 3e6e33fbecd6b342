//! The client ends a call: it cancels, rejects or hangs up.
//!
//! Which of them follows from the state alone. A code and a phrase of the client's own become the
//! status line of a rejection; where there is no response to put them in, the Reason header
//! (RFC 3326) carries them.

use std::time::Instant;

use sip_stack::command::{Command, Reason};
use sip_stack::event::StatusReason;

use super::{Call, Direction, Signalling, reason};

impl Call {
    pub(super) fn terminate(&mut self, now: Instant) {
        match self.signalling {
            Signalling::Alerting | Signalling::Answering { .. } => {
                self.decline(self.decline_code(), None, now);
            }
            Signalling::Calling(_) => self.hang_up(None, reason::cancelled(), now),
            Signalling::Accepted { .. } => self.hang_up(None, reason::own_bye(), now),
            Signalling::Ending { .. } | Signalling::Ended => {}
        }
    }

    pub(super) fn reject(&mut self, code: Option<u16>, phrase: Option<String>, now: Instant) {
        let code = code.unwrap_or_else(|| self.decline_code());
        let told = |phrase: Option<String>| {
            let text = phrase.unwrap_or_else(|| reason::declined(code).phrase);
            Some(Reason::sip(code, text))
        };
        match self.signalling {
            Signalling::Alerting | Signalling::Answering { .. } => self.decline(code, phrase, now),
            Signalling::Calling(_) => self.hang_up(told(phrase), reason::cancelled(), now),
            Signalling::Accepted { .. } => self.hang_up(told(phrase), reason::own_bye(), now),
            Signalling::Ending { .. } | Signalling::Ended => {}
        }
    }

    fn decline(&mut self, code: u16, phrase: Option<String>, now: Instant) {
        self.sip(Command::Reject {
            session: self.session,
            code,
            reason: phrase.clone(),
        });
        let reason = match phrase {
            Some(phrase) => StatusReason::new(code, phrase),
            None => reason::declined(code),
        };
        self.tell_terminated(reason, now);
    }

    fn hang_up(&mut self, told: Option<Reason>, reason: StatusReason, now: Instant) {
        self.sip(Command::HangUp {
            session: self.session,
            reason: told,
        });
        self.tell_terminated(reason, now);
    }

    fn decline_code(&self) -> u16 {
        match &self.direction {
            Direction::Incoming { decline_code, .. } => *decline_code,
            Direction::Outgoing => 486,
        }
    }
}
