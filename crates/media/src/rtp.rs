//! RTP packets as they are on the wire (RFC 3550 §5.1): the words, the header walk, the demultiplex.
//!
//! The walk is the one place that trusts nothing: every length is checked, extensions, contributing
//! sources and padding are located so that they can be left behind. No packet is changed here;
//! that is the `Rewriter`'s work.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

pub use crate::endpoints::Ssrc;

/// Bytes of a header without contributing sources and extension: the only kind we write.
pub const HEADER_LENGTH: usize = 12;

/// A payload type, 0 to 127.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pt(u8);

impl Pt {
    /// G.711 mu-law.
    pub const PCMU: Self = Self(0);
    /// G.711 A-law.
    pub const PCMA: Self = Self(8);
    /// G.722.
    pub const G722: Self = Self(9);
    /// Comfort noise, RFC 3389.
    pub const CN: Self = Self(13);

    /// The payload type of that number, if it fits in seven bits.
    pub const fn new(number: u8) -> Option<Self> {
        if number < 128 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether SDP gives this number its meaning (RFC 3551 §6).
    pub const fn is_dynamic(self) -> bool {
        self.0 >= 96
    }

    /// As a table index, always below 128.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for Pt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pt({})", self.0)
    }
}

impl fmt::Display for Pt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A sequence number: counts packets, wraps at 65,536.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeqNo(pub u16);

impl SeqNo {
    /// How many packets later than `earlier` this one is: negative when it is older. The nearer
    /// way around the circle is taken.
    pub fn since(self, earlier: Self) -> i32 {
        i32::from(self.0.wrapping_sub(earlier.0) as i16)
    }

    /// The number `count` packets later.
    #[must_use]
    pub fn plus(self, count: u16) -> Self {
        Self(self.0.wrapping_add(count))
    }
}

/// A media timestamp in units of the stream's clock rate, wrapping at 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RtpTimestamp(pub u32);

impl RtpTimestamp {
    /// How many clock units later than `earlier`: negative when it is older.
    pub fn since(self, earlier: Self) -> i64 {
        i64::from(self.0.wrapping_sub(earlier.0) as i32)
    }

    /// The timestamp `units` later.
    #[must_use]
    pub fn plus(self, units: u32) -> Self {
        Self(self.0.wrapping_add(units))
    }
}

/// A time in units of a clock, wrapping.
pub(crate) fn units(time: Duration, clock_rate: u32) -> u32 {
    (time.as_micros() * u128::from(clock_rate) / 1_000_000) as u32
}

/// What the first bytes of a datagram say it is (RFC 5761 §4, RFC 7983).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// RTP: version 2 and not an RTCP packet type.
    Rtp,
    /// RTCP: version 2, packet type 192 to 223.
    Rtcp,
    /// Neither: too short, another version, STUN, DTLS ...
    Other,
}

/// Tells RTP and RTCP that share a port.
pub fn packet_kind(datagram: &[u8]) -> PacketKind {
    match datagram {
        [first, second, ..] if first & 0xc0 == 0x80 => match second {
            192..=223 => PacketKind::Rtcp,
            _ => PacketKind::Rtp,
        },
        _ => PacketKind::Other,
    }
}

/// A header read from the wire, and where its payload lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// For audio: first packet behind a silence (RFC 3551 §4.1).
    pub marker: bool,
    /// The payload type, by the numbers of the leg it came from.
    pub payload_type: Pt,
    /// The sender's sequence number.
    pub sequence: SeqNo,
    /// The sender's timestamp.
    pub timestamp: RtpTimestamp,
    /// The sender.
    pub ssrc: Ssrc,
    /// The payload within the packet: behind contributing sources and extension, before padding.
    /// Starts at 12 or later; may be empty.
    pub payload: Range<usize>,
}

/// Not an RTP packet: lengths that lie, or another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RTP packet")
    }
}

impl std::error::Error for Malformed {}

impl Header {
    /// Walks the header of a plain (decrypted) RTP packet.
    ///
    /// # Errors
    /// [`Malformed`] when a length points outside the packet or the version is not 2.
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        let &[b0, b1, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3, ..] = packet else {
            return Err(Malformed);
        };
        if b0 & 0xc0 != 0x80 {
            return Err(Malformed);
        }
        let mut start = HEADER_LENGTH + 4 * usize::from(b0 & 0x0f);
        if b0 & 0x10 != 0 {
            let Some(&[_, _, high, low]) = packet.get(start..start + 4) else {
                return Err(Malformed);
            };
            start += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        }
        let mut end = packet.len();
        if b0 & 0x20 != 0 {
            let padding = usize::from(packet[packet.len() - 1]);
            if padding == 0 || padding > end {
                return Err(Malformed);
            }
            end -= padding;
        }
        if start > end {
            return Err(Malformed);
        }
        Ok(Self {
            marker: b1 & 0x80 != 0,
            payload_type: Pt(b1 & 0x7f),
            sequence: SeqNo(u16::from_be_bytes([s0, s1])),
            timestamp: RtpTimestamp(u32::from_be_bytes([t0, t1, t2, t3])),
            ssrc: Ssrc(u32::from_be_bytes([c0, c1, c2, c3])),
            payload: start..end,
        })
    }

    /// The twelve bytes of a fresh header with these values: no padding, no extension, no
    /// contributing sources. [`Header::payload`] is not looked at.
    pub fn to_bytes(&self) -> [u8; HEADER_LENGTH] {
        let [s0, s1] = self.sequence.0.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.0.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.0.to_be_bytes();
        let b1 = (u8::from(self.marker) << 7) | self.payload_type.0;
        [0x80, b1, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }
}

/// The value of a header extension (RFC 8285), if the packet has one of that number. For a number
/// of 1 to 14; anything else that does not fit finds nothing.
pub(crate) fn extension(packet: &[u8], number: u8) -> Option<&[u8]> {
    let first = *packet.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let start = HEADER_LENGTH + 4 * usize::from(first & 0x0f);
    let (profile, rest) = packet.get(start..)?.split_first_chunk::<2>()?;
    let (words, rest) = rest.split_first_chunk::<2>()?;
    let mut elements = rest.get(..4 * usize::from(u16::from_be_bytes(*words)))?;
    let two_bytes = match *profile {
        [0xbe, 0xde] => false,
        [0x10, low] if low & 0xf0 == 0 => true,
        _ => return None,
    };
    while let Some((&head, rest)) = elements.split_first() {
        // Padding.
        if head == 0 {
            elements = rest;
            continue;
        }
        let (found, length, rest) = if two_bytes {
            let (&length, rest) = rest.split_first()?;
            (head, usize::from(length), rest)
        } else {
            (head >> 4, usize::from(head & 0x0f) + 1, rest)
        };
        // RFC 8285 §4.2: nothing behind it is to be read.
        if !two_bytes && found == 15 {
            return None;
        }
        let (value, behind) = rest.split_at_checked(length)?;
        if found == number {
            return Some(value);
        }
        elements = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, 0x80 | 111, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4];
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn a_plain_header_is_read_and_written_back() {
        let bytes = packet(0x80, b"voice");
        let header = Header::parse(&bytes).expect("plain packet");
        assert!(header.marker);
        assert_eq!(header.payload_type.number(), 111);
        assert_eq!(
            (header.sequence, header.timestamp),
            (SeqNo(7), RtpTimestamp(9))
        );
        assert_eq!(header.ssrc, Ssrc(0x0102_0304));
        assert_eq!(&bytes[header.payload.clone()], b"voice");
        assert_eq!(header.to_bytes(), bytes[..12]);
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_left_out_of_the_payload() {
        let bytes = packet(
            0x80 | 0x20 | 0x10 | 1,
            &[
                9, 9, 9, 9, 0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0, b'h', b'i', 0, 0, 3,
            ],
        );
        let header = Header::parse(&bytes).expect("all fields");
        assert_eq!(&bytes[header.payload], b"hi");
    }

    #[test]
    fn a_header_extension_is_found_by_its_number() {
        let one_byte = packet(
            0x90,
            &[0xbe, 0xde, 0, 2, 0, 0x21, 7, 8, 0x10, 99, 0, 0, b'h'],
        );
        let two_bytes = packet(0x90, &[0x10, 0, 0, 2, 2, 0, 0, 1, 1, 99, 0, 0, b'h']);
        for bytes in [&one_byte, &two_bytes] {
            assert_eq!(extension(bytes, 1), Some(&[99][..]));
            assert_eq!(extension(bytes, 3), None);
        }
        assert_eq!(extension(&one_byte, 2), Some(&[7, 8][..]));
        assert_eq!(extension(&two_bytes, 2), Some(&[][..]));
        // Every way to be cut short, number 15, another profile, none at all.
        for length in 0..24 {
            assert_eq!(extension(&one_byte[..length], 1), None);
        }
        for bytes in [
            packet(0x90, &[0xbe, 0xde, 0, 1, 0xf0, 1, 0x10, 99]),
            packet(0x90, &[0xbe, 0xde, 0, 1, 0x3f, 1, 0x10, 99]),
            packet(0x90, &[0xaa, 0xaa, 0, 1, 0x10, 99, 0, 0]),
            packet(0x80, &[0xbe, 0xde, 0, 1, 0x10, 99, 0, 0]),
        ] {
            assert_eq!(extension(&bytes, 1), None, "{bytes:02x?}");
        }
    }

    #[test]
    fn lengths_that_lie_are_malformed() {
        for bytes in [
            packet(0x40, b"version 1"),
            packet(0x8f, b"fifteen sources"),
            packet(0x90, &[0xbe, 0xde]),
            packet(0x90, &[0xbe, 0xde, 0xff, 0xff, 0]),
            packet(0xa0, &[1, 2, 0]),
            packet(0xa0, &[1, 2, 200]),
            packet(0xb0, &[0xbe, 0xde, 0, 0, 5]),
            vec![0x80; 11],
            vec![],
        ] {
            assert_eq!(Header::parse(&bytes), Err(Malformed), "{bytes:02x?}");
        }
    }

    #[test]
    fn the_packet_that_killed_a_worker_is_walked_safely() {
        // media.md: rtc-srtp panicked on this plain packet from the SIP side.
        let hex = "908afbfcad7c4016642c205ebede0002847f23816ca6750b81ba95d4f51428";
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
            .collect();
        let header = Header::parse(&bytes).expect("legal by RFC 3550");
        assert_eq!(header.payload, 24..31);
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_its_packet_type() {
        assert_eq!(packet_kind(&[0x80, 200, 0, 0]), PacketKind::Rtcp);
        assert_eq!(packet_kind(&[0x80, 0x80 | 111]), PacketKind::Rtp);
        assert_eq!(packet_kind(&[0x80, 0]), PacketKind::Rtp);
        assert_eq!(packet_kind(&[0x00, 1]), PacketKind::Other);
        assert_eq!(packet_kind(&[22, 254]), PacketKind::Other);
        assert_eq!(packet_kind(&[0x80]), PacketKind::Other);
    }

    #[test]
    fn sequence_numbers_and_timestamps_compare_around_the_circle() {
        assert_eq!(SeqNo(2).since(SeqNo(65_535)), 3);
        assert_eq!(SeqNo(65_535).since(SeqNo(2)), -3);
        assert_eq!(RtpTimestamp(10).since(RtpTimestamp(u32::MAX - 9)), 20);
        assert_eq!(RtpTimestamp(u32::MAX).plus(2), RtpTimestamp(1));
    }
}
