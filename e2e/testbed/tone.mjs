// Is that tone in this sound: frequency, level, duration, gaps. Goertzel filters over short windows.

const WINDOW = 0.02; // seconds, one packet
const HEARD_DB = -12; // a window this far below the median still counts as sounding

/**
 * Judges a pure tone.
 *
 * `level`: dBFS of the tone where it sounds (0 = full-scale sine); `purity`: its share of all power there;
 * `duration`: seconds in which it sounds; `frequency`: where the power really is, within 1 Hz;
 * `gaps`: silences between the first and the last sounding window, `{ at, length }` in seconds.
 */
export function judgeTone({ samples, rate }, expected) {
  const size = Math.round(rate * WINDOW);
  const windows = [];
  for (let at = 0; at + size <= samples.length; at += size) {
    const piece = samples.subarray(at, at + size);
    windows.push({ tone: power(piece, rate, expected), all: meanSquare(piece) });
  }
  const strong = windows.filter((w) => w.tone > 1e-6);
  if (strong.length === 0) return { level: -Infinity, purity: 0, duration: 0, frequency: 0, gaps: [] };
  const median = strong.map((w) => w.tone).sort((a, b) => a - b)[strong.length >> 1];
  const threshold = median * 10 ** (HEARD_DB / 10);
  const sounding = windows.map((w) => w.tone >= threshold);
  const first = sounding.indexOf(true);
  const last = sounding.lastIndexOf(true);
  const heard = windows.filter((_, i) => sounding[i]);
  const tone = heard.reduce((sum, w) => sum + w.tone, 0);
  const all = heard.reduce((sum, w) => sum + w.all, 0);
  return {
    level: 10 * Math.log10(2 * median),
    purity: all > 0 ? tone / all : 0,
    duration: heard.length * WINDOW,
    frequency: peak(samples.subarray(first * size, (last + 1) * size), rate, expected),
    gaps: gapsIn(sounding, first, last),
  };
}

/** Mean power of `samples` at `frequency`: amplitude² / 2 for a pure sine. */
export function power(samples, rate, frequency) {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / rate);
  let one = 0;
  let two = 0;
  for (const sample of samples) {
    const zero = sample + coefficient * one - two;
    two = one;
    one = zero;
  }
  const square = one * one + two * two - coefficient * one * two;
  return (2 * square) / (samples.length * samples.length);
}

/** The strongest frequency between 60 Hz and 3400 Hz: a coarse sweep, then a fine one. */
function peak(samples, rate, expected) {
  const second = samples.subarray(0, Math.min(samples.length, rate));
  let best = { frequency: expected, power: power(second.subarray(0, rate >> 2), rate, expected) };
  for (let f = 60; f <= 3400; f += 4) best = stronger(best, second.subarray(0, rate >> 2), rate, f);
  best.power = 0;
  const middle = best.frequency;
  for (let f = middle - 4; f <= middle + 4; f += 0.5) best = stronger(best, second, rate, f);
  return best.frequency;
}

function stronger(best, samples, rate, frequency) {
  const here = power(samples, rate, frequency);
  return here > best.power ? { frequency, power: here } : best;
}

function gapsIn(sounding, first, last) {
  const gaps = [];
  for (let i = first; i <= last; i += 1) {
    if (sounding[i]) continue;
    const start = i;
    while (!sounding[i]) i += 1;
    gaps.push({ at: start * WINDOW, length: (i - start) * WINDOW });
  }
  return gaps;
}

function meanSquare(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum / samples.length;
}

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ['123A', '456B', '789C', '*0#D'];

const KEY_PAUSE = 0.08; // seconds without a key before the same key counts as pressed again

/** The telephone keys heard in a sound, as a string, each at least 40 ms long. */
export function keysHeard({ samples, rate }) {
  const size = Math.round(rate * WINDOW);
  const heard = [];
  let run = { key: '', from: 0, length: 0 };
  for (let at = 0; at + size <= samples.length; at += size) {
    const key = keyIn(samples.subarray(at, at + size), rate);
    run = key === run.key ? { ...run, length: run.length + 1 } : { key, from: at / rate, length: 1 };
    if (!key || run.length < 2) continue;
    const last = heard.at(-1);
    if (last?.key === key && run.from - last.until < KEY_PAUSE) last.until = (at + size) / rate;
    else heard.push({ key, until: (at + size) / rate });
  }
  return heard.map((h) => h.key).join('');
}

function keyIn(samples, rate) {
  const all = meanSquare(samples);
  if (all < 1e-5) return '';
  const row = loudest(samples, rate, ROWS);
  const column = loudest(samples, rate, COLUMNS);
  const pure = (row.power + column.power) / all > 0.6 && row.power / column.power < 10 && column.power / row.power < 10;
  return pure ? KEYS[row.index][column.index] : '';
}

function loudest(samples, rate, frequencies) {
  const powers = frequencies.map((f) => power(samples, rate, f));
  const index = powers.indexOf(Math.max(...powers));
  return { index, power: powers[index] };
}
