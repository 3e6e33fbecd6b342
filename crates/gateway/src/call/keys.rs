//! Keys (DTMF): in which form they reach the phone, and what the client hears of the phone's.
//!
//! The media path turns one form into another and counts each key once ([`media::PhoneLeg`]); here is
//! what only signalling knows: whether the phone takes INFO, whether the client wants to hear of
//! keys, and what an INFO of the phone says (there is no standard for it; the habits of Cisco's
//! `application/dtmf-relay` are everybody's).

use std::time::{Duration, Instant};

use media::dtmf::{Digit, Dtmf};
use media::plan::{KeyForm, Route};

use super::{Action, Call, CallEvent, MediaAction, Signalling};

/// Of a key whose INFO does not say how long it was.
const USUAL: Duration = Duration::from_millis(160);
/// Keys of a phone that its client is told in a second; more are dropped. People press five.
const PER_SECOND: u32 = 20;

/// What is known of a call's keys.
#[derive(Debug)]
pub(super) struct Keys {
    /// The phone has INFO in its Allow.
    pub(super) knows_info: bool,
    /// The client wants to hear of the phone's keys.
    pub(super) told: bool,
    /// Who sends keys to the phone, by the plan that the legs have.
    pub(super) form: KeyForm,
    /// Keys told since then.
    window: Option<(Instant, u32)>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            knows_info: false,
            told: false,
            form: KeyForm::Info,
            window: None,
        }
    }
}

impl Keys {
    /// Writes what becomes of keys into a plan on its way to the legs.
    pub(super) fn plan(&mut self, route: &Route, media: &mut MediaAction) {
        match media {
            MediaAction::Connect { relay, .. } | MediaAction::Swap { relay, .. } => {
                self.form = route.keys.apply(relay, self.knows_info, self.told);
            }
            MediaAction::ExpectBrowser(_)
            | MediaAction::NeedKeyframe
            | MediaAction::RestartIce(_)
            | MediaAction::SendKey(_)
            | MediaAction::TellKey(_)
            | MediaAction::DropCandidate
            | MediaAction::Close => {}
        }
    }

    /// The form that keys get under a plan that waits for its turn.
    pub(super) fn foresee(&mut self, route: &Route, media: &MediaAction) {
        self.plan(route, &mut media.clone());
    }

    fn may_tell(&mut self, now: Instant) -> bool {
        let second = Duration::from_secs(1);
        let (since, count) = self
            .window
            .filter(|(since, _)| now.saturating_duration_since(*since) < second)
            .unwrap_or((now, 0));
        self.window = Some((since, count.saturating_add(1)));
        count < PER_SECOND
    }
}

impl Call {
    /// The phone has sent a key, in whatever form.
    pub(super) fn handle_phone_key(&mut self, digit: char, duration: Duration, now: Instant) {
        match self.signalling {
            Signalling::Calling(_) | Signalling::Accepted { .. } => {
                if self.keys.may_tell(now) {
                    self.notify(CallEvent::Key { digit, duration });
                }
            }
            Signalling::Alerting
            | Signalling::Answering { .. }
            | Signalling::Ending { .. }
            | Signalling::Ended => {}
        }
    }

    /// The phone has sent an INFO: the media path knows whether that key was heard before.
    pub(super) fn handle_info(&mut self, content_type: &str, body: &[u8]) {
        match pressed(body) {
            Some(dtmf) => self
                .actions
                .push_back(Action::Media(MediaAction::TellKey(dtmf))),
            None => tracing::debug!(%content_type, "INFO that is no key"),
        }
    }
}

/// Whether INFO is among the methods of Allow (RFC 3261 §20.5).
#[must_use]
pub fn names_info(headers: &[(String, String)]) -> bool {
    let allow = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Allow"));
    let mut methods = allow.flat_map(|(_, methods)| methods.split(','));
    methods.any(|method| method.trim() == "INFO")
}

/// The key that an INFO says: `Signal=5` with `Duration=160`, or `5` alone. Some write the event
/// codes 10 to 15 for `*`, `#` and `A` to `D`.
fn pressed(body: &[u8]) -> Option<Dtmf> {
    let text = std::str::from_utf8(body).ok()?;
    let mut signal = None;
    let mut duration = USUAL;
    for line in text.lines() {
        match line.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("Signal") => {
                signal = signal.or(Some(value));
            }
            Some((name, value)) if name.trim().eq_ignore_ascii_case("Duration") => {
                let milliseconds = value.trim().parse::<u16>().ok();
                duration = milliseconds.map_or(duration, |ms| Duration::from_millis(ms.into()));
            }
            Some(_) => {}
            None if line.trim().is_empty() => {}
            None => signal = signal.or(Some(line)),
        }
    }
    let digit = digit_of(signal?.trim())?;
    Some(Dtmf { digit, duration })
}

fn digit_of(signal: &str) -> Option<Digit> {
    let mut characters = signal.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Digit::from_char(character),
        (Some(_), Some(_)) => {
            let code = signal.parse().ok().filter(|code| *code >= 10)?;
            Digit::from_event(code)
        }
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_phones_write_in_an_info_is_read() {
        for (body, key, milliseconds) in [
            ("Signal=5\r\nDuration=160\r\n", '5', 160),
            ("Signal= *\nDuration= 250\n", '*', 250),
            ("signal=11\r\nduration=x\r\n", '#', 160),
            ("Duration=90\r\nSignal=d", 'D', 90),
            ("7", '7', 160),
            ("#\r\n", '#', 160),
            ("15", 'D', 160),
        ] {
            let dtmf = pressed(body.as_bytes()).expect(body);
            assert_eq!(dtmf.digit.as_char(), key, "{body}");
            assert_eq!(dtmf.duration.as_millis(), milliseconds, "{body}");
        }
        for body in [
            "",
            "Signal=\r\n",
            "Signal=16",
            "Signal=07",
            "hello",
            "ü",
            "!",
        ] {
            assert_eq!(pressed(body.as_bytes()), None, "{body}");
        }
        assert_eq!(pressed(&[0xff, 0xfe]), None);
    }

    #[test]
    fn info_is_found_among_the_methods() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert!(names_info(&[header("allow", "INVITE, ACK,INFO ,BYE")]));
        assert!(names_info(&[
            header("Allow", "INVITE"),
            header("Allow", "INFO")
        ]));
        assert!(!names_info(&[
            header("Allow", "INVITE, INFORM"),
            header("X", "INFO")
        ]));
    }

    #[test]
    fn a_flood_of_keys_is_cut() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the origin of a test's virtual time"
        )]
        let now = Instant::now();
        let mut keys = Keys::default();
        let told = (0..1_000).filter(|_| keys.may_tell(now)).count();
        assert_eq!(told, PER_SECOND as usize);
        assert!(keys.may_tell(now + Duration::from_secs(1)));
    }
}
