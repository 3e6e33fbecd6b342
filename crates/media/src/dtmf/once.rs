//! Each key once, in however many forms a phone sends it.
//!
//! Some phones say one key by telephone-event and by INFO as well, or leave the tone in the sound
//! beside an INFO. What comes in a second form within a few seconds is the key that has been
//! counted already; what comes again in the same form is another one. So of several forms, each
//! with losses of its own, the one that lost least counts.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Digit;

/// How far apart the forms of one key may come: an INFO over UDP is repeated for as long.
const APART: Duration = Duration::from_secs(4);
/// Keys remembered; older ones are forgotten.
const REMEMBERED: usize = 16;

/// How a key was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// telephone-event (RFC 4733).
    Event,
    /// Signalling: INFO.
    Told,
    /// A tone in the audio.
    Sound,
}

/// The keys that have come in one form alone so far.
#[derive(Debug, Default)]
pub(crate) struct Once {
    single: VecDeque<(Form, Digit, Instant)>,
}

impl Once {
    /// A key in one of its forms; whether it is heard of for the first time.
    pub(crate) fn is_new(&mut self, form: Form, digit: Digit, now: Instant) -> bool {
        let fresh = |at: &Instant| now.saturating_duration_since(*at) < APART;
        while self.single.front().is_some_and(|(.., at)| !fresh(at)) {
            self.single.pop_front();
        }
        let mut single = self.single.iter();
        let other = single.position(|(known, key, _)| *known != form && *key == digit);
        if let Some(at) = other {
            self.single.remove(at);
            return false;
        }
        if self.single.len() >= REMEMBERED {
            self.single.pop_front();
        }
        self.single.push_back((form, digit, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_form_of_a_key_is_no_second_key() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the origin of a test's virtual time"
        )]
        let now = Instant::now();
        let [one, two] = [1, 2].map(|code| Digit::from_event(code).expect("a digit"));
        let mut once = Once::default();
        assert!(once.is_new(Form::Event, one, now));
        assert!(once.is_new(Form::Event, one, now));
        assert!(!once.is_new(Form::Told, one, now));
        assert!(!once.is_new(Form::Told, one, now));
        assert!(once.is_new(Form::Told, one, now));
        assert!(once.is_new(Form::Told, two, now));
        assert!(
            !once.is_new(Form::Sound, one, now),
            "whatever the second is"
        );
        assert!(
            once.is_new(Form::Event, two, now + APART),
            "that is too late"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the origin of a test's virtual time"
        )]
        let now = Instant::now();
        let digit = Digit::from_event(1).expect("a digit");
        let mut once = Once::default();
        for _ in 0..1_000 {
            assert!(once.is_new(Form::Event, digit, now));
        }
        assert_eq!(once.single.len(), REMEMBERED);
    }
}
