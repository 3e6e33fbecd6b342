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
/// A sequence number that far away is another beginning (RFC 3550 §A.1).
const MAX_DROPOUT: i32 = 3_000;
/// Packets in sequence behind what was played that are believed to be another beginning.
const BELIEVED: u8 = 5;

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
    /// Here before, too late, or no packet.
    Dropped,
}

#[derive(Debug, Default)]
pub(super) struct JitterBuffer {
    ssrc: Option<Ssrc>,
    /// The number to be played next.
    next: Option<SeqNo>,
    packets: VecDeque<Packet>,
    spare: Vec<Vec<u8>>,
    /// The last late number, and how many came in sequence.
    late: Option<(SeqNo, u8)>,
}

impl JitterBuffer {
    pub(super) fn insert(&mut self, kind: Kind, header: &Header, payload: &[u8]) -> Arrival {
        if payload.len() > MAX_LENGTH {
            return Arrival::Dropped;
        }
        let sequence = header.sequence;
        let mut arrival = Arrival::Kept;
        if self.ssrc != Some(header.ssrc) || self.jumps(sequence) {
            self.clear();
            self.ssrc = Some(header.ssrc);
            arrival = Arrival::Began;
        } else if self.next.is_some_and(|next| sequence.since(next) < 0) {
            return Arrival::Dropped;
        }
        self.late = None;
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

    /// Whether the number belongs to another beginning of the same source.
    fn jumps(&mut self, sequence: SeqNo) -> bool {
        let newest = self.packets.back().map(|packet| packet.sequence);
        let Some(known) = newest.or(self.next) else {
            return false;
        };
        if sequence.since(known).abs() > MAX_DROPOUT {
            return true;
        }
        if self.next.is_none_or(|next| sequence.since(next) >= 0) {
            return false;
        }
        let run = match self.late {
            Some((last, run)) if last.plus(1) == sequence => run + 1,
            Some(_) | None => 1,
        };
        self.late = Some((sequence, run));
        run >= BELIEVED
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
        let packet = self.packets.pop_front()?;
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
        self.late = None;
    }
}
