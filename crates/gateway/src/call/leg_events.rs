//! The way of the legs' events to their call: a channel of its own, so that a flood of signalling
//! cannot crowd out that a leg has failed.
//!
//! The callbacks run on a worker's thread and never wait. What comes a few times in a leg's life
//! has half of the channel for itself; digits, which a phone may send as fast as it likes, are
//! dropped when the other half is full.

use media::LegEvent;
use tokio::sync::mpsc;

use super::{Input, PhoneLegId};

/// How many events of all its legs may wait for one call.
const EVENTS: usize = 64;

/// Of those, how many digits may not take: a call has a handful of legs, each with a handful of
/// events, and its task never waits for others.
const RESERVED: usize = 32;

/// The call's end.
pub(super) type LegEvents = mpsc::Receiver<Box<Input>>;

/// The legs' end. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct LegEventSender(mpsc::Sender<Box<Input>>);

pub(super) fn leg_events() -> (LegEventSender, LegEvents) {
    let (sender, receiver) = mpsc::channel(EVENTS);
    (LegEventSender(sender), receiver)
}

impl LegEventSender {
    pub(super) fn browser(&self, event: LegEvent) {
        self.deliver(is_digit(&event), Input::Browser(event));
    }

    pub(super) fn phone(&self, leg: PhoneLegId, event: LegEvent) {
        self.deliver(is_digit(&event), Input::Phone(leg, event));
    }

    pub(super) fn video(&self, event: LegEvent) {
        let is_wish = matches!(event, LegEvent::KeyframeNeeded);
        match event {
            LegEvent::KeyframeNeeded | LegEvent::Stats(_) => {
                self.deliver(is_wish, Input::Video(event));
            }
            // Its end is the call's: neither silence nor failure of the video is an event.
            LegEvent::IceValidated
            | LegEvent::Connected
            | LegEvent::Failed(_)
            | LegEvent::MediaStopped { .. }
            | LegEvent::Dtmf { .. } => {}
        }
    }

    fn deliver(&self, may_be_lost: bool, input: Input) {
        if may_be_lost && self.0.capacity() <= RESERVED {
            tracing::debug!("too many digits at a time");
        } else if self.0.try_send(Box::new(input)).is_err() {
            tracing::debug!("a leg's event came too late or too fast");
        }
    }
}

fn is_digit(event: &LegEvent) -> bool {
    match event {
        LegEvent::Dtmf { .. } => true,
        LegEvent::IceValidated
        | LegEvent::Connected
        | LegEvent::Failed(_)
        | LegEvent::MediaStopped { .. }
        | LegEvent::KeyframeNeeded
        | LegEvent::Stats(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use media::LegFailure;

    use super::*;

    #[test]
    fn a_leg_that_fails_in_a_flood_of_digits_is_heard() {
        let (sender, mut events) = leg_events();
        for _ in 0..1_000 {
            let duration = Duration::from_millis(100);
            sender.phone(
                PhoneLegId::FIRST,
                LegEvent::Dtmf {
                    digit: '1',
                    duration,
                },
            );
        }
        sender.browser(LegEvent::Failed(LegFailure::DtlsClosed));
        let mut last = None;
        let mut count = 0;
        while let Ok(event) = events.try_recv() {
            last = Some(*event);
            count += 1;
        }
        assert_eq!(count, EVENTS - RESERVED + 1);
        assert!(matches!(last, Some(Input::Browser(LegEvent::Failed(_)))));
    }
}
