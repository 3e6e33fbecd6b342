//! Offers in mid-call that concern the phone alone: its own changes, and our hold.

use bytes::Bytes;
use media::plan::{self, Hold};

use super::{Negotiation, OfferAnswer, Pending, Purpose, Refusal, Reoffer, Settled, Settlement};
use super::{bytes, connect, silent_video};
use crate::call::MediaAction;
use crate::call::legs::VideoNeed;

/// How a phone's offer differs in video from what the page was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::call) enum VideoDiffers {
    /// It does not.
    No,
    /// The page has to agree to it.
    Added,
}

impl Negotiation {
    /// The phone offers a change; the bytes are our answer.
    pub(in crate::call) fn phone_reoffers(
        &mut self,
        sdp: &[u8],
    ) -> Result<Settled<Bytes>, Refusal> {
        self.withdraw();
        let phone = self.locals.read(sdp)?;
        let policy = self.locals.policy.clone();
        let local = self.locals.phone.clone();
        let (settlement, _) = self.settled()?;
        settlement.agreed = plan::reinvite(&settlement.agreed, &phone, &policy, &local)?;
        Ok(Settled {
            answer: bytes(settlement.agreed.phone_sdp()),
            media: connect(None, &settlement.agreed),
        })
    }

    /// The phone wants an offer in mid-call.
    pub(in crate::call) fn reoffer_to_phone(&mut self) -> Result<Bytes, Refusal> {
        self.offer_again(Purpose::AskedByPhone)
    }

    /// What was agreed, offered again: the phone has taken up something else that is of no use.
    pub(in crate::call) fn restore(&mut self) -> Result<Bytes, Refusal> {
        self.offer_again(Purpose::CodecMustReturn)
    }

    /// How the phone's offer differs in video from what the page was told; video that there is no
    /// leg for does not count.
    pub(in crate::call) fn video_change(&self, sdp: &[u8]) -> VideoDiffers {
        let OfferAnswer::Settled { settlement, .. } = &self.state else {
            return VideoDiffers::No;
        };
        let Ok(phone) = self.locals.read(sdp) else {
            return VideoDiffers::No;
        };
        match (phone.video, settlement.agreed.browser_has_video()) {
            (Some(_), false) => VideoDiffers::Added,
            (Some(_), true) | (None, _) => VideoDiffers::No,
        }
    }

    /// What is to become of the leg for video as things stand.
    pub(in crate::call) fn video_need(&self) -> VideoNeed {
        match &self.state {
            OfferAnswer::Settled {
                settlement: Settlement { agreed, .. },
                pending: None,
            } => match (&agreed.video, agreed.browser_has_video()) {
                (Some(_), _) => VideoNeed::Stays,
                (None, true) => VideoNeed::Rests,
                (None, false) => VideoNeed::Gone,
            },
            OfferAnswer::Settled { .. }
            | OfferAnswer::BrowserOffered { .. }
            | OfferAnswer::PhoneOffered { .. }
            | OfferAnswer::PhoneAnswerAwaited { .. } => VideoNeed::Stays,
        }
    }

    fn offer_again(&mut self, purpose: Purpose) -> Result<Bytes, Refusal> {
        let local = self.locals.phone.clone();
        let (settlement, pending) = self.settled()?;
        let offer = plan::current_offer(&settlement.agreed, &local);
        let text = bytes(offer.text());
        *pending = Some(Pending::ToPhone(Reoffer { offer, purpose }));
        Ok(text)
    }

    /// Our side holds or resumes the call; the bytes are our offer. Nobody hears anything from
    /// here on until the phone has answered: what the page has put on hold must not leave.
    pub(in crate::call) fn offer_hold(&mut self, hold: Hold) -> Result<Settled<Bytes>, Refusal> {
        let local = self.locals.phone.clone();
        let (settlement, pending) = self.settled()?;
        let offer = plan::hold_offer(&settlement.agreed, hold, &local);
        let answer = bytes(offer.text());
        let purpose = Purpose::Hold;
        *pending = Some(Pending::ToPhone(Reoffer { offer, purpose }));
        Ok(Settled {
            answer,
            media: silence(settlement),
        })
    }

    /// The phone's answer to an offer that we made in mid-call.
    pub(in crate::call) fn phone_answers_reoffer(
        &mut self,
        sdp: Option<&[u8]>,
    ) -> Result<MediaAction, Refusal> {
        let policy = self.locals.policy.clone();
        let phone = sdp.map(|sdp| self.locals.read(sdp));
        let (settlement, pending) = self.settled()?;
        let Some(Pending::ToPhone(Reoffer { offer, .. })) = pending else {
            return Err(Refusal::NotDue);
        };
        let phone = phone.ok_or(Refusal::NoAnswer)??;
        settlement.agreed =
            plan::accept_reinvite_answer(&settlement.agreed, offer, &phone, &policy)?;
        *pending = None;
        Ok(connect(None, &settlement.agreed))
    }

    /// An offer that we made in mid-call has come to nothing. Whether the call can go on as
    /// before.
    pub(in crate::call) fn withdraw(&mut self) -> bool {
        let Ok((settlement, pending)) = self.settled() else {
            return true;
        };
        match pending.take() {
            None | Some(Pending::ToBrowser { .. } | Pending::Told(_)) => true,
            Some(Pending::ToPhone(Reoffer { offer, purpose })) => {
                settlement.agreed.withdraw(&offer);
                match purpose {
                    Purpose::AskedByPhone
                    | Purpose::Hold
                    | Purpose::OtherVideo
                    | Purpose::Update(_) => true,
                    Purpose::CodecMustReturn => false,
                }
            }
        }
    }

    /// Whether an offer is on its way, in whatever direction, that somebody waits for.
    pub(in crate::call) fn is_busy(&self) -> bool {
        match &self.state {
            OfferAnswer::Settled { pending, .. } => match pending {
                Some(Pending::ToPhone(_) | Pending::ToBrowser { .. }) => true,
                Some(Pending::Told(_)) | None => false,
            },
            OfferAnswer::BrowserOffered { .. }
            | OfferAnswer::PhoneOffered { .. }
            | OfferAnswer::PhoneAnswerAwaited { .. } => true,
        }
    }

    /// What the legs have to do as things stand.
    pub(in crate::call) fn current_media(&mut self) -> Option<MediaAction> {
        let (settlement, _) = self.settled().ok()?;
        Some(connect(None, &settlement.agreed))
    }

    /// Whether our side holds the call, as far as the phone knows.
    pub(in crate::call) fn holds(&self) -> bool {
        match &self.state {
            OfferAnswer::Settled { settlement, .. } => settlement.agreed.hold() == Hold::On,
            OfferAnswer::BrowserOffered { .. }
            | OfferAnswer::PhoneOffered { .. }
            | OfferAnswer::PhoneAnswerAwaited { .. } => false,
        }
    }

    /// Whether the phone holds the call.
    pub(in crate::call) fn is_held(&self) -> bool {
        match &self.state {
            OfferAnswer::Settled { settlement, .. } => settlement.agreed.on_hold(),
            OfferAnswer::BrowserOffered { .. }
            | OfferAnswer::PhoneOffered { .. }
            | OfferAnswer::PhoneAnswerAwaited { .. } => false,
        }
    }

    pub(super) fn settled(&mut self) -> Result<(&mut Settlement, &mut Option<Pending>), Refusal> {
        match &mut self.state {
            OfferAnswer::Settled {
                settlement,
                pending,
            } => Ok((settlement, pending)),
            OfferAnswer::BrowserOffered { .. }
            | OfferAnswer::PhoneOffered { .. }
            | OfferAnswer::PhoneAnswerAwaited { .. } => Err(Refusal::NotDue),
        }
    }
}

fn silence(settlement: &Settlement) -> MediaAction {
    MediaAction::Connect {
        browser: None,
        phone: settlement.agreed.phone_remote,
        relay: Box::new(settlement.agreed.relay.clone().closed()),
        video: silent_video(&settlement.agreed),
    }
}
