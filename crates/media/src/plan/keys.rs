//! In which form keys (DTMF) reach a phone, and in which they are looked for.

use crate::relay::{InBand, Relay};

/// What the operator wants of the keys of a route's calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyPolicy {
    /// telephone-events where the phone takes them, else INFO where it says that it knows that,
    /// else tones.
    #[default]
    Auto,
    /// telephone-events (RFC 4733), or nothing.
    Events,
    /// INFO.
    Info,
    /// Tones in the sound (ITU-T Q.23).
    Tones,
}

/// The form in which keys reach a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// The media path sends them: telephone-events or tones.
    Media,
    /// Signalling does: INFO.
    Info,
}

impl KeyPolicy {
    /// Writes into `relay` what becomes of keys, and says who sends them to the phone. `knows_info`:
    /// the phone's Allow names INFO. `told`: somebody wants to hear of the phone's keys; tones are
    /// listened for only then, and only if the phone has no telephone-events.
    pub fn apply(self, relay: &mut Relay, knows_info: bool, told: bool) -> KeyForm {
        let has_events = relay.to_phone.send.event.is_some();
        let listens = match self {
            Self::Auto | Self::Tones => told && !has_events,
            Self::Events | Self::Info => false,
        };
        relay.to_browser.in_band = match listens {
            true => InBand::Listen,
            false => InBand::Off,
        };
        let (in_band, form) = match self {
            Self::Events => (InBand::Off, KeyForm::Media),
            Self::Auto if has_events => (InBand::Off, KeyForm::Media),
            Self::Auto if knows_info => (InBand::Off, KeyForm::Info),
            Self::Info => (InBand::Off, KeyForm::Info),
            Self::Auto | Self::Tones => (InBand::Play, KeyForm::Media),
        };
        relay.to_phone.in_band = in_band;
        match (in_band, form) {
            (InBand::Off | InBand::Listen, KeyForm::Media) => {}
            (InBand::Play, _) | (_, KeyForm::Info) => relay.to_phone.send.event = None,
        }
        form
    }
}
