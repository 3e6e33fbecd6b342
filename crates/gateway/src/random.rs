//! The one place that asks the operating system for randomness.
//!
//! Everything else receives a seed, so that a whole daemon can be run again with the same chances.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The daemon's source of seeds and identifiers.
#[derive(Debug)]
pub struct Random(StdRng);

impl Random {
    /// A source seeded by the operating system.
    #[must_use]
    pub fn from_system() -> Self {
        Self(rand::make_rng())
    }

    /// A source that gives the same values for the same seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(StdRng::from_seed(seed))
    }

    /// A seed for a part of the daemon.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }

    /// A number nobody can guess.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}
