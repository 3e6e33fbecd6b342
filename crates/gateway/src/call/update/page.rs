//! Changes of the phone that the page is put: those that it has to agree to, and those that it is
//! told of afterwards.
//!
//! The phone waits meanwhile, so a page is only asked that can be expected to answer. For another
//! codec it is enough that its version knows how, because the phone would be refused otherwise. For
//! added video the page must have changed a call itself; the phones of other pages are answered at
//! once, with the sound alone. What a page is only told of, the phone has had its answer to. A page
//! that has let the time pass is not waited for again, and its own hold goes before what it is
//! asked.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_stack::command::Command;
use sip_stack::event::StatusReason;

use super::{Change, TURN};
use crate::call::negotiation::{Negotiation, Refusal};
use crate::call::{Action, Call, CallEvent, ClientState, Refused, UpdateChange, reason};

/// How long a page may take to agree to a change of the phone: a little less than the 10 s after
/// which the user agent refuses it by itself.
const PAGE_LIMIT: Duration = Duration::from_millis(9_500);

/// How a page takes changes of the phone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::call) enum Page {
    /// Nobody knows.
    #[default]
    Unproven,
    /// Its version of the library knows them.
    Knows,
    /// It has changed a call itself.
    Answers,
    /// It has not answered the last one.
    Silent,
}

impl Page {
    /// It has sent what only versions send that know changes of the phone.
    pub(in crate::call) fn knows_updates(&mut self) {
        if *self == Self::Unproven {
            *self = Self::Knows;
        }
    }

    fn is_worth_asking(self, otherwise: &Otherwise) -> bool {
        match (self, otherwise) {
            (Self::Answers, _) | (Self::Knows, Otherwise::Refuse) => true,
            (Self::Knows, Otherwise::WithoutVideo(_) | Otherwise::Nothing)
            | (Self::Unproven | Self::Silent, _) => false,
        }
    }
}

/// What becomes of a phone's offer that the page does not agree to.
#[derive(Debug)]
pub(in crate::call) enum Otherwise {
    /// It is refused.
    Refuse,
    /// This offer is answered without the page: with the audio as it is, and no video that the page
    /// does not have.
    WithoutVideo(Bytes),
    /// It has been answered: the page only hears of it.
    Nothing,
}

impl Call {
    /// The phone offers what needs the page's consent. `false` if the page cannot be asked.
    pub(in crate::call) fn ask_page(
        &mut self,
        offer: &[u8],
        otherwise: Otherwise,
        now: Instant,
    ) -> bool {
        self.put_to_page(otherwise, now, |negotiation| {
            negotiation.put_to_browser(offer)
        })
    }

    /// The phone has changed, and may have become what the page can be told of.
    pub(in crate::call) fn foresee_news(&mut self) {
        self.news = self.negotiation.has_news();
    }

    /// Tells the page what the phone has become, once nothing else is under way.
    pub(in crate::call) fn tell_news(&mut self, now: Instant) {
        let quiet = self.client_state() == ClientState::Established
            && !self.negotiation.is_busy()
            && !self.transfer.is_taking_over();
        let rests = self.news_rest_until.is_some_and(|until| now < until);
        if !self.news || !quiet || rests {
            return;
        }
        self.news = false;
        if self.negotiation.has_news() {
            self.put_to_page(Otherwise::Nothing, now, Negotiation::tell_browser);
        }
    }

    fn put_to_page(
        &mut self,
        otherwise: Otherwise,
        now: Instant,
        put: impl FnOnce(&mut Negotiation) -> Result<String, Refusal>,
    ) -> bool {
        let may_ask = self.page.is_worth_asking(&otherwise)
            && self.client_state() == ClientState::Established;
        if !may_ask {
            return false;
        }
        match put(&mut self.negotiation) {
            Ok(sdp) => {
                let deadline = now + PAGE_LIMIT;
                self.change = Change::Asked {
                    deadline,
                    otherwise,
                };
                self.answer_is_void = false;
                self.notify(CallEvent::Update(UpdateChange::Received { sdp }));
                true
            }
            Err(refusal) => {
                tracing::debug!(%refusal, "nothing to ask the page");
                false
            }
        }
    }

    /// The phone has taken back what the page was asked: the page rolls back, and an answer of it
    /// that is on its way is void.
    pub(in crate::call) fn page_asked_in_vain(&mut self, now: Instant) {
        if let Change::Asked { .. } = self.change {
            self.negotiation.withdraw();
            self.expect_void_answer(now);
            self.tell_update_failed(StatusReason::new(487, "Request Terminated"));
        }
    }

    /// The same, if the page was only told: the phone, which does not wait for it, wants something
    /// else by now.
    pub(in crate::call) fn page_told_in_vain(&mut self, now: Instant) {
        match self.change {
            Change::Asked {
                otherwise: Otherwise::Nothing,
                ..
            } => {
                self.page_asked_in_vain(now);
                self.news = true;
            }
            Change::Asked {
                otherwise: Otherwise::Refuse | Otherwise::WithoutVideo(_),
                ..
            }
            | Change::Settled
            | Change::Updating { .. }
            | Change::UpdateWaits { .. }
            | Change::Holding { .. }
            | Change::HoldWaits { .. } => {}
        }
    }

    /// The page wants something of its own, which does not wait for what it is asked: a phone that
    /// waits for the answer gets the one without the page, or is to ask again (RFC 3261 §14.2).
    /// What the page was only told it is told again afterwards.
    pub(super) fn question_gives_way(&mut self, now: Instant) {
        let otherwise = match std::mem::take(&mut self.change) {
            Change::Asked { otherwise, .. } => otherwise,
            other @ (Change::Settled
            | Change::Updating { .. }
            | Change::UpdateWaits { .. }
            | Change::Holding { .. }
            | Change::HoldWaits { .. }) => {
                self.change = other;
                return;
            }
        };
        self.negotiation.withdraw();
        self.expect_void_answer(now);
        match otherwise {
            Otherwise::Refuse => self.answer_reinvite(Err(491)),
            Otherwise::WithoutVideo(_) => self.answer_without_page(&otherwise),
            Otherwise::Nothing => self.foresee_news(),
        }
        self.tell_update_failed(StatusReason::new(487, "Request Terminated"));
    }

    pub(super) fn answer_update(&mut self, sdp: &str) -> Result<(), Refused> {
        let settled = self.negotiation.browser_answers_update(sdp);
        let otherwise = match std::mem::take(&mut self.change) {
            Change::Asked { otherwise, .. } => otherwise,
            Change::Settled
            | Change::Updating { .. }
            | Change::UpdateWaits { .. }
            | Change::Holding { .. }
            | Change::HoldWaits { .. } => Otherwise::Nothing,
        };
        match settled {
            Ok(settled) => {
                self.actions.push_back(Action::Media(settled.media));
                match otherwise {
                    Otherwise::Refuse | Otherwise::WithoutVideo(_) => {
                        self.answer_reinvite(Ok(settled.answer));
                    }
                    Otherwise::Nothing => {}
                }
                Ok(())
            }
            Err(refused) => {
                self.answer_without_page(&otherwise);
                Err(refused)
            }
        }
    }

    /// An answer of the page may be on its way to an offer that does not stand any more. For a
    /// moment it is told of nothing that this could be taken for an answer to.
    fn expect_void_answer(&mut self, now: Instant) {
        self.answer_is_void = true;
        self.news_rest_until = Some(now + TURN);
    }

    /// Answers a phone's offer that the page has not agreed to.
    fn answer_without_page(&mut self, otherwise: &Otherwise) {
        match otherwise {
            Otherwise::Refuse => self.answer_reinvite(Err(488)),
            Otherwise::WithoutVideo(offer) => match self.negotiation.phone_reoffers(offer) {
                Ok(settled) => {
                    self.actions.push_back(Action::Media(settled.media));
                    self.answer_reinvite(Ok(settled.answer));
                    self.foresee_news();
                }
                Err(refusal) => self.answer_reinvite(Err(refusal.status())),
            },
            Otherwise::Nothing => {}
        }
    }

    /// The page has let the time pass.
    pub(super) fn page_is_silent(&mut self, otherwise: &Otherwise, now: Instant) {
        self.page = Page::Silent;
        self.negotiation.withdraw();
        self.expect_void_answer(now);
        self.answer_without_page(otherwise);
        self.tell_update_failed(reason::page_silent());
    }

    fn answer_reinvite(&mut self, answer: Result<Bytes, u16>) {
        let session = self.session;
        self.sip(Command::AnswerReinvite { session, answer });
    }
}
