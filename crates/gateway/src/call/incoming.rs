//! The incoming half of a call: from the phone's INVITE to the 200.

use std::time::Instant;

use bytes::Bytes;
use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::Command;
use sip_stack::event::Originator;

use super::negotiation::{Locals, Refusal};
use super::{
    ANSWER_WAIT, Accepted, Action, Call, CallEvent, Direction, MediaState, Negotiation, Refused,
    Signalling, reason,
};

/// What is known of a call that came in.
#[derive(Debug)]
pub struct Incoming {
    /// The SIP session.
    pub session: SessionId,
    /// Who is called.
    pub account: AccountId,
    /// Who calls.
    pub originator: Originator,
    /// The phone's offer; `None` if it wants one from us.
    pub sdp: Option<Bytes>,
    /// The status of a call that the client rejects.
    pub decline_code: u16,
    /// The client says itself when it rings ([`CallCommand::Ring`](super::CallCommand::Ring)).
    pub explicit_ringing: bool,
    /// The phone says that it takes INFO.
    pub knows_info: bool,
}

impl Call {
    /// Takes up an incoming call: the phone hears ringing unless the client is to say so, and the text returned beside the call
    /// is the offer for the browser.
    ///
    /// # Errors
    /// When nothing the phone offers can be carried to a browser; it is to be refused with 488.
    pub fn incoming(incoming: Incoming, locals: Locals) -> Result<(Self, String), Refusal> {
        let (negotiation, browser_offer) =
            Negotiation::phone_offers(incoming.sdp.as_deref(), locals)?;
        let mut call = Self::new(
            incoming.account,
            incoming.session,
            Signalling::Alerting,
            negotiation,
            Direction::Incoming {
                originator: incoming.originator,
                decline_code: incoming.decline_code,
                rung: false,
            },
        );
        call.keys.knows_info = incoming.knows_info;
        if !incoming.explicit_ringing {
            call.tell_ringing();
        }
        Ok((call, browser_offer))
    }

    /// The client rings. Saying so twice, or for a call that says so by itself, changes nothing.
    pub(super) fn ring(&mut self) -> Result<(), Refused> {
        match (&self.direction, &self.signalling) {
            (Direction::Outgoing, _) => Err(Refused::CannotRingOutgoing),
            (Direction::Incoming { .. }, Signalling::Alerting) => {
                self.tell_ringing();
                Ok(())
            }
            (
                Direction::Incoming { .. },
                Signalling::Calling(_)
                | Signalling::Answering { .. }
                | Signalling::Accepted { .. }
                | Signalling::Ending { .. }
                | Signalling::Ended,
            ) => Err(Refused::WrongState(self.client_state())),
        }
    }

    fn tell_ringing(&mut self) {
        if let Direction::Incoming { rung, .. } = &mut self.direction
            && !std::mem::replace(rung, true)
        {
            self.sip(Command::Provisional {
                session: self.session,
                code: 180,
                sdp: None,
            });
        }
    }

    pub(super) fn answer(
        &mut self,
        sdp: &str,
        headers: Vec<(String, String)>,
        now: Instant,
    ) -> Result<(), Refused> {
        match (&self.direction, &self.signalling) {
            (Direction::Outgoing, _) => return Err(Refused::CannotAnswerOutgoing),
            (Direction::Incoming { .. }, Signalling::Alerting) => {}
            (
                Direction::Incoming { .. },
                Signalling::Calling(_)
                | Signalling::Answering { .. }
                | Signalling::Accepted { .. }
                | Signalling::Ending { .. }
                | Signalling::Ended,
            ) => return Err(Refused::WrongState(self.client_state())),
        }
        let settled = self.negotiation.browser_answers(sdp)?;
        self.actions.push_back(Action::Media(settled.media));
        self.signalling = Signalling::Answering {
            deadline: now + ANSWER_WAIT,
            sdp: settled.answer,
            headers,
        };
        if self.media == MediaState::Connected {
            self.accept(now);
        }
        Ok(())
    }

    /// Sends the 200 that has been waiting.
    pub(super) fn accept(&mut self, now: Instant) {
        let accepted = Signalling::Accepted { since: now };
        match std::mem::replace(&mut self.signalling, accepted) {
            Signalling::Answering { sdp, headers, .. } => {
                self.sip(Command::Accept {
                    session: self.session,
                    sdp,
                    headers,
                });
                self.notify(CallEvent::Accepted(Accepted::default()));
            }
            other @ (Signalling::Calling(_)
            | Signalling::Alerting
            | Signalling::Accepted { .. }
            | Signalling::Ending { .. }
            | Signalling::Ended) => self.signalling = other,
        }
    }

    /// The ACK of our 200: if the INVITE had no offer, it carries the phone's answer to ours.
    pub(super) fn handle_confirmed(&mut self, sdp: Option<&[u8]>, now: Instant) {
        if !self.negotiation.awaits_phone_answer() {
            return;
        }
        match self.negotiation.phone_answers_late(sdp) {
            Ok(media) => self.actions.push_back(Action::Media(media)),
            Err(refusal) => {
                tracing::info!(%refusal, "the phone's answer cannot be used");
                self.end(&reason::unusable(refusal), now);
            }
        }
    }
}
