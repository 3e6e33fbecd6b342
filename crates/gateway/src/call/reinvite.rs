//! Changes the phone asks for in mid-call (RFC 3261 §14.2): hold, resume, codec, address.
//!
//! The gateway answers them itself; the browser hears nothing of them but the sound. What the
//! browser has to agree to, another codec or added video, is put to pages that know how to; about
//! video a page that does not agree is passed over. Video that the phone drops and other packet
//! times need nobody's consent: the page is told of them afterwards. A change that cannot be
//! carried is refused with 488 and leaves the call as it was.

use std::time::Instant;

use bytes::Bytes;
use sip_stack::command::Command;
use sip_stack::event::StatusReason;

use super::negotiation::{Refusal, VideoDiffers};
use super::update::Otherwise;
use super::{Action, Call, Signalling, reason};

impl Call {
    pub(super) fn handle_reinvite(&mut self, sdp: Option<&[u8]>, now: Instant) {
        // What the page was only told of is overtaken.
        self.page_told_in_vain(now);
        let answer = match (&self.signalling, sdp) {
            (Signalling::Accepted { .. }, Some(offer)) => {
                let differs = self.negotiation.video_change(offer);
                let otherwise = Otherwise::WithoutVideo(Bytes::copy_from_slice(offer));
                if differs == VideoDiffers::Added && self.ask_page(offer, otherwise, now) {
                    return;
                }
                match self.negotiation.phone_reoffers(offer) {
                    Ok(settled) => {
                        self.actions.push_back(Action::Media(settled.media));
                        self.foresee_news();
                        Ok(settled.answer)
                    }
                    Err(Refusal::Plan(media::plan::Refusal::CodecGone))
                        if self.ask_page(offer, Otherwise::Refuse, now) =>
                    {
                        return;
                    }
                    Err(refusal) => Err(refusal),
                }
            }
            (Signalling::Accepted { .. }, None) => self.negotiation.reoffer_to_phone(),
            (
                Signalling::Calling(_)
                | Signalling::Alerting
                | Signalling::Answering { .. }
                | Signalling::Ending { .. }
                | Signalling::Ended,
                _,
            ) => return,
        };
        if let Err(refusal) = &answer {
            tracing::info!(%refusal, "re-INVITE refused");
        }
        self.sip(Command::AnswerReinvite {
            session: self.session,
            answer: answer.map_err(|refusal| refusal.status()),
        });
    }

    /// The answer to an offer that we made in mid-call.
    pub(super) fn handle_reinvited(&mut self, sdp: Option<&[u8]>, now: Instant) {
        if self.change_accepted(sdp) {
            return;
        }
        match self.negotiation.phone_answers_reoffer(sdp) {
            Ok(media) => self.actions.push_back(Action::Media(media)),
            Err(refusal) => {
                tracing::info!(%refusal, "answer to a re-INVITE cannot be used");
                self.reoffer_failed(now);
            }
        }
    }

    /// The phone does not take an offer that we made in mid-call.
    pub(super) fn handle_reinvite_failed(&mut self, why: StatusReason, now: Instant) {
        tracing::info!(%why, "the phone refuses our re-INVITE");
        if !self.change_refused(why, now) {
            self.reoffer_failed(now);
        }
    }

    /// An offer that we made in mid-call was refused, or its answer was of no use.
    pub(super) fn reoffer_failed(&mut self, now: Instant) {
        if !self.negotiation.withdraw() {
            self.end(&reason::not_acceptable(), now);
        }
    }
}
