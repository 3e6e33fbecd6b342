//! RTCP of one leg (RFC 3550 §6): each leg's reports end at the gateway.
//!
//! Counts what a leg received and sent, reads the far end's reports for loss and round trip, and
//! says every few seconds what to report. Feedback on video is in [`feedback`]: an audio relay has
//! nothing to do with it. BYE is ignored: that a call is over is signalling's to say.

pub(crate) mod feedback;
mod read;
mod reception;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_rtcp::packet::Packet;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};

use crate::rtp::{Header, RtpTimestamp, Ssrc, units};
use read::{Report, ReportBlock};
use reception::Reception;

/// Mean time between reports (RFC 3550 §6.2); each is drawn from half to one and a half of it.
const INTERVAL: Duration = Duration::from_secs(5);
/// The first report comes sooner, so that short calls have one too.
const FIRST: Duration = Duration::from_secs(1);
/// A round trip beyond this is a lie or a mistake.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(30);
/// From the NTP to the Unix epoch, in seconds.
const NTP_TO_UNIX: u64 = 2_208_988_800;
/// Most bytes of a canonical name (RFC 3550 §6.5: the length is one byte).
const MAX_CNAME: usize = 255;

/// Joins the monotonic clock with the wall clock, for the NTP timestamps of sender reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NtpClock {
    at: Instant,
    since_unix_epoch: Duration,
}

impl NtpClock {
    /// At `at` the wall clock showed `since_unix_epoch`.
    #[must_use]
    pub(crate) fn new(at: Instant, since_unix_epoch: Duration) -> Self {
        Self {
            at,
            since_unix_epoch,
        }
    }

    /// `now` as 32.32 bit NTP time.
    fn ntp(&self, now: Instant) -> u64 {
        let unix = self.since_unix_epoch + now.saturating_duration_since(self.at);
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        (unix.as_secs().wrapping_add(NTP_TO_UNIX) << 32) | fraction
    }
}

/// The middle 32 bits of an NTP time: seconds and their 65,536th parts.
fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// The counters of a leg, for quality reports and logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LegStatistics {
    /// RTP packets received.
    pub(crate) received: u64,
    /// Packets that never came, as far as sequence numbers tell.
    pub(crate) lost: u64,
    /// Interarrival jitter of what was received (RFC 3550 §6.4.1).
    pub(crate) jitter: Duration,
    /// RTP packets sent.
    pub(crate) sent: u64,
    /// Packets that the far end says it lost, cumulative.
    pub(crate) remote_lost: u64,
    /// The far end's jitter.
    pub(crate) remote_jitter: Duration,
    /// Round trip by the far end's receiver reports.
    pub(crate) round_trip: Option<Duration>,
}

/// The RTCP end of one leg.
#[derive(Debug)]
pub(crate) struct RtcpSession {
    ssrc: Ssrc,
    cname: Bytes,
    clock_rate: u32,
    clock: NtpClock,
    /// Mean time between reports.
    interval: Duration,
    /// Of the intervals.
    random: u64,
    /// `None` before the first packet either way.
    due: Option<Instant>,
    reception: Reception,
    sent: Sent,
    /// The far end's last sender report: whose, its middle NTP bits, and when it came.
    last_report: Option<(Ssrc, u32, Instant)>,
    remote: Remote,
}

/// What was sent so far.
#[derive(Debug, Default)]
struct Sent {
    packets: u64,
    octets: u64,
    /// The newest timestamp, and when.
    last: Option<(RtpTimestamp, Instant)>,
    /// Packets at the last report: without new ones, we are a mere receiver.
    reported: u64,
}

/// What the far end said of what it heard.
#[derive(Debug, Default)]
struct Remote {
    lost: u64,
    jitter: Duration,
    round_trip: Option<Duration>,
}

impl RtcpSession {
    /// An end that sends as `ssrc`, is called `cname`, and whose media counts by `clock_rate` Hz.
    /// `seed` is for the times of the reports.
    #[must_use]
    pub(crate) fn new(
        ssrc: Ssrc,
        cname: String,
        clock_rate: u32,
        clock: NtpClock,
        seed: u64,
    ) -> Self {
        let mut cname = Bytes::from(cname);
        cname.truncate(MAX_CNAME);
        Self {
            ssrc,
            cname,
            clock_rate,
            clock,
            interval: INTERVAL,
            random: seed,
            due: None,
            reception: Reception::default(),
            sent: Sent::default(),
            last_report: None,
            remote: Remote::default(),
        }
    }

    /// The audio's clock rate changed (another codec was planned).
    pub(crate) fn set_clock_rate(&mut self, clock_rate: u32) {
        if self.clock_rate != clock_rate {
            self.clock_rate = clock_rate;
            self.reception.restart_jitter();
        }
    }

    /// Reports come so often from here on, in the mean.
    pub(crate) fn report_every(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// An RTP packet was accepted from the far end.
    pub(crate) fn handle_rtp(&mut self, header: &Header, now: Instant) {
        let since = now.saturating_duration_since(self.clock.at);
        self.reception
            .handle_rtp(header, units(since, self.clock_rate));
        self.due.get_or_insert(now + FIRST);
    }

    /// An RTP packet was sent to the far end.
    pub(crate) fn handle_sent(
        &mut self,
        timestamp: RtpTimestamp,
        payload_length: usize,
        now: Instant,
    ) {
        self.sent.packets += 1;
        self.sent.octets += payload_length as u64;
        // All packets of a telephone event carry the time of its beginning, and one that comes late
        // says nothing of now.
        if self
            .sent
            .last
            .is_none_or(|(last, _)| timestamp.since(last) > 0)
        {
            self.sent.last = Some((timestamp, now));
        }
        self.due.get_or_insert(now + FIRST);
    }

    /// A plain (decrypted) compound packet from the far end. Anything may be in it.
    pub(crate) fn handle_rtcp(&mut self, packet: &[u8], now: Instant) {
        for report in read::reports(packet) {
            match report {
                Report::Sender { ssrc, ntp } if self.reception.may_be_of(ssrc) => {
                    self.last_report = Some((ssrc, middle(ntp), now));
                }
                Report::Block(block) if block.ssrc == self.ssrc => self.handle_block(&block, now),
                Report::Sender { .. } | Report::Block(_) => {}
            }
        }
    }

    fn handle_block(&mut self, block: &ReportBlock, now: Instant) {
        self.remote.lost = u64::from(block.lost);
        let micros = u64::from(block.jitter) * 1_000_000 / u64::from(self.clock_rate.max(1));
        self.remote.jitter = Duration::from_micros(micros);
        // RFC 3550 §6.4.1: the far end answers none of our reports with zero.
        if block.last_report != 0 {
            let since = middle(self.clock.ntp(now)).wrapping_sub(block.last_report);
            let trip = since.wrapping_sub(block.delay);
            let trip = Duration::from_micros(u64::from(trip) * 1_000_000 / 65_536);
            if trip <= LONGEST_ROUND_TRIP {
                self.remote.round_trip = Some(trip);
            }
        }
    }

    /// When the next report is due.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// The compound packet that is due at `now`, if any.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Bytes> {
        self.due.filter(|due| *due <= now)?;
        self.due = Some(now + self.next_interval());
        let packets = [self.report(now), self.description()];
        Some(marshal(&packets))
    }

    /// A farewell to send when the leg ends.
    pub(crate) fn bye(&mut self, now: Instant) -> Bytes {
        let compound = marshal(&[self.report(now), self.description()]);
        // Of one source and without a reason; the crate would add an empty one, and padding.
        let bye = [0x81, 203, 0, 1];
        [&compound[..], &bye, &self.ssrc.0.to_be_bytes()]
            .concat()
            .into()
    }

    /// The RTCP of another stream of the same end.
    pub(crate) fn beside(&self, ssrc: Ssrc, clock_rate: u32, seed: u64) -> Self {
        let cname = String::from_utf8_lossy(&self.cname).into_owned();
        Self::new(ssrc, cname, clock_rate, self.clock, seed)
    }

    /// Feedback as a compound packet: it begins with a report, here an empty one, and our name
    /// (RFC 4585 §3.1).
    pub(crate) fn feedback(&self, feedback: &[u8]) -> Bytes {
        let report = [0x80, 201, 0, 1];
        let description = marshal(&[self.description()]);
        [
            &report,
            &self.ssrc.0.to_be_bytes()[..],
            &description,
            feedback,
        ]
        .concat()
        .into()
    }

    /// What was counted so far.
    #[must_use]
    pub(crate) fn statistics(&self) -> LegStatistics {
        let micros = u64::from(self.reception.jitter()) * 1_000_000;
        LegStatistics {
            received: self.reception.received(),
            lost: self.reception.lost(),
            jitter: Duration::from_micros(micros / u64::from(self.clock_rate.max(1))),
            sent: self.sent.packets,
            remote_lost: self.remote.lost,
            remote_jitter: self.remote.jitter,
            round_trip: self.remote.round_trip,
        }
    }

    /// A sender report when something was sent since the last one, else a receiver report.
    fn report(&mut self, now: Instant) -> Box<dyn Packet> {
        let reports = self.reception_report(now).into_iter().collect();
        let news = self.sent.packets != self.sent.reported;
        self.sent.reported = self.sent.packets;
        match self.sent.last.filter(|_| news) {
            Some((timestamp, at)) => {
                let since = units(now.saturating_duration_since(at), self.clock_rate);
                Box::new(SenderReport {
                    ssrc: self.ssrc.0,
                    ntp_time: self.clock.ntp(now),
                    rtp_time: timestamp.plus(since).0,
                    packet_count: self.sent.packets as u32,
                    octet_count: self.sent.octets as u32,
                    reports,
                    profile_extensions: Bytes::new(),
                })
            }
            None => Box::new(ReceiverReport {
                ssrc: self.ssrc.0,
                reports,
                profile_extensions: Bytes::new(),
            }),
        }
    }

    fn reception_report(&mut self, now: Instant) -> Option<ReceptionReport> {
        let report = self.reception.report()?;
        let heard = self.last_report.filter(|(ssrc, ..)| *ssrc == report.ssrc);
        let (last_sender_report, delay) = heard.map_or((0, 0), |(_, ntp, at)| {
            (ntp, units(now.saturating_duration_since(at), 65_536))
        });
        Some(ReceptionReport {
            ssrc: report.ssrc.0,
            fraction_lost: report.fraction_lost,
            total_lost: report.lost,
            last_sequence_number: report.highest,
            jitter: report.jitter,
            last_sender_report,
            delay,
        })
    }

    fn description(&self) -> Box<dyn Packet> {
        let item = SourceDescriptionItem {
            sdes_type: SdesType::SdesCname,
            text: self.cname.clone(),
        };
        let chunk = SourceDescriptionChunk {
            source: self.ssrc.0,
            items: vec![item],
        };
        Box::new(SourceDescription {
            chunks: vec![chunk],
        })
    }

    /// Half to one and a half of the interval, so that legs do not report in step.
    fn next_interval(&mut self) -> Duration {
        // SplitMix64: nobody is hurt who guesses this.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        self.interval / 2 + self.interval * (mixed >> 48) as u32 / 65_536
    }
}

fn marshal(packets: &[Box<dyn Packet>]) -> Bytes {
    rtc_rtcp::packet::marshal(packets)
        .expect("one report block, a bounded loss and a bounded name always fit")
        .freeze()
}
