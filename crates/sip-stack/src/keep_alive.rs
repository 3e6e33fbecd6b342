//! What the user agent asks of whoever holds the sockets: to keep ways open that its
//! registrations hang on (RFC 5626 §4.4).
//!
//! The probes themselves, their answers and their intervals are the driver's work.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::transport::Destination;

/// A way to keep open from now on, or no longer.
///
/// Told once per way, not once per account: when the first binding comes to hang on it,
/// when its terms change, and when the last binding has left it. A stream that ends needs no
/// more word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// The stream (by its flow), or the UDP socket and the address.
    pub destination: Destination,
    /// What the registrar agreed to.
    pub terms: Terms,
    /// `false`: no binding hangs on it any more.
    pub on: bool,
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
                self.renew(way, terms);
            }
            None => {
                let held = Held { bindings: 1, terms };
                self.ways.insert(way.clone(), held);
                self.tell(way, terms, true);
            }
        }
    }

    /// A binding that hangs on this way has been refreshed.
    pub(crate) fn renew(&mut self, way: &Destination, terms: Terms) {
        if let Some(held) = self.ways.get_mut(way)
            && held.terms != terms
        {
            held.terms = terms;
            self.tell(way, terms, true);
        }
    }

    /// One binding less hangs on this way.
    pub(crate) fn release(&mut self, way: &Destination) {
        let Some(held) = self.ways.get_mut(way) else {
            return;
        };
        held.bindings -= 1;
        if held.bindings == 0 {
            let terms = held.terms;
            self.ways.remove(way);
            self.tell(way, terms, false);
        }
    }

    pub(crate) fn poll(&mut self) -> Option<KeepAlive> {
        self.news.pop_front()
    }

    fn tell(&mut self, way: &Destination, terms: Terms, on: bool) {
        self.news.push_back(KeepAlive {
            destination: way.clone(),
            terms,
            on,
        });
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
        assert_eq!(told(&mut kept), [(way(1), true), (way(2), true)]);

        kept.release(&way(1));
        assert_eq!(told(&mut kept), []);
        kept.release(&way(1));
        assert_eq!(told(&mut kept), [(way(1), false)]);
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
        assert_eq!(told(&mut kept), [(way(1), true), (way(1), true)]);
    }

    fn told(kept: &mut KeptWays) -> Vec<(Destination, bool)> {
        std::iter::from_fn(|| kept.poll())
            .map(|news| (news.destination, news.on))
            .collect()
    }

    fn way(n: u16) -> Destination {
        Destination::udp(([192, 0, 2, 1], n).into())
    }
}
