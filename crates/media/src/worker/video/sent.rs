//! The last packets that were sent, for a receiver that misses some (RFC 4585 §6.2.1).
//!
//! A packet is sent again as it was, byte for byte: under SRTP anything else would use a number
//! for two packets. No more is repeated than was sent, so that nobody can make us send without end.

use bytes::BytesMut;

use crate::rtp::SeqNo;

/// Packets that are kept: a second and more of a picture at 2 Mbit/s.
const KEPT: usize = 256;

/// The ring.
#[derive(Debug)]
pub(super) struct SentPackets {
    packets: Vec<Kept>,
    /// How many may be repeated.
    credit: usize,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    sequence: Option<SeqNo>,
    packet: BytesMut,
}

impl Default for SentPackets {
    fn default() -> Self {
        Self {
            packets: vec![Kept::default(); KEPT],
            credit: 0,
        }
    }
}

impl SentPackets {
    /// Keeps a packet in the place of one that is `KEPT` older.
    pub(super) fn keep(&mut self, sequence: SeqNo, packet: BytesMut) {
        self.place(sequence).packet = packet;
    }

    /// The same for one that somebody else owns; room is made but once.
    pub(super) fn keep_copy(&mut self, sequence: SeqNo, packet: &[u8]) {
        let kept = &mut self.place(sequence).packet;
        kept.clear();
        kept.extend_from_slice(packet);
    }

    fn place(&mut self, sequence: SeqNo) -> &mut Kept {
        self.credit = (self.credit + 1).min(KEPT);
        let kept = &mut self.packets[usize::from(sequence.0) % KEPT];
        kept.sequence = Some(sequence);
        kept
    }

    /// A packet to be sent again.
    pub(super) fn repeat(&mut self, sequence: SeqNo) -> Option<&[u8]> {
        let kept = &self.packets[usize::from(sequence.0) % KEPT];
        if kept.sequence != Some(sequence) {
            return None;
        }
        self.credit = self.credit.checked_sub(1)?;
        Some(&kept.packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_packets_are_there_and_older_ones_are_not() {
        let mut sent = SentPackets::default();
        for number in 0..1_000_u16 {
            sent.keep_copy(SeqNo(number), &number.to_be_bytes());
        }
        assert_eq!(sent.repeat(SeqNo(999)), Some(&999_u16.to_be_bytes()[..]));
        assert!(sent.repeat(SeqNo(744)).is_some());
        assert_eq!(sent.repeat(SeqNo(743)), None);
        assert_eq!(sent.repeat(SeqNo(1_000)), None);
    }

    #[test]
    fn no_more_is_repeated_than_was_sent() {
        let mut sent = SentPackets::default();
        for number in 0..10 {
            sent.keep(SeqNo(number), BytesMut::from(&b"x"[..]));
        }
        let repeated = (0..100).filter(|_| sent.repeat(SeqNo(5)).is_some());
        assert_eq!(repeated.count(), 10);
    }
}
