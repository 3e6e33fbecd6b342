//! The registration of one account (RFC 3261 §10.2, RFC 3327, RFC 3608, RFC 5626 §4.2).
//!
//! One REGISTER at a time, all under one Call-ID. Refreshes, answers challenges, raises
//! the duration when told to, and goes on trying after failures that may pass. Removes
//! our own binding only, over the way it was made. When a turn may begin is the
//! [`Pacer`](pace::Pacer)'s to say.

use std::net::SocketAddr;
use std::time::Instant;

use crate::account::{Account, Attempt};
use crate::dialog::RouteSet;
use crate::event::{Event, RegistrationState, StatusReason};
use crate::keep_alive::KeptWays;
use crate::message::HeaderValue;
use crate::transaction::ClientTransactionId;
use crate::transport::{Destination, FlowId, Transport};
use crate::user_agent::{Core, Timer};

mod binding;
mod domain;
mod granted;
mod lost;
mod outcome;
mod pace;
mod request;
mod retry;
mod snapshot;
mod turn;

pub(crate) use binding::Binding;
pub use domain::BreakerConfig;
pub(crate) use domain::{Domains, Fingerprint};
use granted::MAX_GRANTED;
pub use pace::PaceConfig;
use pace::Rank;
pub(crate) use pace::{HopId, HopNews, Pacer};
pub use snapshot::{RegistrationInfo, RegistrationPhase};

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
