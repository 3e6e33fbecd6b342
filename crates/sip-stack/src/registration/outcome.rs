//! What becomes of a REGISTER: the answer, or that none came, and what that means for the
//! binding (RFC 3261 §10.2.4, §10.2.7, §10.2.8).

use std::time::{Duration, Instant};

use super::granted::{MAX_GRANTED, granted, own_end};
use super::{Binding, Purpose, Reported, Requesting, State, retry};
use crate::account::{Account, Attempt, Challenger, is_challenge};
use crate::dialog::RouteSet;
use crate::event::{RegistrationState, StatusReason};
use crate::keep_alive::Terms;
use crate::message::{HeaderName, Response};
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
        match response.status.code() {
            _ if is_challenge(response) => self.challenged(requesting, response, source, core, now),
            200..=299 => self.succeeded(&requesting, response, source, core, now),
            423 => self.too_brief(requesting, response, core, now),
            code if retry::may_pass(code) => {
                let after = response.headers.retry_after().ok().flatten();
                self.failed(&requesting, StatusReason::of(response), after, core, now)
            }
            _ => self.refused(&requesting, StatusReason::of(response), core, now),
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
        self.failed(&requesting, StatusReason::of_failure(why), None, core, now)
    }

    fn take_requesting(&mut self) -> Option<Box<Requesting>> {
        match std::mem::replace(&mut self.registration.state, State::Idle) {
            State::Requesting(requesting) => Some(requesting),
            other @ (State::Idle | State::Waiting) => {
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
        if requesting.purpose == Purpose::Bind && requesting.then == Some(Purpose::Unbind) {
            return self.unbind(core, now);
        }
        match self.take_challenges(&mut requesting.attempt, response, source) {
            Ok(()) => {
                let Requesting {
                    attempt,
                    purpose,
                    fixed,
                    raises,
                    then,
                    ..
                } = *requesting;
                self.request(attempt, purpose, fixed, raises, then, core, now)
            }
            Err(why) => self.refused(&requesting, why.reason(response), core, now),
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
            return self.refused(&requesting, StatusReason::of(response), core, now);
        }
        self.registration.expires = least;
        let Requesting {
            mut attempt,
            purpose,
            fixed,
            raises,
            then,
            ..
        } = *requesting;
        attempt.request.headers.set(HeaderName::Expires, least);
        self.request(attempt, purpose, fixed, raises + 1, then, core, now)
    }

    fn succeeded(
        &mut self,
        requesting: &Requesting,
        response: &Response,
        source: &Source,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        self.accepted(&requesting.attempt, response);
        if requesting.purpose == Purpose::Unbind {
            return self.unbound(requesting.then, core, now);
        }
        let seconds = granted(
            response,
            &self.token,
            &self.instance(),
            self.registration.expires,
        );
        if seconds == 0 {
            let reason = StatusReason::new(500, "Registrar Granted No Binding");
            return self.failed(requesting, reason, None, core, now);
        }
        let ends = now + Duration::from_secs(seconds.into());
        self.registration.failures = 0;
        self.registration.last_failure = None;
        self.registration.service_route =
            RouteSet::of_service_route(&response.headers).unwrap_or_default();
        self.registration.binding = Some(Binding {
            ends,
            via: Some(source.back()),
            own_end: own_end(response, source),
            terms: terms(response),
        });
        if requesting.then == Some(Purpose::Unbind) {
            return self.unbind(core, now);
        }
        let refresh = now + retry::refresh_after(seconds, &mut core.rng);
        self.registration.state = State::Waiting;
        core.timers.set(Timer::Registration(self.id), Some(refresh));
        core.timers.set(Timer::BindingEnd(self.id), Some(ends));
        if self.registration.reported != Reported::Registered {
            let registered = RegistrationState::Registered { expires: seconds };
            self.report(Reported::Registered, registered, core);
        }
        None
    }

    /// A failure that may pass: another server at once, if there may be one, else later.
    fn failed(
        &mut self,
        requesting: &Requesting,
        reason: StatusReason,
        retry_after: Option<u32>,
        core: &mut Core,
        now: Instant,
    ) -> Option<ClientTransactionId> {
        if requesting.purpose == Purpose::Bind && requesting.then == Some(Purpose::Unbind) {
            return self.unbind(core, now);
        }
        if requesting.fixed {
            if let Some(binding) = &mut self.registration.binding {
                binding.via = None;
            }
            let route = self.registrar_route();
            let attempt = Attempt::new(
                requesting.attempt.request.clone(),
                route,
                Challenger::OwnServer,
            );
            return self.request(
                attempt,
                requesting.purpose,
                false,
                requesting.raises,
                requesting.then,
                core,
                now,
            );
        }
        if requesting.purpose == Purpose::Unbind {
            return self.unbound(requesting.then, core, now);
        }
        self.wait_and_retry(reason, retry_after, core, now);
        None
    }

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
        registration.last_failure = Some(reason.clone());
        registration.state = State::Waiting;
        let left = registration
            .binding
            .as_ref()
            .map(|binding| binding.ends.saturating_duration_since(now));
        if let (Some(left), None) = (left, retry_after) {
            delay = delay.min((left / 2).max(Duration::from_secs(5)));
        }
        core.timers
            .set(Timer::Registration(self.id), Some(now + delay));
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
    ) -> Option<ClientTransactionId> {
        if requesting.purpose == Purpose::Unbind {
            return self.unbound(requesting.then, core, now);
        }
        self.forget_binding(core);
        if requesting.then.is_none() {
            self.report_failed(reason, false, core);
        }
        None
    }
}

/// How the registrar wants the flow to be kept open (RFC 5626 §4.4, §6).
fn terms(response: &Response) -> Terms {
    let flow_timer = response.headers.flow_timer().ok().flatten();
    let require = response.headers.require();
    let agreed = require
        .iter()
        .any(|tag| tag.eq_ignore_ascii_case("outbound"));
    Terms {
        flow_timer: flow_timer.map(|seconds| Duration::from_secs(seconds.into())),
        outbound: agreed || flow_timer.is_some(),
    }
}
