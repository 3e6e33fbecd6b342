//! What `benches/transcode.rs` measures: one way of a call, on virtual time.

use std::time::{Duration, Instant};

use crate::relay::AudioFormat;
use crate::rtp::{Header, Pt, RtpTimestamp, SeqNo, Ssrc};
use crate::transcode::{MAX_PAYLOAD, Transcoder};

/// Sends `payloads`, one each packet time, through a transcoder, and says what leaves it. Nothing
/// does when there is no codec for a format.
#[must_use]
pub fn transcode(from: AudioFormat, to: AudioFormat, payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let Some(mut transcoder) = Transcoder::new(from, to) else {
        return Vec::new();
    };
    let step = u32::from(from.ptime) * from.codec.clock_rate() / 1000;
    let mut now = origin();
    let mut left = Vec::with_capacity(payloads.len());
    let mut out = [0; MAX_PAYLOAD];
    let mut header = Header {
        marker: false,
        payload_type: Pt::PCMU,
        sequence: SeqNo(0),
        timestamp: RtpTimestamp(0),
        ssrc: Ssrc(1),
        payload: 0..0,
    };
    for payload in payloads {
        transcoder.handle_audio(&header, payload, now);
        header.sequence = header.sequence.plus(1);
        header.timestamp = header.timestamp.plus(step);
        let until = now + Duration::from_millis(u64::from(from.ptime));
        while let Some(due) = transcoder.poll_timeout().filter(|due| *due < until) {
            while let Some(encoded) = transcoder.poll_packet(&mut out, due) {
                left.push(out[..encoded.length].to_vec());
            }
        }
        now = until;
    }
    left
}

#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
fn origin() -> Instant {
    Instant::now()
}
