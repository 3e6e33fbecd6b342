//! What the user agent asks of whoever holds the sockets: to keep ways open that its
//! registrations hang on (RFC 5626 §4.4).
//!
//! The probes themselves, their answers and their intervals are the driver's work.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::transport::Destination;

/// A way to keep open from now on, or no longer.
///
/// Told of a way, not of an account: whenever a binding comes to hang on it or has left it,
/// and when its terms change. A stream that ends needs no more word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// The stream (by its flow), or the UDP socket and the address.
    pub destination: Destination,
    /// What the registrar agreed to.
    pub terms: Terms,
    /// How many bindings hang on it; 0: it need not be kept any longer.
    pub bindings: usize,
}

/// What is known about keeping one way open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Flow-Timer of the registrar (RFC 5626 §4.4): it hears from us at least as often.
    pub flow_timer: Option<Duration>,
    /// The registrar agreed to `outbound`: it answers pings, and STUN on UDP.
    pub outbound: bool,
}

/// How many bindings hang on each way.
#[derive(Debug, Default)]
pub(crate) struct KeptWays {
    ways: BTreeMap<Destination, Held>,
    /// For [`KeepAlive`]; drained with every turn.
    news: VecDeque<KeepAlive>,
}

#[derive(Debug)]
struct Held {
    bindings: usize,
    terms: Terms,
}

impl KeptWays {
    /// One more binding hangs on this way.
    pub(crate) fn hold(&mut self, way: &Destination, terms: Terms) {
        match self.ways.get_mut(way) {
            Some(held) => {
                held.bindings += 1;
                held.terms = terms;
            }
            None => {
                let held = Held { bindings: 1, terms };
                self.ways.insert(way.clone(), held);
            }
        }
        self.tell(way);
    }

    /// A binding that hangs on this way has been refreshed.
    pub(crate) fn renew(&mut self, way: &Destination, terms: Terms) {
        if let Some(held) = self.ways.get_mut(way)
            && held.terms != terms
        {
            held.terms = terms;
            self.tell(way);
        }
    }

    /// One binding less hangs on this way.
    pub(crate) fn release(&mut self, way: &Destination) {
        let Some(held) = self.ways.get_mut(way) else {
            return;
        };
        held.bindings -= 1;
        let is_free = held.bindings == 0;
        self.tell(way);
        if is_free {
            self.ways.remove(way);
        }
    }

    pub(crate) fn poll(&mut self) -> Option<KeepAlive> {
        self.news.pop_front()
    }

    fn tell(&mut self, way: &Destination) {
        if let Some(held) = self.ways.get(way) {
            self.news.push_back(KeepAlive {
                destination: way.clone(),
                terms: held.terms,
                bindings: held.bindings,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_kept_from_its_first_binding_to_its_last() {
        let mut kept = KeptWays::default();
        kept.hold(&way(1), Terms::default());
        kept.hold(&way(1), Terms::default());
        kept.hold(&way(2), Terms::default());
        assert_eq!(told(&mut kept), [(way(1), 1), (way(1), 2), (way(2), 1)]);

        kept.release(&way(1));
        kept.release(&way(1));
        kept.release(&way(1));
        assert_eq!(told(&mut kept), [(way(1), 1), (way(1), 0)]);
    }

    #[test]
    fn new_terms_are_told_once() {
        let mut kept = KeptWays::default();
        let terms = Terms {
            flow_timer: Some(Duration::from_secs(60)),
            outbound: true,
        };
        kept.hold(&way(1), Terms::default());
        kept.renew(&way(1), terms);
        kept.renew(&way(1), terms);
        assert_eq!(told(&mut kept), [(way(1), 1), (way(1), 1)]);
    }

    fn told(kept: &mut KeptWays) -> Vec<(Destination, usize)> {
        std::iter::from_fn(|| kept.poll())
            .map(|news| (news.destination, news.bindings))
            .collect()
    }

    fn way(n: u16) -> Destination {
        Destination::udp(([192, 0, 2, 1], n).into())
    }
}
