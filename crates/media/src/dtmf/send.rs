//! A series of packets out of a digit (RFC 4733 §2.5.1).
//!
//! The first packet at once, with the marker; then one per interval, its duration growing; the end
//! three times, so that no single loss swallows it. One digit at a time: those that come meanwhile
//! wait in a short queue, and a pause keeps two of the same apart.
//!
//! Durations count by the clock of the event's own payload type. Timestamps count by that of the
//! audio even where the two differ, as with Opus and a phone that takes telephone-event/8000 alone:
//! events share "sequence number and timestamp base" with the audio (RFC 4733 §2.1), and a second
//! clock within one source would break it for everything that measures it (RFC 7160 §3). It is also
//! what Chromium and Asterisk send. Receivers of all kinds take the timestamp for a name: the same
//! within an event, another for the next; how long a key was down they read from the duration.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Digit, EventPayload};
use crate::relay::EventClock;
use crate::rtp::{RtpTimestamp, units};

/// How often the end is said (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;
/// Shorter ones are not recognised as DTMF everywhere (ITU-T Q.24).
const SHORTEST: Duration = Duration::from_millis(60);
/// Longer ones are cut: a key that hangs must not silence the audio for ever.
const LONGEST: Duration = Duration::from_secs(8);
/// Between two digits.
const PAUSE: Duration = Duration::from_millis(50);
/// Digits waiting; more are dropped. A page may send a whole number at once.
const MAX_WAITING: usize = 128;
/// When the timer came late by more than this, the missed packets are not made up for.
const MAX_LAG: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(crate) struct EventSender {
    state: State,
    waiting: VecDeque<Tone>,
    /// Whether the tone begun last found no place in the queue.
    overflown: bool,
}

/// A digit to be sent, its length known or not.
#[derive(Debug, Clone, Copy)]
struct Tone {
    digit: Digit,
    volume: u8,
    length: Length,
}

#[derive(Debug, Clone, Copy)]
enum Length {
    /// The key is down, and was for so long when last heard of.
    AtLeast(Duration),
    /// The key is up.
    Exactly(Duration),
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Sending(Sending),
    /// After a digit, until then.
    Pausing(Instant),
}

#[derive(Debug)]
struct Sending {
    tone: Tone,
    /// When the next packet is due.
    due: Instant,
    /// How much of it has been told.
    told: Duration,
    /// Ends told.
    ends: u8,
    /// Of the current segment.
    timestamp: RtpTimestamp,
    /// Units of earlier segments.
    before: u32,
}

/// What the packets of an event are counted by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat {
    /// Between two packets.
    pub(crate) interval: Duration,
    /// The clock of timestamps in Hz: that of the audio.
    pub(crate) clock_rate: u32,
    /// The clock of durations.
    pub(crate) clock: EventClock,
}

/// The packets that are due at once: one, or two where 16 bits of duration are full and the next
/// segment begins (RFC 4733 §2.5.1.3).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    /// Whether the digit begins here.
    pub(crate) first: bool,
    pub(crate) packets: [Option<(RtpTimestamp, EventPayload)>; 2],
}

impl EventSender {
    /// A key goes down.
    pub(crate) fn begin(&mut self, digit: Digit, volume: u8, now: Instant) {
        let tone = Tone {
            digit,
            volume,
            length: Length::AtLeast(Duration::ZERO),
        };
        // A pause that is over without anybody having looked is over all the same.
        if matches!(self.state, State::Pausing(until) if until <= now) {
            self.state = State::Idle;
        }
        self.overflown = false;
        match self.state {
            State::Idle => self.state = State::Sending(Sending::new(tone, now)),
            State::Sending(_) | State::Pausing(_) if self.waiting.len() < MAX_WAITING => {
                self.waiting.push_back(tone);
            }
            State::Sending(_) | State::Pausing(_) => self.overflown = true,
        }
    }

    /// The key that went down last has been down for `time`.
    pub(crate) fn go_on(&mut self, time: Duration) {
        self.set_length(Length::AtLeast(time));
    }

    /// The key that went down last goes up, `length` later.
    pub(crate) fn end(&mut self, length: Duration) {
        self.set_length(Length::Exactly(length.clamp(SHORTEST, LONGEST)));
    }

    fn set_length(&mut self, length: Length) {
        if self.overflown {
            return;
        }
        match (self.waiting.back_mut(), &mut self.state) {
            (Some(tone), _) => tone.length = length,
            (None, State::Sending(sending)) => sending.tone.length = length,
            (None, State::Idle | State::Pausing(_)) => {}
        }
    }

    /// Ends the digit being sent as soon as the rules allow, and forgets those waiting.
    pub(crate) fn stop(&mut self) {
        self.waiting.clear();
        if let State::Sending(sending) = &mut self.state {
            sending.tone.length = Length::Exactly(sending.told.max(SHORTEST));
        }
    }

    /// Forgets everything without a word.
    pub(crate) fn cancel(&mut self) {
        *self = Self::default();
    }

    /// Whether a digit is under way.
    pub(crate) fn is_sending(&self) -> bool {
        matches!(self.state, State::Sending(_))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Sending(sending) => Some(sending.due),
            State::Pausing(until) => Some(*until),
        }
    }

    /// What is due; to be called until there is nothing. `begin` gives the timestamp for a digit
    /// that begins.
    pub(crate) fn handle_timeout(
        &mut self,
        beat: Beat,
        now: Instant,
        begin: impl FnOnce() -> RtpTimestamp,
    ) -> Option<Due> {
        if let State::Pausing(until) = self.state {
            if until > now {
                return None;
            }
            self.state = match self.waiting.pop_front() {
                Some(tone) => State::Sending(Sending::new(tone, now)),
                None => State::Idle,
            };
        }
        let State::Sending(sending) = &mut self.state else {
            return None;
        };
        if sending.due > now {
            return None;
        }
        let first = sending.told.is_zero();
        if first {
            sending.timestamp = begin();
        }
        sending.advance(beat.interval, now);
        let packets = sending.packets(beat);
        if sending.ends >= ENDS {
            self.state = State::Pausing(now + PAUSE);
        }
        Some(Due { first, packets })
    }
}

impl Sending {
    fn new(tone: Tone, now: Instant) -> Self {
        let timestamp = RtpTimestamp(0);
        Self {
            tone,
            due: now,
            told: Duration::ZERO,
            ends: 0,
            timestamp,
            before: 0,
        }
    }

    fn advance(&mut self, interval: Duration, now: Instant) {
        let next = self.told + interval;
        // Not more is told than was heard: a longer event cannot be taken back. Nor does it shrink.
        self.told = match self.tone.length {
            Length::AtLeast(heard) => next.min(heard.max(interval)).min(LONGEST).max(self.told),
            Length::Exactly(length) => next.min(length).max(self.told),
        };
        let over = match self.tone.length {
            Length::AtLeast(_) => self.told >= LONGEST,
            Length::Exactly(length) => self.told >= length,
        };
        self.ends += u8::from(over);
        let late = now.saturating_duration_since(self.due) > MAX_LAG;
        self.due = if late {
            now + interval
        } else {
            self.due + interval
        };
    }

    fn packets(&mut self, beat: Beat) -> [Option<(RtpTimestamp, EventPayload)>; 2] {
        let Tone { digit, volume, .. } = self.tone;
        let payload = |duration, end| EventPayload {
            digit,
            end,
            volume,
            duration,
        };
        let total = units(self.told, beat.clock.rate());
        let mut full = None;
        if total.saturating_sub(self.before) > u32::from(u16::MAX) {
            full = Some((self.timestamp, payload(u16::MAX, false)));
            self.before += u32::from(u16::MAX);
            let step = u64::from(u16::MAX) * u64::from(beat.clock_rate);
            self.timestamp = self
                .timestamp
                .plus((step / u64::from(beat.clock.rate())) as u32);
        }
        let rest = total.saturating_sub(self.before);
        let duration = u16::try_from(rest).unwrap_or(u16::MAX);
        [
            full,
            Some((self.timestamp, payload(duration, self.ends > 0))),
        ]
    }
}
