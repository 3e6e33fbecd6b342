//! A leg's counters.

use std::time::Instant;

use crate::event::{Dropped, Flow, LegStats, Link};
use crate::quality::SoundMeter;
use crate::rewriter;
use crate::rtcp::LegStatistics;
use crate::srtp::Refused;

/// What the worker counts itself; the rest is RTCP's.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) received: Flow,
    pub(crate) sent: Flow,
    pub(crate) dropped: Dropped,
    pub(crate) meter: SoundMeter,
    pub(crate) link: Link,
}

impl Tally {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            received: Flow::default(),
            sent: Flow::default(),
            dropped: Dropped::default(),
            meter: SoundMeter::new(),
            link,
        }
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.received.packets += 1;
        self.received.bytes += bytes as u64;
    }

    /// A packet was given to the socket, which took it or not.
    pub(crate) fn sent(&mut self, bytes: usize, taken: bool) {
        if taken {
            self.sent.packets += 1;
            self.sent.bytes += bytes as u64;
        } else {
            self.dropped.send_failed += 1;
        }
    }

    pub(crate) fn refused(&mut self, refused: Refused) {
        let counter = match refused {
            Refused::Malformed => &mut self.dropped.malformed,
            Refused::Unauthentic => &mut self.dropped.unauthentic,
            Refused::Replayed => &mut self.dropped.replayed,
            Refused::UnknownSsrc => &mut self.dropped.unknown_ssrc,
            Refused::UnknownAddress => &mut self.dropped.unknown_source,
            Refused::NotOpen => &mut self.dropped.not_open,
        };
        *counter += 1;
    }

    pub(crate) fn not_relayed(&mut self, dropped: rewriter::Dropped) {
        let counter = match dropped {
            rewriter::Dropped::Closed => &mut self.dropped.not_open,
            rewriter::Dropped::UnknownPayloadType => &mut self.dropped.unplanned,
            rewriter::Dropped::Stale => &mut self.dropped.replayed,
            rewriter::Dropped::Event => &mut self.dropped.unplanned,
        };
        *counter += 1;
    }

    pub(crate) fn stats(&self, rtcp: &LegStatistics, now: Instant) -> LegStats {
        LegStats {
            received: self.received,
            sent: self.sent,
            lost: rtcp.lost,
            lost_at_peer: rtcp.remote_lost,
            jitter: rtcp.jitter,
            jitter_at_peer: rtcp.remote_jitter,
            round_trip: rtcp.round_trip,
            dropped: self.dropped,
            sound: self.meter.sound(),
            absent: self.meter.absent(now),
            silent: self.meter.silent(now),
            link: self.link,
            way: self.meter.way(now),
            codec: self.meter.codec(),
            video: None,
        }
    }
}
