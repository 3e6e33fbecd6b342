//! Offer and answer with a phone that may take the present one's place. Nothing changes until it
//! does; the browser is told nothing.

use bytes::Bytes;
use media::PhoneLocal;
use media::plan::{self, PhoneOffer};
use media::sdp::PhoneDescription;

use super::{MediaAction, Negotiation, Refusal, Settled, bytes};

impl Negotiation {
    /// The offer to another phone, from its own leg.
    pub(in crate::call) fn offer_to_another(
        &mut self,
        local: &PhoneLocal,
    ) -> Result<PhoneOffer, Refusal> {
        let (settlement, _) = self.settled()?;
        Ok(plan::offer_to_another(&settlement.agreed, local))
    }

    /// The other phone's answer: it is the phone of this call from here on.
    pub(in crate::call) fn another_answers(
        &mut self,
        offer: &PhoneOffer,
        local: PhoneLocal,
        sdp: Option<&[u8]>,
    ) -> Result<MediaAction, Refusal> {
        let policy = self.locals.policy.clone();
        let (settlement, pending) = self.settled()?;
        let phone = PhoneDescription::parse(sdp.ok_or(Refusal::NoAnswer)?)?;
        let agreed = plan::accept_reinvite_answer(&settlement.agreed, offer, &phone, &policy)?;
        let media = swap(&agreed);
        settlement.agreed = agreed;
        *pending = None;
        self.locals.phone = local;
        Ok(media)
    }

    /// Another phone offers, and is the phone of this call from here on; the bytes are our answer.
    pub(in crate::call) fn another_offers(
        &mut self,
        local: PhoneLocal,
        sdp: &[u8],
    ) -> Result<Settled<Bytes>, Refusal> {
        let policy = self.locals.policy.clone();
        let (settlement, pending) = self.settled()?;
        let phone = PhoneDescription::parse(sdp)?;
        let agreed = plan::answer_another(&settlement.agreed, &phone, &policy, &local)?;
        let settled = Settled {
            answer: bytes(agreed.phone_sdp()),
            media: swap(&agreed),
        };
        settlement.agreed = agreed;
        *pending = None;
        self.locals.phone = local;
        Ok(settled)
    }
}

fn swap(agreed: &plan::Agreed) -> MediaAction {
    MediaAction::Swap {
        phone: agreed.phone_remote,
        relay: Box::new(agreed.relay.clone()),
    }
}
