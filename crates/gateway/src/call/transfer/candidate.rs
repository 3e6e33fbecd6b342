//! What becomes of a phone that may take the present one's place, until it does.

use std::time::Instant;

use bytes::Bytes;
use media::LegEvent;
use sip_stack::account::SessionId;
use sip_stack::command::Command;
use sip_stack::event::{SessionEvent, StatusReason};

use super::super::{Call, PhoneLegId, names_info, reason};
use super::{Candidate, Present, Transfer, Wish};

impl Call {
    /// Something has happened in a session that is not the present phone's.
    pub(in crate::call) fn handle_other_phone(
        &mut self,
        session: SessionId,
        event: SessionEvent,
        now: Instant,
    ) {
        match (std::mem::take(&mut self.transfer), event) {
            (Transfer::Calling(candidate), event) if candidate.session == session => {
                self.handle_called(candidate, event, now);
            }
            (Transfer::Awaiting(candidate), SessionEvent::Confirmed { sdp })
                if candidate.session == session =>
            {
                self.handle_ack(&candidate, sdp.as_deref(), now);
            }
            (Transfer::Awaiting(candidate), SessionEvent::Ended { reason, .. })
                if candidate.session == session =>
            {
                self.candidate_failed(&candidate, reason, now);
            }
            (Transfer::Taking(taker), SessionEvent::Ended { .. }) if taker.session == session => {
                tracing::debug!("the other phone has changed its mind");
                self.drop_candidate_leg();
            }
            (Transfer::Opening(Wish::Replaces(phone)), SessionEvent::Ended { .. })
                if phone.session == session =>
            {
                tracing::debug!("the other phone has changed its mind");
            }
            (other, _) => {
                tracing::debug!(%session, "event of a session left behind");
                self.transfer = other;
            }
        }
    }

    /// The candidate's leg fails.
    pub(in crate::call) fn handle_other_leg(
        &mut self,
        leg: PhoneLegId,
        event: &LegEvent,
        now: Instant,
    ) {
        let is_failure = matches!(event, LegEvent::Failed(_));
        match std::mem::take(&mut self.transfer) {
            Transfer::Calling(candidate) | Transfer::Awaiting(candidate)
                if is_failure && candidate.leg == leg =>
            {
                self.hang_up_on(candidate.session, None);
                let status = StatusReason::new(500, "Media failure");
                self.candidate_failed(&candidate, status, now);
            }
            Transfer::Taking(taker) if is_failure && taker.leg == leg => {
                self.hang_up_on(taker.session, None);
                self.drop_candidate_leg();
            }
            other @ (Transfer::None
            | Transfer::Asked { .. }
            | Transfer::Opening(_)
            | Transfer::Calling(_)
            | Transfer::Taking(_)
            | Transfer::Awaiting(_)) => self.transfer = other,
        }
    }

    fn handle_called(&mut self, mut candidate: Box<Candidate>, event: SessionEvent, now: Instant) {
        match event {
            SessionEvent::Provisional {
                code, phrase, sdp, ..
            } => {
                candidate.early = sdp.or(candidate.early);
                self.tell_present(StatusReason::new(code, phrase));
                self.transfer = Transfer::Calling(candidate);
            }
            SessionEvent::Accepted { sdp, headers, .. } => {
                candidate.knows_info = names_info(&headers);
                self.handle_answered(*candidate, sdp, now);
            }
            SessionEvent::Ended { reason, .. } => self.candidate_failed(&candidate, reason, now),
            SessionEvent::Reinvite { .. } => {
                let session = candidate.session;
                let answer = Err(491);
                self.sip(Command::AnswerReinvite { session, answer });
                self.transfer = Transfer::Calling(candidate);
            }
            SessionEvent::Refer(_) => {
                let session = candidate.session;
                let answer = Err(491);
                self.sip(Command::AnswerRefer { session, answer });
                self.transfer = Transfer::Calling(candidate);
            }
            SessionEvent::Offered { dialog, .. } => {
                let session = candidate.session;
                let answer = Err(488);
                self.sip(Command::AnswerOffer {
                    session,
                    dialog,
                    answer,
                });
                self.transfer = Transfer::Calling(candidate);
            }
            SessionEvent::Sent { .. }
            | SessionEvent::Confirmed { .. }
            | SessionEvent::Reinvited { .. }
            | SessionEvent::Refreshed { .. }
            | SessionEvent::ReinviteFailed { .. }
            | SessionEvent::ReinviteWithdrawn
            | SessionEvent::Info { .. }
            | SessionEvent::InfoResult { .. }
            | SessionEvent::Message { .. }
            | SessionEvent::MessageResult { .. }
            | SessionEvent::ReferProgress(_) => self.transfer = Transfer::Calling(candidate),
        }
    }

    /// The candidate has answered: the browser is moved over, the present phone is let go.
    fn handle_answered(&mut self, candidate: Candidate, sdp: Option<Bytes>, now: Instant) {
        let old = self.session;
        let Candidate {
            session,
            leg,
            local,
            offer,
            early,
            knows_info,
            present,
        } = &candidate;
        let sdp = sdp.as_ref().or(early.as_ref());
        let answer = sdp.map(|sdp| &sdp[..]);
        let joining = self.negotiation.another_answers(offer, local, answer);
        match joining {
            Ok(joining) => {
                self.tell_present(StatusReason::new(200, "OK"));
                let waits = *present == Present::Waits;
                self.swap(*session, *leg, joining, *knows_info, now);
                if waits {
                    self.hang_up_on(old, Some(reason::transferred()));
                }
            }
            Err(refusal) => {
                tracing::info!(%refusal, "the other phone's answer cannot be used");
                self.hang_up_on(*session, Some(reason::unusable(refusal)));
                self.candidate_failed(&candidate, reason::unusable(refusal), now);
            }
        }
    }

    /// The candidate has been accepted without an offer of its own; its ACK has the answer.
    fn handle_ack(&mut self, candidate: &Candidate, sdp: Option<&[u8]>, now: Instant) {
        let Candidate {
            session,
            leg,
            local,
            offer,
            knows_info,
            ..
        } = candidate;
        match self.negotiation.another_answers(offer, local, sdp) {
            Ok(joining) => self.swap(*session, *leg, joining, *knows_info, now),
            Err(refusal) => {
                tracing::info!(%refusal, "the other phone's answer cannot be used");
                self.hang_up_on(*session, Some(reason::unusable(refusal)));
                self.candidate_failed(candidate, reason::unusable(refusal), now);
            }
        }
    }

    /// The candidate does not take part. The present phone hears it and goes on; if it has gone,
    /// this is the end of the call.
    fn candidate_failed(&mut self, candidate: &Candidate, why: StatusReason, now: Instant) {
        tracing::info!(%why, "the other phone cannot be had");
        self.drop_candidate_leg();
        match candidate.present {
            Present::Waits => self.tell_present(why),
            Present::Unaware => {}
            Present::Gone => {
                self.tell_terminated(why, now);
                self.finish();
            }
        }
    }
}
