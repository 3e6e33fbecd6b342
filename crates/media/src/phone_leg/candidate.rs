//! A source that wants to be taken for the phone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::rtp::{Header, SeqNo, Ssrc};

/// Packets of a run that convinces.
const RUN: u32 = 5;
/// Packets that a run may lose at once.
const MAX_GAP: i32 = 10;
/// A candidate that is silent for so long makes room for another.
const PLACE_KEPT: Duration = Duration::from_millis(200);

/// One at a time: a crowd of others cannot push the phone out of its place.
#[derive(Debug)]
pub(super) struct Candidate {
    source: SocketAddr,
    /// It is at the signalled machine.
    preferred: bool,
    ssrc: Ssrc,
    newest: SeqNo,
    run: u32,
    since: Instant,
    at: Instant,
}

impl Candidate {
    pub(super) fn new(source: SocketAddr, preferred: bool, header: &Header, now: Instant) -> Self {
        let (ssrc, newest) = (header.ssrc, SeqNo(header.sequence.0.wrapping_sub(1)));
        Self {
            source,
            preferred,
            ssrc,
            newest,
            run: 0,
            since: now,
            at: now,
        }
    }

    /// Whether a packet from `source` leaves this candidate in its place.
    pub(super) fn holds_its_place(
        &self,
        source: SocketAddr,
        preferred: bool,
        now: Instant,
    ) -> bool {
        self.source == source
            || (now.saturating_duration_since(self.at) < PLACE_KEPT
                && (self.preferred || !preferred))
    }

    /// True when the packet completes or continues a convincing run.
    pub(super) fn handle_packet(
        &mut self,
        source: SocketAddr,
        header: &Header,
        now: Instant,
    ) -> bool {
        if self.source != source {
            return false;
        }
        let ahead = header.sequence.since(self.newest);
        if header.ssrc != self.ssrc || !(-MAX_GAP..=MAX_GAP).contains(&ahead) {
            *self = Self::new(source, self.preferred, header, now);
        }
        if header.sequence.since(self.newest) > 0 {
            self.newest = header.sequence;
            self.run += 1;
        }
        self.at = now;
        self.run >= RUN
    }

    /// How long the run has been going on.
    pub(super) fn lasted(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}
