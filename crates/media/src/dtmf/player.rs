//! Keys as sound, for phones that take them in no other form.
//!
//! While one is played, packets of tone leave in place of the audio, and silence for a moment
//! behind it: phones tell two keys apart by their pause (ITU-T Q.24). A key is played when it is
//! up, for only then its length is known. One at a time; others wait.
//!
//! Encoded for itself: a receiver whose codec remembers what was before hears that two encoders
//! take turns, for some milliseconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Dtmf;
use super::tone::Tone;
use crate::relay::AudioFormat;
use crate::rtp::units;
use crate::transcode::{Encoder, MAX_PAYLOAD, packet_time, sample_rate};

/// Shorter ones need not be recognised (ITU-T Q.24: 40 ms); lost packets shorten them.
const SHORTEST: Duration = Duration::from_millis(160);
/// Longer ones say nothing more, and nobody hears the page meanwhile.
const LONGEST: Duration = Duration::from_secs(2);
/// Of silence behind each.
const PAUSE: Duration = Duration::from_millis(100);
/// Keys waiting; more are dropped.
const MAX_WAITING: usize = 128;
/// When the timer came late by more than this, the missed packets are not made up for.
const MAX_LAG: Duration = Duration::from_millis(200);

pub(crate) struct Player {
    encoder: Encoder,
    rate: u32,
    frame: Duration,
    /// The samples of a packet.
    pcm: Vec<i16>,
    waiting: VecDeque<Dtmf>,
    tone: Tone,
    /// Samples of silence that are left behind the tone.
    pause: usize,
    due: Instant,
    begun: bool,
}

/// A packet of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Played {
    /// Bytes of payload.
    pub(crate) length: usize,
    /// The first one behind audio.
    pub(crate) first: bool,
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player")
            .field("tone", &self.tone)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Player {
    /// Plays `first` at once. `None` where there is no encoder, which our codecs do not let happen.
    pub(crate) fn new(to: AudioFormat, first: Dtmf, now: Instant) -> Option<Self> {
        let rate = sample_rate(to.codec);
        let frame = Duration::from_millis(u64::from(packet_time(to)));
        let mut player = Self {
            encoder: Encoder::new(to.codec, rate)?,
            rate,
            frame,
            pcm: Vec::with_capacity(units(frame, rate) as usize),
            waiting: VecDeque::new(),
            tone: Tone::new(first.digit, rate, 0),
            pause: 0,
            due: now,
            begun: false,
        };
        player.begin(first);
        Some(player)
    }

    /// Plays another one when its turn comes.
    pub(crate) fn add(&mut self, dtmf: Dtmf) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(dtmf);
        }
    }

    fn begin(&mut self, Dtmf { digit, duration }: Dtmf) {
        let length = duration.clamp(SHORTEST, LONGEST);
        let samples = |time| units(time, self.rate) as usize;
        let pause = samples(PAUSE);
        self.tone = Tone::new(digit, self.rate, samples(length));
        self.pause = pause;
    }

    /// How long a packet lasts.
    pub(crate) fn frame(&self) -> Duration {
        self.frame
    }

    /// When the next packet is due.
    pub(crate) fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// Whether all has been played.
    pub(crate) fn is_over(&self) -> bool {
        self.tone.left() == 0 && self.pause == 0 && self.waiting.is_empty()
    }

    /// Writes the payload of a packet that is due to the front of `out`, until none is.
    pub(crate) fn poll_packet(
        &mut self,
        out: &mut [u8; MAX_PAYLOAD],
        now: Instant,
    ) -> Option<Played> {
        if self.due > now || self.is_over() {
            return None;
        }
        let samples = units(self.frame, self.rate) as usize;
        self.pcm.clear();
        while self.pcm.len() < samples {
            let rest = samples - self.pcm.len();
            if self.tone.left() > 0 {
                self.tone.play(rest, &mut self.pcm);
            } else if self.pause > 0 {
                let silence = rest.min(self.pause);
                self.pause -= silence;
                self.pcm.resize(self.pcm.len() + silence, 0);
            } else if let Some(next) = self.waiting.pop_front() {
                self.begin(next);
            } else {
                self.pcm.resize(samples, 0);
            }
        }
        let late = now.saturating_duration_since(self.due) > MAX_LAG;
        self.due = if late { now } else { self.due } + self.frame;
        Some(Played {
            length: self.encoder.encode(&self.pcm, out),
            first: !std::mem::replace(&mut self.begun, true),
        })
    }
}
