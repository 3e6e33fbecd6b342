//! Keep-alive on UDP: which destinations are probed, and when. One machine per destination,
//! however many accounts hang on it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;

use super::keep_alive::{DatagramKeepAlive, Probe, stun};
use crate::keep_alive::{KeepAlive, Terms};
use crate::message::PING;
use crate::timer::TimerTable;
use crate::transport::{Destination, FlowId, Transmit};

/// Destinations that are probed; further ones are not, and have to live by their refreshes.
const MAX_KEPT: usize = 10_000;

/// A UDP socket and a peer's address.
type Way = (Option<FlowId>, SocketAddr);

/// Every UDP destination that is kept.
pub(super) struct Keeping {
    kept: HashMap<Way, Kept>,
    timers: TimerTable<Way>,
    rng: StdRng,
}

struct Kept {
    destination: Destination,
    terms: Terms,
    machine: DatagramKeepAlive,
}

/// What a deadline has come to mean.
pub(super) enum Due {
    /// A probe to send.
    Send(Transmit),
    /// The peer has lost the way to us.
    Failed(Destination),
}

impl Keeping {
    pub(super) fn new(rng: StdRng) -> Self {
        Self {
            kept: HashMap::new(),
            timers: TimerTable::new(),
            rng,
        }
    }

    /// Starts, changes or stops the probes to a UDP destination.
    pub(super) fn set(&mut self, wanted: KeepAlive, now: Instant) {
        let way = way(&wanted.destination);
        if wanted.bindings == 0 {
            self.kept.remove(&way);
            self.timers.stop(way);
            return;
        }
        let full = self.kept.len() >= MAX_KEPT;
        let deadline = match self.kept.get_mut(&way) {
            Some(kept) if kept.terms == wanted.terms => return,
            Some(kept) => {
                kept.terms = wanted.terms;
                kept.machine.set_terms(wanted.terms, now, &mut self.rng);
                kept.machine.poll_timeout()
            }
            None if full => {
                tracing::warn!(limit = MAX_KEPT, "too many destinations to keep alive");
                return;
            }
            None => {
                let machine = DatagramKeepAlive::new(wanted.terms, now, &mut self.rng);
                let deadline = machine.poll_timeout();
                let destination = wanted.destination;
                let kept = Kept {
                    destination,
                    terms: wanted.terms,
                    machine,
                };
                self.kept.insert(way, kept);
                deadline
            }
        };
        self.timers.set(way, Some(deadline));
    }

    /// The peer answered a STUN request. The destination, if its flow has failed.
    pub(super) fn handle_answer(
        &mut self,
        from: Way,
        transaction: [u8; 12],
        mapped: SocketAddr,
        now: Instant,
    ) -> Option<Destination> {
        let kept = self.kept.get_mut(&from)?;
        let as_before = kept
            .machine
            .handle_answer(transaction, mapped, now, &mut self.rng);
        self.timers.set(from, Some(kept.machine.poll_timeout()));
        (!as_before).then(|| kept.destination.clone())
    }

    /// One thing that is due; `None` when nothing is any more.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        loop {
            let way = self.timers.pop_expired(now)?;
            let Some(kept) = self.kept.get_mut(&way) else {
                continue;
            };
            let probe = kept.machine.handle_timeout(now, &mut self.rng);
            self.timers.set(way, Some(kept.machine.poll_timeout()));
            let bytes = match probe {
                None => continue,
                Some(Probe::Dead) => return Some(Due::Failed(kept.destination.clone())),
                Some(Probe::LineBreaks) => Bytes::from_static(PING),
                Some(Probe::Stun(transaction)) => stun::request(transaction).into(),
            };
            return Some(Due::Send(Transmit {
                destination: kept.destination.clone(),
                bytes,
                token: None,
            }));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_timeout()
    }

    /// Destinations that are probed.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

fn way(destination: &Destination) -> Way {
    (destination.flow, destination.addr)
}
