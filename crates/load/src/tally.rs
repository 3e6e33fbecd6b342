//! What became of one call's packets, told by the numbers in their payloads.
//!
//! Packets are numbered by us and come back with the number they left with. Only those that
//! left while the window was open are judged, so that set-up, hang-up and packets still under
//! way at the end count neither as sent nor as lost.

use std::ops::Range;
use std::time::Duration;

use crate::histogram::Histogram;
use crate::stamp::Stamp;

/// Numbers one stream may use: of video, 120 a second, for 50 minutes, the longest round.
const MAX_NUMBERS: u32 = 400_000;

/// The account of one call.
#[derive(Debug, Default)]
pub struct Tally {
    next: u32,
    window: Window,
    /// One bit per number of the window.
    seen: Vec<u64>,
    findings: Findings,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Window {
    #[default]
    NotYet,
    Open {
        first: u32,
    },
    Closed {
        first: u32,
        end: u32,
    },
}

/// What a window has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Packets sent while the window was open.
    pub sent: u64,
    /// Those of them that came back.
    pub returned: u64,
    /// Came back again.
    pub duplicates: u64,
    /// Came back behind a later one.
    pub reordered: u64,
    /// Not ours, or not as we wrote it; at any time.
    pub damaged: u64,
    /// From sending to the first return.
    pub round_trip: Histogram,
    highest: Option<u32>,
}

impl Findings {
    /// Packets that did not come back.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sent - self.returned
    }

    /// Adds another call's result to this one.
    pub fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.returned += other.returned;
        self.duplicates += other.duplicates;
        self.reordered += other.reordered;
        self.damaged += other.damaged;
        self.round_trip.merge(&other.round_trip);
    }
}

impl Tally {
    /// The number for the next packet; `None` when they are used up.
    pub fn handle_send(&mut self) -> Option<u32> {
        let number = self.next;
        if number >= MAX_NUMBERS {
            return None;
        }
        self.next += 1;
        if matches!(self.window, Window::Open { .. }) {
            self.findings.sent += 1;
        }
        Some(number)
    }

    /// From the next packet on, packets are judged.
    pub fn open_window(&mut self) {
        if self.window == Window::NotYet {
            self.window = Window::Open { first: self.next };
        }
    }

    /// From the next packet on, packets are not judged; those before may still come back.
    pub fn close_window(&mut self) {
        if let Window::Open { first } = self.window {
            let end = self.next;
            self.window = Window::Closed { first, end };
        }
    }

    /// A stamped payload of this call has come back, `now` since the generator's start.
    pub fn handle_return(&mut self, stamp: &Stamp, now: Duration) {
        if stamp.number >= self.next {
            self.handle_damaged();
            return;
        }
        let window = self.judged();
        if !window.contains(&stamp.number) {
            return;
        }
        let at = (stamp.number - window.start) as usize;
        let (word, bit) = (at / 64, 1 << (at % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            self.findings.duplicates += 1;
            return;
        }
        self.seen[word] |= bit;
        self.findings.returned += 1;
        self.findings
            .round_trip
            .record(now.saturating_sub(stamp.sent));
        match self.findings.highest {
            Some(highest) if highest > stamp.number => self.findings.reordered += 1,
            Some(_) | None => self.findings.highest = Some(stamp.number),
        }
    }

    /// A packet has come back that bears no number, because it was encoded anew. It is counted
    /// with those that were sent: which one it is cannot be told.
    pub fn handle_unnumbered(&mut self) {
        if self.findings.returned < self.findings.sent {
            self.findings.returned += 1;
        }
    }

    /// A payload has come that is not one of this call's.
    pub fn handle_damaged(&mut self) {
        self.findings.damaged += 1;
    }

    fn judged(&self) -> Range<u32> {
        match self.window {
            Window::NotYet => 0..0,
            Window::Open { first } => first..self.next,
            Window::Closed { first, end } => first..end,
        }
    }

    /// What the window has shown so far.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packets_sent_in_the_window_are_judged() {
        let mut tally = Tally::default();
        let before = send(&mut tally, 5);
        tally.open_window();
        let judged = send(&mut tally, 100);
        tally.close_window();
        let after = send(&mut tally, 5);
        for number in before.chain(judged).chain(after) {
            tally.handle_return(&stamp(number), at(2));
        }
        let findings = tally.findings();
        assert_eq!(
            (findings.sent, findings.returned, findings.lost()),
            (100, 100, 0)
        );
        assert_eq!(findings.round_trip.count(), 100);
        assert_eq!(findings.round_trip.longest(), at(1));
    }

    #[test]
    fn lost_duplicated_and_reordered_packets_are_told_apart() {
        let mut tally = Tally::default();
        tally.open_window();
        send(&mut tally, 10);
        for number in [0, 1, 3, 2, 2, 9, 0] {
            tally.handle_return(&stamp(number), at(2));
        }
        let findings = tally.findings();
        assert_eq!(
            (findings.sent, findings.returned, findings.lost()),
            (10, 5, 5)
        );
        assert_eq!((findings.duplicates, findings.reordered), (2, 1));
    }

    #[test]
    fn a_number_never_sent_is_damage() {
        let mut tally = Tally::default();
        tally.open_window();
        send(&mut tally, 2);
        tally.handle_return(&stamp(2), at(2));
        assert_eq!(
            (tally.findings().damaged, tally.findings().returned),
            (1, 0)
        );
    }

    #[test]
    fn numbers_end_after_an_hour() {
        let mut tally = Tally::default();
        assert_eq!(send(&mut tally, MAX_NUMBERS).end, MAX_NUMBERS);
        assert_eq!(tally.handle_send(), None);
    }

    fn send(tally: &mut Tally, count: u32) -> Range<u32> {
        let first = tally.next;
        for _ in 0..count {
            tally.handle_send().expect("numbers are left");
        }
        first..first + count
    }

    fn stamp(number: u32) -> Stamp {
        Stamp {
            call: 1,
            number,
            sent: at(1),
        }
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }
}
