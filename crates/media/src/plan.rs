//! Offer and answer between a browser and a phone (RFC 3264, RFC 8829, RFC 8866), as pure functions.
//!
//! Whoever offers, the codec that both ends speak is chosen here, and each end gets a description
//! that allows just that: media is relayed, never transcoded. Outgoing call:
//! [`phone_offer`], [`accept_phone_answer`], [`browser_answer`]. Incoming call: [`browser_offer`],
//! [`accept_browser_answer`]. Later offers on the phone leg: [`reinvite`], [`current_offer`].
//! Who sends these texts, and when, is the call's business.

mod incoming;
mod opus;
mod outgoing;
mod own;
mod remote;
mod reoffer;
mod side;
mod text;

use std::fmt;
use std::net::SocketAddr;

use side::{OwnFormat, Side};
use text::PhoneText;

pub use incoming::{accept_browser_answer, browser_offer};
pub use outgoing::{
    accept_later_answer, accept_phone_answer, browser_answer, delayed_phone_offer, phone_offer,
};
pub use reoffer::{accept_reinvite_answer, current_offer, reinvite};

use crate::codec::AudioCodec;
use crate::endpoints::PhoneRemote;
use crate::relay::Relay;
use crate::sdp::{AddressPolicy, MediaLine, SdpError, UnsafeAddress};

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
    exchange: Exchange,
    formats: Vec<OwnFormat>,
    /// Our RTP address.
    local: SocketAddr,
}

impl PhoneOffer {
    /// The description to send.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.exchange.text.text
    }
}

/// An offer to a browser, and what must be remembered of it until its answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserOffer {
    text: String,
    formats: Vec<OwnFormat>,
}

impl BrowserOffer {
    /// The description to send.
    #[must_use]
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
    browser: Side,
    phone: Side,
    exchange: Exchange,
}

/// Where offer and answer on the phone leg have come to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exchange {
    /// Our last description.
    text: PhoneText,
    /// The media lines of the last offer, whoever made it: their number never shrinks.
    media: Vec<MediaLine>,
    /// Which of them is the audio.
    audio: usize,
}

impl Agreed {
    fn new(
        codec: AudioCodec,
        browser: Side,
        phone: Side,
        phone_remote: Option<PhoneRemote>,
        exchange: Exchange,
    ) -> Self {
        let to_phone =
            browser.direction.sends() && phone.direction.receives() && phone_remote.is_some();
        let to_browser = phone.direction.sends() && browser.direction.receives();
        let relay = side::relay(codec, &browser, &phone, to_phone, to_browser);
        Self {
            relay,
            phone_remote,
            browser,
            phone,
            exchange,
        }
    }

    /// Our current description on the phone leg: the answer, when the phone offered.
    #[must_use]
    pub fn phone_sdp(&self) -> &str {
        &self.exchange.text.text
    }

    /// A later offer of ours was refused or not answered: what was agreed stays, but the version
    /// of that offer is used up.
    pub fn withdraw(&mut self, offer: &PhoneOffer) {
        self.exchange.text.withdraw(&offer.exchange.text);
    }

    /// The codec of the call.
    #[must_use]
    pub fn codec(&self) -> AudioCodec {
        self.relay.codec
    }

    /// Whether the phone has us on hold: it does not want our audio.
    #[must_use]
    pub fn on_hold(&self) -> bool {
        !self.phone.direction.receives()
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
