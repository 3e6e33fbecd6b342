//! What `benches/transcode.rs` measures: one way of a call, on virtual time; and something to say.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use audio_codec::Encoder as _;
use audio_codec::pcmu::PcmuEncoder;

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

/// PCMU packets of 20 ms. Syllables: harmonics of a pitch that moves, breath, and a pause now and then.
#[must_use]
pub fn voice(seconds: usize) -> Vec<Vec<u8>> {
    let (mut phase, mut state) = (0.0f64, 1u32);
    let mut sample = |at: usize| {
        let time = at as f64 / 8_000.0;
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let breath = f64::from(state >> 16) / 32_768.0 - 1.0;
        phase += (120.0 + 30.0 * (2.0 * time).sin()) / 8_000.0 * TAU;
        let voiced: f64 = (1..20)
            .map(|k| (phase * f64::from(k)).sin() / f64::from(k))
            .sum();
        let pause = if time as usize % 4 == 3 { 0.002 } else { 1.0 };
        let syllable = (0.5 + 0.5 * (TAU * 3.0 * time).sin()).powi(2) * pause;
        ((voiced * 0.3 + breath * 0.02) * syllable * 9_000.0) as i16
    };
    let mut encoder = PcmuEncoder::new();
    (0..seconds * 50)
        .map(|packet| {
            let pcm: Vec<i16> = (packet * 160..packet * 160 + 160)
                .map(&mut sample)
                .collect();
            let mut payload = vec![0; 160];
            let length = encoder.encode_into(&pcm, &mut payload).unwrap_or_default();
            payload.truncate(length);
            payload
        })
        .collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
fn origin() -> Instant {
    Instant::now()
}
