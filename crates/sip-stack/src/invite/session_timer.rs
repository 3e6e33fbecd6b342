//! How long a session lives without a sign of life (RFC 4028): what is asked for and
//! granted in session refresh requests (INVITE, re-INVITE, UPDATE) and their 2xx, who
//! refreshes, and when.
//!
//! Pure arithmetic and headers. Sending the refresh, and the BYE when none came, is
//! `user_agent::refreshing`.

use std::time::{Duration, Instant};

use crate::message::{HeaderName, HeaderValue, Headers};

/// The option tag of RFC 4028.
pub(crate) const TAG: &str = "timer";
/// The shortest interval that anybody may be asked for, in seconds (§5).
pub(crate) const SHORTEST: u32 = 90;
/// A peer that asks for more than this in a 422 wants no timer. Seconds: a week.
const LONGEST: u32 = 7 * 86_400;
/// The longest head start of the BYE before the interval ends, in seconds (§10).
const MARGIN: u32 = 32;

/// Who has to refresh, in the words of one request: its sender or its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresher {
    Uac,
    Uas,
}

/// Who has to refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    Ours,
    Theirs,
}

/// What holds for one transaction: Session-Expires of its 2xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    seconds: u32,
    refresher: Refresher,
    /// The other side knows session timers: it may be told to act.
    peer_knows: bool,
}

/// The interval asked for is shorter than this many seconds: 422.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooShort(pub(crate) u32);

/// A running session timer.
#[derive(Clone, Debug)]
pub(crate) struct SessionTimer {
    seconds: u32,
    /// The longest Min-SE heard of; 0 if none.
    min_se: u32,
    duty: Duty,
    refresh_at: Option<Instant>,
    ends_at: Instant,
}

/// Asks for a session timer in the first INVITE; `seconds` 0 asks for nothing.
pub(crate) fn ask(headers: &mut Headers, seconds: u32) {
    if seconds > 0 {
        headers.push(HeaderName::SessionExpires, seconds);
    }
}

/// After a 422 with Min-SE: changes the request so that it may be sent again. False: the
/// 422 says nothing new.
pub(crate) fn ask_longer(request: &mut Headers, refusal: &Headers) -> bool {
    let asked = request.session_expires().ok().flatten();
    let (asked, refresher) = match &asked {
        Some((seconds, params)) => (*seconds, refresher_of(params.get("refresher").as_deref())),
        None => (0, None),
    };
    match refusal.min_se() {
        Ok(Some(least)) if least > asked && least <= LONGEST => {
            request.set(HeaderName::MinSe, least);
            request.set(HeaderName::SessionExpires, value(least, refresher));
            true
        }
        Ok(_) | Err(_) => false,
    }
}

/// What our 2xx to a session refresh request of the peer grants; `None` is no timer.
/// `preferred` is our own wish in seconds, 0 for no session timers at all.
pub(crate) fn grant(
    request: &Headers,
    preferred: u32,
    running: Option<&SessionTimer>,
) -> Result<Option<Granted>, TooShort> {
    if preferred == 0 {
        return Ok(None);
    }
    let knows = |tags: &[String]| tags.iter().any(|tag| tag.eq_ignore_ascii_case(TAG));
    let peer_knows = knows(&request.supported()) || knows(&request.require());
    let least = request.min_se().ok().flatten().unwrap_or(0).max(SHORTEST);
    let ours = running.is_some_and(|timer| timer.duty == Duty::Ours);
    let asked = request.session_expires().ok().flatten();
    let (seconds, wanted) = match asked {
        Some((asked, _)) if asked < SHORTEST && peer_knows => return Err(TooShort(SHORTEST)),
        // A proxy asks, too impatiently, on behalf of a peer that knows nothing of it.
        Some((asked, _)) if asked < SHORTEST => (SHORTEST, None),
        Some((asked, params)) => {
            let refresher = refresher_of(params.get("refresher").as_deref());
            (asked.min(preferred.max(least)), refresher)
        }
        None if peer_knows || ours => (preferred.max(least).min(LONGEST), None),
        None => return Ok(None),
    };
    let refresher = match wanted {
        _ if !peer_knows => Refresher::Uas,
        Some(refresher) => refresher,
        None if ours => Refresher::Uas,
        None => Refresher::Uac,
    };
    Ok(Some(Granted {
        seconds,
        refresher,
        peer_knows,
    }))
}

impl Granted {
    /// What a 2xx to a request of ours grants; `None` is no timer (§7.2). A peer that
    /// names nobody is taken to mean us.
    pub(crate) fn read(response: &Headers) -> Option<Self> {
        let (seconds, params) = response.session_expires().ok().flatten()?;
        let refresher = refresher_of(params.get("refresher").as_deref());
        (seconds > 0).then_some(Self {
            seconds,
            refresher: refresher.unwrap_or(Refresher::Uac),
            peer_knows: true,
        })
    }

    /// Writes it into our 2xx (§9).
    pub(crate) fn write(self, headers: &mut Headers) {
        let value = value(self.seconds, Some(self.refresher));
        headers.set(HeaderName::SessionExpires, value);
        if self.peer_knows && self.refresher == Refresher::Uac {
            headers.push(HeaderName::Require, HeaderValue::from_static(TAG));
        }
    }

    /// The timer that begins with the 2xx to a request of ours.
    pub(crate) fn starts_as_uac(self, now: Instant, before: Option<&SessionTimer>) -> SessionTimer {
        let duty = match self.refresher {
            Refresher::Uac => Duty::Ours,
            Refresher::Uas => Duty::Theirs,
        };
        SessionTimer::new(self.seconds, duty, before, now)
    }

    /// The timer that begins with our 2xx to a request of the peer.
    pub(crate) fn starts_as_uas(self, now: Instant, before: Option<&SessionTimer>) -> SessionTimer {
        let duty = match self.refresher {
            Refresher::Uac => Duty::Theirs,
            Refresher::Uas => Duty::Ours,
        };
        SessionTimer::new(self.seconds, duty, before, now)
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// It is our turn to refresh.
    Refresh,
    /// Nobody has refreshed: the session is over (§10).
    End,
}

impl SessionTimer {
    fn new(seconds: u32, duty: Duty, before: Option<&Self>, now: Instant) -> Self {
        let whole = Duration::from_secs(seconds.into());
        let margin = Duration::from_secs(MARGIN.into()).min(whole / 3);
        Self {
            seconds,
            min_se: before.map_or(0, |timer| timer.min_se),
            duty,
            refresh_at: (duty == Duty::Ours).then(|| now + whole / 2),
            ends_at: now + whole - margin,
        }
    }

    /// Asks for the same again in a request of ours within the dialog.
    pub(crate) fn ask_again(&self, headers: &mut Headers) {
        let refresher = match self.duty {
            Duty::Ours => Refresher::Uac,
            Duty::Theirs => Refresher::Uas,
        };
        headers.set(
            HeaderName::SessionExpires,
            value(self.seconds, Some(refresher)),
        );
        if self.min_se > SHORTEST {
            headers.set(HeaderName::MinSe, self.min_se);
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.refresh_at
            .map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    /// What is due at `now`. A refresh is said once, until it fails.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        if self.ends_at <= now {
            return Some(Due::End);
        }
        self.refresh_at
            .take_if(|at| *at <= now)
            .map(|_| Due::Refresh)
    }

    /// A refresh of ours came to nothing: it is tried again when half of the time that
    /// is left has passed.
    pub(crate) fn refresh_failed(&mut self, now: Instant) {
        let left = self.ends_at.saturating_duration_since(now);
        self.refresh_at = Some(now + (left / 2).max(Duration::from_secs(1)));
    }

    /// The peer wants a longer interval than we asked for in our refresh.
    pub(crate) fn lengthen(&mut self, refusal: &Headers) -> bool {
        match refusal.min_se() {
            Ok(Some(least)) if least > self.seconds && least <= LONGEST => {
                self.seconds = least;
                self.min_se = least;
                true
            }
            Ok(_) | Err(_) => false,
        }
    }
}

fn refresher_of(text: Option<&str>) -> Option<Refresher> {
    match text {
        Some(text) if text.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
        Some(text) if text.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
        Some(_) | None => None,
    }
}

fn value(seconds: u32, refresher: Option<Refresher>) -> HeaderValue {
    let text = match refresher {
        None => format!("{seconds}"),
        Some(Refresher::Uac) => format!("{seconds};refresher=uac"),
        Some(Refresher::Uas) => format!("{seconds};refresher=uas"),
    };
    HeaderValue::new(text).expect("digits and a name hold no line break")
}
