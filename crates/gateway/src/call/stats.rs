//! The last counters of a call's legs, for the line that the log has of it.

use std::time::Duration;

use media::{LegEvent, LegStats};

use super::Input;

/// What the legs of a call have counted.
#[derive(Debug)]
pub(super) struct Stats {
    browser: Option<LegStats>,
    phones: Vec<LegStats>,
    /// Legs towards phones that have been opened.
    opened: usize,
}

impl Stats {
    /// Of a call that begins, with one leg towards a phone.
    pub(super) fn new() -> Self {
        Self {
            browser: None,
            phones: Vec::new(),
            opened: 1,
        }
    }

    /// One more leg towards a phone will tell its counters.
    pub(super) fn expect_phone(&mut self) {
        self.opened += 1;
    }

    pub(super) fn note(&mut self, input: &Input) {
        match input {
            Input::Browser(LegEvent::Stats(stats)) => self.browser = Some(**stats),
            Input::Phone(_, LegEvent::Stats(stats)) => self.phones.push(**stats),
            Input::Browser(_)
            | Input::Phone(..)
            | Input::Sip(..)
            | Input::Replacement { .. }
            | Input::CandidateOpened { .. }
            | Input::CandidateRefused(_)
            | Input::Transferred
            | Input::MediaRefused(_)
            | Input::ClientTakesUpdates
            | Input::ClientLost
            | Input::Stop => {}
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.browser.is_some() && self.phones.len() >= self.opened
    }

    pub(super) fn log(&self, duration: Duration) {
        let browser = self.browser.unwrap_or_default();
        let sum = |count: fn(&LegStats) -> u64| self.phones.iter().map(count).sum::<u64>();
        tracing::info!(
            seconds = duration.as_secs(),
            from_browser = browser.received.packets,
            to_phone = sum(|leg| leg.sent.packets),
            from_phone = sum(|leg| leg.received.packets),
            to_browser = browser.sent.packets,
            lost_from_browser = browser.lost,
            lost_from_phone = sum(|leg| leg.lost),
            "call ended"
        );
    }
}
