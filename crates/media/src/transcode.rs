//! One way of a call whose ends do not speak alike: audio is decoded, played out, encoded anew.
//!
//! Packets are kept in order ([`jitter`]), decoded directly at the rate of the poorer codec
//! ([`decode`]), joined without a click where packets are missing ([`conceal`], Opus's own
//! concealment and in-band FEC), shortened where too much waits ([`shorten`]), and encoded
//! packet by packet on a clock of our own ([`encode`]). The far end hears one stream without jumps, whatever
//! the source does: losses, another SSRC, silence suppression (RFC 3551 §4.1), a drifting clock.
//!
//! Sans-IO: payloads in, payloads out, `now` is an argument. Not concerned with headers, digits or
//! holds: a [`crate::rewriter::Rewriter`] is.

mod conceal;
mod decode;
mod double;
mod encode;
mod jitter;
mod playout;
mod shorten;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub(crate) use encode::Encoder;
use playout::Playout;

use crate::codec::AudioCodec;
use crate::dtmf::Listener;
use crate::relay::AudioFormat;
use crate::rtp::{Header, RtpTimestamp, SeqNo, units};

/// Bytes an encoded packet takes at most: 60 ms of G.711, or of Opus at its highest rate.
pub(crate) const MAX_PAYLOAD: usize = 480;
/// Between the first packet heard and the first one sent, so that small jitter is no gap.
const PREFILL: Duration = Duration::from_millis(10);
/// Woken later than this, the clock is not made up for: time has passed unheard.
const MAX_BEHIND: Duration = Duration::from_millis(200);
/// Packet times that are encoded; others are brought into this range.
const PTIMES: std::ops::RangeInclusive<u16> = 10..=60;

/// A payload that decoders are not up to, in tests of what becomes of a leg then.
#[cfg(test)]
pub(crate) const DEADLY: &[u8] = b"a payload that ends decoders";

/// An encoded packet, numbered as a source of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// Bytes of payload.
    pub(crate) length: usize,
    /// One more than that of the packet before.
    pub(crate) sequence: SeqNo,
    /// By the clock of the codec sent.
    pub(crate) timestamp: RtpTimestamp,
    /// The first one behind a silence.
    pub(crate) marker: bool,
}

/// One way.
pub(crate) struct Transcoder {
    playout: Playout,
    encoder: Encoder,
    frame: Duration,
    /// Samples of a packet, and clock units it lasts.
    samples: usize,
    rate: u32,
    step: u32,
    clock_rate: u32,
    pcm: Vec<i16>,
    sequence: SeqNo,
    timestamp: RtpTimestamp,
    clock: Clock,
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcoder")
            .field("clock", &self.clock)
            .field("sequence", &self.sequence)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

/// When packets leave.
#[derive(Debug, Clone, Copy)]
enum Clock {
    /// Nothing was ever sent.
    New,
    /// The source is silent; the next packet would have been due then.
    Resting { next: Instant },
    /// The next packet is due.
    Running { next: Instant, marker: bool },
}

impl Transcoder {
    /// `None` when there is no encoder or decoder for a format, which the codecs we have do not
    /// let happen.
    #[must_use]
    pub(crate) fn new(from: AudioFormat, to: AudioFormat) -> Option<Self> {
        let rate = sample_rate(from.codec).min(sample_rate(to.codec));
        let ptime = packet_time(to);
        let frame = Duration::from_millis(u64::from(ptime));
        let clock_rate = to.codec.clock_rate();
        let samples = units(frame, rate) as usize;
        Some(Self {
            playout: Playout::new(from.codec, rate)?,
            encoder: Encoder::new(to.codec, rate)?,
            frame,
            samples,
            rate,
            step: units(frame, clock_rate),
            clock_rate,
            pcm: Vec::with_capacity(samples),
            sequence: SeqNo(0),
            timestamp: RtpTimestamp(0),
            clock: Clock::New,
        })
    }

    /// A packet of the codec received. What comes too late or twice is left out.
    pub(crate) fn handle_audio(&mut self, header: &Header, payload: &[u8], now: Instant) {
        #[cfg(test)]
        assert_ne!(payload, DEADLY, "this decoder has a bug");
        if self.playout.handle_audio(header, payload, now) {
            self.start(now);
        }
    }

    /// A packet of comfort noise (RFC 3389): how loud the silence is until audio comes.
    pub(crate) fn handle_comfort_noise(&mut self, header: &Header, payload: &[u8], now: Instant) {
        if self.playout.handle_comfort_noise(header, payload, now) {
            self.start(now);
        }
    }

    /// A packet of the same stream that is no audio: its number is no loss.
    pub(crate) fn handle_other(&mut self, header: &Header) {
        self.playout.handle_other(header);
    }

    /// The way is closed: what waits is not sent any more.
    pub(crate) fn stop(&mut self) {
        self.playout.clear();
        self.clock = match self.clock {
            Clock::New => Clock::New,
            Clock::Resting { next } | Clock::Running { next, .. } => Clock::Resting { next },
        };
    }

    fn start(&mut self, now: Instant) {
        let next = now + PREFILL;
        match self.clock {
            Clock::New => self.clock = Clock::Running { next, marker: true },
            Clock::Resting { next: due } => {
                let passed = next.saturating_duration_since(due);
                self.timestamp = self.timestamp.plus(units(passed, self.clock_rate));
                self.clock = Clock::Running { next, marker: true };
            }
            Clock::Running { .. } => {}
        }
    }

    /// Begins or ceases to listen for keys in what is heard.
    pub(crate) fn listen(&mut self, listens: bool) {
        let rate = self.rate;
        *self.playout.listener() = listens.then(|| Box::new(Listener::new(rate)));
    }

    /// When a key that is down is over, if there is no more sound.
    pub(crate) fn key_timeout(&self) -> Option<Instant> {
        self.playout.key_timeout()
    }

    /// Who listens.
    pub(crate) fn listener(&mut self) -> Option<&mut Listener> {
        self.playout.listener().as_deref_mut()
    }

    /// When [`Self::poll_packet`] wants to be called next.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.clock {
            Clock::Running { next, .. } => Some(next),
            Clock::New | Clock::Resting { .. } => None,
        }
    }

    /// Writes the payload of a packet that is due to the front of `out`, until none is.
    pub(crate) fn poll_packet(
        &mut self,
        out: &mut [u8; MAX_PAYLOAD],
        now: Instant,
    ) -> Option<Encoded> {
        let Clock::Running {
            mut next,
            mut marker,
        } = self.clock
        else {
            return None;
        };
        if next > now {
            return None;
        }
        let behind = now.duration_since(next);
        if behind > MAX_BEHIND {
            let passed = behind.as_micros() / self.frame.as_micros();
            let passed = u32::try_from(passed).unwrap_or(u32::MAX);
            next = now;
            marker = true;
            self.timestamp = self.timestamp.plus(self.step.wrapping_mul(passed));
        }
        if self.playout.is_over(now) {
            self.playout.clear();
            self.clock = Clock::Resting { next };
            return None;
        }
        self.pcm.clear();
        self.playout.play(self.samples, &mut self.pcm, now);
        let length = self.encoder.encode(&self.pcm, out);
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        self.sequence = sequence.plus(1);
        self.timestamp = timestamp.plus(self.step);
        self.clock = Clock::Running {
            next: next + self.frame,
            marker: false,
        };
        Some(Encoded {
            length,
            sequence,
            timestamp,
            marker,
        })
    }
}

/// The rate in Hz at which a codec's audio is taken, unless the other one is poorer.
pub(crate) fn sample_rate(codec: AudioCodec) -> u32 {
    match codec {
        AudioCodec::Opus => 48_000,
        AudioCodec::G722 => 16_000,
        AudioCodec::Pcmu | AudioCodec::Pcma => 8_000,
    }
}

/// Milliseconds of a packet that can be made: Opus has frames of whole 10 ms, as we use it (RFC
/// 6716 §2.1.4).
pub(crate) fn packet_time(format: AudioFormat) -> u16 {
    let ptime = format.ptime.clamp(*PTIMES.start(), *PTIMES.end());
    match format.codec {
        AudioCodec::Opus => ptime - ptime % 10,
        AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => ptime,
    }
}
