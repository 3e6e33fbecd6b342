//! What the phone says of its session beside calls and changes: an UPDATE before it answers
//! (RFC 3311), and the answer to a refresh that the user agent made by itself (RFC 4028).

use bytes::Bytes;
use sip_stack::command::Command;

use super::{Action, Call, Signalling};

impl Call {
    /// The phone offers before the call is answered. What cannot be carried is refused with 488
    /// and leaves everything as it was.
    pub(super) fn handle_offered(&mut self, sdp: &[u8], dialog: u32) {
        let answer = match self.signalling {
            Signalling::Calling(_) => self.negotiation.phone_offers_early(sdp),
            Signalling::Alerting
            | Signalling::Answering { .. }
            | Signalling::Accepted { .. }
            | Signalling::Ending { .. }
            | Signalling::Ended => Err(super::negotiation::Refusal::NotDue),
        };
        let answer = match answer {
            Ok(settled) => {
                self.actions.push_back(Action::Media(settled.media));
                Ok(settled.answer)
            }
            Err(refusal) => {
                tracing::info!(%refusal, "early offer refused");
                Err(refusal.status())
            }
        };
        self.sip(Command::AnswerOffer {
            session: self.session,
            dialog,
            answer,
        });
    }

    /// A refresh was answered, nearly always with what holds already.
    pub(super) fn handle_refreshed(&mut self, sdp: &Bytes) {
        if let Signalling::Accepted { .. } = self.signalling
            && let Some(media) = self.negotiation.phone_repeats(sdp)
        {
            self.actions.push_back(Action::Media(media));
            self.tell_phone_hold();
        }
    }
}
