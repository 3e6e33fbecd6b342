//! A leg's counters.

use crate::event::{Dropped, Flow, LegStats};
use crate::rewriter;
use crate::rtcp::LegStatistics;
use crate::srtp::Refused;

/// What the worker counts itself; the rest is RTCP's.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) received: Flow,
    pub(crate) sent: Flow,
    pub(crate) dropped: Dropped,
}

impl Tally {
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

    pub(crate) fn stats(&self, rtcp: &LegStatistics) -> LegStats {
        LegStats {
            received: self.received,
            sent: self.sent,
            lost: rtcp.lost,
            lost_at_peer: rtcp.remote_lost,
            jitter: rtcp.jitter,
            round_trip: rtcp.round_trip,
            dropped: self.dropped,
        }
    }
}
