//! The registration of one account (RFC 3261 §10.2, RFC 3327, RFC 3608, RFC 5626 §4.2).
//!
//! One REGISTER at a time, all under one Call-ID. Refreshes, answers challenges, raises
//! the duration when told to, and goes on trying after failures that may pass. Removes
//! our own binding only, over the way it was made.

use std::net::SocketAddr;
use std::time::Instant;

use crate::account::{Account, Attempt, Challenger};
use crate::dialog::RouteSet;
use crate::event::{Event, RegistrationState, StatusReason};
use crate::keep_alive::{KeptWays, Terms};
use crate::message::{CSeq, HeaderName, HeaderValue, Method, NameAddr, Request};
use crate::transaction::{ClientTransactionId, Route};
use crate::transport::{Destination, FlowId, Transport};
use crate::user_agent::{Core, Timer};

mod granted;
mod outcome;
mod retry;

use granted::MAX_GRANTED;

/// Registration state of an account.
pub(crate) struct Registration {
    call_id: HeaderValue,
    tag: String,
    cseq: u32,
    state: State,
    binding: Option<Binding>,
    reported: Reported,
    /// Failures since the last success.
    failures: u32,
    last_failure: Option<StatusReason>,
    /// Seconds asked for.
    expires: u32,
    service_route: RouteSet,
    /// The way that is kept open for the binding.
    kept: Option<Destination>,
}

enum State {
    /// Nothing to do until the application asks.
    Idle,
    /// A REGISTER is on its way.
    Requesting(Box<Requesting>),
    /// `Timer::Registration` will start the next one.
    Waiting,
}

struct Requesting {
    attempt: Attempt,
    purpose: Purpose,
    /// Sent to where the binding was made; elsewhere may be better.
    fixed: bool,
    raises: u8,
    /// The application changed its mind meanwhile.
    then: Option<Purpose>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Make or refresh the binding.
    Bind,
    /// Remove it.
    Unbind,
}

/// Our binding at the registrar.
struct Binding {
    ends: Instant,
    /// Where the registrar was reached; `None` once that flow is gone.
    via: Option<Destination>,
    /// Our end of that connection, as the registrar sees it.
    own_end: SocketAddr,
    /// How the registrar wants that way to be kept open.
    terms: Terms,
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
            tag: core.token(),
            cseq: 0,
            state: State::Idle,
            binding: None,
            reported: Reported::Nothing,
            failures: 0,
            last_failure: None,
            expires: expires.clamp(1, MAX_GRANTED),
            service_route: RouteSet::default(),
            kept: None,
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

    /// Our end of the connection to the registrar, if it is a connection, and `flow`, if
    /// that is given.
    pub(crate) fn own_end(&self, flow: Option<FlowId>) -> Option<(Transport, SocketAddr)> {
        let binding = self.binding.as_ref()?;
        let via = binding.via.as_ref()?;
        let is_it = via.transport.is_reliable() && (flow.is_none() || via.flow == flow);
        is_it.then_some((via.transport, binding.own_end))
    }

    /// The proxies the registrar wants new requests to go through.
    pub(crate) fn service_route(&self) -> &RouteSet {
        &self.service_route
    }
}

impl Account {
    /// The application asks to register, or to register anew.
    pub(crate) fn register(
        &mut self,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        self.report(Reported::Registering, RegistrationState::Registering, core);
        match &mut self.registration.state {
            State::Requesting(requesting) => {
                requesting.then = match requesting.purpose {
                    Purpose::Bind => None,
                    Purpose::Unbind => Some(Purpose::Bind),
                };
                None
            }
            State::Idle | State::Waiting => {
                self.registration.failures = 0;
                self.start(Purpose::Bind, core, now)
            }
        }
    }

    /// The application asks to unregister, or removes the account.
    pub(crate) fn unregister(
        &mut self,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        if self.registration.reported != Reported::Nothing {
            self.report(Reported::Nothing, RegistrationState::Unregistered, core);
        }
        match &mut self.registration.state {
            State::Requesting(requesting) => {
                requesting.then = match requesting.purpose {
                    Purpose::Bind => Some(Purpose::Unbind),
                    Purpose::Unbind => None,
                };
                None
            }
            State::Idle | State::Waiting => self.unbind(core, now),
        }
    }

    /// `Timer::Registration`: time to refresh, or to try again.
    pub(crate) fn registration_due(
        &mut self,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        match self.registration.state {
            State::Waiting => self.start(Purpose::Bind, core, now),
            State::Idle | State::Requesting(_) => None,
        }
    }

    /// `Timer::BindingEnd`: the binding could not be refreshed in time.
    pub(crate) fn binding_ended(&mut self, core: &mut Core) {
        self.registration.binding = None;
        let reason = self.registration.last_failure.clone();
        let reason = reason.unwrap_or_else(|| StatusReason::new(408, "Request Timeout"));
        self.report_failed(reason, true, core);
    }

    /// The flow the binding was made over is gone: it is made anew, shortly.
    pub(crate) fn flow_lost(&mut self, flow: FlowId, core: &mut Core, now: Instant) {
        let Some(binding) = &mut self.registration.binding else {
            return;
        };
        let over_it = |via: &Destination| via.flow == Some(flow) && via.transport.is_reliable();
        if binding.via.as_ref().is_some_and(over_it) {
            binding.via = None;
            self.bind_anew(core, now);
        }
    }

    /// The peer at the other end of this way no longer knows us: the binding is made anew,
    /// shortly. Whether it hung on that way.
    pub(crate) fn way_lost(&mut self, way: &Destination, core: &mut Core, now: Instant) -> bool {
        let Some(binding) = &mut self.registration.binding else {
            return false;
        };
        if binding.via.as_ref() != Some(way) {
            return false;
        }
        binding.via = None;
        self.bind_anew(core, now);
        true
    }

    fn bind_anew(&mut self, core: &mut Core, now: Instant) {
        if matches!(self.registration.state, State::Waiting) {
            let soon = now + retry::after_flow_loss(&mut core.rng);
            core.timers.set(Timer::Registration(self.id), Some(soon));
        }
    }

    fn start(
        &mut self,
        purpose: Purpose,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        let binding = self.registration.binding.as_ref();
        let fixed = binding.and_then(|binding| binding.via.clone());
        let is_fixed = fixed.is_some();
        let route = match fixed {
            Some(via) => Route::Fixed(vec![via]),
            None => self.registrar_route(),
        };
        let attempt = Attempt::new(
            self.register_request(purpose, core),
            route,
            Challenger::OwnServer,
        );
        self.request(attempt, purpose, is_fixed, 0, None, core, now)
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of Requesting")]
    fn request(
        &mut self,
        mut attempt: Attempt,
        purpose: Purpose,
        fixed: bool,
        raises: u8,
        then: Option<Purpose>,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        core.timers.stop(Timer::Registration(self.id));
        self.registration.cseq += 1;
        let cseq = CSeq::new(self.registration.cseq, Method::Register);
        attempt.request.headers.set(HeaderName::CSeq, cseq);
        match self.send(&mut attempt, core, now) {
            Ok(transaction) => {
                self.registration.state = State::Requesting(Box::new(Requesting {
                    attempt,
                    purpose,
                    fixed,
                    raises,
                    then,
                }));
                Some(transaction)
            }
            Err(_) if purpose == Purpose::Unbind => self.unbound(None, core, now),
            Err(_) => {
                let reason = StatusReason::new(503, "Too Many Transactions");
                self.wait_and_retry(reason, None, core, now);
                None
            }
        }
    }

    /// Removes the binding, if there is one.
    fn unbind(&mut self, core: &mut Core, now: Instant) -> Option<ClientTransactionId> {
        core.timers.stop(Timer::Registration(self.id));
        core.timers.stop(Timer::BindingEnd(self.id));
        match self.registration.binding {
            Some(_) => self.start(Purpose::Unbind, core, now),
            None => {
                self.registration.state = State::Idle;
                None
            }
        }
    }

    /// The binding is gone, or will run out by itself.
    fn unbound(
        &mut self,
        then: Option<Purpose>,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        self.forget_binding(core);
        match then {
            Some(purpose @ Purpose::Bind) => self.start(purpose, core, now),
            Some(Purpose::Unbind) | None => None,
        }
    }

    fn forget_binding(&mut self, core: &mut Core) {
        core.timers.stop(Timer::Registration(self.id));
        core.timers.stop(Timer::BindingEnd(self.id));
        self.registration.binding = None;
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

    fn registrar_route(&self) -> Route {
        let target = match self.proxy() {
            Some(proxy) => self.target(&proxy),
            None => self.target(&self.registrar),
        };
        Route::Target(target)
    }

    fn register_request(&mut self, purpose: Purpose, core: &Core) -> Request {
        let mut request = Request::new(Method::Register, self.registrar.clone());
        let headers = &mut request.headers;
        if let Some(proxy) = self.proxy() {
            headers.push(HeaderName::Route, NameAddr::new(proxy));
        }
        headers.push(HeaderName::MaxForwards, 70_u32);
        headers.push(HeaderName::From, self.from(&self.registration.tag));
        headers.push(HeaderName::To, NameAddr::new(self.aor.clone()));
        headers.push(HeaderName::CallId, self.registration.call_id.clone());
        headers.push(HeaderName::CSeq, CSeq::new(0, Method::Register));
        let expires = match purpose {
            Purpose::Bind => self.registration.expires,
            Purpose::Unbind => 0,
        };
        headers.push(HeaderName::Expires, expires);
        headers.push(HeaderName::Supported, HeaderValue::from_static("path"));
        headers.push(
            HeaderName::Allow,
            HeaderValue::from_static(crate::account::ALLOW),
        );
        self.name_software(headers, HeaderName::UserAgent, core);
        request
    }
}
