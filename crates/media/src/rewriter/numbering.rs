//! Sequence numbers and timestamps of what is sent, joined to those of what is received.
//!
//! The far end of a leg hears one stream for the whole call: one SSRC, one row of sequence numbers,
//! one clock. Behind it sources come and go, pause, jump or start anew. As long as a source goes on,
//! its numbers are shifted by a constant, so that its losses and its order stay visible. Where it
//! does not, the numbering is *joined* anew: the next number, and the time that has passed.
//!
//! No sequence number leaves twice: under SRTP that would use a keystream twice.

use std::time::{Duration, Instant};

use crate::recent::Recent;
use crate::rtp::{Header, RtpTimestamp, SeqNo, Ssrc, units};

/// A sequence number that far ahead is a loss, beyond it a jump (RFC 3550 §A.1: MAX_DROPOUT).
const MAX_DROPOUT: i32 = 3_000;
/// How far behind the newest a packet may come late.
const WINDOW: i32 = 128;
/// The same where packets are asked for again.
const REPAIRED_WINDOW: i32 = Recent::LENGTH as i32;
/// Packets in sequence that make a jump believable (RFC 3550 §A.1: MIN_SEQUENTIAL).
const BELIEVED: u8 = 2;
/// The same where the numbers look like repetitions of what is known.
const BELIEVED_REPETITIONS: u8 = 5;
/// A timestamp that far from what the wall clock says is a jump.
const MAX_TIMESTAMP_LEAD: Duration = Duration::from_secs(2);
const MAX_TIMESTAMP_RETREAT: Duration = Duration::from_secs(1);

/// How a packet stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Newer than all before.
    Next,
    /// Older, and missed until now.
    Late,
    /// Here before, or from before the last joint, or the first one of a jump.
    Stale,
}

/// What has to be joined before the next packet is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// Nothing.
    Holds,
    /// Only sequence numbers: something was left out or put in, the source's clock runs on.
    Sequence,
    /// All: another source, a pause, a jump.
    Everything,
}

/// Both ends of the numbering.
#[derive(Debug)]
pub(crate) struct Numbering {
    ssrc: Ssrc,
    clock_rate: u32,
    /// The next unused sequence number.
    next: SeqNo,
    /// The newest timestamp sent, and when; the random start before that.
    timestamp: RtpTimestamp,
    at: Instant,
    source: Option<Source>,
    joint: Joint,
    /// Packets are asked for again: old ones come late, in rows, and more than once.
    repaired: bool,
}

/// The stream that is received.
#[derive(Debug)]
struct Source {
    ssrc: Ssrc,
    newest: SeqNo,
    /// Those that were seen, or lie before the last joint.
    seen: Recent,
    /// Those that were not sent on and for which no gap shows.
    left_out: Recent,
    /// Of the newest audio packet, and when it came.
    clock: Option<(RtpTimestamp, Instant)>,
    /// The number after an unbelievable one, and how many came in sequence.
    suspect: Option<(SeqNo, u8)>,
    sequence_shift: u16,
    timestamp_shift: u32,
}

impl Numbering {
    pub(crate) fn new(
        ssrc: Ssrc,
        clock_rate: u32,
        next: SeqNo,
        timestamp: RtpTimestamp,
        now: Instant,
    ) -> Self {
        let joint = Joint::Everything;
        Self {
            ssrc,
            clock_rate,
            next,
            timestamp,
            at: now,
            source: None,
            joint,
            repaired: false,
        }
    }

    /// The same for a stream whose packets are asked for again. Numbers near the newest one never
    /// begin it anew: a source that does begin there is heard once it has passed that.
    pub(crate) fn repaired(mut self) -> Self {
        self.repaired = true;
        self
    }

    /// Takes a packet into account, whatever will become of it.
    pub(crate) fn handle_arrival(&mut self, header: &Header) -> Arrival {
        let known = self
            .source
            .as_mut()
            .filter(|source| source.ssrc == header.ssrc);
        let place = |source: &mut Source| source.place(header.sequence, self.repaired);
        match known.map_or(Place::Jump, place) {
            Place::Newer => Arrival::Next,
            Place::Missed if self.joint == Joint::Holds => Arrival::Late,
            Place::Missed | Place::Repeated => Arrival::Stale,
            Place::Jump => {
                self.source = Some(Source::new(header));
                self.joint = Joint::Everything;
                Arrival::Next
            }
        }
    }

    /// Takes the timestamp of a `Next` packet of audio into account. Those of telephone events
    /// say nothing about now.
    pub(crate) fn handle_clock(&mut self, header: &Header, now: Instant) {
        if let Some(source) = &mut self.source {
            let last = source.clock.replace((header.timestamp, now));
            if last.is_some_and(|last| jumps(last, header.timestamp, self.clock_rate, now)) {
                self.joint = Joint::Everything;
            }
        }
    }

    /// The packet just taken into account is not sent on: no gap is to show for it.
    pub(crate) fn leave_out(&mut self) {
        if self.joint == Joint::Holds {
            self.joint = Joint::Sequence;
        }
    }

    /// The same for a repaired stream: what is newer moves up by one, and those that are older and
    /// still missing keep their places.
    pub(crate) fn close_up(&mut self) {
        if let (Joint::Holds, Some(source)) = (self.joint, &mut self.source) {
            source.left_out.set(0);
            let behind = source.newest.plus(source.sequence_shift);
            source.sequence_shift = source.sequence_shift.wrapping_sub(1);
            self.next = behind;
        }
    }

    /// Whether the next packet has nothing to do with those sent before.
    pub(crate) fn begins_anew(&self) -> bool {
        self.joint == Joint::Everything
    }

    /// Nothing is sent for a while: join everything afterwards.
    pub(crate) fn pause(&mut self) {
        self.source = None;
        self.joint = Joint::Everything;
    }

    /// The audio's clock rate is another one from here on.
    pub(crate) fn set_clock_rate(&mut self, clock_rate: u32) {
        if self.clock_rate != clock_rate {
            self.clock_rate = clock_rate;
            self.joint = Joint::Everything;
        }
    }

    /// The header to send for a packet that just arrived as `Next` or `Late`, with its payload
    /// type left to the caller. `frame`: how long a packet lasts, at least.
    pub(crate) fn number(
        &mut self,
        header: &Header,
        arrival: Arrival,
        frame: Duration,
        now: Instant,
    ) -> Header {
        let newest = arrival == Arrival::Next;
        let (next, fresh) = (self.next, self.timestamp_after(frame, now));
        let source = self.source.get_or_insert_with(|| Source::new(header));
        let joined = newest && self.joint != Joint::Holds;
        if joined {
            source.sequence_shift = next.0.wrapping_sub(header.sequence.0);
            source.seen = Recent::ALL;
            source.left_out = Recent::NONE;
            // Behind packets of our own, a source whose clock stood still would fall back.
            let behind = header
                .timestamp
                .plus(source.timestamp_shift)
                .since(self.timestamp)
                <= 0;
            if self.joint == Joint::Everything || behind {
                source.timestamp_shift = fresh.0.wrapping_sub(header.timestamp.0);
            }
            self.joint = Joint::Holds;
        }
        let behind = source.newest.since(header.sequence).max(0).unsigned_abs();
        let moved_up = source.left_out.count_newer(behind);
        let sequence = header.sequence.plus(source.sequence_shift).plus(moved_up);
        let timestamp = header.timestamp.plus(source.timestamp_shift);
        if newest {
            self.next = sequence.plus(1);
            self.timestamp = timestamp;
            self.at = now;
        }
        Header {
            // Whoever plays this starts afresh here (RFC 3551 §4.1).
            marker: header.marker || joined,
            payload_type: header.payload_type,
            sequence,
            timestamp,
            ssrc: self.ssrc,
            payload: header.payload.clone(),
        }
    }

    /// Numbers for a packet of our own making that begins now, such as a telephone event.
    pub(crate) fn begin_own(&mut self, frame: Duration, now: Instant) -> RtpTimestamp {
        self.timestamp = self.timestamp_after(frame, now);
        self.at = now;
        self.timestamp
    }

    /// The timestamp of a packet of our own making that goes on right behind the last one, which
    /// lasts for `frame`.
    pub(super) fn continue_own(&mut self, frame: Duration) -> RtpTimestamp {
        self.timestamp = self.timestamp.plus(units(frame, self.clock_rate));
        self.at += frame;
        self.timestamp
    }

    /// The sequence number of a packet of our own making.
    pub(crate) fn own_sequence(&mut self) -> SeqNo {
        let sequence = self.next;
        self.next = sequence.plus(1);
        self.leave_out();
        sequence
    }

    pub(crate) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The timestamp of now, at least one frame after the last one.
    fn timestamp_after(&self, frame: Duration, now: Instant) -> RtpTimestamp {
        let passed = now.saturating_duration_since(self.at).max(frame);
        self.timestamp.plus(units(passed, self.clock_rate))
    }
}

/// Where a sequence number belongs.
enum Place {
    Newer,
    Missed,
    Repeated,
    Jump,
}

impl Source {
    fn new(header: &Header) -> Self {
        Self {
            ssrc: header.ssrc,
            newest: header.sequence,
            seen: Recent::ALL,
            left_out: Recent::NONE,
            clock: None,
            suspect: None,
            sequence_shift: 0,
            timestamp_shift: 0,
        }
    }

    fn place(&mut self, sequence: SeqNo, repaired: bool) -> Place {
        let ahead = sequence.since(self.newest);
        if (1..MAX_DROPOUT).contains(&ahead) {
            self.seen.advance(ahead.unsigned_abs());
            self.seen.set(0);
            self.left_out.advance(ahead.unsigned_abs());
            self.newest = sequence;
            self.suspect = None;
            return Place::Newer;
        }
        let window = if repaired { REPAIRED_WINDOW } else { WINDOW };
        let near = (-window + 1..=0).contains(&ahead);
        if near && !self.seen.has(ahead.unsigned_abs()) {
            self.seen.set(ahead.unsigned_abs());
            return Place::Missed;
        }
        if near && repaired {
            return Place::Repeated;
        }
        let in_sequence = match self.suspect {
            Some((expected, count)) if expected == sequence => count + 1,
            Some(_) | None => 1,
        };
        let believed = if near { BELIEVED_REPETITIONS } else { BELIEVED };
        if in_sequence >= believed {
            return Place::Jump;
        }
        self.suspect = Some((sequence.plus(1), in_sequence));
        Place::Repeated
    }
}

/// Whether a timestamp cannot be right behind the `last` one: ahead of the time that has passed,
/// or well behind. Less than that time is no jump: senders stop their clock on hold, and networks
/// deliver in heaps.
fn jumps(
    last: (RtpTimestamp, Instant),
    timestamp: RtpTimestamp,
    clock_rate: u32,
    now: Instant,
) -> bool {
    let step = timestamp.since(last.0);
    let passed = now.saturating_duration_since(last.1);
    let latest = i64::from(units(passed + MAX_TIMESTAMP_LEAD, clock_rate));
    let earliest = -i64::from(units(MAX_TIMESTAMP_RETREAT, clock_rate));
    step > latest || step < earliest
}
