//! Packets in their order, until they are played.
//!
//! Bounded by count; the oldest give way. Says what is here, not when it is time: that is
//! [`super::playout`]'s.

use std::collections::VecDeque;

use crate::endpoints::Ssrc;
use crate::rtp::{Header, RtpTimestamp, SeqNo};

/// Packets kept at most: more than a second at 20 ms.
const CAPACITY: usize = 64;
/// A payload longer than this is no audio packet.
const MAX_LENGTH: usize = 1_500;
/// A sequence number that far away is another beginning, or a stray (RFC 3550 §A.1).
const MAX_DROPOUT: i32 = 3_000;
/// A second one so near to the first says that it was no stray, also where packets overtake each
/// other.
const NEAR: i32 = CAPACITY as i32;
/// Packets in a row that are believed to be another beginning: far away, and behind what was
/// played.
const BELIEVED_FAR: u8 = 2;
const BELIEVED_BEHIND: u8 = 5;

/// What a packet is to the playout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    /// Comfort noise; its level is the first byte.
    Comfort,
    /// Neither; it only explains its number.
    Other,
}

#[derive(Debug)]
pub(super) struct Packet {
    pub(super) kind: Kind,
    pub(super) sequence: SeqNo,
    pub(super) timestamp: RtpTimestamp,
    pub(super) payload: Vec<u8>,
}

/// What became of a packet that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Kept,
    /// Kept, and nothing before it is of any use: another source, or it jumped.
    Began,
    /// It was missed, and is too late to be played.
    Late,
    /// Here before, a stray, or no packet.
    Dropped,
}

/// Where a sequence number lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ahead,
    /// Missed when it was its turn.
    Behind,
    /// Played already, or far away and not confirmed yet.
    Nowhere,
    /// It follows others of another beginning of the same source.
    Elsewhere,
}

#[derive(Debug, Default)]
pub(super) struct JitterBuffer {
    ssrc: Option<Ssrc>,
    /// The number to be played next.
    next: Option<SeqNo>,
    /// Bit n: the number n + 1 before `next` was missed, and did not come since.
    missed: u64,
    packets: VecDeque<Packet>,
    spare: Vec<Vec<u8>>,
    /// The last number that lay nowhere, and how many came in a row.
    stray: Option<(SeqNo, u8)>,
}

impl JitterBuffer {
    pub(super) fn insert(&mut self, kind: Kind, header: &Header, payload: &[u8]) -> Arrival {
        if payload.len() > MAX_LENGTH {
            return Arrival::Dropped;
        }
        let sequence = header.sequence;
        let place = if self.ssrc == Some(header.ssrc) {
            self.place(sequence)
        } else {
            Place::Elsewhere
        };
        let arrival = match place {
            Place::Ahead => Arrival::Kept,
            Place::Behind => return Arrival::Late,
            Place::Nowhere => return Arrival::Dropped,
            Place::Elsewhere => {
                self.clear();
                self.ssrc = Some(header.ssrc);
                Arrival::Began
            }
        };
        self.stray = None;
        let at = self
            .packets
            .iter()
            .rposition(|packet| packet.sequence.since(sequence) <= 0);
        if at.is_some_and(|at| self.packets[at].sequence == sequence) {
            return Arrival::Dropped;
        }
        let mut at = at.map_or(0, |at| at + 1);
        if self.packets.len() >= CAPACITY {
            self.drop_oldest();
            at = at.saturating_sub(1);
        }
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(payload);
        let packet = Packet {
            kind,
            sequence,
            timestamp: header.timestamp,
            payload: kept,
        };
        self.packets.insert(at, packet);
        arrival
    }

    fn place(&mut self, sequence: SeqNo) -> Place {
        let newest = self.packets.back().map(|packet| packet.sequence);
        let Some(known) = newest.or(self.next) else {
            return Place::Ahead;
        };
        let is_far = sequence.since(known).abs() > MAX_DROPOUT;
        if !is_far && self.next.is_none_or(|next| sequence.since(next) >= 0) {
            return Place::Ahead;
        }
        let follows = |last: SeqNo| {
            let step = sequence.since(last);
            step == 1 || (is_far && step != 0 && step.abs() <= NEAR)
        };
        let run = match self.stray {
            Some((last, run)) if follows(last) => run + 1,
            Some(_) | None => 1,
        };
        self.stray = Some((sequence, run));
        let believed = if is_far {
            BELIEVED_FAR
        } else {
            BELIEVED_BEHIND
        };
        if run >= believed {
            Place::Elsewhere
        } else if !is_far && self.was_missed(sequence) {
            Place::Behind
        } else {
            Place::Nowhere
        }
    }

    /// Says it once of each.
    fn was_missed(&mut self, sequence: SeqNo) -> bool {
        let before = self.next.map(|next| next.since(sequence) - 1);
        let bit = before.and_then(|at| 1u64.checked_shl(u32::try_from(at).ok()?));
        let was = bit.is_some_and(|bit| self.missed & bit != 0);
        self.missed &= !bit.unwrap_or(0);
        was
    }

    /// The packet that would be played next, whether or not one before it is missing.
    pub(super) fn front(&self) -> Option<&Packet> {
        self.packets.front()
    }

    pub(super) fn newest(&self) -> Option<&Packet> {
        self.packets.back()
    }

    /// Packets missing before the front one.
    pub(super) fn missing(&self) -> u16 {
        match (self.packets.front(), self.next) {
            (Some(front), Some(next)) => {
                u16::try_from(front.sequence.since(next)).unwrap_or_default()
            }
            (Some(_) | None, _) => 0,
        }
    }

    /// Takes the front packet; give its payload back with [`Self::recycle`].
    pub(super) fn pop(&mut self) -> Option<Packet> {
        let missing = u32::from(self.missing());
        let packet = self.packets.pop_front()?;
        let fresh = 1u64.checked_shl(missing).map_or(u64::MAX, |bit| bit - 1);
        self.missed = (self.missed.checked_shl(missing).unwrap_or(0) | fresh) << 1;
        self.next = Some(packet.sequence.plus(1));
        Some(packet)
    }

    pub(super) fn drop_oldest(&mut self) {
        if let Some(packet) = self.pop() {
            self.recycle(packet.payload);
        }
    }

    pub(super) fn recycle(&mut self, payload: Vec<u8>) {
        if self.spare.len() < CAPACITY {
            self.spare.push(payload);
        }
    }

    pub(super) fn clear(&mut self) {
        while let Some(packet) = self.packets.pop_front() {
            self.recycle(packet.payload);
        }
        self.next = None;
        self.missed = 0;
        self.stray = None;
    }
}
