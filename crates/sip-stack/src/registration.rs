//! The registration of one account (RFC 3261 §10.2, RFC 3327, RFC 3608, RFC 5626 §4.2).
//!
//! One REGISTER at a time, all under one Call-ID. Refreshes, answers challenges, raises
//! the duration when told to, and goes on trying after failures that may pass. Removes
//! our own binding only, over the way it was made. When a turn may begin is the
//! [`Pacer`](pace::Pacer)'s to say.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::account::{Account, Attempt, Challenger};
use crate::dialog::RouteSet;
use crate::event::{Event, RegistrationState, StatusReason};
use crate::keep_alive::KeptWays;
use crate::message::{CSeq, HeaderName, HeaderValue, Method};
use crate::transaction::{ClientTransactionId, Route};
use crate::transport::{Destination, FlowId, Transport};
use crate::user_agent::{Core, Timer};

mod binding;
mod domain;
mod granted;
mod outcome;
mod pace;
mod request;
mod retry;
mod snapshot;

pub(crate) use binding::Binding;
pub use domain::BreakerConfig;
pub(crate) use domain::{Domains, Fingerprint};
use granted::MAX_GRANTED;
pub use pace::PaceConfig;
pub(crate) use pace::{HopId, HopNews, Pacer};
use pace::{Rank, Trouble};
pub use snapshot::{RegistrationInfo, RegistrationPhase};

/// A binding whose connection is gone counts as lost this much later, if it has not been
/// made anew.
const FLOW_GRACE: Duration = Duration::from_secs(30);
/// What a hop in trouble said to an account longer ago than this may be asked again.
const RESTED: Duration = Duration::from_secs(4);

/// Registration state of an account.
pub(crate) struct Registration {
    call_id: HeaderValue,
    tag: Box<str>,
    cseq: u32,
    state: State,
    binding: Option<Binding>,
    reported: Reported,
    /// Failures since the last success.
    failures: u32,
    last_failure: Option<Box<StatusReason>>,
    /// The last final response; 0 before there was one.
    last_code: u16,
    /// Seconds asked for.
    expires: u32,
    service_route: RouteSet,
    /// The way that is kept open for the binding.
    kept: Option<Destination>,
    /// The first hop refused `reg-id` (439).
    lacks_outbound: bool,
    /// The connection that the last binding was lost with.
    lost_flow: Option<FlowId>,
}

enum State {
    /// Nothing to do until the application asks.
    Idle,
    /// Waits for its turn.
    Queued { purpose: Purpose, rank: Rank },
    /// A REGISTER is on its way.
    Requesting(Box<Requesting>),
    /// `Timer::Registration` will start the next one.
    Waiting { since: Instant, until: Instant },
}

struct Requesting {
    transaction: ClientTransactionId,
    attempt: Attempt,
    purpose: Purpose,
    /// Sent to where the binding was made; elsewhere may be better.
    fixed: bool,
    raises: u8,
    /// The application changed its mind meanwhile.
    then: Option<Purpose>,
}

/// A REGISTER about to be sent.
struct Next {
    attempt: Attempt,
    purpose: Purpose,
    fixed: bool,
    raises: u8,
    then: Option<Purpose>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Make or refresh the binding.
    Bind,
    /// Remove it.
    Unbind,
}

/// What the application has heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reported {
    Nothing,
    Registering,
    Registered,
    Failed,
}

impl Registration {
    pub(crate) fn new(expires: u32, core: &mut Core) -> Self {
        Self {
            call_id: core.call_id(),
            tag: core.token().into(),
            cseq: 0,
            state: State::Idle,
            binding: None,
            reported: Reported::Nothing,
            failures: 0,
            last_failure: None,
            last_code: 0,
            expires: expires.clamp(1, MAX_GRANTED),
            service_route: RouteSet::default(),
            kept: None,
            lacks_outbound: false,
            lost_flow: None,
        }
    }

    /// Whether there is a binding, or one is being made or removed, or waited for.
    pub(crate) fn is_live(&self) -> bool {
        self.binding.is_some() || !matches!(self.state, State::Idle)
    }

    /// Brings what is kept open in step with the binding.
    pub(crate) fn keep_alive(&mut self, kept: &mut KeptWays) {
        let binding = self.binding.as_ref();
        let wanted = binding.and_then(|binding| Some((binding.via.as_ref()?, binding.terms)));
        match (&self.kept, wanted) {
            (Some(before), Some((way, terms))) if before == way => kept.renew(way, terms),
            (before, wanted) => {
                if let Some(before) = before {
                    kept.release(before);
                }
                if let Some((way, terms)) = wanted {
                    kept.hold(way, terms);
                }
                self.kept = wanted.map(|(way, _)| way.clone());
            }
        }
    }

    /// Whether it is its turn.
    pub(crate) fn is_requesting(&self) -> bool {
        matches!(self.state, State::Requesting(_))
    }

    /// The REGISTER that has had no final response.
    pub(crate) fn transaction(&self) -> Option<ClientTransactionId> {
        match &self.state {
            State::Requesting(requesting) => Some(requesting.transaction),
            State::Idle | State::Queued { .. } | State::Waiting { .. } => None,
        }
    }

    pub(crate) fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref()
    }

    /// Our end of the connection to the registrar, if it is a connection, and `flow`, if
    /// that is given.
    pub(crate) fn own_end(&self, flow: Option<FlowId>) -> Option<(Transport, SocketAddr)> {
        self.binding.as_ref()?.own_end_of(flow)
    }

    /// The proxies the registrar wants new requests to go through.
    pub(crate) fn service_route(&self) -> &RouteSet {
        &self.service_route
    }

    /// The connection that was lost, once the binding has been made anew over another.
    pub(crate) fn take_moved(&mut self) -> Option<(FlowId, Destination)> {
        let to = self.binding.as_ref()?.via()?.clone();
        Some((self.lost_flow.take()?, to))
    }
}

impl Account {
    /// The application asks to register, or to register anew.
    pub(crate) fn register(&mut self, core: &mut Core, now: Instant) {
        self.report(Reported::Registering, RegistrationState::Registering, core);
        match &mut self.registration.state {
            State::Requesting(requesting) => {
                requesting.then = match requesting.purpose {
                    Purpose::Bind => None,
                    Purpose::Unbind => Some(Purpose::Bind),
                };
            }
            State::Queued { purpose, .. } => {
                *purpose = Purpose::Bind;
                core.pacer.urge(self.hop, now);
            }
            State::Idle | State::Waiting { .. } => {
                self.registration.failures = 0;
                self.queue(Purpose::Bind, core, now);
                core.pacer.urge(self.hop, now);
                if let Some(reason) = core.pacer.trouble_of_many(self.hop) {
                    let reason = reason.clone();
                    self.report_failed(reason, true, core);
                }
            }
        }
    }

    /// The application asks to unregister, or removes the account.
    pub(crate) fn unregister(&mut self, core: &mut Core, now: Instant) {
        if self.registration.reported != Reported::Nothing {
            self.report(Reported::Nothing, RegistrationState::Unregistered, core);
        }
        match &mut self.registration.state {
            State::Requesting(requesting) => {
                requesting.then = match requesting.purpose {
                    Purpose::Bind => Some(Purpose::Unbind),
                    Purpose::Unbind => None,
                };
            }
            State::Idle | State::Queued { .. } | State::Waiting { .. } => self.unbind(core, now),
        }
    }

    /// `Timer::Registration`: time to refresh, or to try again.
    pub(crate) fn registration_due(&mut self, core: &mut Core, now: Instant) {
        match self.registration.state {
            State::Waiting { .. }
            | State::Queued {
                purpose: Purpose::Bind,
                ..
            } => self.queue(Purpose::Bind, core, now),
            State::Idle | State::Queued { .. } | State::Requesting(_) => {}
        }
    }

    /// `Timer::BindingEnd`: the binding could not be refreshed in time.
    pub(crate) fn binding_ended(&mut self, core: &mut Core) {
        self.registration.binding = None;
        let reason = self.registration.last_failure.as_deref().cloned();
        let reason = reason.unwrap_or_else(|| StatusReason::new(408, "Request Timeout"));
        self.report_failed(reason, true, core);
    }

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

    /// It is our turn.
    pub(crate) fn registration_turn(
        &mut self,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        let State::Queued { purpose, .. } = self.registration.state else {
            return None;
        };
        self.registration.state = State::Idle;
        let unproven = purpose == Purpose::Bind && self.registration.binding.is_none();
        if unproven
            && !core
                .domains
                .lets_pass(&self.domain, self.fingerprint(), now)
        {
            let text = "Too Many Wrong Passwords of This Domain, Try Later";
            self.report_failed(StatusReason::new(503, text), false, core);
            return None;
        }
        let wanted = core
            .domains
            .expires(&self.domain, self.registration.expires);
        self.registration.expires = wanted;
        let binding = self.registration.binding.as_ref();
        let way = binding.and_then(|binding| binding.via().cloned());
        let fixed = way.is_some();
        let route = match way {
            Some(way) => Route::Fixed(vec![way]),
            None => self.registrar_route(),
        };
        let request = self.register_request(purpose, core);
        let next = Next {
            attempt: Attempt::new(request, route, Challenger::OwnServer),
            purpose,
            fixed,
            raises: 0,
            then: None,
        };
        self.request(next, core, now)
    }

    /// Waits for its turn: a living binding before it ends, anything else as it came.
    fn queue(&mut self, purpose: Purpose, core: &mut Core, now: Instant) {
        let living = self.registration.binding.as_ref().and_then(Binding::living);
        let rank = match (purpose, living) {
            (Purpose::Bind, Some(ends)) => Rank::Refresh(ends),
            (Purpose::Bind, None) | (Purpose::Unbind, _) => Rank::Other(now),
        };
        self.queue_as(purpose, rank, core, now);
    }

    fn queue_as(&mut self, purpose: Purpose, rank: Rank, core: &mut Core, now: Instant) {
        self.leave_queue(core, now);
        core.timers.stop(Timer::Registration(self.id));
        core.pacer
            .enqueue(self.hop, &self.address, rank, self.id, now);
        self.registration.state = State::Queued { purpose, rank };
    }

    fn leave_queue(&mut self, core: &mut Core, now: Instant) {
        if let State::Queued { rank, .. } = self.registration.state {
            core.pacer
                .withdraw(self.hop, &self.address, rank, self.id, now);
            self.registration.state = State::Idle;
        }
    }

    fn request(
        &mut self,
        next: Next,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        let Next {
            mut attempt,
            purpose,
            fixed,
            raises,
            then,
        } = next;
        core.timers.stop(Timer::Registration(self.id));
        self.registration.cseq += 1;
        let cseq = CSeq::new(self.registration.cseq, Method::Register);
        attempt.request.headers.set(HeaderName::CSeq, cseq);
        match self.send(&mut attempt, core, now) {
            Ok(transaction) => {
                self.registration.state = State::Requesting(Box::new(Requesting {
                    transaction,
                    attempt,
                    purpose,
                    fixed,
                    raises,
                    then,
                }));
                Some(transaction)
            }
            Err(_) if purpose == Purpose::Unbind => {
                self.unbound(None, core, now);
                None
            }
            Err(_) => {
                let reason = StatusReason::new(503, "Too Many Transactions");
                self.wait_and_retry(reason, None, core, now);
                None
            }
        }
    }

    /// Removes the binding, if there is one and its registrar can be asked to.
    fn unbind(&mut self, core: &mut Core, now: Instant) {
        core.timers.stop(Timer::Registration(self.id));
        core.timers.stop(Timer::BindingEnd(self.id));
        let is_reachable = core.pacer.trouble(self.hop).is_none();
        match self.registration.binding {
            Some(_) if is_reachable => self.queue(Purpose::Unbind, core, now),
            Some(_) | None => self.forget_binding(core, now),
        }
    }

    /// The binding is gone, or will run out by itself.
    fn unbound(&mut self, then: Option<Purpose>, core: &mut Core, now: Instant) {
        self.forget_binding(core, now);
        match then {
            Some(purpose @ Purpose::Bind) => self.queue(purpose, core, now),
            Some(Purpose::Unbind) | None => {}
        }
    }

    fn forget_binding(&mut self, core: &mut Core, now: Instant) {
        self.leave_queue(core, now);
        core.timers.stop(Timer::Registration(self.id));
        core.timers.stop(Timer::BindingEnd(self.id));
        self.registration.binding = None;
        self.registration.lost_flow = None;
        self.registration.service_route = RouteSet::default();
        self.registration.state = State::Idle;
    }

    fn report(&mut self, reported: Reported, state: RegistrationState, core: &mut Core) {
        self.registration.reported = reported;
        core.tell(Event::Registration {
            account: self.id,
            state,
        });
    }

    fn report_failed(&mut self, reason: StatusReason, retrying: bool, core: &mut Core) {
        if self.registration.reported == Reported::Failed && retrying {
            return;
        }
        let failed = RegistrationState::Failed { reason, retrying };
        self.report(Reported::Failed, failed, core);
    }
}
