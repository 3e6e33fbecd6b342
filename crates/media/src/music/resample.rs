//! A sound at another sample rate. Not for packets: it takes its time.

use std::f64::consts::PI;

/// Zero crossings on each side that are looked at.
const REACH: f64 = 16.0;
/// Of the highest frequency there can be, so much is kept.
const KEPT: f64 = 0.92;

/// `samples` of `from` Hz as such of `to` Hz: a windowed sinc, cut off below the lower of both
/// rates' halves.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "places in a sound of some minutes; samples are brought into range"
)]
pub(super) fn resampled(samples: &[i16], from: u32, to: u32) -> impl Iterator<Item = i16> {
    let step = f64::from(from) / f64::from(to);
    // In the source's samples.
    let cutoff = KEPT * step.recip().min(1.0);
    let reach = REACH / cutoff;
    let count = (samples.len() as f64 / step) as usize;
    let weight = move |distance: f64| {
        let turn = PI * distance * cutoff;
        let sinc = if turn.abs() < 1e-9 {
            1.0
        } else {
            turn.sin() / turn
        };
        let window = 0.5 + 0.5 * (PI * distance / reach).cos();
        sinc * window * cutoff
    };
    let sample = move |number: usize| {
        if from == to {
            return samples.get(number).copied().unwrap_or_default();
        }
        let middle = number as f64 * step;
        let first = (middle - reach).max(0.0).ceil() as usize;
        let last = ((middle + reach) as usize).min(samples.len().saturating_sub(1));
        let near = samples.get(first..=last).unwrap_or_default();
        let sum: f64 = near
            .iter()
            .zip(first..)
            .map(|(sample, at)| f64::from(*sample) * weight(at as f64 - middle))
            .sum();
        sum.round().clamp(-32_768.0, 32_767.0) as i16
    };
    (0..count).map(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How strong `hertz` is, as a peak.
    fn peak(samples: &[i16], rate: u32, hertz: f64) -> f64 {
        let turn = 2.0 * PI * hertz / f64::from(rate);
        let sum = samples
            .iter()
            .enumerate()
            .fold((0.0, 0.0), |sum, (at, sample)| {
                let (sine, cosine) = (turn * at as f64).sin_cos();
                let sample = f64::from(*sample);
                (sum.0 + sample * cosine, sum.1 + sample * sine)
            });
        2.0 * f64::hypot(sum.0, sum.1) / samples.len() as f64
    }

    fn tone(rate: u32, hertz: f64) -> Vec<i16> {
        let turn = 2.0 * PI * hertz / f64::from(rate);
        let sample = |at| (10_000.0 * (turn * f64::from(at)).sin()) as i16;
        (0..rate).map(sample).collect()
    }

    #[test]
    fn a_tone_stays_what_it_is_and_what_does_not_fit_is_gone() {
        for from in [8_000, 11_025, 22_050, 44_100, 48_000, 96_000] {
            for to in [8_000, 16_000, 48_000] {
                let made: Vec<i16> = resampled(&tone(from, 1_000.0), from, to).collect();
                assert!(made.len().abs_diff(to as usize) <= 1);
                let peak = peak(&made, to, 1_000.0);
                assert!((peak - 10_000.0).abs() < 100.0, "{from} {to}: {peak}");
            }
        }
        let made: Vec<i16> = resampled(&tone(48_000, 7_000.0), 48_000, 8_000).collect();
        assert!(peak(&made, 8_000, 1_000.0) < 50.0, "no alias");
    }
}
