//! The way to the registrar is lost, and comes back: bindings are made anew (RFC 5626 §4.4, §4.5).

use std::time::{Duration, Instant};

use super::pace::{Rank, Trouble};
use super::{Binding, Purpose, State};
use crate::account::Account;
use crate::transport::{Destination, FlowId};
use crate::user_agent::{Core, Timer};

/// A binding whose connection is gone counts as lost this much later, if it has not been
/// made anew.
const FLOW_GRACE: Duration = Duration::from_secs(30);
/// What a hop in trouble said to an account longer ago than this may be asked again.
const RESTED: Duration = Duration::from_secs(4);

impl Account {
    /// The flow the binding was made over is gone: it is made anew. The application hears
    /// of it if that takes long.
    pub(crate) fn flow_lost(&mut self, flow: FlowId, core: &mut Core, now: Instant) {
        let Some(binding) = &mut self.registration.binding else {
            return;
        };
        if binding.is_over(flow) {
            self.registration.lost_flow = Some(flow);
            self.bind_anew(core, now);
        }
    }

    /// The peer at the other end of this way no longer knows us: the binding is made anew.
    pub(crate) fn way_lost(&mut self, way: &Destination, core: &mut Core, now: Instant) {
        let binding = self.registration.binding.as_ref();
        if binding.and_then(Binding::via) == Some(way) {
            self.bind_anew(core, now);
        }
    }

    /// The way of the binding is gone: no call comes by it any more.
    fn bind_anew(&mut self, core: &mut Core, now: Instant) {
        let Some(binding) = &mut self.registration.binding else {
            return;
        };
        binding.via = None;
        let ends = binding.ends.min(now + FLOW_GRACE);
        core.timers.set(Timer::BindingEnd(self.id), Some(ends));
        if matches!(self.registration.state, State::Waiting { .. }) {
            self.queue_as(Purpose::Bind, Rank::Other(now), core, now);
        }
    }

    /// The registrar answers again. Who was not served tries again; and what it held of us
    /// before it fell silent may be lost.
    pub(crate) fn hop_returned(&mut self, trouble: &Trouble, core: &mut Core, now: Instant) {
        let State::Waiting { since, .. } = self.registration.state else {
            return;
        };
        let is_older = |binding: &Binding| trouble.silent && binding.made() <= trouble.since;
        let again = match &self.registration.binding {
            Some(binding) => is_older(binding) || self.registration.failures > 0,
            None => true,
        };
        if again && (self.registration.failures == 0 || since + RESTED <= now) {
            let refresh = core.timers.deadline(Timer::Registration(self.id));
            self.queue_as(Purpose::Bind, Rank::Other(now), core, now);
            core.timers.set(Timer::Registration(self.id), refresh);
        }
    }

    /// The registrar is gone: a removal that waits for its turn need not wait any more, and
    /// who failed before it was known to be gone waits with all others, not by itself.
    pub(crate) fn hop_lost(&mut self, core: &mut Core, now: Instant) {
        match self.registration.state {
            State::Queued {
                purpose: Purpose::Unbind,
                ..
            } => self.forget_binding(core, now),
            State::Waiting { since, .. } => {
                let lost = core.pacer.trouble_since(self.hop);
                if self.registration.failures > 0 && lost.is_some_and(|lost| lost <= since) {
                    self.queue_as(Purpose::Bind, Rank::Other(now), core, now);
                }
            }
            State::Queued {
                purpose: Purpose::Bind,
                ..
            }
            | State::Idle
            | State::Requesting(_) => {}
        }
    }
}
