//! Descriptions of the phone outside the ordinary offer and answer: an offer before the call is
//! answered (RFC 3311), and what a session refresh repeats (RFC 4028 §7.4).

use media::plan;

use super::{MediaAction, Negotiation, OfferAnswer, Refusal, Settled, Settlement, bytes, connect};
use bytes::Bytes;

impl Negotiation {
    /// The phone changes what it has answered early; the bytes are our answer. The browser hears
    /// nothing of it but the sound.
    pub(in crate::call) fn phone_offers_early(
        &mut self,
        sdp: &[u8],
    ) -> Result<Settled<Bytes>, Refusal> {
        let OfferAnswer::BrowserOffered {
            early: Some(early), ..
        } = &mut self.state
        else {
            return Err(Refusal::NotDue);
        };
        let phone = self.locals.read(sdp)?;
        let (policy, local) = (&self.locals.policy, &self.locals.phone);
        early.agreed = plan::reinvite(&early.agreed, &phone, policy, local)?;
        Ok(Settled {
            answer: bytes(early.agreed.phone_sdp()),
            media: connect(None, &early.agreed),
        })
    }

    /// The phone's answer to a description of ours that it knows already. `None`: what holds is
    /// what was agreed, because the answer says just that, or nothing that we could follow.
    pub(in crate::call) fn phone_repeats(&mut self, sdp: &[u8]) -> Option<MediaAction> {
        let OfferAnswer::Settled {
            settlement: Settlement { agreed, .. },
            pending: None,
        } = &mut self.state
        else {
            return None;
        };
        let phone = self.locals.read(sdp).ok()?;
        let (policy, local) = (&self.locals.policy, &self.locals.phone);
        let repeated = plan::repeated(agreed, &phone, policy, local).ok()?;
        if repeated == *agreed {
            return None;
        }
        *agreed = repeated;
        Some(connect(None, agreed))
    }
}
