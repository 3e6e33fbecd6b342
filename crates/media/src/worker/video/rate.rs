//! How many bits per second of video one leg's far end can be sent: what its description allows,
//! what it asks for, and what its reports say arrives.
//!
//! A relay cannot send less than it is given: the end that sends is told. It is told the worse of
//! both legs, for its own leg's losses it learns from our reports there. Where a receiver says
//! nothing of rates but reports losses, the limit follows those as congestion control by loss does
//! (draft-ietf-rmcat-gcc-02 §6): down above 10 %, up below 2 %.

use std::time::{Duration, Instant};

/// Never less: below it no picture is left.
const LEAST: u64 = 50_000;
/// Beyond it there is no limit.
const MOST: u64 = 20_000_000;
/// Reports closer to each other are one.
const SHORTEST: Duration = Duration::from_millis(500);

/// The limit of one leg.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// By its description.
    described: Option<u64>,
    /// By REMB or TMMBR.
    asked: Option<u64>,
    /// By its losses; `None` as long as there were none to speak of.
    by_loss: Option<u64>,
    /// Bytes sent since then.
    sent: Option<(u64, Instant)>,
}

impl Rate {
    pub(super) fn set_described(&mut self, limit: Option<u64>) {
        self.described = limit;
    }

    pub(super) fn set_asked(&mut self, rate: u64) {
        self.asked = Some(rate);
    }

    /// A packet has been sent.
    pub(super) fn handle_sent(&mut self, bytes: usize, now: Instant) {
        let (sent, _) = self.sent.get_or_insert((0, now));
        *sent += bytes as u64;
    }

    /// The far end reports which part of the packets it lost since its last report, in 256ths.
    pub(super) fn handle_report(&mut self, lost: u8, now: Instant) {
        let Some((bytes, since)) = self.sent else {
            return;
        };
        let passed = now.saturating_duration_since(since);
        if passed < SHORTEST {
            return;
        }
        self.sent = Some((0, now));
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
        let now_sent = bytes.saturating_mul(8_000) / millis;
        self.by_loss = match (lost, self.by_loss) {
            (26.., before) => {
                let base = before.map_or(now_sent, |before| before.min(now_sent));
                // Half of what was lost.
                Some((base - base * u64::from(lost) / 512).max(LEAST))
            }
            (0..=5, Some(before)) => Some(before + before / 12 + 1_000).filter(|up| *up < MOST),
            (6..=25, before) | (0..=5, before @ None) => before,
        };
    }

    /// The limit, if there is one.
    pub(super) fn limit(&self) -> Option<u64> {
        let limits = [self.described, self.asked, self.by_loss];
        // None at all would be understood as one that is lifted.
        let limit = limits.into_iter().flatten().min();
        limit.map(|limit| limit.max(LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends so many bits for a second, then has so many 256ths of it reported lost.
    fn second(rate: &mut Rate, now: &mut Instant, bits: u64, lost: u8) {
        rate.handle_sent(0, *now);
        rate.handle_sent(bits as usize / 8, *now);
        *now += Duration::from_secs(1);
        rate.handle_report(lost, *now);
    }

    #[test]
    fn the_least_of_what_is_described_asked_for_and_arrives_holds() {
        let mut rate = Rate::default();
        assert_eq!(rate.limit(), None);
        rate.set_described(Some(512_000));
        assert_eq!(rate.limit(), Some(512_000));
        rate.set_asked(1_000_000);
        assert_eq!(rate.limit(), Some(512_000));
        rate.set_asked(200_000);
        assert_eq!(rate.limit(), Some(200_000));
        for nothing in [0, 1, LEAST - 1] {
            rate.set_asked(nothing);
            assert_eq!(rate.limit(), Some(LEAST));
        }
        rate.set_described(None);
        rate.set_asked(5_000_000);
        assert_eq!(rate.limit(), Some(5_000_000));
    }

    #[test]
    fn losses_bring_it_down_and_their_absence_up_again() {
        let mut now = Instant::now();
        let mut rate = Rate::default();
        for lost in [0, 5, 25] {
            second(&mut rate, &mut now, 1_000_000, lost);
            assert_eq!(rate.limit(), None, "little loss is no limit");
        }
        second(&mut rate, &mut now, 1_000_000, 64);
        assert_eq!(rate.limit(), Some(875_000));
        second(&mut rate, &mut now, 800_000, 64);
        assert_eq!(rate.limit(), Some(700_000));
        second(&mut rate, &mut now, 700_000, 0);
        assert!(
            rate.limit()
                .is_some_and(|limit| (750_000..800_000).contains(&limit))
        );
        for _ in 0..100 {
            second(&mut rate, &mut now, 700_000, 0);
        }
        assert_eq!(rate.limit(), None);
    }

    #[test]
    fn nobody_can_bring_it_to_nothing_or_hurry_it() {
        let mut now = Instant::now();
        let mut rate = Rate::default();
        for _ in 0..100 {
            second(&mut rate, &mut now, 1_000_000, 255);
        }
        assert_eq!(rate.limit(), Some(LEAST));
        rate.handle_sent(1_000, now);
        for _ in 0..100 {
            rate.handle_report(0, now);
        }
        assert_eq!(rate.limit(), Some(LEAST));
    }
}
