//! Repeats our last DTLS flight until the handshake moves (RFC 6347 §4.2.4).
//!
//! Works on whole datagrams: what was sent is sent again, byte for byte, after 50 ms, then
//! after doubling gaps, and whenever the peer repeats itself. Records the peer already has fall
//! to its replay window, so a verbatim repeat is harmless. The number of repeats is bounded.
//!
//! The last flight of a handshake is not answered. RFC 6347 leaves it to the peer to ask for it,
//! and a peer whose gaps have doubled a few times asks every ten seconds: here it goes out some
//! times more, until the peer's media shows that it has it.

use std::time::{Duration, Instant};

use bytes::Bytes;

const FIRST_GAP: Duration = Duration::from_millis(50);
/// A call waits for this, and what is repeated is small: no reason to become slower than that.
const LONGEST_GAP: Duration = Duration::from_millis(400);
/// A flight of the peer comes in several datagrams; they ask for one repeat, not for several.
const QUIET: Duration = Duration::from_millis(20);
/// Of all flights, by time and asked for: enough for the thirty seconds that a handshake may take.
const MAX_REPEATS: u32 = 120;
/// Of the last flight without being asked: for two seconds.
const LAST_REPEATS: u32 = 7;

/// The last flight and when it goes out again.
#[derive(Debug)]
pub(crate) struct FlightRepeater {
    flight: Vec<Bytes>,
    last_sent: Option<Instant>,
    timer: Option<Timer>,
    /// What follows is the last flight, and not answered.
    settled: bool,
    repeats_left: u32,
}

#[derive(Debug)]
struct Timer {
    deadline: Instant,
    gap: Duration,
    left: u32,
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
        self.timer = Some(Timer {
            deadline: now + FIRST_GAP,
            gap: FIRST_GAP,
            left: if self.settled {
                LAST_REPEATS
            } else {
                MAX_REPEATS
            },
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

    /// The handshake is complete.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
        self.timer = None;
    }

    /// Whether the last flight goes out without being asked for.
    pub(crate) fn is_repeating(&self) -> bool {
        self.timer.is_some()
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
                timer.left -= 1;
                if timer.left == 0 {
                    self.timer = None;
                }
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
        assert_eq!(at, [50, 150, 350, 750, 1150, 1550]);
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
    fn the_last_flight_goes_out_for_two_seconds_and_then_when_asked_for() {
        let start = Instant::now();
        let mut repeater = FlightRepeater::new();
        repeater.settle();
        repeater.handle_flight(flight(), start);
        let mut now = start;
        for _ in 0..LAST_REPEATS {
            now = repeater.poll_timeout().expect("armed");
            assert_eq!(repeater.handle_timeout(now), flight());
        }
        assert_eq!((now - start).as_millis(), 1950);
        assert_eq!(repeater.poll_timeout(), None);
        assert_eq!(repeater.handle_repetition(now + 100 * MS), flight());
    }

    #[test]
    fn a_flight_still_goes_out_when_the_handshake_is_about_to_be_given_up() {
        let start = Instant::now();
        let mut repeater = FlightRepeater::new();
        repeater.handle_flight(flight(), start);
        while let Some(deadline) = repeater.poll_timeout()
            && deadline < start + 30_000 * MS
        {
            assert_eq!(repeater.handle_timeout(deadline), flight());
        }
        assert_eq!(repeater.handle_repetition(start + 30_000 * MS), flight());
    }

    #[test]
    fn the_last_flight_rests_once_the_peer_has_it() {
        let start = Instant::now();
        let mut repeater = FlightRepeater::new();
        repeater.settle();
        repeater.handle_flight(flight(), start);
        assert!(repeater.is_repeating());
        repeater.forget();
        assert_eq!(repeater.poll_timeout(), None);
        assert!(repeater.handle_repetition(start + 100 * MS).is_empty());
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
