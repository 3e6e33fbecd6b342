//! The outgoing half of a call: from the browser's offer to the phone's acceptance.

use std::time::Instant;

use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::Command;

use super::negotiation::Locals;
use super::{
    Accepted, Action, Call, CallEvent, Direction, Negotiation, Progress, Refused, Signalling,
    names_info, reason,
};

/// What is needed to place a call.
#[derive(Debug)]
pub struct Outgoing {
    /// The SIP session, not in use.
    pub session: SessionId,
    /// Who calls.
    pub account: AccountId,
    /// Who is called: an address, a bare name or number.
    pub target: String,
    /// The browser's offer.
    pub sdp: String,
    /// Headers for the INVITE.
    pub headers: Vec<(String, String)>,
}

impl Call {
    /// Places a call. The INVITE is the first action.
    ///
    /// # Errors
    /// When the browser's offer cannot be used.
    pub fn outgoing(outgoing: Outgoing, locals: Locals) -> Result<Self, Refused> {
        let (negotiation, phone_offer) = Negotiation::browser_offers(&outgoing.sdp, locals)?;
        let signalling = Signalling::Calling(Progress::Connecting);
        let mut call = Self::new(
            outgoing.account,
            outgoing.session,
            signalling,
            negotiation,
            Direction::Outgoing,
        );
        call.sip(Command::Invite {
            account: outgoing.account,
            session: outgoing.session,
            target: outgoing.target,
            sdp: Some(phone_offer),
            headers: outgoing.headers,
        });
        Ok(call)
    }

    pub(super) fn handle_sent(&mut self, call_id: String) {
        self.call_id = Some(call_id);
        if let Signalling::Calling(progress @ Progress::Connecting) = &mut self.signalling {
            *progress = Progress::Sent;
            self.notify(CallEvent::Progress);
        }
    }

    pub(super) fn handle_provisional(&mut self, code: u16, sdp: Option<&[u8]>) {
        let Signalling::Calling(before) = self.signalling else {
            return;
        };
        if code == 199 {
            // One of several early dialogs has ended (RFC 6228); the others go on.
            return;
        }
        let answer = sdp.and_then(|sdp| self.early_answer(sdp));
        let mut reached = before;
        if code == 180 && !matches!(before, Progress::Ringing | Progress::EarlyMedia) {
            self.notify(CallEvent::Ringing);
            reached = Progress::Ringing;
        } else if code != 180
            && answer.is_none()
            && matches!(
                before,
                Progress::Connecting | Progress::Sent | Progress::Proceeding(_)
            )
            && before != Progress::Proceeding(code)
        {
            self.notify(CallEvent::Proceeding { code });
            reached = Progress::Proceeding(code);
        }
        if let Some(sdp) = answer {
            if before != Progress::EarlyMedia {
                let call_id = self.call_id.clone();
                self.notify(CallEvent::EarlyMedia { sdp, call_id });
            }
            reached = Progress::EarlyMedia;
        }
        self.signalling = Signalling::Calling(reached);
    }

    /// An early answer that cannot be used is no reason to end the call: the final one counts.
    fn early_answer(&mut self, sdp: &[u8]) -> Option<String> {
        match self.negotiation.phone_answers_early(sdp) {
            Ok(settled) => {
                self.actions.push_back(Action::Media(settled.media));
                Some(settled.answer)
            }
            Err(refusal) => {
                tracing::debug!(%refusal, "early SDP cannot be used");
                None
            }
        }
    }

    pub(super) fn handle_accepted(
        &mut self,
        sdp: Option<&[u8]>,
        call_id: String,
        headers: Vec<(String, String)>,
        now: Instant,
    ) {
        if !matches!(self.signalling, Signalling::Calling(_)) {
            return;
        }
        self.keys.knows_info = names_info(&headers);
        let outcome = match self.negotiation.phone_answers(sdp) {
            Ok(outcome) => outcome,
            Err(refusal) => {
                tracing::info!(%refusal, "the phone's answer cannot be used");
                self.end(&reason::unusable(refusal), now);
                return;
            }
        };
        self.actions.extend(outcome.media.map(Action::Media));
        self.signalling = Signalling::Accepted { since: now };
        self.notify(CallEvent::Accepted(Accepted {
            sdp: Some(outcome.answer),
            call_id: Some(call_id),
            headers,
        }));
        if let Some(sdp) = outcome.reoffer {
            self.sip(Command::Reinvite {
                session: self.session,
                sdp,
            });
        }
    }
}
