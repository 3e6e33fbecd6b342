//! Offer and answer with a phone that may take the present one's place, or that of one that still
//! rings. Nothing changes until it does.

use bytes::Bytes;
use media::PhoneLocal;
use media::plan::{self, Agreed, Hold, PhoneOffer};
use media::sdp::{BrowserDescription, PhoneDescription, SdpError};

use super::{Encryption, MediaAction, Negotiation, OfferAnswer, Refusal, Settlement, bytes};

/// What has been agreed on with another phone.
#[derive(Debug)]
pub(in crate::call) struct Joining {
    agreed: Agreed,
    local: PhoneLocal,
}

impl Joining {
    /// Our answer to its offer.
    pub(in crate::call) fn answer(&self) -> Bytes {
        bytes(self.agreed.phone_sdp())
    }
}

/// What another phone has to fit.
enum Ground<'a> {
    /// The browser has been told a codec, which has to stay.
    Agreed(&'a Agreed),
    /// The browser has offered, and has no answer.
    Offered(&'a BrowserDescription),
}

impl Negotiation {
    /// Whether another phone's audio is encrypted.
    pub(in crate::call) fn encryption(&self) -> &Encryption {
        &self.locals.encryption
    }

    /// The offer to another phone, from its own leg.
    pub(in crate::call) fn offer_to_another(
        &self,
        local: &PhoneLocal,
    ) -> Result<PhoneOffer, Refusal> {
        match self.ground()? {
            Ground::Agreed(agreed) => {
                Ok(plan::offer_to_another(agreed, &self.locals.policy, local))
            }
            Ground::Offered(browser) => Ok(plan::phone_offer(browser, &self.locals.policy, local)?),
        }
    }

    /// The other phone's answer to that.
    pub(in crate::call) fn another_answers(
        &self,
        offer: &PhoneOffer,
        local: &PhoneLocal,
        sdp: Option<&[u8]>,
    ) -> Result<Joining, Refusal> {
        let policy = &self.locals.policy;
        let phone = read(local, sdp.ok_or(Refusal::NoAnswer)?)?;
        let agreed = match self.ground()? {
            Ground::Agreed(agreed) => plan::accept_reinvite_answer(agreed, offer, &phone, policy)?,
            Ground::Offered(browser) => plan::accept_phone_answer(browser, offer, &phone, policy)?,
        };
        let local = local.clone();
        Ok(Joining { agreed, local })
    }

    /// Another phone offers.
    pub(in crate::call) fn another_offers(
        &self,
        local: PhoneLocal,
        sdp: &[u8],
    ) -> Result<Joining, Refusal> {
        let policy = &self.locals.policy;
        let phone = read(&local, sdp)?;
        let agreed = match self.ground()? {
            Ground::Agreed(agreed) => plan::answer_another(agreed, &phone, policy, &local)?,
            Ground::Offered(browser) => plan::join_offers(browser, &phone, policy, &local)?,
        };
        Ok(Joining { agreed, local })
    }

    /// The other phone is the phone of this call from here on. If it does not know yet that our
    /// side wants `hold`, nobody hears anything until it does.
    pub(in crate::call) fn take_up(
        &mut self,
        joining: Joining,
        hold: Hold,
    ) -> Result<MediaAction, Refusal> {
        let Joining { agreed, local } = joining;
        let (browser, remote) = match &self.state {
            OfferAnswer::Settled { settlement, .. }
            | OfferAnswer::BrowserOffered {
                early: Some(settlement),
                ..
            } => {
                if settlement.agreed.codec() != agreed.codec() {
                    return Err(Refusal::Plan(plan::Refusal::CodecGone));
                }
                (settlement.browser.clone(), None)
            }
            OfferAnswer::BrowserOffered {
                browser,
                early: None,
                ..
            } => {
                let answer = plan::browser_answer(browser, &agreed, &self.locals.browser);
                (answer, Some(browser.remote()))
            }
            OfferAnswer::PhoneOffered { .. } | OfferAnswer::PhoneAnswerAwaited { .. } => {
                return Err(Refusal::NotDue);
            }
        };
        let relay = agreed.relay.clone();
        let relay = match agreed.hold() == hold {
            true => relay,
            false => relay.closed(),
        };
        let video = agreed
            .video
            .clone()
            .map(|video| match agreed.hold() == hold {
                true => video,
                false => video.closed(),
            });
        let media = MediaAction::Swap {
            browser: remote,
            phone: agreed.phone_remote,
            relay: Box::new(relay),
            video: video.map(Box::new),
        };
        self.state = OfferAnswer::Settled {
            settlement: Settlement { agreed, browser },
            pending: None,
        };
        self.locals.phone = local;
        Ok(media)
    }

    /// Our answer to the browser's offer, if it has one.
    pub(in crate::call) fn browser_answer(&self) -> Option<String> {
        match &self.state {
            OfferAnswer::Settled { settlement, .. } => Some(settlement.browser.text().to_owned()),
            OfferAnswer::BrowserOffered { .. }
            | OfferAnswer::PhoneOffered { .. }
            | OfferAnswer::PhoneAnswerAwaited { .. } => None,
        }
    }

    fn ground(&self) -> Result<Ground<'_>, Refusal> {
        match &self.state {
            OfferAnswer::Settled { settlement, .. }
            | OfferAnswer::BrowserOffered {
                early: Some(settlement),
                ..
            } => Ok(Ground::Agreed(&settlement.agreed)),
            OfferAnswer::BrowserOffered {
                browser,
                early: None,
                ..
            } => Ok(Ground::Offered(browser)),
            OfferAnswer::PhoneOffered { .. } | OfferAnswer::PhoneAnswerAwaited { .. } => {
                Err(Refusal::NotDue)
            }
        }
    }
}

/// What a phone says, without video if there is no leg that could carry it.
pub(super) fn read(local: &PhoneLocal, sdp: &[u8]) -> Result<PhoneDescription, SdpError> {
    let mut phone = PhoneDescription::parse_under(local.srtp.policy, sdp)?;
    phone.video = phone.video.filter(|_| local.video.is_some());
    Ok(phone)
}
