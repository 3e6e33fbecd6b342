//! What is heard where G.711 or G.722 packets are missing: the last pitch period goes on and
//! fades.
//!
//! After the idea of G.711 Appendix I, without its delay: silence after 60 ms, and a short
//! cross-fade into the audio that follows. Opus conceals for itself.

/// Of the search for the pitch, in 1/10,000 s: 400 Hz to 66 Hz.
const SHORTEST: usize = 25;
const LONGEST: usize = 150;
/// Compared while searching.
const WINDOW: usize = 100;
/// Unchanged for so long, then silent after so long.
const STEADY: usize = 100;
const SILENT: usize = 600;
/// Of the cross-fade back.
const FADE: usize = 50;

/// Remembers what was heard last.
#[derive(Debug)]
pub(super) struct Concealer {
    /// Samples in 1/10,000 s, times ten.
    rate: usize,
    history: Vec<i16>,
    /// Samples of the period that is repeated.
    lag: usize,
    /// Samples made up since something was heard.
    made: usize,
}

impl Concealer {
    pub(super) fn new(rate: u32) -> Self {
        let rate = rate as usize;
        Self {
            rate,
            history: vec![0; samples(rate, LONGEST + WINDOW)],
            lag: samples(rate, LONGEST),
            made: 0,
        }
    }

    /// Joins fresh audio to what was made up before it, and remembers it.
    pub(super) fn heard(&mut self, fresh: &mut [i16]) {
        if self.made > 0 {
            let fade = samples(self.rate, FADE).min(fresh.len());
            for (at, sample) in fresh.iter_mut().take(fade).enumerate() {
                let old = i32::from(self.next());
                let (new, weight, whole) = (i32::from(*sample), at as i32, fade as i32);
                let mixed = (new * weight + old * (whole - weight)) / whole;
                *sample = clamp(mixed);
            }
            self.made = 0;
        }
        let keep = self.history.len();
        let tail = &fresh[fresh.len().saturating_sub(keep)..];
        self.history.drain(..tail.len());
        self.history.extend_from_slice(tail);
    }

    /// Makes up `count` samples.
    pub(super) fn conceal(&mut self, count: usize, out: &mut Vec<i16>) {
        if self.made == 0 {
            self.lag = self.pitch();
        }
        for _ in 0..count {
            let sample = self.next();
            out.push(sample);
        }
    }

    fn next(&mut self) -> i16 {
        let (steady, silent) = (samples(self.rate, STEADY), samples(self.rate, SILENT));
        let at = self.history.len() - self.lag + self.made % self.lag;
        let sample = i32::from(self.history.get(at).copied().unwrap_or_default());
        let left = silent.saturating_sub(self.made).min(silent - steady) as i32;
        self.made = self.made.saturating_add(1);
        clamp(sample * left / (silent - steady) as i32)
    }

    /// The lag at which the last samples resemble those before them most.
    fn pitch(&self) -> usize {
        let (shortest, longest) = (samples(self.rate, SHORTEST), samples(self.rate, LONGEST));
        let start = self.history.len() - samples(self.rate, WINDOW);
        let recent = &self.history[start..];
        let likeness_at = |lag: &usize| likeness(recent, &self.history[start - lag..]);
        let best = (shortest..=longest)
            .map(|lag| (lag, likeness_at(&lag)))
            .max_by(|left, right| left.1.total_cmp(&right.1));
        best.map_or(longest, |(lag, _)| lag)
    }
}

/// How much two stretches resemble each other: 1 alike, 0 not at all, -1 opposite.
pub(super) fn likeness(one: &[i16], other: &[i16]) -> f32 {
    let (mut both, mut first, mut second) = (0.0f32, 1.0f32, 1.0f32);
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        both += a * b;
        first += a * a;
        second += b * b;
    }
    both / (first * second).sqrt()
}

/// So many samples are `time` tenths of a millisecond.
pub(super) fn samples(rate: usize, time: usize) -> usize {
    rate * time / 10_000
}

pub(super) fn clamp(sample: i32) -> i16 {
    sample.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}
