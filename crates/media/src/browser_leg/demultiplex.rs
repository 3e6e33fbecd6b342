//! What a datagram at the browsers' port is, by its first bytes (RFC 7983, RFC 5761 §4).

use crate::rtp::{PacketKind, packet_kind};

/// The protocols that share the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatagramKind {
    /// A connectivity check.
    Stun,
    Dtls,
    /// SRTP, presumably.
    Rtp,
    /// SRTCP, presumably.
    Rtcp,
    /// Nothing a browser sends here.
    Other,
}

/// Tells them apart. Says nothing of what is behind the first bytes.
pub(crate) fn datagram_kind(datagram: &[u8]) -> DatagramKind {
    match datagram.first() {
        Some(0..=3) => DatagramKind::Stun,
        // DTLS 1.3 records may begin with 32 to 63 (RFC 9147 §4).
        Some(20..=63) => DatagramKind::Dtls,
        Some(_) | None => match packet_kind(datagram) {
            PacketKind::Rtp => DatagramKind::Rtp,
            PacketKind::Rtcp => DatagramKind::Rtcp,
            PacketKind::Other => DatagramKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_the_protocol() {
        for first in 0..=255 {
            let expected = match first {
                0..=3 => DatagramKind::Stun,
                20..=63 => DatagramKind::Dtls,
                128..=191 => DatagramKind::Rtp,
                4..=19 | 64..=127 | 192..=255 => DatagramKind::Other,
            };
            assert_eq!(datagram_kind(&[first, 0]), expected, "{first}");
        }
        assert_eq!(datagram_kind(&[0x81, 201]), DatagramKind::Rtcp);
        assert_eq!(datagram_kind(&[0x80]), DatagramKind::Other);
        assert_eq!(datagram_kind(&[]), DatagramKind::Other);
    }
}
