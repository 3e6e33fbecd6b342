//! What was received of a source: extended sequence numbers, losses, jitter (RFC 3550 §A.1, §A.3,
//! §A.8).

use crate::rtp::{Header, RtpTimestamp, SeqNo, Ssrc};

/// As in [`crate::rewriter`]: beyond these a sequence number is a jump.
const MAX_DROPOUT: i32 = 3_000;
const MAX_MISORDER: i32 = 100;
/// The largest cumulative loss a report can say.
const MAX_LOST: u64 = 0x007f_ffff;

/// All sources so far, and the present one.
#[derive(Debug, Default)]
pub(super) struct Reception {
    /// Of sources and numberings before the present one.
    received_before: u64,
    lost_before: u64,
    source: Option<Source>,
}

#[derive(Debug)]
struct Source {
    ssrc: Ssrc,
    /// The extended number of the first packet.
    first: u32,
    highest: u32,
    received: u64,
    /// The number that would make a jump believable.
    suspect: Option<SeqNo>,
    /// Expected and received at the last report.
    reported: (u64, u64),
    /// Arrival minus timestamp of the last packet, and that timestamp.
    transit: Option<(u32, RtpTimestamp)>,
    /// Sixteen times the jitter.
    jitter: u32,
}

/// The numbers of a report block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) ssrc: Ssrc,
    pub(super) fraction_lost: u8,
    pub(super) lost: u32,
    pub(super) highest: u32,
    pub(super) jitter: u32,
}

impl Reception {
    /// `arrival`: in units of the media's clock, from any beginning.
    pub(super) fn handle_rtp(&mut self, header: &Header, arrival: u32) {
        let known = self
            .source
            .as_mut()
            .filter(|source| source.ssrc == header.ssrc);
        if !known.is_some_and(|source| source.handle_sequence(header.sequence)) {
            self.received_before = self.received();
            self.lost_before = self.lost();
            self.source = Some(Source::new(header));
        }
        if let Some(source) = &mut self.source {
            source.received += 1;
            source.handle_transit(header.timestamp, arrival);
        }
    }

    /// Whether a report of this source may be about what is received here.
    pub(super) fn may_be_of(&self, ssrc: Ssrc) -> bool {
        self.source
            .as_ref()
            .is_none_or(|source| source.ssrc == ssrc)
    }

    pub(super) fn restart_jitter(&mut self) {
        if let Some(source) = &mut self.source {
            source.transit = None;
            source.jitter = 0;
        }
    }

    pub(super) fn received(&self) -> u64 {
        self.received_before + self.source.as_ref().map_or(0, |source| source.received)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.source.as_ref().map_or(0, Source::lost)
    }

    pub(super) fn jitter(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| source.jitter >> 4)
    }

    /// The block for the present source; its fraction is since the last call.
    pub(super) fn report(&mut self) -> Option<Numbers> {
        let source = self.source.as_mut()?;
        let (expected, received) = (source.expected(), source.received);
        let (expected_before, received_before) = source.reported;
        source.reported = (expected, received);
        let expected = expected.saturating_sub(expected_before);
        let lost = expected.saturating_sub(received.saturating_sub(received_before));
        let fraction = (lost * 256).checked_div(expected).unwrap_or(0).min(255);
        Some(Numbers {
            ssrc: source.ssrc,
            fraction_lost: fraction as u8,
            lost: source.lost().min(MAX_LOST) as u32,
            highest: source.highest,
            jitter: source.jitter >> 4,
        })
    }
}

impl Source {
    fn new(header: &Header) -> Self {
        let first = u32::from(header.sequence.0);
        Self {
            ssrc: header.ssrc,
            first,
            highest: first,
            received: 0,
            suspect: None,
            reported: (0, 0),
            transit: None,
            jitter: 0,
        }
    }

    /// False when the source has begun to count anew.
    fn handle_sequence(&mut self, sequence: SeqNo) -> bool {
        let ahead = sequence.since(SeqNo(self.highest as u16));
        if (1..MAX_DROPOUT).contains(&ahead) {
            self.highest = self.highest.wrapping_add(ahead.unsigned_abs());
            self.suspect = None;
        } else if !(-MAX_MISORDER..=0).contains(&ahead) {
            if self.suspect == Some(sequence) {
                return false;
            }
            self.suspect = Some(sequence.plus(1));
        }
        true
    }

    fn handle_transit(&mut self, timestamp: RtpTimestamp, arrival: u32) {
        let transit = arrival.wrapping_sub(timestamp.0);
        let last = self.transit.replace((transit, timestamp));
        // All packets of a telephone event have one timestamp: they say nothing of the network.
        if let Some((before, _)) = last.filter(|(_, before)| *before != timestamp) {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A jump of the source's clock is not jitter either.
            if difference < 1 << 24 {
                self.jitter = (self.jitter + difference).saturating_sub((self.jitter + 8) >> 4);
            }
        }
    }

    fn expected(&self) -> u64 {
        u64::from(self.highest.wrapping_sub(self.first)) + 1
    }

    fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }
}
