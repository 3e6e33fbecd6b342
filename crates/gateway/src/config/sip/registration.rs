//! `[sip.registration]`: how fast accounts register, and when wrong passwords are too many.

use std::time::Duration;

use serde::Deserialize;
use sip_stack::user_agent::{BreakerConfig, PaceConfig};

use super::Problem;

/// Registration of many accounts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SipRegistration {
    /// Registrations begun each second towards one next hop; 0: without limit.
    pub per_second: u32,
    /// Registrations towards one next hop that wait for their answer.
    pub in_flight: usize,
    /// Different wrong passwords of one domain, within `wrong_password_seconds`, after which
    /// unproven ones are not tried for as long; 0: never.
    pub wrong_passwords: usize,
    /// How long wrong passwords count, in seconds.
    pub wrong_password_seconds: u64,
}

impl Default for SipRegistration {
    fn default() -> Self {
        let (pace, breaker) = (PaceConfig::default(), BreakerConfig::default());
        Self {
            per_second: pace.per_second,
            in_flight: pace.in_flight,
            wrong_passwords: breaker.refusals,
            wrong_password_seconds: breaker.window.as_secs(),
        }
    }
}

impl SipRegistration {
    /// How fast REGISTERs leave.
    #[must_use]
    pub fn pace(&self) -> PaceConfig {
        PaceConfig {
            per_second: self.per_second,
            in_flight: self.in_flight,
        }
    }

    /// When passwords are not tried any more.
    #[must_use]
    pub fn breaker(&self) -> BreakerConfig {
        let window = Duration::from_secs(self.wrong_password_seconds);
        BreakerConfig {
            refusals: self.wrong_passwords,
            window,
            pause: window,
        }
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.per_second > 100_000 {
            let text = "must be at most 100000, or 0 for no limit";
            problems.push(Problem::new("sip.registration.per_second", text));
        }
        if !(1..=20_000).contains(&self.in_flight) {
            let text = "must be between 1 and 20000";
            problems.push(Problem::new("sip.registration.in_flight", text));
        }
        if self.wrong_passwords > 10_000 {
            let text = "must be at most 10000, or 0 for no limit";
            problems.push(Problem::new("sip.registration.wrong_passwords", text));
        }
        if !(1..=86_400).contains(&self.wrong_password_seconds) {
            let text = "must be between 1 and 86400";
            problems.push(Problem::new(
                "sip.registration.wrong_password_seconds",
                text,
            ));
        }
    }
}
