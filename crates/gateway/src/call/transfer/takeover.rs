//! The other phone takes the present one's place: the browser's leg is moved over, and what was
//! under way with the present phone is told as lost or begun anew with the other.
//!
//! A phone that calls to take over (RFC 3891) does so when the present one's session has ended,
//! which is how the user agent says that it has accepted the new one: if it has changed its mind
//! meanwhile, nothing has happened.

use std::time::Instant;

use sip_stack::account::SessionId;

use super::super::negotiation::Joining;
use super::super::{Accepted, Action, Call, CallEvent, PhoneLegId, Signalling, reason};
use super::{Present, Taker, Transfer, Wish};

impl Call {
    /// The present phone's session has ended; whether the call goes on because another one takes
    /// its place.
    pub(in crate::call) fn goes_on_with_another(&mut self, now: Instant) -> bool {
        if !matches!(
            self.signalling,
            Signalling::Calling(_) | Signalling::Accepted { .. }
        ) {
            return false;
        }
        match std::mem::take(&mut self.transfer) {
            Transfer::Calling(mut candidate) => {
                candidate.present = Present::Gone;
                self.transfer = Transfer::Calling(candidate);
                true
            }
            Transfer::Awaiting(mut candidate) => {
                candidate.present = Present::Gone;
                self.transfer = Transfer::Awaiting(candidate);
                true
            }
            Transfer::Taking(taker) => {
                let Taker {
                    session,
                    leg,
                    joining,
                    knows_info,
                } = *taker;
                self.swap(session, leg, joining, knows_info, now);
                true
            }
            opening @ Transfer::Opening(Wish::Replaces(_)) => {
                self.transfer = opening;
                true
            }
            other @ (Transfer::None | Transfer::Asked { .. } | Transfer::Opening(_)) => {
                self.transfer = other;
                false
            }
        }
    }

    /// The call ends: whoever was to join it is told.
    pub(in crate::call) fn abandon_transfer(&mut self) {
        match std::mem::take(&mut self.transfer) {
            Transfer::Calling(candidate) | Transfer::Awaiting(candidate) => {
                self.hang_up_on(candidate.session, None);
                // Its end is then the end of the call.
                if candidate.present == Present::Gone {
                    self.session = candidate.session;
                }
            }
            Transfer::Taking(taker) => self.hang_up_on(taker.session, None),
            Transfer::Opening(Wish::Replaces(phone)) => {
                self.reject_candidate(phone.session, 480);
            }
            Transfer::Opening(Wish::Referred(_)) => self.answer_refer(Err(603)),
            Transfer::None | Transfer::Asked { .. } => {}
        }
    }

    /// The candidate is the phone of this call from here on.
    pub(super) fn swap(
        &mut self,
        session: SessionId,
        leg: PhoneLegId,
        joining: Joining,
        knows_info: bool,
        now: Instant,
    ) {
        self.session = session;
        self.keys.knows_info = knows_info;
        let hold = self.wanted_hold();
        let media = match self.negotiation.take_up(joining, hold) {
            Ok(media) => media,
            Err(refusal) => {
                tracing::info!(%refusal, "the call has changed under the other phone");
                self.drop_candidate_leg();
                return self.end(&reason::not_acceptable(), now);
            }
        };
        self.keys.foresee(self.negotiation.route(), &media);
        self.actions.push_back(Action::Media(media));
        self.phone_leg = leg;
        self.foresee_news();
        tracing::info!(%session, "the client talks with another phone");
        self.picked_up(now);
        self.change_lost(hold, now);
        self.tones_lost();
        self.wishes_lost();
        self.fail_messages("Request Terminated");
    }

    /// The client's call was ringing elsewhere: this is its answer.
    fn picked_up(&mut self, now: Instant) {
        if let Signalling::Calling(_) = self.signalling {
            self.signalling = Signalling::Accepted { since: now };
            self.notify(CallEvent::Accepted(Accepted {
                sdp: self.negotiation.browser_answer(),
                call_id: self.call_id.clone(),
                headers: Vec::new(),
            }));
        }
    }
}
