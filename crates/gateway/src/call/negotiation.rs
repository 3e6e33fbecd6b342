//! Offer and answer of a call (RFC 3264): which side offered, what was agreed, what to tell whom.
//!
//! Holds both legs' descriptions and our own ends of them, and asks [`media::plan`] what follows.
//! It knows nothing of signalling states, of SIP or of the client. The first description of the
//! phone settles what the browser is told. What either of them wants later is in `reoffer` (the
//! phone, and our own hold) and `update` (the page, and what the page has to be asked).

mod reoffer;
mod transfer;
mod update;

mod early;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use media::plan::{
    self, Agreed, BrowserExchange, BrowserOffer, BrowserUpdate, LaterAnswer, PhoneOffer, Policy,
    Route,
};
use media::sdp::{BrowserDescription, PhoneDescription, SdpError};
use media::video::AgreedVideo;
use media::{BrowserLocal, BrowserRemote, IceSeed, PhoneLocal, SrtpPolicy, VideoLocal};

pub(super) use self::reoffer::VideoDiffers;
pub(super) use self::transfer::Joining;
pub(super) use self::update::{Proposal, Updated};
use super::{Encryption, MediaAction, Refused};

/// Our ends of a call's two legs, and what the operator allows on them.
#[derive(Debug, Clone)]
pub struct Locals {
    /// Towards the browser.
    pub browser: BrowserLocal,
    /// Where new ICE credentials come from when the browser restarts ICE.
    pub ice: IceSeed,
    /// Towards the phone.
    pub phone: PhoneLocal,
    /// Codecs and addresses.
    pub policy: Arc<Policy>,
    /// Whether phones that join later are to be spoken to encrypted.
    pub encryption: Encryption,
}

impl Locals {
    /// The same with the phone spoken to as `srtp` says, and others as `encryption` does.
    #[must_use]
    pub fn encrypted(mut self, srtp: SrtpPolicy, encryption: Encryption) -> Self {
        self.phone.srtp.policy = srtp;
        self.encryption = encryption;
        self
    }

    /// What the present phone says, without video if there is no leg that could carry it.
    fn read(&self, sdp: &[u8]) -> Result<PhoneDescription, SdpError> {
        transfer::read(&self.phone, sdp)
    }
}

/// The offer/answer state of one call.
#[derive(Debug)]
pub struct Negotiation {
    locals: Locals,
    state: OfferAnswer,
}

#[derive(Debug)]
enum OfferAnswer {
    /// The browser has offered; the phone has our offer and may have answered early.
    BrowserOffered {
        browser: Box<BrowserDescription>,
        offer: PhoneOffer,
        early: Option<Settlement>,
    },
    /// The phone has offered, or has asked for an offer (`None`); the browser has our offer.
    PhoneOffered {
        phone: Option<Box<PhoneDescription>>,
        offer: BrowserOffer,
    },
    /// The browser has answered; our 200 carries an offer that the phone answers in its ACK.
    PhoneAnswerAwaited {
        browser: Box<BrowserDescription>,
        exchange: BrowserExchange,
        offer: PhoneOffer,
    },
    /// Both ends agree. An offer in mid-call may be on its way.
    Settled {
        settlement: Settlement,
        pending: Option<Pending>,
    },
}

/// An offer in mid-call that has no answer yet.
#[derive(Debug)]
enum Pending {
    /// Ours to the phone.
    ToPhone(Reoffer),
    /// The phone's, put to the page.
    ToBrowser {
        phone: Box<PhoneDescription>,
        offer: BrowserOffer,
    },
    /// Ours to the page, which is to hear what the phone has become.
    Told(BrowserOffer),
}

/// An offer of ours in mid-call.
#[derive(Debug)]
struct Reoffer {
    offer: PhoneOffer,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    /// The phone asked for it; without an answer everything stays as it is.
    AskedByPhone,
    /// The phone must return to the codec the browser was told; until then nobody hears anything.
    CodecMustReturn,
    /// Our side holds or resumes the call.
    Hold,
    /// The phone has taken up video that the page was not told of.
    OtherVideo,
    /// The page changes its side.
    Update(Box<BrowserUpdate>),
}

/// What was agreed, and what the browser was told of it.
#[derive(Debug, Clone)]
struct Settlement {
    agreed: Agreed,
    browser: BrowserExchange,
}

/// Why a description cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The phone had to answer our offer and did not.
    NoAnswer,
    /// A description came when none was due.
    NotDue,
    /// It was read, and nothing can be agreed on.
    Plan(plan::Refusal),
}

impl Refusal {
    /// The SIP status that says so.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NoAnswer => 488,
            Self::NotDue => 491,
            Self::Plan(refusal) => refusal.status().0,
        }
    }
}

impl Refusal {
    /// The reason phrase, where the usual one says too little.
    #[must_use]
    pub fn phrase(self) -> Option<&'static str> {
        match self {
            Self::Plan(plan::Refusal::NotEncrypted) => Some("SRTP Required"),
            Self::Plan(_) | Self::NoAnswer | Self::NotDue => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer to our offer"),
            Self::NotDue => f.write_str("no description is due"),
            Self::Plan(refusal) => fmt::Display::fmt(refusal, f),
        }
    }
}

impl<E: Into<plan::Refusal>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Plan(error.into())
    }
}

/// What follows from a description: the text for the other side, and what the legs must know.
#[derive(Debug)]
pub(super) struct Settled<Answer> {
    pub(super) answer: Answer,
    pub(super) media: MediaAction,
}

/// What follows from the phone's final answer.
#[derive(Debug)]
pub(super) struct Final {
    /// Our answer to the browser's offer.
    pub(super) answer: String,
    /// What the legs must know; absent when nothing has changed.
    pub(super) media: Option<MediaAction>,
    /// The offer of a re-INVITE: the phone must return to what the browser was told.
    pub(super) reoffer: Option<Bytes>,
}

impl Negotiation {
    /// A leg for video is there from now on, or is not there any more.
    pub(super) fn video_leg(&mut self, local: Option<VideoLocal>) {
        self.locals.phone.video = local;
    }

    /// What the operator wants of the audio.
    pub(super) fn route(&self) -> &Route {
        &self.locals.policy.route
    }

    /// The browser has offered; the bytes are our offer to the phone.
    pub(super) fn browser_offers(sdp: &str, locals: Locals) -> Result<(Self, Bytes), Refused> {
        let unusable = |refusal: plan::Refusal| Refused::UnusableSdp(refusal.to_string());
        let browser = BrowserDescription::parse(sdp).map_err(|error| unusable(error.into()))?;
        let offer = plan::phone_offer(&browser, &locals.policy, &locals.phone).map_err(unusable)?;
        let text = bytes(offer.text());
        let state = OfferAnswer::BrowserOffered {
            browser: Box::new(browser),
            offer,
            early: None,
        };
        Ok((Self { locals, state }, text))
    }

    /// The phone has answered before it accepted; the text is our answer to the browser, the same
    /// for every early answer.
    pub(super) fn phone_answers_early(&mut self, sdp: &[u8]) -> Result<Settled<String>, Refusal> {
        let locals = &self.locals;
        let OfferAnswer::BrowserOffered {
            browser,
            offer,
            early,
        } = &mut self.state
        else {
            return Err(Refusal::NotDue);
        };
        let phone = locals.read(sdp)?;
        let (settlement, remote) = match early.take() {
            None => {
                let agreed = plan::accept_phone_answer(browser, offer, &phone, &locals.policy)?;
                let exchange = plan::browser_answer(browser, &agreed, &locals.browser);
                let settlement = Settlement {
                    agreed,
                    browser: exchange,
                };
                (settlement, Some(browser.remote()))
            }
            Some(before) => {
                let later = plan::accept_later_answer(
                    browser,
                    offer,
                    &phone,
                    &locals.policy,
                    &before.agreed,
                    &locals.phone,
                );
                let agreed = match later {
                    Ok(LaterAnswer::Same(agreed)) => *agreed,
                    Ok(LaterAnswer::OtherCodec(_)) => {
                        *early = Some(before);
                        return Err(Refusal::Plan(plan::Refusal::CodecGone));
                    }
                    Err(refusal) => {
                        *early = Some(before);
                        return Err(refusal.into());
                    }
                };
                let settlement = Settlement { agreed, ..before };
                (settlement, None)
            }
        };
        let settled = Settled {
            answer: settlement.browser.text().to_owned(),
            media: connect(remote, &settlement.agreed),
        };
        *early = Some(settlement);
        Ok(settled)
    }

    /// The phone has accepted, with an answer or after an early one.
    pub(super) fn phone_answers(&mut self, sdp: Option<&[u8]>) -> Result<Final, Refusal> {
        let locals = &self.locals;
        let OfferAnswer::BrowserOffered {
            browser,
            offer,
            early,
        } = &self.state
        else {
            return Err(Refusal::NotDue);
        };
        let phone = sdp.map(|sdp| locals.read(sdp)).transpose()?;
        let mut reoffer: Option<Reoffer> = None;
        let (settlement, media) = match (early.clone(), phone) {
            (None, None) => return Err(Refusal::NoAnswer),
            (None, Some(phone)) => {
                let agreed = plan::accept_phone_answer(browser, offer, &phone, &locals.policy)?;
                let exchange = plan::browser_answer(browser, &agreed, &locals.browser);
                let media = connect(Some(browser.remote()), &agreed);
                let settlement = Settlement {
                    agreed,
                    browser: exchange,
                };
                (settlement, Some(media))
            }
            (Some(early), None) => (early, None),
            (Some(early), Some(phone)) => {
                let has_video = phone.video.is_some();
                match plan::accept_later_answer(
                    browser,
                    offer,
                    &phone,
                    &locals.policy,
                    &early.agreed,
                    &locals.phone,
                )? {
                    LaterAnswer::Same(agreed) => {
                        let agreed = *agreed;
                        let media = connect(None, &agreed);
                        if has_video && agreed.video.is_none() {
                            let offer = plan::current_offer(&agreed, &locals.phone);
                            let purpose = Purpose::OtherVideo;
                            reoffer = Some(Reoffer { offer, purpose });
                        }
                        (Settlement { agreed, ..early }, Some(media))
                    }
                    LaterAnswer::OtherCodec(offer) => {
                        let purpose = Purpose::CodecMustReturn;
                        reoffer = Some(Reoffer { offer, purpose });
                        // The phone that was heard may not be the one that has answered.
                        let media = MediaAction::Connect {
                            browser: None,
                            phone: None,
                            relay: Box::new(early.agreed.relay.clone().closed()),
                            video: silent_video(&early.agreed),
                        };
                        (early, Some(media))
                    }
                }
            }
        };
        let outcome = Final {
            answer: settlement.browser.text().to_owned(),
            media,
            reoffer: reoffer.as_ref().map(|reoffer| bytes(reoffer.offer.text())),
        };
        self.state = OfferAnswer::Settled {
            settlement,
            pending: reoffer.map(Pending::ToPhone),
        };
        Ok(outcome)
    }

    /// The phone has offered, or wants an offer (`None`); the text is our offer to the browser.
    pub(super) fn phone_offers(
        sdp: Option<&[u8]>,
        locals: Locals,
    ) -> Result<(Self, String), Refusal> {
        let phone = sdp.map(|sdp| locals.read(sdp)).transpose()?;
        if let Some(phone) = &phone {
            plan::can_be_encrypted(phone, &locals.phone)?;
        }
        let offer = plan::browser_offer(phone.as_ref(), &locals.policy, &locals.browser)?;
        let text = offer.text().to_owned();
        let state = OfferAnswer::PhoneOffered {
            phone: phone.map(Box::new),
            offer,
        };
        Ok((Self { locals, state }, text))
    }

    /// The browser has answered. The bytes are for the 200: our answer, or our offer if the phone
    /// has made none. What the legs must know is absent until the phone has answered.
    pub(super) fn browser_answers(&mut self, sdp: &str) -> Result<Settled<Bytes>, Refused> {
        let unusable = |refusal: plan::Refusal| Refused::UnusableSdp(refusal.to_string());
        let OfferAnswer::PhoneOffered { phone, offer } = &self.state else {
            return Err(Refused::CannotAnswerOutgoing);
        };
        let Locals {
            phone: local,
            policy,
            ..
        } = &self.locals;
        let browser = BrowserDescription::parse(sdp).map_err(|error| unusable(error.into()))?;
        let exchange = offer.answered(&browser);
        let (answer, media, state) = match phone {
            Some(phone) => {
                let agreed = plan::accept_browser_answer(phone, offer, &browser, policy, local)
                    .map_err(unusable)?;
                let answer = bytes(agreed.phone_sdp());
                let media = connect(Some(browser.remote()), &agreed);
                let settlement = Settlement {
                    agreed,
                    browser: exchange,
                };
                let state = OfferAnswer::Settled {
                    settlement,
                    pending: None,
                };
                (answer, media, state)
            }
            None => {
                let offer = plan::delayed_phone_offer(&browser, policy, local).map_err(unusable)?;
                let text = bytes(offer.text());
                let media = MediaAction::ExpectBrowser(browser.remote());
                let state = OfferAnswer::PhoneAnswerAwaited {
                    browser: Box::new(browser),
                    exchange,
                    offer,
                };
                (text, media, state)
            }
        };
        self.state = state;
        Ok(Settled { answer, media })
    }

    /// Whether the phone still has to answer the offer in our 200.
    pub(super) fn awaits_phone_answer(&self) -> bool {
        matches!(self.state, OfferAnswer::PhoneAnswerAwaited { .. })
    }

    /// The phone's ACK answers the offer in our 200.
    pub(super) fn phone_answers_late(
        &mut self,
        sdp: Option<&[u8]>,
    ) -> Result<MediaAction, Refusal> {
        let OfferAnswer::PhoneAnswerAwaited {
            browser,
            exchange,
            offer,
        } = &self.state
        else {
            return Err(Refusal::NotDue);
        };
        let phone = self.locals.read(sdp.ok_or(Refusal::NoAnswer)?)?;
        let agreed = plan::accept_phone_answer(browser, offer, &phone, &self.locals.policy)?;
        let media = connect(None, &agreed);
        let settlement = Settlement {
            agreed,
            browser: exchange.clone(),
        };
        self.state = OfferAnswer::Settled {
            settlement,
            pending: None,
        };
        Ok(media)
    }
}

fn connect(browser: Option<BrowserRemote>, agreed: &Agreed) -> MediaAction {
    MediaAction::Connect {
        browser,
        phone: agreed.phone_remote,
        relay: Box::new(agreed.relay.clone()),
        video: agreed.video.clone().map(Box::new),
    }
}

fn silent_video(agreed: &Agreed) -> Option<Box<AgreedVideo>> {
    let video = agreed.video.clone();
    video.map(|video| Box::new(video.closed()))
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
