//! Packets that one leg's far end has sent and that have not come: asked for again (RFC 4585
//! §6.2.1), a few times, then given up.
//!
//! Each leg mends its own losses, whatever the leg it is relayed to can do. Sans-IO and bounded: of
//! a long gap nothing is asked for, a keyframe mends it sooner.

use std::time::{Duration, Instant};

use crate::endpoints::Ssrc;
use crate::recent::Recent;
use crate::rtp::{Header, SeqNo};

/// Packets that are looked for at a time: a keyframe.
const MOST: usize = 128;
/// How far behind the newest one a packet is looked for. When it comes, SRTP and the numbering must
/// still take it, whose windows are twice as long.
const REACH: i32 = Recent::LENGTH as i32 / 2;
/// How long a packet may be overtaken by others before it counts as lost.
const OVERTAKEN: Duration = Duration::from_millis(10);
/// How long the answer to a request may take: at least so long, and longer than the round trip by
/// so much. Longer ones than a second nobody waits for.
const AGAIN: Duration = Duration::from_millis(80);
const BEYOND_ROUND_TRIP: Duration = Duration::from_millis(20);
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);
/// How often one packet is asked for.
const TRIES: u8 = 4;

/// What has not come.
#[derive(Debug, Default)]
pub(super) struct Missing {
    newest: Option<(Ssrc, SeqNo)>,
    /// In rising order.
    packets: Vec<Looked>,
    /// Some packet will never come.
    gave_up: bool,
    round_trip: Duration,
}

#[derive(Debug)]
struct Looked {
    sequence: SeqNo,
    tries: u8,
    due: Instant,
}

impl Missing {
    /// How long a packet takes to the sender and back.
    pub(super) fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip.min(LONGEST_ROUND_TRIP);
    }

    /// A packet has come.
    pub(super) fn handle_arrival(&mut self, header: &Header, now: Instant) {
        let newest = match self.newest {
            Some((ssrc, newest)) if ssrc == header.ssrc => newest,
            Some(_) | None => {
                self.packets.clear();
                self.newest = Some((header.ssrc, header.sequence));
                return;
            }
        };
        let ahead = header.sequence.since(newest);
        if ahead <= 0 {
            self.packets
                .retain(|packet| packet.sequence != header.sequence);
            return;
        }
        self.newest = Some((header.ssrc, header.sequence));
        let before = self.packets.len();
        self.packets
            .retain(|packet| header.sequence.since(packet.sequence) <= REACH);
        self.gave_up |= self.packets.len() < before;
        let gap = ahead as usize - 1;
        let too_many = (self.packets.len() + gap).saturating_sub(MOST);
        if gap > MOST {
            self.packets.clear();
            self.gave_up = true;
            return;
        }
        if too_many > 0 {
            self.packets.drain(..too_many);
            self.gave_up = true;
        }
        let due = now + OVERTAKEN;
        self.packets.extend((1..=gap).map(|place| Looked {
            sequence: newest.plus(place as u16),
            tries: 0,
            due,
        }));
    }

    /// What is to be asked for now.
    pub(super) fn poll_lost(&mut self, now: Instant) -> Vec<SeqNo> {
        let before = self.packets.len();
        self.packets
            .retain(|packet| packet.due > now || packet.tries < TRIES);
        self.gave_up |= self.packets.len() < before;
        let again = AGAIN.max(self.round_trip + BEYOND_ROUND_TRIP);
        let due = self.packets.iter_mut().filter(|packet| packet.due <= now);
        due.map(|packet| {
            packet.tries += 1;
            packet.due = now + again;
            packet.sequence
        })
        .collect()
    }

    /// When something is to be asked for.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.packets.iter().map(|packet| packet.due).min()
    }

    /// Whether something will never come; told once.
    pub(super) fn take_gave_up(&mut self) -> bool {
        std::mem::take(&mut self.gave_up)
    }

    /// Nothing is looked for any more.
    pub(super) fn forget(&mut self) {
        *self = Self {
            round_trip: self.round_trip,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{Pt, RtpTimestamp};

    fn packet(ssrc: u32, sequence: u16) -> Header {
        Header {
            marker: false,
            payload_type: Pt::new(96).expect("seven bits"),
            sequence: SeqNo(sequence),
            timestamp: RtpTimestamp(0),
            ssrc: Ssrc(ssrc),
            payload: 12..900,
        }
    }

    #[test]
    fn what_is_lost_is_asked_for_a_few_times_and_then_given_up() {
        let mut now = Instant::now();
        let mut missing = Missing::default();
        missing.handle_arrival(&packet(1, 65_534), now);
        missing.handle_arrival(&packet(1, 2), now);
        assert_eq!(missing.poll_lost(now), [], "it may only be late");
        let mut asked = 0;
        while let Some(due) = missing.poll_timeout() {
            now = due;
            let lost = missing.poll_lost(now);
            assert!(
                lost.is_empty() || lost == [65_535, 0, 1].map(SeqNo),
                "{lost:?}"
            );
            asked += usize::from(!lost.is_empty());
        }
        assert_eq!(asked, usize::from(TRIES));
        assert!(missing.take_gave_up() && !missing.take_gave_up());
    }

    #[test]
    fn what_comes_late_or_again_is_not_missed() {
        let now = Instant::now();
        let mut missing = Missing::default();
        for sequence in [10, 13, 12] {
            missing.handle_arrival(&packet(1, sequence), now);
        }
        let later = now + OVERTAKEN;
        assert_eq!(missing.poll_lost(later), [SeqNo(11)]);
        missing.handle_arrival(&packet(1, 11), later);
        assert_eq!(
            (missing.poll_timeout(), missing.take_gave_up()),
            (None, false)
        );
    }

    #[test]
    fn of_a_long_gap_nothing_is_asked_for_and_no_more_than_so_many_at_a_time() {
        let now = Instant::now();
        let mut missing = Missing::default();
        missing.handle_arrival(&packet(1, 0), now);
        missing.handle_arrival(&packet(1, 500), now);
        assert!(missing.take_gave_up() && missing.poll_timeout().is_none());
        for sequence in (502..1_000).step_by(2) {
            missing.handle_arrival(&packet(1, sequence), now);
        }
        let lost = missing.poll_lost(now + OVERTAKEN);
        assert_eq!((lost.len(), lost.last()), (MOST, Some(&SeqNo(997))));
    }

    #[test]
    fn what_lies_too_far_behind_is_given_up() {
        let now = Instant::now();
        let mut missing = Missing::default();
        missing.handle_arrival(&packet(1, 0), now);
        for sequence in 2..=257 {
            missing.handle_arrival(&packet(1, sequence), now);
        }
        assert!(missing.poll_timeout().is_some() && !missing.take_gave_up());
        missing.handle_arrival(&packet(1, 258), now);
        assert!(missing.poll_timeout().is_none() && missing.take_gave_up());
    }

    #[test]
    fn a_packet_is_not_asked_for_again_before_the_answer_can_be_there() {
        for (trip, waits) in [(0, 80), (40, 80), (120, 140), (60_000, 1_020)] {
            let now = Instant::now();
            let mut missing = Missing::default();
            missing.set_round_trip(Duration::from_millis(trip));
            missing.handle_arrival(&packet(1, 0), now);
            missing.handle_arrival(&packet(1, 2), now);
            let asked = now + OVERTAKEN;
            assert_eq!(missing.poll_lost(asked), [SeqNo(1)]);
            let again = asked + Duration::from_millis(waits);
            assert_eq!(missing.poll_timeout(), Some(again), "{trip} ms");
        }
    }

    #[test]
    fn another_source_begins_anew() {
        let now = Instant::now();
        let mut missing = Missing::default();
        missing.handle_arrival(&packet(1, 0), now);
        missing.handle_arrival(&packet(1, 5), now);
        missing.handle_arrival(&packet(2, 40_000), now);
        assert_eq!(missing.poll_timeout(), None);
        assert!(!missing.take_gave_up());
    }
}
