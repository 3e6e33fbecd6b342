//! A way on virtual time: a tone goes in, and what comes out is measured.

mod networks;
mod quality;

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use super::conceal::clamp;
use super::decode::Decoder;
use super::encode::Encoder;
use super::{Encoded, MAX_PAYLOAD, Transcoder, packet_time, sample_rate};
use crate::codec::AudioCodec;
use crate::relay::AudioFormat;
use crate::rtp::{Header, Pt, RtpTimestamp, SeqNo, Ssrc};

/// What the tests' tones are loud.
const AMPLITUDE: f64 = 8_000.0;
const HERTZ: f64 = 440.0;

fn format(codec: AudioCodec, ptime: u16) -> AudioFormat {
    AudioFormat { codec, ptime }
}

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
fn origin() -> Instant {
    Instant::now()
}

/// A source with its numbers, its encoder and the phase of its tone.
struct Source {
    encoder: Encoder,
    format: AudioFormat,
    header: Header,
    sample: usize,
    hertz: f64,
}

impl Source {
    fn new(format: AudioFormat) -> Self {
        let rate = sample_rate(format.codec);
        Self {
            encoder: Encoder::new(format.codec, rate).expect("a rate of the codec"),
            format,
            header: Header {
                marker: false,
                payload_type: Pt::PCMU,
                // Rolls over early.
                sequence: SeqNo(65_500),
                timestamp: RtpTimestamp(u32::MAX - 50_000),
                ssrc: Ssrc(7),
                payload: 0..0,
            },
            sample: 0,
            hertz: HERTZ,
        }
    }

    /// The next packet. `silence` suppression: time passes, numbers do not.
    fn packet(&mut self) -> (Header, Vec<u8>) {
        let rate = sample_rate(self.format.codec);
        let count = rate as usize * usize::from(packet_time(self.format)) / 1000;
        let pcm: Vec<i16> = (self.sample..self.sample + count)
            .map(|at| {
                let phase = TAU * self.hertz * at as f64 / f64::from(rate);
                clamp((AMPLITUDE * phase.sin()) as i32)
            })
            .collect();
        let mut out = [0; MAX_PAYLOAD];
        let length = self.encoder.encode(&pcm, &mut out);
        let header = self.header.clone();
        self.header.sequence = header.sequence.plus(1);
        self.pass(count);
        (header, out[..length].to_vec())
    }

    /// Time passes in which nothing is sent.
    fn pass(&mut self, samples: usize) {
        let rate = sample_rate(self.format.codec) as usize;
        let units = samples * self.format.codec.clock_rate() as usize / rate;
        self.header.timestamp = self.header.timestamp.plus(units as u32);
        self.sample += samples;
    }
}

/// A transcoder, when packets reach it, and what left it.
struct Way {
    transcoder: Transcoder,
    to: AudioFormat,
    start: Instant,
    now: Instant,
    left: Vec<(Instant, Encoded, Vec<u8>)>,
}

impl Way {
    fn new(from: AudioFormat, to: AudioFormat) -> Self {
        let start = origin();
        Self {
            transcoder: Transcoder::new(from, to).expect("codecs of ours"),
            to,
            start,
            now: start,
            left: Vec::new(),
        }
    }

    /// Sends each packet at its time, and lets `after` pass behind the last one.
    fn run(&mut self, packets: Vec<(Duration, Header, Vec<u8>)>, after: Duration) {
        let mut packets = packets;
        packets.sort_by_key(|packet| packet.0);
        for (at, header, payload) in packets {
            self.pass_until(self.start + at);
            self.transcoder.handle_audio(&header, &payload, self.now);
        }
        self.pass_until(self.now + after);
    }

    fn pass_until(&mut self, until: Instant) {
        while let Some(next) = self.transcoder.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.poll();
        }
        self.now = self.now.max(until);
    }

    fn poll(&mut self) {
        let mut out = [0; MAX_PAYLOAD];
        while let Some(encoded) = self.transcoder.poll_packet(&mut out, self.now) {
            let payload = out[..encoded.length].to_vec();
            self.left.push((self.now, encoded, payload));
        }
    }

    /// What the far end hears, at its codec's rate.
    fn heard(&self) -> Vec<i16> {
        let rate = sample_rate(self.to.codec);
        let mut decoder = Decoder::new(self.to.codec, rate).expect("a rate of the codec");
        let mut heard = Vec::new();
        for (_, _, payload) in &self.left {
            decoder.decode(payload, &mut heard).expect("we made it");
        }
        heard
    }

    /// No number is missing, and time goes on with the packets unless a marker says otherwise.
    fn assert_continuous(&self) {
        let step = u32::from(packet_time(self.to)) * self.to.codec.clock_rate() / 1000;
        for pair in self.left.windows(2) {
            let ((_, before, _), (_, after, _)) = (&pair[0], &pair[1]);
            assert_eq!(after.sequence.since(before.sequence), 1);
            let passed = after.timestamp.since(before.timestamp);
            if after.marker {
                assert!(passed >= i64::from(step), "{passed}");
            } else {
                assert_eq!(passed, i64::from(step));
            }
        }
    }
}

/// One packet each packet time.
fn regular(source: &mut Source, count: u64) -> Vec<(Duration, Header, Vec<u8>)> {
    let frame = u64::from(packet_time(source.format));
    (0..count)
        .map(|at| {
            let (header, payload) = source.packet();
            (ms(at * frame), header, payload)
        })
        .collect()
}

/// How loud a tone of that frequency is in `pcm`, window by window of 50 ms, and how much of the
/// energy is something else. Both in the middle of the worst of the windows but `spared`.
fn tone(pcm: &[i16], rate: u32, hertz: f64, spared: usize) -> (f64, f64) {
    let window = rate as usize / 20;
    let mut shares: Vec<(f64, f64)> = pcm
        .chunks_exact(window)
        .map(|chunk| {
            let (mut sine, mut cosine, mut energy) = (0.0, 0.0, 1.0);
            for (at, sample) in chunk.iter().enumerate() {
                let phase = TAU * hertz * at as f64 / f64::from(rate);
                let sample = f64::from(*sample);
                sine += sample * phase.sin();
                cosine += sample * phase.cos();
                energy += sample * sample;
            }
            let length = window as f64;
            let amplitude = 2.0 * (sine * sine + cosine * cosine).sqrt() / length;
            let other = 1.0 - amplitude * amplitude * length / 2.0 / energy;
            (amplitude, other)
        })
        .collect();
    shares.sort_by(|one, other| one.1.total_cmp(&other.1));
    let kept = &shares[..shares.len().saturating_sub(spared)];
    let quietest = kept.iter().map(|(amplitude, _)| *amplitude);
    (
        quietest.fold(f64::MAX, f64::min),
        kept.last().map_or(1.0, |(_, other)| *other),
    )
}
