//! One client's RTP stream: numbers, timestamps and sender reports (RFC 3550 §5.1, §6.4.1).

use std::time::{Duration, Instant};

use media::rtp::{HEADER_LENGTH, Header, Pt, RtpTimestamp, SeqNo, Ssrc};

use super::Speech;
use crate::codec::Codec;
use crate::stamp::Stamp;

/// The packet time of every codec here.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);
/// Between sender reports: Chromium's, for audio.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// The stream.
#[derive(Debug)]
pub(super) struct Source {
    codec: Codec,
    ssrc: Ssrc,
    sequence: SeqNo,
    timestamp: RtpTimestamp,
    packets: u32,
    next_report: Instant,
    speech: Option<Speech>,
}

impl Source {
    pub(super) fn new(
        codec: Codec,
        ssrc: Ssrc,
        start: u32,
        speech: Option<Speech>,
        now: Instant,
    ) -> Self {
        Self {
            codec,
            ssrc,
            sequence: SeqNo(start as u16),
            timestamp: RtpTimestamp(start),
            packets: 0,
            next_report: now + REPORT_INTERVAL,
            speech,
        }
    }

    /// Whether what is sent cannot be known again.
    pub(super) fn speaks(&self) -> bool {
        self.speech.is_some()
    }

    /// Writes the next packet into `packet`.
    pub(super) fn write_packet(&mut self, stamp: &Stamp, packet: &mut Vec<u8>) {
        let header = Header {
            marker: self.packets == 0,
            payload_type: Pt::new(self.codec.payload_type()).unwrap_or(Pt::PCMU),
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload: 0..0,
        };
        packet.clear();
        packet.extend_from_slice(&header.to_bytes());
        let said = self.speech.as_deref().and_then(|speech| {
            // No two calls say the same at the same time.
            let at = self.packets.wrapping_add(self.ssrc.0) as usize;
            speech.get(at % speech.len().max(1))
        });
        match said {
            Some(said) => packet.extend_from_slice(said),
            None => {
                packet.resize(HEADER_LENGTH + self.codec.payload_length(), 0);
                stamp.write(&mut packet[HEADER_LENGTH..]);
            }
        }
        self.sequence = self.sequence.plus(1);
        self.timestamp = self.timestamp.plus(self.codec.timestamp_step());
        self.packets = self.packets.wrapping_add(1);
    }

    /// A sender report with its CNAME, if it is time for one. Its clock starts with ours.
    pub(super) fn report(&mut self, now: Instant, since_start: Duration) -> Option<Vec<u8>> {
        if now < self.next_report {
            return None;
        }
        self.next_report = now + REPORT_INTERVAL;
        let octets = self
            .packets
            .wrapping_mul(self.codec.payload_length() as u32);
        let seconds = since_start.as_secs() as u32;
        let fraction = (u64::from(since_start.subsec_nanos()) << 32) / 1_000_000_000;
        let mut report = vec![0x80, 200, 0, 6];
        for word in [
            self.ssrc.0,
            seconds,
            fraction as u32,
            self.timestamp.0,
            self.packets,
            octets,
        ] {
            report.extend_from_slice(&word.to_be_bytes());
        }
        // Source description: one chunk, CNAME "load", end of list, padded to a word.
        report.extend_from_slice(&[0x81, 202, 0, 3]);
        report.extend_from_slice(&self.ssrc.0.to_be_bytes());
        report.extend_from_slice(b"\x01\x04load\x00\x00");
        Some(report)
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests {
    use super::*;

    #[test]
    fn packets_follow_each_other_without_a_gap() {
        let mut source = Source::new(Codec::Opus, Ssrc(9), u32::MAX, None, Instant::now());
        let mut packet = Vec::new();
        let mut headers = Vec::new();
        for number in 0..3 {
            let stamp = Stamp {
                call: 1,
                number,
                sent: Duration::ZERO,
            };
            source.write_packet(&stamp, &mut packet);
            let header = Header::parse(&packet).expect("RTP");
            assert_eq!(Stamp::read(&packet[header.payload.clone()]), Some(stamp));
            headers.push((header.marker, header.sequence.0, header.timestamp.0));
        }
        assert_eq!(
            headers,
            [(true, 65_535, u32::MAX), (false, 0, 959), (false, 1, 1919)]
        );
    }

    #[test]
    fn a_report_is_due_every_five_seconds() {
        let start = Instant::now();
        let mut source = Source::new(Codec::Pcmu, Ssrc(9), 0, None, start);
        assert_eq!(source.report(start, Duration::ZERO), None);
        let later = start + REPORT_INTERVAL;
        let report = source.report(later, Duration::from_secs(5)).expect("due");
        let words = |at: usize| usize::from(u16::from_be_bytes([report[at], report[at + 1]]));
        let first = 4 * (words(2) + 1);
        assert_eq!(first + 4 * (words(first + 2) + 1), report.len());
        assert_eq!(source.report(later, Duration::ZERO), None);
    }
}
