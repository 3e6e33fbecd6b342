//! Keeping flows open and finding out that they are dead (RFC 5626 §4.4): two machines,
//! one for a stream and one for a UDP destination, and the little STUN that the latter needs.
//!
//! They are pure: the caller sends what they say and tells them what came back.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::{Rng, RngExt};

use crate::keep_alive::Terms;

mod datagram;
mod stream;
pub(super) mod stun;

pub(super) use datagram::{DatagramKeepAlive, Probe};
pub(super) use stream::{Fired, StreamKeepAlive};

/// Between pings on a stream without a Flow-Timer (RFC 5626 §4.4.1). Seconds.
const STREAM_PERIOD: RangeInclusive<f64> = 95.0..=120.0;
/// Between probes on UDP without a Flow-Timer (RFC 5626 §4.4.2). Seconds.
const DATAGRAM_PERIOD: RangeInclusive<f64> = 24.0..=29.0;
/// No registrar makes us probe more often than that, or more seldom. Seconds.
const FLOW_TIMERS: (f64, f64) = (10.0, 900.0);

/// The time to the next probe: 80-100 % of the Flow-Timer, or the transport's usual.
fn pause(terms: Terms, usual: RangeInclusive<f64>, rng: &mut impl Rng) -> Duration {
    let seconds = match terms.flow_timer {
        Some(timer) => {
            let timer = timer.as_secs_f64().clamp(FLOW_TIMERS.0, FLOW_TIMERS.1);
            timer * rng.random_range(0.8..=1.0)
        }
        None => rng.random_range(usual),
    };
    Duration::from_secs_f64(seconds)
}
