//! Destinations that failed lately, to be tried last (RFC 3263 §4.3, RFC 3261 §21.5.4).
//!
//! Avoided is not forbidden: when nothing else is left, an avoided destination is used.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::transport::{Destination, Transport};

/// Destinations remembered; the one that would be forgiven first makes room.
const CAPACITY: usize = 1024;
/// After a failure, when the server did not say how long.
pub(super) const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// A server may ask for more by Retry-After; this is as long as we listen to it.
pub(super) const LONGEST: Duration = Duration::from_secs(3600);

type Place = (Transport, SocketAddr, Option<String>);

/// The destinations to avoid, and until when.
#[derive(Debug, Default)]
pub(super) struct Avoided {
    until: BTreeMap<Place, Instant>,
}

impl Avoided {
    pub(super) fn note(&mut self, destination: &Destination, period: Duration, now: Instant) {
        self.until.retain(|_, until| *until > now);
        if self.until.len() >= CAPACITY {
            let soonest = self.until.iter().min_by_key(|(_, until)| **until);
            if let Some(place) = soonest.map(|(place, _)| place.clone()) {
                self.until.remove(&place);
            }
        }
        self.until
            .insert(place(destination), now + period.min(LONGEST));
    }

    pub(super) fn contains(&self, destination: &Destination, now: Instant) -> bool {
        self.until
            .get(&place(destination))
            .is_some_and(|until| *until > now)
    }

    /// Moves avoided destinations behind the others, keeping the order otherwise.
    pub(super) fn put_last(&self, destinations: &mut [Destination], now: Instant) {
        destinations.sort_by_key(|destination| self.contains(destination, now));
    }
}

fn place(destination: &Destination) -> Place {
    (
        destination.transport,
        destination.addr,
        destination.tls_name.clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_avoided_destination_goes_last_until_it_is_forgiven() {
        let now = epoch();
        let mut avoided = Avoided::default();
        avoided.note(&server(1), Duration::from_secs(10), now);

        let mut list = [server(1), server(2), server(3)];
        avoided.put_last(&mut list, now);
        assert_eq!(list, [server(2), server(3), server(1)]);

        let mut list = [server(1), server(2)];
        avoided.put_last(&mut list, now + Duration::from_secs(10));
        assert_eq!(list, [server(1), server(2)]);
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_soonest_first() {
        let now = epoch();
        let mut avoided = Avoided::default();
        for n in 0..=u16::try_from(CAPACITY).unwrap() {
            avoided.note(&server(n), Duration::from_secs(100 + u64::from(n)), now);
        }

        assert_eq!(avoided.until.len(), CAPACITY);
        assert!(!avoided.contains(&server(0), now));
        assert!(avoided.contains(&server(1), now));
    }

    #[test]
    fn no_server_is_avoided_longer_than_the_longest() {
        let now = epoch();
        let mut avoided = Avoided::default();
        avoided.note(&server(1), Duration::from_secs(1_000_000), now);

        assert!(!avoided.contains(&server(1), now + LONGEST));
    }

    fn server(n: u16) -> Destination {
        Destination::udp(SocketAddr::from(([192, 0, 2, 1], n)))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
