//! Another phone in the place of the one the client talks with, while the client's own call goes
//! on: because the phone asks for it (REFER), or because another phone comes and says so
//! (Replaces, RFC 3891), be it for a call of the client that still rings elsewhere. That the
//! client gives its phone away is in `giving`.
//!
//! One at a time. The other phone is a candidate until it is connected: it has its session and
//! its leg beside those of the present one, and nothing of the call depends on it (`candidate`).
//! Then the browser's leg is moved over (`takeover`).

mod candidate;
mod takeover;

use bytes::Bytes;
use media::PhoneLocal;
use media::plan::PhoneOffer;
use sip_stack::account::SessionId;
use sip_stack::command::{Command, Reason};
use sip_stack::event::StatusReason;
use sip_stack::refer::Referral;

use std::time::Instant;

use super::negotiation::{Joining, Refusal};
use super::{Action, Call, CandidateSession, MediaAction, PhoneLegId, Replacement, Signalling};

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
    /// The candidate has been answered. The user agent accepts it, if it still wants, by ending
    /// the present phone's session.
    Taking(Box<Taker>),
    /// The candidate has been accepted with our offer, which its ACK answers.
    Awaiting(Box<Candidate>),
}

/// Why another phone is wanted.
#[derive(Debug)]
pub(super) enum Wish {
    /// The present one asks for it.
    Referred(Box<Referral>),
    /// It comes by itself.
    Replaces(Replacement),
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
    /// Its Allow names INFO.
    knows_info: bool,
    present: Present,
}

/// A phone that has its answer and takes the present one's place.
#[derive(Debug)]
pub(super) struct Taker {
    session: SessionId,
    leg: PhoneLegId,
    joining: Joining,
    knows_info: bool,
}

/// The phone that is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Present {
    /// It waits for the outcome; if that is nothing, the call goes on with it.
    Waits,
    /// It knows nothing of the other one. The call goes on with it if that one does not come.
    Unaware,
    /// It has left.
    Gone,
}

impl Transfer {
    /// Whether the present phone is about to be left.
    pub(super) fn is_handing_over(&self) -> bool {
        match self {
            Self::Calling(_) | Self::Taking(_) | Self::Awaiting(_) | Self::Opening(_) => true,
            Self::None | Self::Asked { .. } => false,
        }
    }

    /// Whether the phone is being exchanged at this moment: the page's changes wait for the new
    /// one.
    pub(super) fn is_taking_over(&self) -> bool {
        match self {
            Self::Taking(_) | Self::Awaiting(_) => true,
            Self::None | Self::Asked { .. } | Self::Opening(_) | Self::Calling(_) => false,
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
    pub(super) fn handle_replacement(&mut self, phone: Replacement, now: Instant) {
        let session = phone.session;
        if let Err(code) = self.may_be_replaced() {
            tracing::info!(code, "replacement of the phone refused");
            return self.reject_candidate(session, code);
        }
        tracing::info!(%session, "another phone takes the call over");
        // What the page was told of the present one would be answered too late.
        self.page_told_in_vain(now);
        self.transfer = Transfer::Opening(Wish::Replaces(phone));
        let session = CandidateSession::Incoming(session);
        self.actions.push_back(Action::OpenCandidate(session));
    }

    /// A call that still rings can be picked up by another phone, too.
    fn may_be_replaced(&self) -> Result<(), u16> {
        match (&self.signalling, &self.transfer) {
            (Signalling::Calling(_), Transfer::None) => Ok(()),
            (Signalling::Calling(_), _) => Err(491),
            (
                Signalling::Alerting
                | Signalling::Answering { .. }
                | Signalling::Accepted { .. }
                | Signalling::Ending { .. }
                | Signalling::Ended,
                _,
            ) => self.takes_another_phone(),
        }
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
    pub(super) fn handle_opened(
        &mut self,
        session: SessionId,
        leg: PhoneLegId,
        mut local: PhoneLocal,
    ) {
        let wish = match std::mem::take(&mut self.transfer) {
            Transfer::Opening(wish) => wish,
            other @ (Transfer::None
            | Transfer::Asked { .. }
            | Transfer::Calling(_)
            | Transfer::Taking(_)
            | Transfer::Awaiting(_)) => {
                self.transfer = other;
                return self.drop_candidate_leg();
            }
        };
        let encryption = self.negotiation.encryption();
        let srtp = match &wish {
            Wish::Referred(referral) => encryption.towards(&referral.target),
            Wish::Replaces(phone) => encryption.over(phone.over_tls),
        };
        let Ok(srtp) = srtp else {
            tracing::info!(
                "encryption required, but the other phone's signalling is not encrypted"
            );
            self.transfer = Transfer::Opening(wish);
            self.drop_candidate_leg();
            return self.candidate_refused(488);
        };
        local.srtp.policy = srtp;
        let taken = match &wish {
            Wish::Referred(referral) => self.call_candidate(session, leg, local, referral),
            Wish::Replaces(phone) => match &phone.sdp {
                None => self.offer_to_candidate(phone, leg, local),
                Some(sdp) => self.answer_candidate(phone, sdp, leg, local),
            },
        };
        if let Err(refusal) = taken {
            tracing::info!(%refusal, "nothing to agree on with the other phone");
            self.transfer = Transfer::Opening(wish);
            self.drop_candidate_leg();
            self.candidate_refused(refusal.status());
        }
    }

    fn call_candidate(
        &mut self,
        session: SessionId,
        leg: PhoneLegId,
        local: PhoneLocal,
        referral: &Referral,
    ) -> Result<(), Refusal> {
        let offer = self.negotiation.offer_to_another(&local)?;
        self.answer_refer(Ok(()));
        self.sip(Command::InviteReferred {
            account: self.account,
            session,
            referral: referral.clone(),
            sdp: text_of(&offer),
        });
        self.transfer = Transfer::Calling(Box::new(Candidate {
            session,
            leg,
            local,
            offer,
            early: None,
            knows_info: false,
            present: Present::Waits,
        }));
        Ok(())
    }

    fn offer_to_candidate(
        &mut self,
        phone: &Replacement,
        leg: PhoneLegId,
        local: PhoneLocal,
    ) -> Result<(), Refusal> {
        let offer = self.negotiation.offer_to_another(&local)?;
        self.accept_candidate(phone.session, text_of(&offer));
        self.transfer = Transfer::Awaiting(Box::new(Candidate {
            session: phone.session,
            leg,
            local,
            offer,
            early: None,
            knows_info: phone.knows_info,
            present: Present::Unaware,
        }));
        Ok(())
    }

    fn answer_candidate(
        &mut self,
        phone: &Replacement,
        sdp: &[u8],
        leg: PhoneLegId,
        local: PhoneLocal,
    ) -> Result<(), Refusal> {
        let joining = self.negotiation.another_offers(local, sdp)?;
        self.accept_candidate(phone.session, joining.answer());
        self.transfer = Transfer::Taking(Box::new(Taker {
            session: phone.session,
            leg,
            joining,
            knows_info: phone.knows_info,
        }));
        Ok(())
    }

    /// There is no candidate after all.
    pub(super) fn candidate_refused(&mut self, code: u16) {
        match std::mem::take(&mut self.transfer) {
            Transfer::Opening(Wish::Referred(_)) => self.answer_refer(Err(code)),
            Transfer::Opening(Wish::Replaces(phone)) => {
                self.reject_candidate(phone.session, code);
            }
            other @ (Transfer::None
            | Transfer::Asked { .. }
            | Transfer::Calling(_)
            | Transfer::Taking(_)
            | Transfer::Awaiting(_)) => self.transfer = other,
        }
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

fn text_of(offer: &PhoneOffer) -> Bytes {
    Bytes::copy_from_slice(offer.text().as_bytes())
}
