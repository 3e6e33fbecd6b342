//! One digit out of the packets of an event (RFC 4733 §2.5.2).
//!
//! All packets of an event carry the timestamp of its beginning. The first one heard of begins the
//! digit, wherever in the series it stands; the first with the E bit ends it; repetitions say
//! nothing. When the end is lost, silence or the next digit ends it.

use std::time::{Duration, Instant};

use super::{Digit, Dtmf, EventPayload};
use crate::relay::EventClock;
use crate::rtp::{Header, RtpTimestamp, Ssrc};

/// An event not updated for this long is over. Updates come every 20 to 50 ms.
const LOST_AFTER: Duration = Duration::from_millis(250);
/// A packet whose timestamp lies at most this far before the last event's is a straggler of an
/// event before that; farther back, the source has started its clock anew.
const STRAGGLERS: Duration = Duration::from_secs(10);

/// What a packet means beyond what was known, in the order of these fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The key before went up, unheard until now.
    pub(crate) before: Option<Dtmf>,
    /// A key went down: which, and how loud.
    pub(crate) down: Option<(Digit, u8)>,
    /// It is still down, so long by now.
    pub(crate) going_on: Option<Duration>,
    /// It went up.
    pub(crate) up: Option<Dtmf>,
}

#[derive(Debug, Default)]
pub(crate) struct EventReceiver {
    last: Option<Event>,
}

/// The event heard last.
#[derive(Debug)]
struct Event {
    ssrc: Ssrc,
    /// Of its beginning, or of its current segment (RFC 4733 §2.5.1.3).
    timestamp: RtpTimestamp,
    digit: Digit,
    clock: EventClock,
    /// Units before the current segment.
    before: u32,
    /// Units within it.
    duration: u16,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Last updated at.
    Down(Instant),
    Up,
}

impl EventReceiver {
    pub(crate) fn handle_packet(
        &mut self,
        header: &Header,
        payload: &EventPayload,
        clock: EventClock,
        now: Instant,
    ) -> Heard {
        if let Some(last) = self.last.as_mut().filter(|last| last.ssrc == header.ssrc) {
            if last.timestamp == header.timestamp {
                return last.update(payload, now);
            }
            if last.is_continued_by(header, payload) {
                last.before += u32::from(last.duration);
                last.duration = 0;
                last.timestamp = header.timestamp;
                return last.update(payload, now);
            }
            let back = -header.timestamp.since(last.timestamp);
            if (1..last.units(STRAGGLERS)).contains(&back) {
                return Heard::default();
            }
        }
        let before = self.last.as_mut().and_then(Event::end);
        let mut event = Event {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            digit: payload.digit,
            clock,
            before: 0,
            duration: payload.duration,
            state: State::Down(now),
        };
        let (going_on, up) = event.progress(payload.end);
        self.last = Some(event);
        Heard {
            before,
            down: Some((payload.digit, payload.volume)),
            going_on,
            up,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.last.as_ref()?.state {
            State::Down(updated) => Some(updated + LOST_AFTER),
            State::Up => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Heard {
        let due = self.poll_timeout().is_some_and(|deadline| deadline <= now);
        let up = self.last.as_mut().filter(|_| due).and_then(Event::end);
        Heard {
            up,
            ..Heard::default()
        }
    }
}

impl Event {
    fn update(&mut self, payload: &EventPayload, now: Instant) -> Heard {
        match self.state {
            State::Up => Heard::default(),
            State::Down(_) => {
                self.duration = self.duration.max(payload.duration);
                self.state = State::Down(now);
                let (going_on, up) = self.progress(payload.end);
                Heard {
                    going_on,
                    up,
                    ..Heard::default()
                }
            }
        }
    }

    /// Whether a packet begins the next segment of this event: one too long for 16 bits.
    fn is_continued_by(&self, header: &Header, payload: &EventPayload) -> bool {
        matches!(self.state, State::Down(_))
            && !header.marker
            && payload.digit == self.digit
            && self.duration > u16::MAX / 2
            && header.timestamp.since(self.timestamp) == i64::from(self.duration)
    }

    fn progress(&mut self, end: bool) -> (Option<Duration>, Option<Dtmf>) {
        if end {
            (None, self.end())
        } else {
            (Some(self.length()), None)
        }
    }

    /// Lets the key go; `None` when it was up already.
    fn end(&mut self) -> Option<Dtmf> {
        match std::mem::replace(&mut self.state, State::Up) {
            State::Up => None,
            State::Down(_) => Some(Dtmf {
                digit: self.digit,
                duration: self.length(),
            }),
        }
    }

    fn length(&self) -> Duration {
        let units = u64::from(self.before) + u64::from(self.duration);
        Duration::from_micros(units * 1_000_000 / u64::from(self.clock.rate()))
    }

    fn units(&self, time: Duration) -> i64 {
        i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 48_000) * i64::from(self.clock.rate())
    }
}
