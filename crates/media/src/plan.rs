//! Offer and answer between a browser and a phone (RFC 3264, RFC 8829, RFC 8866), as pure functions.
//!
//! Whoever offers, the codec that each end speaks is chosen here ([`decide`]), and each gets a
//! description that allows just that: the same one wherever there is one. Outgoing call:
//! [`phone_offer`], [`accept_phone_answer`], [`browser_answer`]. Incoming call: [`browser_offer`],
//! [`accept_browser_answer`]. Later offers on the phone leg: [`reinvite`], [`current_offer`],
//! [`hold_offer`], [`repeated`]; on the browser leg: [`BrowserExchange::reoffered`], [`browser_reoffer`],
//! [`browser_told`].
//! Who sends these texts, and when, is the call's business.

mod abilities;
mod decide;
mod hold;
mod incoming;
mod keys;
mod opus;
mod outgoing;
mod own;
mod remote;
mod reoffer;
mod route;
mod security;
mod side;
mod text;
mod told;
mod transfer;
mod update;
mod video;

use std::fmt;

use security::Security;
use side::{OwnFormat, Side};
use text::{BrowserText, PhoneText};
use video::VideoContent;

pub use abilities::{Abilities, Events};
pub use decide::{Choice, Decision, Party, decide};
pub use hold::Hold;
pub use incoming::{accept_browser_answer, browser_offer};
pub use keys::{KeyForm, KeyPolicy};
pub use outgoing::{
    accept_later_answer, accept_phone_answer, browser_answer, delayed_phone_offer, phone_offer,
};
pub use reoffer::{accept_reinvite_answer, current_offer, hold_offer, reinvite, repeated};
pub use route::{CodecPolicy, Route, Transcoding};
pub use security::can_be_encrypted;
pub use told::{accept_told, browser_told};
pub use transfer::{answer_another, join_offers, offer_to_another};
pub use update::{BrowserUpdate, PhoneSide, accept_browser_change, browser_reoffer};

use crate::codec::AudioCodec;
use crate::endpoints::{BrowserRemote, PhoneLocal, PhoneRemote};
use crate::relay::Relay;
use crate::sdp::{AddressPolicy, MediaLine, SdpError, UnsafeAddress};
use crate::video::AgreedVideo;

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Codecs, packet times, and whether they may differ between both sides.
    pub route: Route,
    /// The addresses that phones may name.
    pub addresses: AddressPolicy,
}

/// Why no media can be agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The description cannot be used.
    Description(SdpError),
    /// No codec that browser, phone and policy have in common, and nothing may be transcoded.
    NoCommonCodec,
    /// The browser has none of our codecs.
    BrowserHasNoCodec,
    /// The phone has none of our codecs that the route allows.
    PhoneHasNoCodec,
    /// The phone wants media at an address we do not send to.
    Address(UnsafeAddress),
    /// The phone's address is of the other IP family than our phone leg.
    AddressFamily,
    /// An answer whose media lines are not those of the offer.
    MismatchedAnswer,
    /// The codec that the browser was told is gone from a later offer or answer.
    CodecGone,
    /// A later offer that does not go on from the session it is to change: media lines removed or
    /// reordered, another certificate or DTLS role, no audio where it was.
    OtherSession,
    /// The audio has to be encrypted, by policy or by what the phone offers, and both ends have no
    /// keys for it that both know.
    NotEncrypted,
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
            | Self::BrowserHasNoCodec
            | Self::PhoneHasNoCodec
            | Self::Address(_)
            | Self::AddressFamily
            | Self::MismatchedAnswer
            | Self::CodecGone
            | Self::OtherSession => (488, "Not Acceptable Here"),
            Self::NotEncrypted => (488, "SRTP Required"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Description(error) => fmt::Display::fmt(error, f),
            Self::NoCommonCodec => f.write_str("no common codec"),
            Self::BrowserHasNoCodec => f.write_str("no codec of ours in the browser"),
            Self::PhoneHasNoCodec => f.write_str("no codec of ours that the phone may speak"),
            Self::Address(address) => write!(f, "media address refused: {address}"),
            Self::AddressFamily => f.write_str("media address of another IP family"),
            Self::MismatchedAnswer => f.write_str("answer does not match the offer"),
            Self::CodecGone => f.write_str("the agreed codec is gone"),
            Self::OtherSession => f.write_str("not an offer of the same session"),
            Self::NotEncrypted => f.write_str("SRTP required"),
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
    video: Option<Box<VideoContent>>,
    /// Our ports.
    local: Box<PhoneLocal>,
    hold: Hold,
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
    text: BrowserText,
    formats: Vec<OwnFormat>,
    video: Option<VideoContent>,
    /// The media lines of the exchange with their mids.
    media: Vec<(MediaLine, Option<String>)>,
    audio: usize,
    /// Milliseconds per packet that it asks for.
    ptime: u16,
}

impl BrowserOffer {
    /// The description to send.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text.text
    }
}

/// Where offer and answer on the browser leg have come to. Plain data; lives as long as the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserExchange {
    /// Our last description.
    text: BrowserText,
    /// The media lines of the last offer with their mids: their number never shrinks.
    media: Vec<(MediaLine, Option<String>)>,
    /// Which of them is the audio.
    audio: usize,
    /// Milliseconds per packet that the browser has been asked for.
    ptime: u16,
    /// The browser as it was last described, with the DTLS roles as they were settled first.
    remote: BrowserRemote,
}

impl BrowserExchange {
    /// Our last description: the answer, when the browser offered.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text.text
    }
}

/// What both ends agreed on. Plain data; a later offer gives a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// For the worker.
    pub relay: Relay,
    /// For the phone leg; `None` while the phone names no address (`c=0.0.0.0`).
    pub phone_remote: Option<PhoneRemote>,
    /// Video beside it; `None` when there is none, or when it was refused.
    pub video: Option<AgreedVideo>,
    browser: Side,
    phone: Side,
    exchange: Exchange,
    hold: Hold,
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
    /// Our keys in the last description.
    security: Security,
}

impl Agreed {
    fn new(
        mut browser: Side,
        mut phone: Side,
        phone_remote: Option<PhoneRemote>,
        exchange: Exchange,
        hold: Hold,
    ) -> Self {
        let wish = hold.wish(browser.direction);
        let to_phone = hold == Hold::Off
            && wish.sends()
            && phone.direction.receives()
            && phone_remote.is_some();
        let to_browser = phone.direction.sends() && wish.receives();
        let mut relay = side::relay(&browser, &phone, to_phone, to_browser);
        (relay.to_phone.waits, relay.to_browser.waits) =
            hold::waits(hold, &browser, &phone, phone_remote.is_some());
        let video = video::join(&mut browser, &mut phone, hold);
        Self {
            relay,
            phone_remote,
            video,
            browser,
            phone,
            exchange,
            hold,
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

    /// The codec that the browser speaks.
    #[must_use]
    pub fn codec(&self) -> AudioCodec {
        self.browser.codec
    }

    /// The codec that the phone speaks: the same, unless the audio is transcoded.
    #[must_use]
    pub fn phone_codec(&self) -> AudioCodec {
        self.phone.codec
    }

    /// Whether the audio passes untouched.
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        side::is_relayed(&self.browser, &self.phone)
    }

    /// `a=ptime` and `a=maxptime` for the phone.
    fn times_for_phone(&self) -> (Option<u16>, Option<u16>) {
        side::times_for_phone(&self.browser, &self.phone)
    }

    /// `a=ptime` and `a=maxptime` for the browser.
    fn times_for_browser(&self) -> (Option<u16>, Option<u16>) {
        match self.is_relayed() {
            true => (self.phone.insists.or(self.phone.ptime), self.phone.maxptime),
            false => (None, None),
        }
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
