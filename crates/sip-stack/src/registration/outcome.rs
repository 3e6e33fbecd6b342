//! What becomes of a REGISTER: the answer, or that none came, and what that means for the
//! binding (RFC 3261 §10.2.4, §10.2.7, §10.2.8).

use std::time::{Duration, Instant};

use super::granted::{Granted, MAX_GRANTED, own_end};
use super::{Binding, Next, Purpose, Reported, Requesting, State, retry};
use crate::account::{Account, Attempt, CannotAnswer, Challenger, is_challenge};
use crate::dialog::RouteSet;
use crate::event::{RegistrationState, StatusReason};
use crate::message::{HeaderName, Response};
use crate::target::ResolveError;
use crate::transaction::{ClientTransactionId, Failure};
use crate::transport::Source;
use crate::user_agent::{Core, Timer};

/// How often in a row a registrar may ask for a longer duration (423).
const MAX_RAISES: u8 = 3;

impl Account {
    /// A final response to our REGISTER.
    pub(crate) fn registration_response(
        &mut self,
        response: &Response,
        source: &Source,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        if response.status.is_provisional() {
            return None;
        }
        let requesting = self.take_requesting()?;
        let code = response.status.code();
        self.registration.last_code = code;
        if code != 503 {
            core.pacer.answered(self.hop, now);
        }
        match code {
            _ if is_challenge(response) => self.challenged(requesting, response, source, core, now),
            200..=299 => {
                self.succeeded(&requesting, response, source, core, now);
                None
            }
            423 => self.too_brief(requesting, response, core, now),
            439 if !self.registration.lacks_outbound => {
                self.without_outbound(requesting, core, now)
            }
            code if retry::may_pass(code) => {
                let after = response.headers.retry_after().ok().flatten();
                let hop = (code == 503).then_some(Unserved::Busy);
                self.failed(
                    &requesting,
                    StatusReason::of(response),
                    hop,
                    after,
                    core,
                    now,
                )
            }
            code => {
                if code == 403 && requesting.attempt.has_credentials() {
                    core.domains
                        .note_refused(&self.domain, self.fingerprint(), now);
                }
                self.refused(&requesting, StatusReason::of(response), core, now);
                None
            }
        }
    }

    /// Our REGISTER got no final response.
    pub(crate) fn registration_failure(
        &mut self,
        why: Failure,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        let requesting = self.take_requesting()?;
        let reason = StatusReason::of_failure(why);
        self.registration.last_code = reason.code;
        let hop = match why {
            Failure::Timeout | Failure::Transport(_) => Some(Unserved::Silent),
            Failure::Unresolvable(ResolveError::Unavailable) => Some(Unserved::Busy),
            Failure::Unresolvable(ResolveError::NoSuchDomain | ResolveError::NotOffered)
            | Failure::Exposed
            | Failure::Cancelled => None,
        };
        self.failed(&requesting, reason, hop, None, core, now)
    }

    fn take_requesting(&mut self) -> Option<Box<Requesting>> {
        match std::mem::replace(&mut self.registration.state, State::Idle) {
            State::Requesting(requesting) => Some(requesting),
            other @ (State::Idle | State::Queued { .. } | State::Waiting { .. }) => {
                self.registration.state = other;
                None
            }
        }
    }

    fn challenged(
        &mut self,
        mut requesting: Box<Requesting>,
        response: &Response,
        source: &Source,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        if requesting.is_unwanted() {
            self.unbind(core, now);
            return None;
        }
        match self.take_challenges(&mut requesting.attempt, response, source, core) {
            Ok(()) => self.request(requesting.again(), core, now),
            Err(why) => {
                if why == CannotAnswer::NotAccepted {
                    core.domains
                        .note_refused(&self.domain, self.fingerprint(), now);
                }
                self.refused(&requesting, why.reason(response), core, now);
                None
            }
        }
    }

    fn too_brief(
        &mut self,
        requesting: Box<Requesting>,
        response: &Response,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        let least = response.headers.min_expires().ok().flatten().unwrap_or(0);
        let useful = least > self.registration.expires && least <= MAX_GRANTED;
        if !useful || requesting.raises >= MAX_RAISES || requesting.purpose == Purpose::Unbind {
            self.refused(&requesting, StatusReason::of(response), core, now);
            return None;
        }
        core.domains.note_min_expires(&self.domain, least, now);
        self.registration.expires = least;
        let mut next = requesting.again();
        next.attempt.request.headers.set(HeaderName::Expires, least);
        next.raises += 1;
        self.request(next, core, now)
    }

    /// 439: the first hop does not do RFC 5626, and will not have us ask for it.
    fn without_outbound(
        &mut self,
        requesting: Box<Requesting>,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        self.registration.lacks_outbound = true;
        let mut next = requesting.again();
        next.attempt.request = self.register_request(next.purpose, core);
        self.request(next, core, now)
    }

    fn succeeded(
        &mut self,
        requesting: &Requesting,
        response: &Response,
        source: &Source,
        core: &mut Core,
        now: Instant,
    ) {
        self.accepted(&requesting.attempt, response);
        if requesting.attempt.has_credentials() {
            core.domains.note_accepted(self.fingerprint());
        }
        if requesting.purpose == Purpose::Unbind {
            return self.unbound(requesting.then, core, now);
        }
        let granted = Granted::read(
            response,
            &self.token,
            &self.instance(),
            self.registration.expires,
        );
        let seconds = granted.seconds;
        if seconds == 0 {
            let reason = StatusReason::new(500, "Registrar Granted No Binding");
            return self.wait_and_retry(reason, None, core, now);
        }
        let ends = now + Duration::from_secs(seconds.into());
        let asked = core.layer.asked(requesting.transaction);
        let from_registrar = asked.is_some_and(|asked| asked.addr.ip() == source.remote.ip());
        self.registration.failures = 0;
        self.registration.last_failure = None;
        let route = RouteSet::of_service_route(&response.headers).unwrap_or_default();
        self.registration.service_route = core.shared.routes(route);
        self.registration.binding = Some(Binding {
            made: now,
            ends,
            via: from_registrar.then(|| source.back()),
            own_end: own_end(response, source),
            terms: granted.terms,
            public_gruu: granted.public_gruu,
        });
        if requesting.then == Some(Purpose::Unbind) {
            return self.unbind(core, now);
        }
        let refresh = now + retry::refresh_after(seconds, &mut core.rng);
        self.registration.state = State::Waiting {
            since: now,
            until: refresh,
        };
        core.timers.set(Timer::Registration(self.id), Some(refresh));
        core.timers.set(Timer::BindingEnd(self.id), Some(ends));
        if self.registration.reported != Reported::Registered {
            let registered = RegistrationState::Registered { expires: seconds };
            self.report(Reported::Registered, registered, core);
        }
    }

    /// A failure that may pass: another server at once, if there may be one, else later.
    fn failed(
        &mut self,
        requesting: &Requesting,
        reason: StatusReason,
        hop: Option<Unserved>,
        retry_after: Option<u32>,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        if requesting.fixed && !requesting.is_unwanted() {
            if let Some(binding) = &mut self.registration.binding {
                binding.via = None;
            }
            let request = requesting.attempt.request.clone();
            let next = Next {
                attempt: Attempt::new(request, self.registrar_route(), Challenger::OwnServer),
                purpose: requesting.purpose,
                fixed: false,
                raises: requesting.raises,
                then: requesting.then,
            };
            return self.request(next, core, now);
        }
        if let Some(unserved) = hop {
            let silent = unserved == Unserved::Silent;
            core.pacer
                .not_served(self.hop, self.id, silent, &reason, now);
            if let Some(seconds) = retry_after {
                core.pacer
                    .pause(self.hop, now + retry::asked_pause(seconds), now);
            }
        }
        if requesting.is_unwanted() {
            self.unbind(core, now);
        } else if requesting.purpose == Purpose::Unbind {
            self.unbound(requesting.then, core, now);
        } else {
            self.wait_and_retry(reason, retry_after, core, now);
        }
        None
    }

    /// Tries again later: with others at a hop that serves nobody, else after a wait of its
    /// own.
    pub(super) fn wait_and_retry(
        &mut self,
        reason: StatusReason,
        retry_after: Option<u32>,
        core: &mut Core,
        now: Instant,
    ) {
        let registration = &mut self.registration;
        let mut delay = retry::back_off(registration.failures, retry_after, &mut core.rng);
        registration.failures = registration.failures.saturating_add(1);
        registration.last_failure = Some(Box::new(reason.clone()));
        let left = registration
            .binding
            .as_ref()
            .map(|binding| binding.ends.saturating_duration_since(now));
        if core.pacer.trouble(self.hop).is_some() && retry_after.is_none() {
            self.queue(Purpose::Bind, core, now);
        } else {
            if let (Some(left), None) = (left, retry_after) {
                delay = delay.min((left / 2).max(Duration::from_secs(5)));
            }
            let until = now + delay;
            registration.state = State::Waiting { since: now, until };
            core.timers.set(Timer::Registration(self.id), Some(until));
        }
        if left.is_none() {
            self.report_failed(reason, true, core);
        }
    }

    /// A failure that will not pass by itself.
    fn refused(
        &mut self,
        requesting: &Requesting,
        reason: StatusReason,
        core: &mut Core,
        now: Instant,
    ) {
        if requesting.purpose == Purpose::Unbind {
            return self.unbound(requesting.then, core, now);
        }
        self.forget_binding(core, now);
        if requesting.then.is_none() {
            self.report_failed(reason, false, core);
        }
    }
}

/// How a hop failed to serve an account, through no fault of the account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unserved {
    /// No answer, no connection.
    Silent,
    /// An answer that nobody can be served, or no way to ask.
    Busy,
}

impl Requesting {
    /// Whether the application does not want the binding any more that is being made.
    fn is_unwanted(&self) -> bool {
        self.purpose == Purpose::Bind && self.then == Some(Purpose::Unbind)
    }

    /// The same once more.
    fn again(self) -> Next {
        Next {
            attempt: self.attempt,
            purpose: self.purpose,
            fixed: self.fixed,
            raises: self.raises,
            then: self.then,
        }
    }
}
