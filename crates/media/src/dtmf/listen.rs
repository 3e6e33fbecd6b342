//! Keys out of sound (ITU-T Q.23, Q.24).
//!
//! Blocks of 12.75 ms, long enough to tell the tones apart and each half over the one before, are
//! looked at for the eight tones by Goertzel's algorithm. A key is what four of six blocks say and
//! none contradicts, so that 40 ms of tone are always one and 20 ms never; it is over when four in
//! a row do not say it. What keeps speech from being keys: both tones are loud, about as loud as
//! each other, much louder than the other six, in tune, and there is hardly anything beside them.
//!
//! Counts by samples: packets that are lost shorten keys and pauses. No block reaches over such a
//! place, where tones jump.

use std::time::{Duration, Instant};

use super::tone::{COLUMNS, ROWS, key_at};
use super::{Digit, Dtmf};
use crate::rtp::SeqNo;

/// Samples of half a block at 8 kHz.
const HALF_BLOCK: u32 = 51;
/// Each tone is at least that loud: -42 dBm0 (ITU-T Q.24 asks for -29 and less), as the square of a
/// peak.
const LEAST: f64 = 180.0 * 180.0;
/// The column's tone may be that much louder than the row's, and the other way round: 8 dB and 6 dB.
const LOUDER_COLUMN: f64 = 6.3;
const LOUDER_ROW: f64 = 4.0;
/// Each is that much louder than the others of its group: 8 dB.
const ABOVE_OTHERS: f64 = 6.3;
/// What both have of all the power there is.
const SHARE: f64 = 0.85;
/// How far off a tone may be: at 1.5 % it has to be taken, at 3.5 % not.
const OUT_OF_TUNE: f64 = 0.025;
/// So many blocks of the last ones make a key.
const HITS: usize = 4;
const LOOKED_AT: usize = 6;
/// So many in a row without it end one.
const MISSES: u8 = 4;
/// No sound for so long ends a key, too.
const ABSENT: Duration = Duration::from_millis(250);

/// Listens to one source.
#[derive(Debug)]
pub(crate) struct Listener {
    rate: u32,
    /// Samples of half a block.
    half: u32,
    tones: [Goertzel; 8],
    power: f64,
    /// Samples since the last half.
    samples: u32,
    /// The half before, unless something is missing between.
    before: Option<Half>,
    /// The packet that comes next.
    next: Option<SeqNo>,
    /// What the last blocks said, the latest first.
    said: [Option<Digit>; LOOKED_AT],
    heard: Heard,
    /// A key that went up, not told yet. Another one takes 60 ms at least.
    up: Option<Dtmf>,
}

#[derive(Debug, Clone, Copy)]
enum Heard {
    Nothing,
    /// A key that is down.
    Down {
        digit: Digit,
        /// Blocks of it.
        blocks: u32,
        /// Blocks in a row without it.
        without: u8,
        /// When there was sound.
        updated: Instant,
    },
}

impl Listener {
    /// Of audio with `rate` samples a second.
    pub(crate) fn new(rate: u32) -> Self {
        let half = HALF_BLOCK * rate / 8_000;
        let goertzel = |hertz| Goertzel::new(hertz / f64::from(rate), half);
        let [a, b, c, d] = ROWS.map(goertzel);
        let [e, f, g, h] = COLUMNS.map(goertzel);
        Self {
            rate,
            half,
            tones: [a, b, c, d, e, f, g, h],
            power: 0.0,
            samples: 0,
            before: None,
            next: None,
            said: [None; LOOKED_AT],
            heard: Heard::Nothing,
            up: None,
        }
    }

    /// The packet whose sound comes now: if it is not the next one, blocks begin anew.
    pub(crate) fn follow(&mut self, sequence: SeqNo) {
        if self.next.replace(sequence.plus(1)) != Some(sequence) {
            self.interrupt();
        }
    }

    /// Something is missing before the next sound.
    pub(crate) fn interrupt(&mut self) {
        self.before = None;
        self.samples = 0;
        self.power = 0.0;
        for tone in &mut self.tones {
            tone.end();
        }
    }

    /// The next sound. Drain [`Self::poll_key`] afterwards.
    pub(crate) fn hear(&mut self, pcm: &[i16], now: Instant) {
        for sample in pcm {
            let sample = f64::from(*sample);
            self.power += sample * sample;
            for tone in &mut self.tones {
                tone.hear(sample);
            }
            self.samples += 1;
            if self.samples == self.half {
                self.samples = 0;
                if let Some(said) = self.end_half() {
                    self.handle_block(said, now);
                }
            }
        }
    }

    /// A key that went up.
    pub(crate) fn poll_key(&mut self) -> Option<Dtmf> {
        self.up.take()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.heard {
            Heard::Nothing => None,
            Heard::Down { updated, .. } => Some(updated + ABSENT),
        }
    }

    /// A key is over when there is no sound any more.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.end();
        }
    }

    /// What the block that ends here says, if one does.
    fn end_half(&mut self) -> Option<Option<Digit>> {
        let half = Half {
            tones: self.tones.each_mut().map(Goertzel::end),
            power: std::mem::take(&mut self.power),
        };
        let before = self.before.replace(half)?;
        Some(self.key_of(before, half))
    }

    fn key_of(&self, before: Half, half: Half) -> Option<Digit> {
        let halves = before.tones.into_iter().zip(half.tones);
        let mut found = [Found::default(); 8];
        for ((found, tone), (first, second)) in found.iter_mut().zip(&self.tones).zip(halves) {
            *found = tone.found(first, second);
        }
        let (rows, columns) = found.split_at(4);
        let (row, by_row) = loudest(rows)?;
        let (column, by_column) = loudest(columns)?;
        // From sums over samples to the squares of peaks; a tone's power is half of that.
        let scale = 1.0 / f64::from(self.half);
        let [row_square, column_square] =
            [by_row, by_column].map(|tone| (tone.peak * scale).powi(2));
        let power = (before.power + half.power) * scale / 2.0;
        let loud = row_square >= LEAST && column_square >= LEAST;
        let alike =
            column_square <= row_square * LOUDER_COLUMN && row_square <= column_square * LOUDER_ROW;
        let alone = (row_square + column_square) / 2.0 >= power * SHARE;
        if loud && alike && alone && by_row.in_tune && by_column.in_tune {
            key_at(row, column)
        } else {
            None
        }
    }

    fn handle_block(&mut self, said: Option<Digit>, now: Instant) {
        self.said.rotate_right(1);
        self.said[0] = said;
        match &mut self.heard {
            Heard::Down {
                digit,
                blocks,
                without,
                updated,
            } => {
                *updated = now;
                if said == Some(*digit) {
                    *blocks = blocks.saturating_add(1 + u32::from(std::mem::take(without)));
                    return;
                }
                *without += 1;
                if *without >= MISSES {
                    self.end();
                    // What made the last key must not make the next one.
                    self.said[usize::from(MISSES)..].fill(None);
                    self.begin(now);
                }
            }
            Heard::Nothing => self.begin(now),
        }
    }

    fn begin(&mut self, now: Instant) {
        let mut keys = self.said.iter().flatten();
        let Some(digit) = keys.next().copied() else {
            return;
        };
        let blocks = self.said.iter().flatten().count();
        if blocks >= HITS && keys.all(|other| *other == digit) {
            self.heard = Heard::Down {
                digit,
                blocks: u32::try_from(blocks).unwrap_or_default(),
                without: 0,
                updated: now,
            };
        }
    }

    fn end(&mut self) {
        match std::mem::replace(&mut self.heard, Heard::Nothing) {
            Heard::Nothing => {}
            Heard::Down { digit, blocks, .. } => {
                let samples = (u64::from(blocks) + 1) * u64::from(self.half);
                let duration = Duration::from_micros(samples * 1_000_000 / u64::from(self.rate));
                self.up = Some(Dtmf { digit, duration });
            }
        }
    }
}

/// What half a block holds of each tone.
#[derive(Debug, Clone, Copy)]
struct Half {
    tones: [Complex; 8],
    power: f64,
}

/// Real and imaginary part.
type Complex = [f64; 2];

/// One tone in a block.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// At the tone's own frequency, squared.
    square: f64,
    /// At the frequency it has.
    peak: f64,
    /// That is near enough.
    in_tune: bool,
}

/// The one tone that is well above the others, and how loud it is.
fn loudest(group: &[Found]) -> Option<(usize, Found)> {
    let all = group.iter().copied().enumerate();
    let (place, most) = all.max_by(|(_, one), (_, other)| one.square.total_cmp(&other.square))?;
    let mut others = group.iter().enumerate();
    let clear = others.all(|(at, other)| at == place || other.square * ABOVE_OTHERS <= most.square);
    clear.then_some((place, most))
}

/// How much of one tone there is.
#[derive(Debug)]
struct Goertzel {
    /// Cosine and sine of a sample's turn.
    turn: Complex,
    /// And of half a block's.
    half_turn: Complex,
    /// The angle between two halves of a tone that is as far off as it may be.
    off: f64,
    last: [f64; 2],
}

impl Goertzel {
    /// `turns` per sample, `half` samples of half a block.
    fn new(turns: f64, half: u32) -> Self {
        let angle = turns * std::f64::consts::TAU;
        let half_angle = angle * f64::from(half);
        Self {
            turn: [angle.cos(), angle.sin()],
            half_turn: [half_angle.cos(), half_angle.sin()],
            off: half_angle * OUT_OF_TUNE,
            last: [0.0; 2],
        }
    }

    fn hear(&mut self, sample: f64) {
        let [one, two] = self.last;
        self.last = [sample + 2.0 * self.turn[0] * one - two, one];
    }

    /// The half is over.
    fn end(&mut self) -> Complex {
        let [one, two] = std::mem::take(&mut self.last);
        [one - self.turn[0] * two, self.turn[1] * two]
    }

    /// What two halves come to. Their angle says how far off the tone is.
    fn found(&self, first: Complex, second: Complex) -> Found {
        let [cosine, sine] = self.half_turn;
        let [re, im] = first;
        let first = [re * cosine - im * sine, re * sine + im * cosine];
        let along = first[0] * second[0] + first[1] * second[1];
        let across = first[0] * second[1] - first[1] * second[0];
        let length = |value: Complex| value[0].hypot(value[1]);
        Found {
            square: length([first[0] + second[0], first[1] + second[1]]).powi(2),
            peak: length(first) + length(second),
            in_tune: across.atan2(along).abs() <= self.off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "a starting point for virtual time"
    )]
    fn a_key_that_is_down_for_days_has_a_duration() {
        let now = Instant::now();
        let mut listener = Listener::new(48_000);
        let digit = Digit::from_char('5').expect("a digit");
        let blocks = u32::MAX - 1;
        listener.heard = Heard::Down {
            digit,
            blocks,
            without: 0,
            updated: now,
        };
        for _ in 0..4 {
            listener.handle_block(Some(digit), now);
        }
        listener.handle_timeout(now + ABSENT);
        let key = listener.poll_key().expect("it is over");
        assert!(key.duration > Duration::from_secs(300 * 24 * 3_600));
    }
}
