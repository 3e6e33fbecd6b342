//! Registrations as an operator sees them.

use std::time::{Duration, Instant};

use super::State;
use crate::account::{Account, AccountId};
use crate::transport::{FlowId, Transport};

/// How far a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationPhase {
    /// Nothing happens until the application asks.
    Idle,
    /// Waits for its turn.
    Queued,
    /// A REGISTER is on its way.
    Requesting,
    /// The next REGISTER leaves after this time.
    Waiting(Duration),
}

/// The registration of one account at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationInfo {
    /// Whose it is.
    pub account: AccountId,
    /// How far it is.
    pub phase: RegistrationPhase,
    /// Status code of the last final response to a REGISTER, 408 or 503 where none came;
    /// `None` before the first.
    pub last_code: Option<u16>,
    /// Failures since the last success.
    pub failures: u32,
    /// How long the registrar will keep the binding; `None` without one.
    pub ends_in: Option<Duration>,
    /// The transport and the socket or connection the binding was made over; `None` without
    /// a binding, or when that connection is gone.
    pub flow: Option<(Transport, FlowId)>,
    /// The registrar keeps that flow for us (RFC 5626).
    pub outbound: bool,
    /// The public GRUU of this binding (RFC 5627), if the registrar gave one.
    pub public_gruu: Option<String>,
}

impl Account {
    pub(crate) fn registration_info(&self, now: Instant) -> RegistrationInfo {
        let registration = &self.registration;
        let binding = registration.binding.as_ref();
        let phase = match &registration.state {
            State::Idle => RegistrationPhase::Idle,
            State::Queued { .. } => RegistrationPhase::Queued,
            State::Requesting(_) => RegistrationPhase::Requesting,
            State::Waiting { until, .. } => {
                RegistrationPhase::Waiting(until.saturating_duration_since(now))
            }
        };
        RegistrationInfo {
            account: self.id,
            phase,
            last_code: (registration.last_code != 0).then_some(registration.last_code),
            failures: registration.failures,
            ends_in: binding.map(|binding| binding.ends.saturating_duration_since(now)),
            flow: binding
                .and_then(|binding| binding.via.as_ref())
                .and_then(|via| Some((via.transport, via.flow?))),
            outbound: binding.is_some_and(|binding| binding.terms.outbound),
            public_gruu: binding
                .and_then(|binding| binding.public_gruu.as_deref())
                .map(str::to_owned),
        }
    }
}
