//! How loud G.722 is, roughly, without decoding it.
//!
//! Its lower sub-band is ADPCM whose step adapts by the codes alone (ITU-T G.722 §3.5): the step is
//! followed, and the quantised difference signal is taken for the sound. It is softer than the
//! sound by what the predictor has guessed, some ten decibels of a voice and nothing of noise; so
//! the level is a lower bound, good enough to tell a voice from silence.

use super::Power;

/// Full scale of the lower sub-band is 2^14 (§2); of our mean squares, 2^15.
const SCALE: f64 = 4.0;
/// Largest logarithmic step (§3.5.1).
const LARGEST: i32 = 18_432;

/// By the upper four bits of a six-bit code: what the logarithmic step grows by (table 11), and
/// the quantised difference in steps (table 10), both fixed-point.
const CODES: [(i32, i32); 16] = [
    (-60, 0),
    (3_042, -20_456),
    (1_198, -12_896),
    (538, -8_968),
    (334, -6_288),
    (172, -4_240),
    (58, -2_584),
    (-30, -1_200),
    (3_042, 20_456),
    (1_198, 12_896),
    (538, 8_968),
    (334, 6_288),
    (172, 4_240),
    (58, 2_584),
    (-30, 1_200),
    (-60, 0),
];

/// Follows the step of one stream. Packets may be left out: the step forgets within a few of them.
#[derive(Debug, Default)]
pub(in crate::quality) struct Follower {
    /// The logarithmic step.
    log_step: i32,
}

impl Follower {
    /// The mean square of a packet's second half; in the first one the step finds its place.
    pub(in crate::quality) fn power(&mut self, payload: &[u8]) -> Option<Power> {
        let (first, second) = payload.split_at(payload.len() / 2);
        for byte in first {
            self.follow(*byte);
        }
        let sum: f64 = second.iter().map(|byte| self.follow(*byte)).sum();
        let mean = SCALE * sum / second.len() as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a mean of squares below 2^30"
        )]
        let power = mean as Power;
        (!second.is_empty()).then_some(power)
    }

    /// The square of the difference that this code stands for.
    fn follow(&mut self, byte: u8) -> f64 {
        let (growth, steps) = CODES[usize::from((byte & 0x3f) >> 2)];
        // §3.5.2: the step is 32 times two to the power of its logarithm.
        let step = 32.0 * (f64::from(self.log_step) / 2_048.0).exp2();
        let difference = step * f64::from(steps) / 32_768.0;
        self.log_step = ((self.log_step * 127) / 128 + growth).clamp(0, LARGEST);
        difference * difference
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dbov, SILENCE};
    use super::*;

    /// Codes that alternate in sign with this magnitude, the upper band empty.
    fn alternating(code: u8) -> [u8; 160] {
        std::array::from_fn(|at| {
            if at % 2 == 0 {
                code << 2
            } else {
                (code + 7) << 2
            }
        })
    }

    #[test]
    fn idle_codes_are_silence_whatever_was_before() {
        let mut follower = Follower::default();
        for _ in 0..20 {
            follower.power(&alternating(1));
        }
        let mut powers = (0..20).map(|_| follower.power(&alternating(7)));
        assert!(powers.next().flatten() > Some(SILENCE));
        assert!(powers.last().flatten() < Some(SILENCE));
    }

    #[test]
    fn the_step_of_a_loud_difference_grows_to_the_loudest() {
        let mut follower = Follower::default();
        let power = (0..20)
            .filter_map(|_| follower.power(&alternating(1)))
            .last();
        let level = Dbov::of_power(power.expect("measured") as f64);
        assert!(level >= Dbov(-6), "{level}");
        let mut softer = Follower::default();
        let power = (0..20).filter_map(|_| softer.power(&alternating(4))).last();
        let softer = Dbov::of_power(power.expect("measured") as f64);
        assert!(softer > Dbov(-70), "{softer}");
    }

    #[test]
    fn a_packet_without_payload_says_nothing() {
        assert_eq!(Follower::default().power(&[]), None);
    }
}
