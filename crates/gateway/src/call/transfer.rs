//! Another phone in the place of the one the client talks with, while the client's own call goes
//! on: because the phone asks for it (REFER), or because another phone comes and says so
//! (Replaces, RFC 3891). That the client gives its phone away is in `giving`.
//!
//! One at a time. The other phone is a candidate until it is connected: it has its session and
//! its leg beside those of the present one, and nothing of the call depends on it. Then the
//! browser's leg is moved over, and only then the present phone is let go.

use std::time::Instant;

use bytes::Bytes;
use media::plan::PhoneOffer;
use media::{LegEvent, PhoneLocal};
use sip_stack::account::SessionId;
use sip_stack::command::{Command, Reason};
use sip_stack::event::{SessionEvent, StatusReason};
use sip_stack::refer::Referral;

use super::{Action, Call, CandidateSession, MediaAction, PhoneLegId, Signalling, reason};

/// What goes on beside the call itself.
#[derive(Debug, Default)]
pub(super) enum Transfer {
    /// Nothing.
    #[default]
    None,
    /// The phone has been asked by the client to call somebody; this is what the client has been
    /// told last.
    Asked { told: Option<StatusReason> },
    /// A leg for a candidate is being opened.
    Opening(Wish),
    /// The candidate has been called and has not answered.
    Calling(Box<Candidate>),
    /// The candidate has been accepted with our offer, which its ACK answers. The present phone
    /// has been let go.
    Awaiting(Box<Candidate>),
}

/// Why another phone is wanted.
#[derive(Debug)]
pub(super) enum Wish {
    /// The present one asks for it.
    Referred(Box<Referral>),
    /// It comes by itself.
    Replaces {
        session: SessionId,
        sdp: Option<Bytes>,
    },
}

/// A phone that may take the present one's place.
#[derive(Debug)]
pub(super) struct Candidate {
    session: SessionId,
    leg: PhoneLegId,
    local: PhoneLocal,
    offer: PhoneOffer,
    /// The answer it gave before it accepted.
    early: Option<Bytes>,
    present: Present,
}

/// The phone that is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Present {
    /// It waits for the outcome; if that is nothing, the call goes on with it.
    Waits,
    /// It has hung up and left the rest to us.
    Gone,
}

impl Transfer {
    /// Whether the present phone is about to be left.
    pub(super) fn is_handing_over(&self) -> bool {
        match self {
            Self::Calling(_) | Self::Awaiting(_) | Self::Opening(_) => true,
            Self::None | Self::Asked { .. } => false,
        }
    }
}

impl Call {
    /// The phone wants the client to talk with somebody else.
    pub(super) fn handle_refer(&mut self, referral: Referral) {
        let refused = match self.takes_another_phone() {
            Err(code) => Some(code),
            Ok(()) if self.may_dial(&referral.target).is_err() => Some(403),
            Ok(()) => None,
        };
        if let Some(code) = refused {
            tracing::info!(code, "transfer by the phone refused");
            return self.answer_refer(Err(code));
        }
        tracing::info!("the phone transfers the call");
        self.transfer = Transfer::Opening(Wish::Referred(Box::new(referral)));
        self.actions
            .push_back(Action::OpenCandidate(CandidateSession::New));
    }

    /// Another phone calls to take the present one's place.
    pub(super) fn handle_replacement(&mut self, session: SessionId, sdp: Option<Bytes>) {
        if let Err(code) = self.takes_another_phone() {
            tracing::info!(code, "replacement of the phone refused");
            return self.reject_candidate(session, code);
        }
        tracing::info!(%session, "another phone takes the call over");
        self.transfer = Transfer::Opening(Wish::Replaces { session, sdp });
        let session = CandidateSession::Incoming(session);
        self.actions.push_back(Action::OpenCandidate(session));
    }

    /// Whether things are quiet enough for it; the status that says no.
    fn takes_another_phone(&self) -> Result<(), u16> {
        match (&self.signalling, &self.transfer) {
            (Signalling::Accepted { .. }, Transfer::None) if !self.negotiation.is_busy() => Ok(()),
            (Signalling::Accepted { .. }, _) => Err(491),
            (
                Signalling::Calling(_)
                | Signalling::Alerting
                | Signalling::Answering { .. }
                | Signalling::Ending { .. }
                | Signalling::Ended,
                _,
            ) => Err(603),
        }
    }

    /// The leg is open: the candidate is called, or answered.
    pub(super) fn handle_opened(&mut self, session: SessionId, leg: PhoneLegId, local: PhoneLocal) {
        let wish = match std::mem::take(&mut self.transfer) {
            Transfer::Opening(wish) => wish,
            other @ (Transfer::None
            | Transfer::Asked { .. }
            | Transfer::Calling(_)
            | Transfer::Awaiting(_)) => {
                self.transfer = other;
                return self.drop_candidate_leg();
            }
        };
        let offer = self.negotiation.offer_to_another(&local);
        match (wish, offer) {
            (Wish::Referred(referral), Ok(offer)) => {
                self.answer_refer(Ok(()));
                self.sip(Command::InviteReferred {
                    account: self.account,
                    session,
                    referral: *referral,
                    sdp: Bytes::copy_from_slice(offer.text().as_bytes()),
                });
                let candidate = Candidate {
                    session,
                    leg,
                    local,
                    offer,
                    early: None,
                    present: Present::Waits,
                };
                self.transfer = Transfer::Calling(Box::new(candidate));
            }
            (Wish::Replaces { sdp: None, .. }, Ok(offer)) => {
                self.accept_candidate(session, Bytes::copy_from_slice(offer.text().as_bytes()));
                let candidate = Candidate {
                    session,
                    leg,
                    local,
                    offer,
                    early: None,
                    present: Present::Gone,
                };
                self.transfer = Transfer::Awaiting(Box::new(candidate));
            }
            (Wish::Replaces { sdp: Some(sdp), .. }, Ok(_)) => {
                match self.negotiation.another_offers(local, &sdp) {
                    Ok(settled) => {
                        self.accept_candidate(session, settled.answer);
                        self.swap(session, leg, settled.media);
                    }
                    Err(refusal) => {
                        tracing::info!(%refusal, "the other phone's offer cannot be used");
                        self.drop_candidate_leg();
                        self.reject_candidate(session, refusal.status());
                    }
                }
            }
            (wish @ (Wish::Referred(_) | Wish::Replaces { .. }), Err(refusal)) => {
                self.transfer = Transfer::Opening(wish);
                self.drop_candidate_leg();
                self.candidate_refused(refusal.status());
            }
        }
    }

    /// There is no candidate after all.
    pub(super) fn candidate_refused(&mut self, code: u16) {
        match std::mem::take(&mut self.transfer) {
            Transfer::Opening(Wish::Referred(_)) => self.answer_refer(Err(code)),
            Transfer::Opening(Wish::Replaces { session, .. }) => {
                self.reject_candidate(session, code);
            }
            other @ (Transfer::None
            | Transfer::Asked { .. }
            | Transfer::Calling(_)
            | Transfer::Awaiting(_)) => self.transfer = other,
        }
    }

    /// Something has happened in a session that is not the present phone's.
    pub(super) fn handle_other_phone(
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
                self.handle_ack(*candidate, sdp.as_deref(), now);
            }
            (Transfer::Awaiting(candidate), SessionEvent::Ended { reason, .. })
                if candidate.session == session =>
            {
                self.drop_candidate_leg();
                self.tell_terminated(reason, now);
                self.finish();
            }
            (
                Transfer::Opening(Wish::Replaces { session: new, .. }),
                SessionEvent::Ended { .. },
            ) if new == session => {
                tracing::debug!("the other phone has changed its mind");
            }
            (other, _) => {
                tracing::debug!(%session, "event of a session left behind");
                self.transfer = other;
            }
        }
    }

    /// The candidate's leg fails.
    pub(super) fn handle_other_leg(&mut self, leg: PhoneLegId, event: &LegEvent, now: Instant) {
        let is_failure = matches!(event, LegEvent::Failed(_));
        match std::mem::take(&mut self.transfer) {
            Transfer::Calling(candidate) if is_failure && candidate.leg == leg => {
                self.hang_up_on(candidate.session, None);
                let status = StatusReason::new(500, "Media failure");
                self.candidate_failed(&candidate, status, now);
            }
            other @ (Transfer::None
            | Transfer::Asked { .. }
            | Transfer::Opening(_)
            | Transfer::Calling(_)
            | Transfer::Awaiting(_)) => self.transfer = other,
        }
    }

    /// The present phone has hung up; whether the call goes on because another one is about to
    /// take its place.
    pub(super) fn goes_on_with_another(&mut self) -> bool {
        if !matches!(self.signalling, Signalling::Accepted { .. }) {
            return false;
        }
        match &mut self.transfer {
            Transfer::Calling(candidate) | Transfer::Awaiting(candidate) => {
                candidate.present = Present::Gone;
                true
            }
            Transfer::Opening(Wish::Replaces { .. }) => true,
            Transfer::None | Transfer::Asked { .. } | Transfer::Opening(Wish::Referred(_)) => false,
        }
    }

    /// The call ends: whoever was to join it is told.
    pub(super) fn abandon_transfer(&mut self) {
        match std::mem::take(&mut self.transfer) {
            Transfer::Calling(candidate) | Transfer::Awaiting(candidate) => {
                self.hang_up_on(candidate.session, None);
                // Its end is then the end of the call.
                if candidate.present == Present::Gone {
                    self.session = candidate.session;
                }
            }
            Transfer::Opening(Wish::Replaces { session, .. }) => {
                self.reject_candidate(session, 480);
            }
            Transfer::Opening(Wish::Referred(_)) => self.answer_refer(Err(603)),
            Transfer::None | Transfer::Asked { .. } => {}
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
            SessionEvent::Accepted { sdp, .. } => self.handle_answered(*candidate, sdp, now),
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
            present,
        } = &candidate;
        let sdp = sdp.as_ref().or(early.as_ref());
        let answered =
            self.negotiation
                .another_answers(offer, local.clone(), sdp.map(|sdp| &sdp[..]));
        match answered {
            Ok(media) => {
                self.tell_present(StatusReason::new(200, "OK"));
                self.swap(*session, *leg, media);
                if *present == Present::Waits {
                    self.hang_up_on(old, Some(reason::transferred()));
                }
            }
            Err(refusal) => {
                tracing::info!(%refusal, "the other phone's answer cannot be used");
                self.hang_up_on(*session, Some(reason::not_acceptable()));
                self.candidate_failed(&candidate, reason::not_acceptable(), now);
            }
        }
    }

    fn handle_ack(&mut self, candidate: Candidate, sdp: Option<&[u8]>, now: Instant) {
        let Candidate {
            session,
            leg,
            local,
            offer,
            ..
        } = candidate;
        match self.negotiation.another_answers(&offer, local, sdp) {
            Ok(media) => self.swap(session, leg, media),
            Err(refusal) => {
                tracing::info!(%refusal, "the other phone's answer cannot be used");
                self.session = session;
                self.end(&reason::not_acceptable(), now);
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
            Present::Gone => {
                self.tell_terminated(why, now);
                self.finish();
            }
        }
    }

    /// The candidate is the phone of this call from here on.
    fn swap(&mut self, session: SessionId, leg: PhoneLegId, media: MediaAction) {
        self.actions.push_back(Action::Media(media));
        self.session = session;
        self.phone_leg = leg;
        self.change_lost();
        self.tones_lost();
        tracing::info!(%session, "the client talks with another phone");
    }

    fn tell_present(&mut self, status: StatusReason) {
        self.sip(Command::NotifyRefer {
            session: self.session,
            status,
        });
    }

    fn answer_refer(&mut self, answer: Result<(), u16>) {
        self.sip(Command::AnswerRefer {
            session: self.session,
            answer,
        });
    }

    fn reject_candidate(&mut self, session: SessionId, code: u16) {
        self.sip(Command::Reject {
            session,
            code,
            reason: None,
        });
    }

    fn accept_candidate(&mut self, session: SessionId, sdp: Bytes) {
        self.sip(Command::Accept {
            session,
            sdp,
            headers: Vec::new(),
        });
    }

    fn hang_up_on(&mut self, session: SessionId, why: Option<StatusReason>) {
        let reason = why.map(|why| Reason::sip(why.code, why.phrase));
        self.sip(Command::HangUp { session, reason });
    }

    fn drop_candidate_leg(&mut self) {
        self.actions
            .push_back(Action::Media(MediaAction::DropCandidate));
    }
}
