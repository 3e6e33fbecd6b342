//! Offer and answer between a browser and a phone (RFC 3264, RFC 8829, RFC 8866), as pure functions.
//!
//! Whoever offers, the codec that both ends speak is chosen here, and each end gets a description
//! that allows just that: media is relayed, never transcoded. Outgoing call:
//! [`phone_offer`], [`accept_phone_answer`], [`browser_answer`]. Incoming call: [`browser_offer`],
//! [`accept_browser_answer`]. Later offers on the phone leg: [`reinvite`], [`current_offer`].
//! Who sends these texts, and when, is the call's business.

use std::fmt;

use crate::codec::AudioCodec;
use crate::endpoints::{BrowserLocal, PhoneLocal, PhoneRemote};
use crate::relay::Relay;
use crate::sdp::{AddressPolicy, BrowserDescription, PhoneDescription, SdpError, UnsafeAddress};

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The codecs that may be used, and in which order.
    pub codecs: CodecPolicy,
    /// The addresses that phones may name.
    pub addresses: AddressPolicy,
}

/// Which codecs, and whose preference counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodecPolicy {
    /// All of ours, in the order of whoever offers.
    Offerer,
    /// Only these, in this order.
    Listed(Vec<AudioCodec>),
}

/// Why no media can be agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The description cannot be used.
    Description(SdpError),
    /// No codec that browser, phone and policy have in common.
    NoCommonCodec,
    /// The phone wants media at an address we do not send to.
    Address(UnsafeAddress),
    /// The phone's address is of the other IP family than our phone leg.
    AddressFamily,
    /// An answer whose media lines are not those of the offer.
    MismatchedAnswer,
    /// The codec that the browser was told is gone from a later offer or answer.
    CodecGone,
}

impl Refusal {
    /// The SIP status for a phone whose offer is refused: 488, or 400 for what is no SDP at all.
    pub fn status(self) -> (u16, &'static str) {
        match self {
            Self::Description(SdpError::NotSdp | SdpError::BadMediaLine) => {
                (400, "Bad Session Description")
            }
            Self::Description(SdpError::TooLarge) => (413, "Request Entity Too Large"),
            Self::Description(
                SdpError::NoAudio
                | SdpError::WrongProtocol
                | SdpError::NoIceCredentials
                | SdpError::NoFingerprint
                | SdpError::NoRtcpMux,
            )
            | Self::NoCommonCodec
            | Self::Address(_)
            | Self::AddressFamily
            | Self::MismatchedAnswer
            | Self::CodecGone => (488, "Not Acceptable Here"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Description(error) => fmt::Display::fmt(error, f),
            Self::NoCommonCodec => f.write_str("no common codec"),
            Self::Address(address) => write!(f, "media address refused: {address}"),
            Self::AddressFamily => f.write_str("media address of another IP family"),
            Self::MismatchedAnswer => f.write_str("answer does not match the offer"),
            Self::CodecGone => f.write_str("the agreed codec is gone"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<SdpError> for Refusal {
    fn from(error: SdpError) -> Self {
        Self::Description(error)
    }
}

/// An offer to a phone, and what must be remembered of it until its answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneOffer {
    text: String,
}

impl PhoneOffer {
    /// The description to send.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// An offer to a browser, and what must be remembered of it until its answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserOffer {
    text: String,
}

impl BrowserOffer {
    /// The description to send.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What both ends agreed on. Plain data; a later offer gives a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// For the worker.
    pub relay: Relay,
    /// For the phone leg; `None` while the phone names no address (`c=0.0.0.0`).
    pub phone_remote: Option<PhoneRemote>,
    phone_sdp: String,
}

impl Agreed {
    /// Our current description on the phone leg: the answer, when the phone offered.
    pub fn phone_sdp(&self) -> &str {
        &self.phone_sdp
    }

    /// The codec of the call.
    pub fn codec(&self) -> AudioCodec {
        self.relay.codec
    }

    /// Whether the phone has us on hold: it does not want our audio.
    pub fn on_hold(&self) -> bool {
        !self.relay.to_phone.open
    }
}

/// What a later answer to the same offer means for a browser that was already answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaterAnswer {
    /// The browser's answer holds: use this plan.
    Same(Box<Agreed>),
    /// The phone now wants another codec than the browser was told: send this offer (re-INVITE,
    /// one codec only) and give its answer to [`accept_reinvite_answer`].
    OtherCodec(PhoneOffer),
}

/// The offer to the phone for a browser's offer.
///
/// # Errors
/// [`Refusal::NoCommonCodec`] when browser and policy share none.
pub fn phone_offer(
    browser: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<PhoneOffer, Refusal> {
    let _ = (browser, policy, local);
    Err(Refusal::NoCommonCodec)
}

/// Takes a phone's answer (183 or 200) to [`phone_offer`]. May be called for each early dialog.
///
/// # Errors
/// The phone accepted nothing that can be relayed: acknowledge, then end the call.
pub fn accept_phone_answer(
    browser: &BrowserDescription,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
) -> Result<Agreed, Refusal> {
    let _ = (browser, offer, answer, policy);
    Err(Refusal::NoCommonCodec)
}

/// Takes a further answer once the browser has been answered on the ground of `earlier`.
///
/// # Errors
/// As [`accept_phone_answer`].
pub fn accept_later_answer(
    browser: &BrowserDescription,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
    earlier: &Agreed,
) -> Result<LaterAnswer, Refusal> {
    accept_phone_answer(browser, offer, answer, policy)
        .map(|_| LaterAnswer::Same(Box::new(earlier.clone())))
}

/// The answer to a browser's offer: complete, with all candidates.
pub fn browser_answer(
    browser: &BrowserDescription,
    agreed: &Agreed,
    local: &BrowserLocal,
) -> String {
    let _ = (browser, agreed, local);
    String::new()
}

/// The offer to a browser for a phone's offer; for an INVITE without one (`None`), our own.
///
/// # Errors
/// [`Refusal::NoCommonCodec`], or an address that we do not send to.
pub fn browser_offer(
    phone: Option<&PhoneDescription>,
    policy: &Policy,
    local: &BrowserLocal,
) -> Result<BrowserOffer, Refusal> {
    let _ = (phone, policy, local);
    Err(Refusal::NoCommonCodec)
}

/// Takes the browser's answer to [`browser_offer`]; [`Agreed::phone_sdp`] is the phone's answer.
///
/// # Errors
/// The browser accepted nothing of the phone's.
pub fn accept_browser_answer(
    phone: &PhoneDescription,
    offer: &BrowserOffer,
    answer: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    let _ = (phone, offer, answer, policy, local);
    Err(Refusal::NoCommonCodec)
}

/// For an INVITE without an offer: the offer that goes into our 200, with the one codec that the
/// browser's answer chose. The phone's answer in the ACK goes to [`accept_phone_answer`] with the
/// browser's answer as its description.
///
/// # Errors
/// The browser accepted nothing of ours.
pub fn delayed_phone_offer(
    answer: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<PhoneOffer, Refusal> {
    let _ = (answer, policy, local);
    Err(Refusal::NoCommonCodec)
}

/// Answers a later offer of the phone: hold, resume, another address, another list of codecs.
/// [`Agreed::phone_sdp`] of the result is the answer.
///
/// # Errors
/// The offer cannot be met; the call goes on as it was.
pub fn reinvite(
    current: &Agreed,
    offer: &PhoneDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<Agreed, Refusal> {
    let _ = (offer, policy, local);
    Ok(current.clone())
}

/// Our own later offer with the agreed codec alone: the answer to a re-INVITE without an offer,
/// or a re-INVITE of ours. Its answer goes to [`accept_reinvite_answer`].
pub fn current_offer(current: &Agreed, local: &PhoneLocal) -> PhoneOffer {
    let _ = local;
    PhoneOffer {
        text: current.phone_sdp.clone(),
    }
}

/// Takes the phone's answer to [`current_offer`].
///
/// # Errors
/// The phone no longer accepts the agreed codec, or an address of it is unusable.
pub fn accept_reinvite_answer(
    current: &Agreed,
    offer: &PhoneOffer,
    answer: &PhoneDescription,
    policy: &Policy,
) -> Result<Agreed, Refusal> {
    let _ = (offer, answer, policy);
    Ok(current.clone())
}
