//! Offers in mid-call that change the browser's side: the page's, and what the page is asked or
//! told of the phone.

use bytes::Bytes;
use media::plan::{self, Agreed, BrowserUpdate, PhoneSide};
use media::sdp::BrowserDescription;

use super::{
    Negotiation, OfferAnswer, Pending, Purpose, Refusal, Reoffer, Settled, bytes, connect,
};
use crate::call::{MediaAction, Refused};

/// What a page's change comes to.
#[derive(Debug)]
pub(in crate::call) enum Proposal {
    /// The phone need not be asked.
    Agreed(Updated),
    /// It does: this is our offer.
    AskPhone(Bytes),
}

/// A change of the page that holds on both sides.
#[derive(Debug)]
pub(in crate::call) struct Updated {
    /// Our answer to the browser.
    pub(in crate::call) answer: String,
    /// What the legs must do, in this order.
    pub(in crate::call) media: Vec<MediaAction>,
}

impl Negotiation {
    /// Reads an offer that the browser makes in mid-call.
    pub(in crate::call) fn read_update(&mut self, sdp: &str) -> Result<BrowserUpdate, Refused> {
        let unusable = |refusal: plan::Refusal| Refused::UnusableSdp(refusal.to_string());
        let offer = BrowserDescription::parse(sdp).map_err(|error| unusable(error.into()))?;
        let (settlement, _) = self
            .settled()
            .map_err(|refusal| Refused::UnusableSdp(refusal.to_string()))?;
        settlement.browser.reoffered(offer).map_err(unusable)
    }

    /// Carries out the page's change, or says what the phone has to be asked for it.
    pub(in crate::call) fn propose(&mut self, update: BrowserUpdate) -> Result<Proposal, Refusal> {
        let policy = self.locals.policy.clone();
        let local = self.locals.phone.clone();
        let (settlement, pending) = self.settled()?;
        match update.phone_side(&settlement.agreed, &policy, &local)? {
            PhoneSide::Unchanged(agreed) => Ok(Proposal::Agreed(self.conclude(&update, *agreed)?)),
            PhoneSide::Offer(offer) => {
                let text = bytes(offer.text());
                let purpose = Purpose::Update(Box::new(update));
                *pending = Some(Pending::ToPhone(Reoffer { offer, purpose }));
                Ok(Proposal::AskPhone(text))
            }
        }
    }

    /// The phone has answered the offer of a change of the page.
    pub(in crate::call) fn phone_answers_update(
        &mut self,
        sdp: Option<&[u8]>,
    ) -> Result<Updated, Refusal> {
        let policy = self.locals.policy.clone();
        let answer = sdp.map(|sdp| self.locals.read(sdp));
        let (settlement, pending) = self.settled()?;
        let (offer, update) = match pending.take() {
            Some(Pending::ToPhone(Reoffer {
                offer,
                purpose: Purpose::Update(update),
            })) => (offer, update),
            other => {
                *pending = other;
                return Err(Refusal::NotDue);
            }
        };
        let answer = answer.ok_or(Refusal::NoAnswer);
        let answer = answer.and_then(|answer| Ok(answer?));
        let agreed =
            answer.and_then(|answer| Ok(update.accept_phone_answer(&offer, &answer, &policy)?));
        match agreed {
            Ok(agreed) => self.conclude(&update, agreed),
            Err(refusal) => {
                settlement.agreed.withdraw(&offer);
                Err(refusal)
            }
        }
    }

    /// Takes back the offer of a change of the page, which may be proposed again.
    pub(in crate::call) fn take_update(&mut self) -> Option<Box<BrowserUpdate>> {
        let (settlement, pending) = self.settled().ok()?;
        match pending.take() {
            Some(Pending::ToPhone(Reoffer {
                offer,
                purpose: Purpose::Update(update),
            })) => {
                settlement.agreed.withdraw(&offer);
                Some(update)
            }
            other => {
                *pending = other;
                None
            }
        }
    }

    fn conclude(&mut self, update: &BrowserUpdate, agreed: Agreed) -> Result<Updated, Refusal> {
        let mut media = Vec::new();
        if update.restarts_ice() {
            let credentials = self.locals.ice.restart(&mut self.locals.browser);
            media.push(MediaAction::RestartIce(credentials));
        }
        let local = self.locals.browser.clone();
        let (settlement, _) = self.settled()?;
        media.push(connect(Some(update.remote().clone()), &agreed));
        settlement.browser = update.answer(&settlement.browser, &agreed, &local);
        settlement.agreed = agreed;
        Ok(Updated {
            answer: settlement.browser.text().to_owned(),
            media,
        })
    }

    /// The phone offers what only the page can agree to; the text is our offer to it.
    pub(in crate::call) fn put_to_browser(&mut self, sdp: &[u8]) -> Result<String, Refusal> {
        let phone = self.locals.read(sdp)?;
        let policy = self.locals.policy.clone();
        let local = self.locals.browser.clone();
        let (settlement, pending) = self.settled()?;
        let (browser, agreed) = (&settlement.browser, &settlement.agreed);
        let offer = plan::browser_reoffer(&phone, browser, agreed, &policy, &local)?;
        let text = offer.text().to_owned();
        let phone = Box::new(phone);
        *pending = Some(Pending::ToBrowser { phone, offer });
        Ok(text)
    }

    /// Whether the phone is another one than the page knows.
    pub(in crate::call) fn has_news(&self) -> bool {
        match &self.state {
            OfferAnswer::Settled { settlement, .. } => {
                settlement.agreed.is_news_for(&settlement.browser)
            }
            OfferAnswer::BrowserOffered { .. }
            | OfferAnswer::PhoneOffered { .. }
            | OfferAnswer::PhoneAnswerAwaited { .. } => false,
        }
    }

    /// The page is to hear of it; the text is our offer to it.
    pub(in crate::call) fn tell_browser(&mut self) -> Result<String, Refusal> {
        let local = self.locals.browser.clone();
        let (settlement, pending) = self.settled()?;
        let offer = plan::browser_told(&settlement.browser, &settlement.agreed, &local);
        let text = offer.text().to_owned();
        *pending = Some(Pending::Told(offer));
        Ok(text)
    }

    /// The page's answer to it; the bytes are our answer to the phone. An answer that cannot be
    /// used leaves everything as it was before the phone's offer.
    pub(in crate::call) fn browser_answers_update(
        &mut self,
        sdp: &str,
    ) -> Result<Settled<Bytes>, Refused> {
        let unusable = |refusal: plan::Refusal| Refused::UnusableSdp(refusal.to_string());
        let policy = self.locals.policy.clone();
        let local = self.locals.phone.clone();
        let not_due = |refusal: Refusal| Refused::UnusableSdp(refusal.to_string());
        let (settlement, pending) = self.settled().map_err(not_due)?;
        let due = match pending.take() {
            Some(due @ (Pending::ToBrowser { .. } | Pending::Told(_))) => due,
            other @ (Some(Pending::ToPhone(_)) | None) => {
                *pending = other;
                return Err(not_due(Refusal::NotDue));
            }
        };
        let answer = BrowserDescription::parse(sdp).map_err(|error| unusable(error.into()))?;
        let (current, before) = (&settlement.agreed, &settlement.browser);
        let taken = match &due {
            Pending::ToBrowser { phone, offer } => {
                plan::accept_browser_change(current, before, phone, offer, &answer, &policy, &local)
            }
            Pending::Told(offer) => plan::accept_told(current, before, offer, &answer),
            Pending::ToPhone(_) => Err(plan::Refusal::MismatchedAnswer),
        };
        let (agreed, exchange) = taken.map_err(unusable)?;
        settlement.agreed = agreed;
        settlement.browser = exchange;
        Ok(Settled {
            answer: bytes(settlement.agreed.phone_sdp()),
            media: connect(Some(answer.remote()), &settlement.agreed),
        })
    }
}
