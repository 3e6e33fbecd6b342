//! The payload of a measuring packet: who sent it, which one it is, when it left.
//!
//! A relay passes payloads untouched, so the stamp survives a change of every RTP number on
//! the way. What follows the stamp is filled with a pattern that depends on it; a payload that
//! comes back altered anywhere is not recognised. The stamp stands in for codec data and has
//! the codec's size.

use std::time::Duration;

/// Bytes of the stamp itself.
pub const LENGTH: usize = 24;

const MAGIC: [u8; 4] = *b"SyLo";

/// What is written into a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The call, as the generator numbers them.
    pub call: u32,
    /// The packet within the call, from 0.
    pub number: u32,
    /// When it was sent, since the generator's start.
    pub sent: Duration,
}

impl Stamp {
    /// Fills a payload. What is shorter than [`LENGTH`] stays as it is and will not be
    /// recognised.
    pub fn write(&self, payload: &mut [u8]) {
        let Some((stamp, filler)) = payload.split_at_mut_checked(LENGTH) else {
            return;
        };
        let nanoseconds = u64::try_from(self.sent.as_nanos()).unwrap_or(u64::MAX);
        stamp[..4].copy_from_slice(&MAGIC);
        stamp[4..8].copy_from_slice(&self.call.to_be_bytes());
        stamp[8..12].copy_from_slice(&self.number.to_be_bytes());
        stamp[12..20].copy_from_slice(&nanoseconds.to_be_bytes());
        let check = checksum(&stamp[..20]);
        stamp[20..].copy_from_slice(&check.to_be_bytes());
        for (at, byte) in filler.iter_mut().enumerate() {
            *byte = pattern(check, at);
        }
    }

    /// Reads a payload back; `None` if it is not a stamped one, or not as it was written.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (stamp, filler) = payload.split_at_checked(LENGTH)?;
        let check = u32::from_be_bytes(stamp[20..].try_into().ok()?);
        let intact = stamp[..4] == MAGIC && checksum(&stamp[..20]) == check;
        let untouched = || {
            let mut bytes = filler.iter().enumerate();
            bytes.all(|(at, byte)| *byte == pattern(check, at))
        };
        if !intact || !untouched() {
            return None;
        }
        let nanoseconds = u64::from_be_bytes(stamp[12..20].try_into().ok()?);
        Some(Self {
            call: u32::from_be_bytes(stamp[4..8].try_into().ok()?),
            number: u32::from_be_bytes(stamp[8..12].try_into().ok()?),
            sent: Duration::from_nanos(nanoseconds),
        })
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

fn pattern(check: u32, at: usize) -> u8 {
    check.to_le_bytes()[at % 4].wrapping_add(at as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        call: 7,
        number: 70_000,
        sent: Duration::from_nanos(1_234_567_890_123),
    };

    #[test]
    fn what_was_written_is_read() {
        for size in [LENGTH, 80, 160, 1200] {
            let mut payload = vec![0xff; size];
            STAMP.write(&mut payload);
            assert_eq!(Stamp::read(&payload), Some(STAMP), "{size} bytes");
        }
    }

    #[test]
    fn a_change_of_any_byte_is_noticed() {
        let mut payload = vec![0; 160];
        STAMP.write(&mut payload);
        for at in 0..payload.len() {
            payload[at] ^= 1;
            assert_eq!(Stamp::read(&payload), None, "byte {at}");
            payload[at] ^= 1;
        }
    }

    #[test]
    fn silence_and_short_payloads_are_not_stamps() {
        assert_eq!(Stamp::read(&[]), None);
        assert_eq!(Stamp::read(&[0xff; 160]), None);
        let mut short = [1; LENGTH - 1];
        STAMP.write(&mut short);
        assert_eq!(Stamp::read(&short), None);
    }
}
