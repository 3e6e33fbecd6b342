//! Repeats our last DTLS flight until the handshake moves (RFC 6347 §4.2.4).
//!
//! Works on whole datagrams: what was sent is sent again, byte for byte, after 50 ms, then
//! after doubling gaps, and whenever the peer repeats itself. Records the peer already has fall
//! to its replay window, so a verbatim repeat is harmless. The last flight of a handshake is
//! repeated only when the peer asks for it. The number of repeats is bounded.

use std::time::{Duration, Instant};

use bytes::Bytes;

const FIRST_GAP: Duration = Duration::from_millis(50);
const LONGEST_GAP: Duration = Duration::from_millis(1600);
/// A flight of the peer comes in several datagrams; they ask for one repeat, not for several.
const QUIET: Duration = Duration::from_millis(20);
const MAX_REPEATS: u32 = 40;

/// The last flight and when it goes out again.
#[derive(Debug)]
pub(crate) struct FlightRepeater {
    flight: Vec<Bytes>,
    last_sent: Option<Instant>,
    timer: Option<Timer>,
    settled: bool,
    repeats_left: u32,
}

#[derive(Debug)]
struct Timer {
    deadline: Instant,
    gap: Duration,
}

impl FlightRepeater {
    pub(crate) fn new() -> Self {
        Self {
            flight: Vec::new(),
            last_sent: None,
            timer: None,
            settled: false,
            repeats_left: MAX_REPEATS,
        }
    }

    /// A new flight has been sent: progress.
    pub(crate) fn handle_flight(&mut self, flight: Vec<Bytes>, now: Instant) {
        self.flight = flight;
        self.last_sent = Some(now);
        self.timer = (!self.settled).then(|| Timer {
            deadline: now + FIRST_GAP,
            gap: FIRST_GAP,
        });
    }

    /// The peer spoke handshake and nothing of ours followed: it repeats itself, or a piece is
    /// missing. Returns what to send again.
    pub(crate) fn handle_repetition(&mut self, now: Instant) -> &[Bytes] {
        match self.last_sent {
            Some(sent) if now < sent + QUIET => &[],
            Some(_) | None => self.again(now),
        }
    }

    /// The handshake is complete: from here on only when asked.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
        self.timer = None;
    }

    /// The peer has shown that it has the last flight: it is not needed again.
    pub(crate) fn forget(&mut self) {
        self.settle();
        self.flight = Vec::new();
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timer.as_ref().map(|timer| timer.deadline)
    }

    /// Returns what to send again, if it is time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> &[Bytes] {
        match &mut self.timer {
            Some(timer) if now >= timer.deadline => {
                timer.gap = (timer.gap * 2).min(LONGEST_GAP);
                timer.deadline = now + timer.gap;
                self.again(now)
            }
            Some(_) | None => &[],
        }
    }

    fn again(&mut self, now: Instant) -> &[Bytes] {
        if self.repeats_left == 0 || self.flight.is_empty() {
            self.timer = None;
            return &[];
        }
        self.repeats_left -= 1;
        self.last_sent = Some(now);
        &self.flight
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn flight() -> Vec<Bytes> {
        vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")]
    }

    #[test]
    fn repeats_after_50_ms_then_doubling() {
        let start = Instant::now();
        let mut repeater = FlightRepeater::new();
        repeater.handle_flight(flight(), start);
        let mut at = Vec::new();
        while at.len() < 6 {
            let deadline = repeater.poll_timeout().expect("armed");
            assert_eq!(repeater.handle_timeout(deadline), flight());
            at.push((deadline - start).as_millis());
        }
        assert_eq!(at, [50, 150, 350, 750, 1550, 3150]);
    }

    #[test]
    fn a_repetition_by_the_peer_asks_once_per_flight() {
        let start = Instant::now();
        let mut repeater = FlightRepeater::new();
        repeater.handle_flight(flight(), start);
        assert!(repeater.handle_repetition(start + 10 * MS).is_empty());
        assert_eq!(repeater.handle_repetition(start + 30 * MS), flight());
        assert!(repeater.handle_repetition(start + 31 * MS).is_empty());
    }

    #[test]
    fn the_last_flight_is_repeated_only_when_asked_for() {
        let start = Instant::now();
        let mut repeater = FlightRepeater::new();
        repeater.settle();
        repeater.handle_flight(flight(), start);
        assert_eq!(repeater.poll_timeout(), None);
        assert_eq!(repeater.handle_repetition(start + 100 * MS), flight());
    }

    #[test]
    fn repeats_are_bounded() {
        let mut now = Instant::now();
        let mut repeater = FlightRepeater::new();
        repeater.handle_flight(flight(), now);
        let mut sent = 0;
        for _ in 0..1000 {
            now += 100 * MS;
            sent += usize::from(!repeater.handle_repetition(now).is_empty());
        }
        assert_eq!(sent, MAX_REPEATS as usize);
    }
}
