//! A key as two tones at once (ITU-T Q.23).

use super::Digit;

/// The tones of the rows `1 2 3 A`, `4 5 6 B`, `7 8 9 C`, `* 0 # D`, in Hz.
pub(super) const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
/// And of the columns.
pub(super) const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// The keys, row by row.
const KEYPAD: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];
/// Peaks of -10 dBm0 and -8 dBm0, where full scale is +3.17 dBm0 (ITU-T G.711): the higher tone is
/// the louder one, for lines weaken it more (ITU-T Q.24).
const ROW_PEAK: f64 = 7_165.0;
const COLUMN_PEAK: f64 = 9_020.0;
/// Of its beginning and of its end, in 1/1,000 s: no click.
const RAMP: u32 = 2;

/// The key at a row and a column.
pub(super) fn key_at(row: usize, column: usize) -> Option<Digit> {
    Digit::from_char(*KEYPAD.get(row)?.get(column)?)
}

/// A key being played.
#[derive(Debug)]
pub(super) struct Tone {
    /// In turns per sample.
    steps: [f64; 2],
    at: usize,
    length: usize,
    ramp: usize,
}

impl Tone {
    /// `length` in samples at `rate` Hz.
    pub(super) fn new(digit: Digit, rate: u32, length: usize) -> Self {
        let places = (0..4).flat_map(|row| (0..4).map(move |column| (row, column)));
        let mut places = places.filter(|(row, column)| key_at(*row, *column) == Some(digit));
        let (row, column) = places.next().unwrap_or_default();
        let rate_hz = f64::from(rate);
        Self {
            steps: [ROWS[row] / rate_hz, COLUMNS[column] / rate_hz],
            at: 0,
            length,
            ramp: (rate * RAMP / 1_000) as usize,
        }
    }

    /// Samples that are left.
    pub(super) fn left(&self) -> usize {
        self.length - self.at
    }

    /// Writes up to `count` samples behind `out`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the peaks add up to less than full scale; a tone has few samples"
    )]
    pub(super) fn play(&mut self, count: usize, out: &mut Vec<i16>) {
        for _ in 0..count.min(self.left()) {
            let [row, column] = self.steps.map(|step| {
                let turns = (step * self.at as f64).fract();
                (turns * std::f64::consts::TAU).sin()
            });
            let edge = (self.at + 1).min(self.left()).min(self.ramp);
            let gain = edge as f64 / self.ramp.max(1) as f64;
            out.push(((row * ROW_PEAK + column * COLUMN_PEAK) * gain) as i16);
            self.at += 1;
        }
    }
}
