//! Replay protection (RFC 3711 §3.3.2): which packets of one source have been seen.
//!
//! Asked before a packet is opened, told only once it has proven authentic, so that a forgery leaves
//! no trace. rtc-srtp's own windows learn where a source begins from its first packet, authentic or
//! not: one forgery makes them refuse the source for minutes.

use crate::recent::Recent;

/// The window of one source: the newest number and those just before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplayWindow {
    /// Numbers wrap at two to the power of this.
    bits: u32,
    newest: Option<u32>,
    /// Bit n: newest - n was seen.
    seen: Recent,
}

impl ReplayWindow {
    /// Packets that may come late by so many places: video that is asked for again must fit.
    pub(super) const LENGTH: u32 = Recent::LENGTH;
    /// For sequence numbers of RTP.
    pub(super) const RTP: Self = Self::of_bits(16);
    /// For indices of SRTCP.
    pub(super) const RTCP: Self = Self::of_bits(31);

    const fn of_bits(bits: u32) -> Self {
        Self {
            bits,
            newest: None,
            seen: Recent::NONE,
        }
    }

    /// Whether a packet of this number has not been seen yet, as far as can be told.
    pub(super) fn is_new(&self, number: u32) -> bool {
        let Some(newest) = self.newest else {
            return true;
        };
        let ahead = self.distance(number, newest);
        let behind = ahead.unsigned_abs();
        ahead > 0 || (behind < Self::LENGTH && !self.seen.has(behind))
    }

    /// An authentic packet of this number has come; it was new.
    pub(super) fn accept(&mut self, number: u32) {
        let ahead = self
            .newest
            .map_or(i32::MAX, |newest| self.distance(number, newest));
        if ahead > 0 {
            self.seen.advance(ahead.unsigned_abs());
            self.seen.set(0);
            self.newest = Some(number);
        } else {
            self.seen.set(ahead.unsigned_abs());
        }
    }

    /// How far ahead of `other` a number is, by the nearer way around the circle.
    fn distance(&self, number: u32, other: u32) -> i32 {
        let unused = u32::BITS - self.bits;
        (number.wrapping_sub(other) << unused) as i32 >> unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_and_late_ones_within_bounds() {
        for (mut window, first) in [
            (ReplayWindow::RTP, 65_500),
            (ReplayWindow::RTCP, 0x7fff_ffd0),
        ] {
            let mask = (1 << window.bits) - 1;
            let number = |count: u32| (first + count) & mask;
            assert!(window.is_new(number(10)));
            for count in [10, 11, 13, 12, 600, 560, 100] {
                assert!(window.is_new(number(count)), "{count}");
                window.accept(number(count));
                assert!(!window.is_new(number(count)), "{count}");
            }
            assert!(window.is_new(number(89)), "511 late");
            for late in [0, 10, 88] {
                assert!(!window.is_new(number(late)), "{late} is too late to tell");
            }
            window.accept(number(5_000));
            assert!(!window.is_new(number(100)) && window.is_new(number(4_999)));
        }
    }
}
