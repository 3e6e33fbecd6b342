//! When which packet is heard: an adaptive jitter buffer without a delay to be set.
//!
//! Samples are taken out on a clock. What has not come by then is made up; when it comes after
//! all it is played, so the delay has grown by as much as the jitter needed. When it comes after
//! packets behind it were played, it is not, but the delay grows as much. When packets have come
//! so early for some seconds that none of them would have been too late, the delay is taken back
//! bit by bit ([`shorten`]). A source whose clock drifts is the same thing,
//! slowly. What is known to be lost is made up once, from the packet behind it if that holds it
//! (Opus FEC).
//!
//! Gaps in the timestamps alone are silence (DTX, RFC 3551 §4.1) and last as long as they say.

use std::time::{Duration, Instant};

use super::conceal::samples;
use super::decode::Decoder;
use super::jitter::{Arrival, JitterBuffer, Kind};
use super::shorten::{shorten, wanted};
use crate::codec::AudioCodec;
use crate::dtmf::Listener;
use crate::rtp::{Header, RtpTimestamp};

/// More than this waiting, in 1/10,000 s, is thrown away down to the other.
const TOO_MUCH: usize = 4_000;
const ENOUGH: usize = 1_200;
/// More than this always waiting is taken back, down to the other.
const SPARE: usize = 150;
const KEPT: usize = 50;
/// Kept beyond that where losses are repaired by the next packet.
const FOR_REPAIR: usize = 200;
/// A gap longer than this is a jump of the source's clock.
const LONGEST_GAP: usize = 10_000;
/// Who comes later than this makes nobody wait.
const LATEST: usize = 3_000;
/// Made up at once, and not made up at all.
const BLOCK: usize = 100;
const NEGLIGIBLE: usize = 50;
/// How long is looked at how much always waits, and at first.
const WATCH: Duration = Duration::from_secs(4);
const FIRST_WATCH: Duration = Duration::from_secs(1);
/// Losses are expected for so long after one.
const LOSSY: Duration = Duration::from_secs(10);
/// A source is over when nothing has come for so long; silence suppression says 400 ms for Opus.
const OVER: Duration = Duration::from_millis(500);
/// The same while comfort noise is heard.
const OVER_WITH_NOISE: Duration = Duration::from_secs(60);

pub(super) struct Playout {
    rate: usize,
    clock_rate: u32,
    buffer: JitterBuffer,
    decoder: Decoder,
    /// Decoded and not yet taken.
    pcm: Vec<i16>,
    /// The timestamp behind what was decoded last.
    expected: Option<RtpTimestamp>,
    /// Samples made up since.
    ahead: usize,
    noise: Option<Noise>,
    heard: Option<Instant>,
    lost: Option<Instant>,
    /// The least a packet was early since the watch began, and when it is over.
    least: usize,
    watch: Option<Instant>,
    /// To be taken back.
    surplus: usize,
    /// Hears what is decoded, and nothing that is made up.
    listener: Option<Box<Listener>>,
    /// To be waited for.
    owed: usize,
}

impl Playout {
    pub(super) fn new(codec: AudioCodec, rate: u32) -> Option<Self> {
        Some(Self {
            rate: rate as usize,
            clock_rate: codec.clock_rate(),
            buffer: JitterBuffer::default(),
            decoder: Decoder::new(codec, rate)?,
            pcm: Vec::new(),
            expected: None,
            ahead: 0,
            noise: None,
            heard: None,
            lost: None,
            least: usize::MAX,
            watch: None,
            surplus: 0,
            listener: None,
            owed: 0,
        })
    }

    pub(super) fn key_timeout(&self) -> Option<Instant> {
        self.listener.as_ref()?.poll_timeout()
    }

    pub(super) fn listener(&mut self) -> &mut Option<Box<Listener>> {
        &mut self.listener
    }

    /// Whether the packet is of use.
    pub(super) fn handle_audio(&mut self, header: &Header, payload: &[u8], now: Instant) -> bool {
        self.decoder.duration(payload) > 0 && self.handle(Kind::Audio, header, payload, now)
    }

    pub(super) fn handle_comfort_noise(
        &mut self,
        header: &Header,
        payload: &[u8],
        now: Instant,
    ) -> bool {
        self.handle(Kind::Comfort, header, payload, now)
    }

    pub(super) fn handle_other(&mut self, header: &Header) {
        if self.expected.is_some() {
            self.keep(Kind::Other, header, &[]);
        }
    }

    fn handle(&mut self, kind: Kind, header: &Header, payload: &[u8], now: Instant) -> bool {
        let kept = self.keep(kind, header, payload);
        if kept {
            self.heard = Some(now);
        }
        kept
    }

    fn keep(&mut self, kind: Kind, header: &Header, payload: &[u8]) -> bool {
        let earliness = match kind {
            Kind::Audio => self.earliness(header.timestamp),
            Kind::Comfort | Kind::Other => None,
        };
        match self.buffer.insert(kind, header, payload) {
            Arrival::Kept => {
                if let Some(early) = earliness {
                    self.least = self.least.min(usize::try_from(early).unwrap_or(0));
                }
                true
            }
            Arrival::Began => {
                self.expected = None;
                true
            }
            Arrival::Late => {
                let late = earliness.and_then(|early| usize::try_from(-early).ok());
                if let Some(late) = late.filter(|late| *late <= samples(self.rate, LATEST)) {
                    self.owed = self.owed.max(late);
                    self.surplus = 0;
                    self.least = 0;
                }
                false
            }
            Arrival::Dropped => false,
        }
    }

    /// Samples from now until a packet would be heard; negative when that is over.
    fn earliness(&self, timestamp: RtpTimestamp) -> Option<i64> {
        let from_expected = self.to_samples(timestamp.since(self.expected?));
        Some(from_expected - self.ahead as i64 + self.pcm.len() as i64)
    }

    /// Nothing is to be heard any more.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.pcm.clear();
        self.expected = None;
        self.ahead = 0;
        self.noise = None;
        self.watch = None;
        self.surplus = 0;
        self.owed = 0;
    }

    /// Whether nothing is left and nothing is coming.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let patience = match self.noise {
            Some(_) => OVER_WITH_NOISE,
            None => OVER,
        };
        let silent = self
            .heard
            .is_none_or(|heard| now.saturating_duration_since(heard) >= patience);
        silent && self.buffer.front().is_none()
    }

    /// Takes the next `count` samples.
    pub(super) fn play(&mut self, count: usize, out: &mut Vec<i16>, now: Instant) {
        self.throw_away();
        if self.surplus >= samples(self.rate, NEGLIGIBLE) {
            let wanted = count + wanted(self.rate as u32);
            if self.delay() >= wanted {
                self.fill(wanted, now);
                let gone = shorten(&mut self.pcm, self.rate as u32, self.surplus);
                self.surplus -= gone;
            }
        }
        self.fill(count, now);
        let count = count.min(self.pcm.len());
        out.extend(self.pcm.drain(..count));
        self.watch(now);
    }

    /// Samples between what is heard and what is here.
    pub(super) fn delay(&self) -> usize {
        self.pcm.len() + self.waiting()
    }

    fn watch(&mut self, now: Instant) {
        match self.watch {
            Some(until) if now < until => {}
            Some(_) => {
                // Nobody came: nobody was early.
                let least = Some(self.least).filter(|least| *least != usize::MAX);
                let spare = least.unwrap_or(0).saturating_sub(self.for_repair(now));
                self.surplus = if spare > samples(self.rate, SPARE) {
                    spare - samples(self.rate, KEPT)
                } else {
                    0
                };
                self.least = usize::MAX;
                self.watch = Some(now + WATCH);
            }
            None => {
                self.least = usize::MAX;
                self.watch = Some(now + FIRST_WATCH);
            }
        }
    }

    /// Samples that had better wait, so that a loss can be repaired.
    fn for_repair(&self, now: Instant) -> usize {
        let is_lossy = self
            .lost
            .is_some_and(|lost| now.saturating_duration_since(lost) < LOSSY);
        if is_lossy {
            samples(self.rate, FOR_REPAIR)
        } else {
            0
        }
    }

    /// A burst behind a stall: what is old is not heard any more.
    fn throw_away(&mut self) {
        if self.waiting() <= samples(self.rate, TOO_MUCH) {
            return;
        }
        while self.waiting() > samples(self.rate, ENOUGH) {
            self.buffer.drop_oldest();
            self.expected = None;
        }
    }

    /// Samples in packets that are here.
    fn waiting(&self) -> usize {
        let (Some(front), Some(newest)) = (self.buffer.front(), self.buffer.newest()) else {
            return 0;
        };
        let from = self.expected.unwrap_or(front.timestamp);
        let span = self.to_samples(newest.timestamp.since(from));
        let last = self.decoder.duration(&newest.payload) as i64;
        let waiting = span + last - self.ahead as i64;
        let most = self.rate as i64 * 10;
        usize::try_from(waiting.clamp(0, most)).unwrap_or_default()
    }

    fn to_samples(&self, units: i64) -> i64 {
        units * self.rate as i64 / i64::from(self.clock_rate)
    }

    fn fill(&mut self, count: usize, now: Instant) {
        // Each packet that is no audio, and each block made up, is a step.
        for _ in 0..256 {
            if self.pcm.len() >= count {
                return;
            }
            self.step(now);
        }
        self.pcm.resize(count.max(self.pcm.len()), 0);
    }

    /// Decodes a packet or makes something up.
    fn step(&mut self, now: Instant) {
        let block = samples(self.rate, BLOCK);
        if self.owed >= samples(self.rate, NEGLIGIBLE) {
            self.owed = self.owed.saturating_sub(block);
            return self.make_more(block);
        }
        let Some(front) = self.buffer.front() else {
            return self.make_up(block);
        };
        let (kind, timestamp) = (front.kind, front.timestamp);
        if kind == Kind::Other {
            return self.buffer.drop_oldest();
        }
        let gap = self
            .expected
            .map(|expected| self.to_samples(timestamp.since(expected)))
            .and_then(|gap| usize::try_from(gap).ok())
            .filter(|gap| *gap <= samples(self.rate, LONGEST_GAP));
        if let Some(gap) = gap {
            let is_lost = self.buffer.missing() > 0;
            let repairs = is_lost && self.decoder.holds_previous(&front.payload);
            let frame = self.decoder.duration(&front.payload);
            let left = gap.saturating_sub(self.ahead);
            if is_lost && gap > 0 {
                self.lost = Some(now);
            }
            // Where nothing waits, what was made up for it already is followed by the packet
            // itself: from then on one waits, and the next loss is repaired in time.
            let in_time = left >= frame || self.waiting() < self.for_repair(now);
            if repairs && gap >= frame && left <= frame && in_time {
                let payload = &front.payload;
                self.decoder.decode_previous(payload, &mut self.pcm);
                self.expected = Some(timestamp);
                self.ahead = 0;
            } else if left >= samples(self.rate, NEGLIGIBLE) {
                return self.make_up(block);
            }
        } else if self.expected.is_none() && self.watch.is_some() {
            // Another source, or another place in it: faded over to.
            self.expected = Some(timestamp);
            return self.make_up(block);
        }
        self.decode_front(now);
    }

    fn decode_front(&mut self, now: Instant) {
        let Some(packet) = self.buffer.pop() else {
            return;
        };
        self.ahead = 0;
        let count = match packet.kind {
            Kind::Audio => {
                self.noise = None;
                let start = self.pcm.len();
                let decoded = self.decoder.decode(&packet.payload, &mut self.pcm);
                if let Some(listener) = &mut self.listener {
                    listener.hear(self.pcm.get(start..).unwrap_or_default(), now);
                }
                decoded
            }
            Kind::Comfort => {
                self.noise = Some(Noise::new(packet.payload.first().copied()));
                Ok(0)
            }
            Kind::Other => Ok(0),
        };
        // What cannot be decoded leaves a gap.
        if let Ok(count) = count {
            let units = count as u64 * u64::from(self.clock_rate) / self.rate as u64;
            self.expected = Some(packet.timestamp.plus(units as u32));
        } else if self.expected.is_none() {
            self.expected = Some(packet.timestamp);
        }
        self.buffer.recycle(packet.payload);
    }

    fn make_up(&mut self, count: usize) {
        self.make_more(count);
        self.ahead += count;
    }

    /// Made up beside what is to come: everything behind it is heard so much later.
    fn make_more(&mut self, count: usize) {
        if let Some(listener) = &mut self.listener {
            listener.interrupt();
        }
        match &mut self.noise {
            Some(noise) => noise.make(count, &mut self.pcm),
            None => self.decoder.conceal(count, &mut self.pcm),
        }
    }
}

/// Comfort noise: as loud as it was said to be, of no colour (RFC 3389 §3.1).
#[derive(Debug)]
struct Noise {
    amplitude: i32,
    state: u32,
}

impl Noise {
    /// `level`: how far below full scale, in dB.
    fn new(level: Option<u8>) -> Self {
        let level = f32::from(level.unwrap_or(127).clamp(30, 127));
        // Even chances between two bounds have an effective value of 1/sqrt(3) of them.
        let amplitude = 32_767.0 * 1.732 * 10f32.powf(-level / 20.0);
        Self {
            amplitude: amplitude as i32,
            state: 1,
        }
    }

    fn make(&mut self, count: usize, out: &mut Vec<i16>) {
        for _ in 0..count {
            self.state = self
                .state
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            let even = (self.state >> 16) as i32 - 32_768;
            out.push((even * self.amplitude / 32_768) as i16);
        }
    }
}
