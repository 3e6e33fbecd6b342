//! Executes one way of a relay: packets of one leg become packets of the other.

use std::ops::Range;
use std::time::Instant;

use crate::dtmf::Dtmf;
use crate::relay::Path;
use crate::rtp::{HEADER_LENGTH, Header, RtpTimestamp, SeqNo, Ssrc};

/// Bytes of a generated telephone-event packet: header and the four bytes of RFC 4733 §2.3.
pub const EVENT_PACKET_LENGTH: usize = HEADER_LENGTH + 4;

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Send this range of the buffer: a fresh 12-byte header, then the payload.
    Send(Range<usize>),
    /// Nothing to send: an event that will be sent anew by [`Rewriter::poll_transmit`], or audio
    /// beside one.
    Absorbed,
    /// Dropped and counted.
    Dropped(Dropped),
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The way is closed (hold, gate).
    Closed,
    /// Its payload type was not negotiated.
    UnknownPayloadType,
    /// It belongs before the last point where numbering was joined anew.
    Stale,
    /// A telephone event that is no digit, or one too many in the queue.
    Event,
}

/// Rewrites one direction. Sans-IO: packets in, packets and deadlines out.
#[derive(Debug)]
pub struct Rewriter {
    path: Path,
    ssrc: Ssrc,
    sequence: SeqNo,
    timestamp: RtpTimestamp,
}

impl Rewriter {
    /// Starts a way that sends as `ssrc`, its numbering from these (random) values on.
    pub fn new(
        path: Path,
        ssrc: Ssrc,
        sequence: SeqNo,
        timestamp: RtpTimestamp,
        now: Instant,
    ) -> Self {
        let _ = now;
        Self {
            path,
            ssrc,
            sequence,
            timestamp,
        }
    }

    /// Takes a new plan without a gap: numbering goes on, an event being sent is finished.
    pub fn replan(&mut self, path: Path, now: Instant) {
        let _ = now;
        self.path = path;
    }

    /// Rewrites `packet` in place; `header` is what [`Header::parse`] read from it. After each
    /// call, drain [`Self::poll_transmit`] and [`Self::poll_event`].
    pub fn handle_rtp(&mut self, packet: &mut [u8], header: &Header, now: Instant) -> Outcome {
        let _ = (
            packet,
            header,
            now,
            self.ssrc,
            self.sequence,
            self.timestamp,
        );
        Outcome::Absorbed
    }

    /// Sends a digit of our own making (asked for by signalling).
    pub fn send_digit(&mut self, dtmf: Dtmf, now: Instant) {
        let _ = (dtmf, now);
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Lets generated events go on.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// A generated telephone-event packet to send now.
    pub fn poll_transmit(&mut self) -> Option<[u8; EVENT_PACKET_LENGTH]> {
        None
    }

    /// A digit that the far end finished pressing.
    pub fn poll_event(&mut self) -> Option<Dtmf> {
        None
    }
}
