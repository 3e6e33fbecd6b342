//! The longest duration of an answered call: a warning, then the end.
//!
//! Counted from the acceptance, however often the call changes afterwards.

use std::time::{Duration, Instant};

use super::{Call, CallEvent, reason};

/// How long a call may last.
#[derive(Debug, Default)]
pub(super) struct Lifetime {
    longest: Option<Longest>,
}

#[derive(Debug)]
struct Longest {
    duration: Duration,
    /// Time before the end, until the client has been warned.
    warning: Option<Duration>,
}

impl Lifetime {
    /// A call of at most `duration` that warns `warning` before it ends. A warning that would
    /// come with the acceptance, or not at all, is left out.
    pub(super) fn new(duration: Option<Duration>, warning: Duration) -> Self {
        let longest = duration.map(|duration| Longest {
            duration,
            warning: Some(warning).filter(|w| !w.is_zero() && *w < duration),
        });
        Self { longest }
    }

    /// What comes next for a call accepted at `since`, and when.
    pub(super) fn next(&self, since: Instant) -> Option<Instant> {
        let longest = self.longest.as_ref()?;
        let end = since + longest.duration;
        Some(longest.warning.map_or(end, |warning| end - warning))
    }
}

impl Call {
    /// The deadline of [`Lifetime::next`] may have passed.
    pub(super) fn check_lifetime(&mut self, since: Instant, now: Instant) {
        let Some(longest) = &mut self.lifetime.longest else {
            return;
        };
        let end = since + longest.duration;
        if now >= end {
            tracing::info!("the call has reached its longest duration");
            return self.end(&reason::too_long(), now);
        }
        if longest.warning.is_some_and(|warning| now >= end - warning) {
            longest.warning = None;
            let seconds = (end - now).as_secs_f64().round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive number of seconds below a week"
            )]
            let seconds = seconds as u64;
            self.notify(CallEvent::Expiring { seconds });
        }
    }
}
