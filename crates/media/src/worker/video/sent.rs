//! The last packets that were sent, for a receiver that misses some (RFC 4585 §6.2.1).
//!
//! A packet is sent again as it was, byte for byte: under SRTP anything else would use a number
//! for two packets. No more is repeated than was sent, so that nobody can make us send without end.

use bytes::Bytes;

use crate::rtp::SeqNo;

/// Packets that are kept: a second and more of a picture at 2 Mbit/s.
const KEPT: usize = 256;

/// The ring.
#[derive(Debug)]
pub(super) struct SentPackets {
    packets: Vec<Option<(SeqNo, Bytes)>>,
    /// How many may be repeated.
    credit: usize,
}

impl Default for SentPackets {
    fn default() -> Self {
        Self {
            packets: vec![None; KEPT],
            credit: 0,
        }
    }
}

impl SentPackets {
    /// Keeps a packet in the place of one that is `KEPT` older.
    pub(super) fn keep(&mut self, sequence: SeqNo, packet: Bytes) {
        self.packets[usize::from(sequence.0) % KEPT] = Some((sequence, packet));
        self.credit = (self.credit + 1).min(KEPT);
    }

    /// A packet to be sent again.
    pub(super) fn repeat(&mut self, sequence: SeqNo) -> Option<Bytes> {
        let kept = self.packets[usize::from(sequence.0) % KEPT].as_ref();
        let (_, packet) = kept.filter(|(known, _)| *known == sequence)?;
        self.credit = self.credit.checked_sub(1)?;
        Some(packet.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_packets_are_there_and_older_ones_are_not() {
        let mut sent = SentPackets::default();
        for number in 0..1_000_u16 {
            sent.keep(SeqNo(number), Bytes::from(number.to_be_bytes().to_vec()));
        }
        assert_eq!(
            sent.repeat(SeqNo(999)).as_deref(),
            Some(&999_u16.to_be_bytes()[..])
        );
        assert!(sent.repeat(SeqNo(744)).is_some());
        assert_eq!(sent.repeat(SeqNo(743)), None);
        assert_eq!(sent.repeat(SeqNo(1_000)), None);
    }

    #[test]
    fn no_more_is_repeated_than_was_sent() {
        let mut sent = SentPackets::default();
        for number in 0..10 {
            sent.keep(SeqNo(number), Bytes::from_static(b"x"));
        }
        let repeated = (0..100).filter(|_| sent.repeat(SeqNo(5)).is_some());
        assert_eq!(repeated.count(), 10);
    }
}
