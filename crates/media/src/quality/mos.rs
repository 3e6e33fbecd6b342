//! An estimate of what a listener would say (MOS), by the E-model with everything but the network
//! at its default (ITU-T G.107).
//!
//! `R = 93.2 - Id - Ie,eff`: 93.2 is G.107's rating with all defaults. `Id` is the usual short form
//! of its delay impairment (R. G. Cole and J. H. Rosenbluth, "Voice over IP performance
//! monitoring", ACM SIGCOMM CCR 31(2), 2001), `Ie,eff` its equation 7-29 for random loss.
//!
//! It compares calls with each other; it does not hear them. What is said too softly, or not at
//! all, has a fine rating.

use std::time::Duration;

use crate::codec::AudioCodec;

/// The rating with all defaults (G.107, table 3).
const BASE: f64 = 93.2;
/// Where delay begins to hurt conversation, in milliseconds (Cole and Rosenbluth).
const DELAY_KNEE: f64 = 177.3;

/// What a codec does to speech (ITU-T G.113).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Equipment impairment factor without loss.
    pub ie: f64,
    /// Packet-loss robustness factor.
    pub bpl: f64,
}

impl Impairment {
    /// Of a codec whose receiver conceals losses, which browsers and phones do.
    ///
    /// G.711 with concealment is in G.113, appendix I (`Ie` 0, `Bpl` 25.1). For G.722 and Opus G.113 has no
    /// values on this narrowband scale. They sound better than G.711 without loss, which the scale
    /// cannot say, and their receivers conceal about as well; so they get G.711's.
    #[must_use]
    pub fn of(codec: AudioCodec) -> Self {
        match codec {
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::G722 | AudioCodec::Opus => {
                Self { ie: 0.0, bpl: 25.1 }
            }
        }
    }
}

/// The transmission rating: up to 93.2, below 50 useless. `delay`: from mouth to ear, one way.
/// `loss`: the part of packets that was lost, 0 to 1.
#[must_use]
pub fn rating(impairment: Impairment, delay: Duration, loss: f64) -> f64 {
    let Impairment { ie, bpl } = impairment;
    let delay = delay.as_secs_f64() * 1_000.0;
    let beyond = (delay - DELAY_KNEE).max(0.0);
    let by_delay = 0.024 * delay + 0.11 * beyond;
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let by_codec = ie + (95.0 - ie) * percent / (percent + bpl);
    (BASE - by_delay - by_codec).max(0.0)
}

/// The mean opinion score of a rating (G.107, annex B): 1 to 4.4.
#[must_use]
pub fn mos(rating: f64) -> f64 {
    let r = rating.clamp(0.0, 100.0);
    // The polynomial dips below 1 for the worst ratings.
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(codec: AudioCodec, delay: u64, loss: f64) -> f64 {
        mos(rating(
            Impairment::of(codec),
            Duration::from_millis(delay),
            loss,
        ))
    }

    #[test]
    fn the_points_that_the_standard_gives_are_met() {
        // G.107 annex B: R 93.2 is MOS 4.41; G.109: 90, 80, 70, 60, 50.
        for (rating, expected) in [
            (93.2, 4.41),
            (90.0, 4.34),
            (80.0, 4.03),
            (70.0, 3.60),
            (60.0, 3.10),
            (50.0, 2.58),
        ] {
            assert!((mos(rating) - expected).abs() < 0.011, "{rating}");
        }
    }

    #[test]
    fn loss_and_delay_only_ever_cost() {
        let steps = |of: fn(u32) -> f64| (0..20).map(of).collect::<Vec<_>>();
        let by_loss = steps(|step| score(AudioCodec::Opus, 50, f64::from(step) / 20.0));
        let by_delay = steps(|step| score(AudioCodec::Pcma, u64::from(step) * 50, 0.0));
        for scores in [by_loss, by_delay] {
            assert!(scores.windows(2).all(|pair| pair[1] <= pair[0]));
            assert!(scores.iter().all(|score| (1.0..=4.5).contains(score)));
        }
    }

    #[test]
    fn a_good_line_is_above_four_and_a_fifth_lost_is_bad() {
        assert!(score(AudioCodec::Pcmu, 50, 0.0) > 4.3);
        assert!(score(AudioCodec::Pcmu, 50, 0.2) < 2.7);
    }
}
