//! From 8 to 16 kHz: one sample is put between each two, as a low-pass filter would have it.
//!
//! For what G.722 sends of narrow audio alone: encoders that take 8 kHz themselves cannot be
//! relied on (docs/adr/0006).

use std::f32::consts::PI;

use super::conceal::clamp;

/// Samples looked at on either side of the new one; half of the 1 ms this delays.
const REACH: usize = 8;

#[derive(Debug)]
pub(crate) struct Doubler {
    weights: [f32; REACH],
    /// The last samples, the newest last.
    history: [i16; 2 * REACH],
    doubled: Vec<i16>,
}

impl Doubler {
    pub(super) fn new() -> Self {
        let mut weights = std::array::from_fn(|at| {
            // The ideal filter between two samples, under a raised cosine.
            let distance = at as f32 + 0.5;
            let window = 0.5 + 0.5 * (PI * distance / REACH as f32).cos();
            (PI * distance).sin() / (PI * distance) * window
        });
        // Silence stays silent, and a steady level as it is.
        let sum: f32 = weights.iter().sum::<f32>() * 2.0;
        for weight in &mut weights {
            *weight /= sum;
        }
        Self {
            weights,
            history: [0; 2 * REACH],
            doubled: Vec::new(),
        }
    }

    pub(super) fn double(&mut self, pcm: &[i16]) -> &[i16] {
        self.doubled.clear();
        for sample in pcm {
            self.history.rotate_left(1);
            self.history[2 * REACH - 1] = *sample;
            let (older, newer) = self.history.split_at(REACH);
            let pairs = older.iter().rev().zip(newer);
            let between: f32 = pairs
                .zip(self.weights)
                .map(|((one, other), weight)| (f32::from(*one) + f32::from(*other)) * weight)
                .sum();
            self.doubled.push(older[REACH - 1]);
            self.doubled.push(clamp(between.round() as i32));
        }
        &self.doubled
    }
}
