//! Hold (RFC 3264 §8.4): what our side asks for, and what the phone does.

use super::Agreed;
use super::incoming::Before;
use super::side::Side;
use crate::relay::Waits;
use crate::sdp::Direction;

/// Whether our side holds the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// No.
    #[default]
    Off,
    /// Yes: the phone is told not to send, and is sent nothing.
    On,
}

impl Hold {
    /// The direction that our side asks for when the browser's description says `browser`. A held
    /// call stays one-way on paper: music could be played to the phone.
    pub(super) fn wish(self, browser: Direction) -> Direction {
        match self {
            Self::Off => browser,
            Self::On => Direction::new(browser.sends(), false),
        }
    }
}

/// Who has been put on hold by whom, seen from the phone and from the browser. Where both hold,
/// nobody listens.
pub(super) fn waits(hold: Hold, browser: &Side, phone: &Side, has_address: bool) -> (Waits, Waits) {
    let phone_listens = phone.direction.receives() && has_address;
    match hold {
        Hold::On if phone_listens => (Waits::InSilence, Waits::No),
        Hold::On => (Waits::No, Waits::No),
        // A page that says sendonly may have taken its microphone away.
        Hold::Off if phone_listens && browser.direction == Direction::SendOnly => {
            (Waits::UntilHeard, Waits::No)
        }
        Hold::Off if phone_listens || !browser.direction.receives() => (Waits::No, Waits::No),
        // It may play music itself, or say that it does and not do so.
        Hold::Off if phone.direction.sends() => (Waits::No, Waits::UntilHeard),
        Hold::Off => (Waits::No, Waits::InSilence),
    }
}

impl Agreed {
    /// Whether our side holds the call.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// Whether the phone holds the call: it does not do what our side would let it. The ways to
    /// say so are sendonly, inactive, recvonly and the unspecified address of RFC 2543.
    #[must_use]
    pub fn on_hold(&self) -> bool {
        let wish = self.hold.wish(self.browser.direction);
        let phone = self.phone.direction;
        (wish.sends() && !phone.receives()) || (wish.receives() && !phone.sends())
    }

    /// The direction of an offer of ours. A phone that holds us is asked for both ways all the
    /// same, so that its answer tells whether it still does (RFC 6337 §5.3); but a hold that meets
    /// a hold is inactive.
    pub(super) fn offered_direction(&self, hold: Hold) -> Direction {
        let wish = hold.wish(self.browser.direction);
        match hold {
            Hold::Off => wish,
            Hold::On => wish.and(Direction::new(self.phone.direction.receives(), true)),
        }
    }

    /// What the next answer to the phone has to keep.
    pub(super) fn before(&self) -> Before<'_> {
        Before {
            exchange: Some(&self.exchange),
            hold: self.hold,
            video: self.phone.video.as_ref(),
        }
    }
}
