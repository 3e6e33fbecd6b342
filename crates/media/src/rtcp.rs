//! RTCP of one leg (RFC 3550 §6): each leg's reports end at the gateway.
//!
//! Counts what a leg received and sent, reads the far end's reports for loss and round trip, and
//! says every few seconds what to report. Feedback such as PLI or REMB is ignored: the audio
//! relay has nothing to do with it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::rtp::{Header, RtpTimestamp, Ssrc};

/// Joins the monotonic clock with the wall clock, for the NTP timestamps of sender reports.
#[derive(Debug, Clone, Copy)]
pub struct NtpClock {
    at: Instant,
    since_unix_epoch: Duration,
}

impl NtpClock {
    /// At `at` the wall clock showed `since_unix_epoch`.
    pub fn new(at: Instant, since_unix_epoch: Duration) -> Self {
        Self {
            at,
            since_unix_epoch,
        }
    }
}

/// The counters of a leg, for quality reports and logs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegStatistics {
    /// RTP packets received.
    pub received: u64,
    /// Packets of the current source that never came, by its sequence numbers.
    pub lost: u64,
    /// Interarrival jitter of what was received (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets that the far end says it lost, cumulative.
    pub remote_lost: u64,
    /// The far end's jitter.
    pub remote_jitter: Duration,
    /// Round trip by the far end's receiver reports.
    pub round_trip: Option<Duration>,
}

/// The RTCP end of one leg.
#[derive(Debug)]
pub struct RtcpSession {
    ssrc: Ssrc,
    cname: String,
    clock_rate: u32,
    clock: NtpClock,
}

impl RtcpSession {
    /// An end that sends as `ssrc`, is called `cname`, and whose media counts by `clock_rate` Hz.
    pub fn new(ssrc: Ssrc, cname: String, clock_rate: u32, clock: NtpClock, seed: u64) -> Self {
        let _ = seed;
        Self {
            ssrc,
            cname,
            clock_rate,
            clock,
        }
    }

    /// The audio's clock rate changed (another codec was planned).
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        self.clock_rate = clock_rate;
    }

    /// An RTP packet was accepted from the far end.
    pub fn handle_rtp(&mut self, header: &Header, now: Instant) {
        let _ = (header, now);
    }

    /// An RTP packet was sent to the far end.
    pub fn handle_sent(&mut self, timestamp: RtpTimestamp, payload_length: usize, now: Instant) {
        let _ = (timestamp, payload_length, now);
    }

    /// A plain (decrypted) compound packet from the far end. Anything may be in it.
    pub fn handle_rtcp(&mut self, packet: &[u8], now: Instant) {
        let _ = (packet, now);
    }

    /// When the next report is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The compound packet that is due at `now`, if any.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Bytes> {
        let _ = (
            now,
            self.ssrc,
            &self.cname,
            self.clock.at,
            self.clock.since_unix_epoch,
        );
        None
    }

    /// A farewell (RR, SDES, BYE) to send when the leg ends.
    pub fn bye(&mut self, now: Instant) -> Bytes {
        let _ = now;
        Bytes::new()
    }

    /// What was counted so far.
    pub fn statistics(&self) -> LegStatistics {
        LegStatistics::default()
    }
}
