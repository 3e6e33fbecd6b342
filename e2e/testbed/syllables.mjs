// Speech that a filter can understand: short tones in an order that hardly repeats itself, at the pace of syllables; and how much of it is
// understood at the far end. Two voices say different things, so that one is never taken for the other.
import { power } from './tone.mjs';
import { generator } from './udp-shaper.mjs';
import { writeWav } from './wav.mjs';

const TONES = [400, 560, 740, 940, 1160, 1400, 1660, 1940]; // apart by more than the width of the filter
const FRAME = 0.01; // seconds: half a packet, and what the filters look at
const VOICED = 16; // frames of a syllable that sound,
const PAUSE = 4; // and of silence behind them: five syllables a second
const SYLLABLES = 50; // then it begins again
const LENGTH = SYLLABLES * (VOICED + PAUSE);
const SILENT = -1;

/** The tone of each frame of what `voice` (a number) says. */
function script(voice) {
  const chance = generator(voice);
  const order = [];
  while (order.length < SYLLABLES) {
    const tone = Math.floor(chance() * TONES.length);
    if (tone !== order.at(-1) && !(order.length === SYLLABLES - 1 && tone === order[0])) order.push(tone);
  }
  return order.flatMap((tone) => [...Array(VOICED).fill(tone), ...Array(PAUSE).fill(SILENT)]);
}

/** Ten seconds of `voice`, to be played in a loop: `{ rate, samples }`. */
export function syllables(voice, { rate = 48000, amplitude = 0.25 } = {}) {
  const size = rate * FRAME;
  const samples = new Float32Array(size * LENGTH);
  const edge = rate * 0.005;
  script(voice).forEach((tone, frame) => {
    if (tone === SILENT) return;
    const [first, whole] = [(frame % (VOICED + PAUSE)) * size, VOICED * size];
    for (let i = 0; i < size; i += 1) {
      const at = first + i;
      const swell = Math.min(1, at / edge, (whole - at) / edge);
      samples[frame * size + i] = amplitude * swell * Math.sin((2 * Math.PI * TONES[tone] * at) / rate);
    }
  });
  return { rate, samples };
}

/** The same as a file, `times` ten seconds long: baresip plays a file once. */
export function writeSyllables(file, voice, { times = 1 } = {}) {
  const { rate, samples } = syllables(voice);
  const once = Buffer.from(Int16Array.from(samples, (s) => Math.round(s * 32767)).buffer);
  writeWav(file, Buffer.concat(Array(times).fill(once)), rate);
  return file;
}

/**
 * How much of what `voice` said is in this sound, in its order. Jitter buffers stretch and shorten: the sound is laid along what was said so
 * that most of it fits, with a price on each frame that is stretched or left out.
 *
 * `frames`: the share of the sounding pieces of 10 ms that are there; `understood`: the share of syllables of which half is there.
 */
export function understand({ samples, rate }, voice) {
  const said = script(voice);
  const size = Math.round(rate * FRAME);
  const heard = Array.from({ length: Math.floor(samples.length / size) }, (_, i) => toneOf(samples.subarray(i * size, (i + 1) * size), rate));
  const path = along(heard, said);
  const there = new Map(); // by position in what was said, counted on through its repetitions
  path.forEach((position, i) => there.set(position, there.get(position) || heard[i] === said[position % LENGTH]));
  let [voiced, right, whole, understood] = [0, 0, 0, 0];
  const [first, last] = [path[0], path.at(-1)];
  for (let start = first - (first % (VOICED + PAUSE)); start <= last; start += VOICED + PAUSE) {
    let [within, good] = [0, 0];
    for (let position = start; position < start + VOICED; position += 1) {
      if (position < first || position > last) continue;
      within += 1;
      good += there.get(position) ? 1 : 0;
    }
    voiced += within;
    right += good;
    if (within < VOICED) continue;
    whole += 1;
    understood += good >= VOICED / 2 ? 1 : 0;
  }
  return { frames: voiced ? right / voiced : 0, understood: whole ? understood / whole : 0, syllables: whole };
}

function toneOf(piece, rate) {
  let all = 0;
  for (const sample of piece) all += (sample * sample) / piece.length;
  if (all < 1e-5) return SILENT;
  const powers = TONES.map((f) => power(piece, rate, f));
  const best = powers.indexOf(Math.max(...powers));
  return powers[best] > all * 0.4 ? best : SILENT;
}

const STEPS = [[1, 0], [0, 0.4], [2, 0.4], [3, 0.8], [4, 1], [6, 1.5], [8, 2], [12, 2.5], [20, 4], [40, 6]]; // frames said while one is heard, and the price

/** For each frame heard, its place in what was said. */
function along(heard, said) {
  if (heard.length === 0) return [0];
  let score = Float64Array.from(said, (tone) => fits(heard[0], tone));
  const steps = [];
  for (const tone of heard.slice(1)) {
    const next = new Float64Array(LENGTH).fill(-Infinity);
    const from = new Uint8Array(LENGTH);
    for (const [step, price] of STEPS) {
      for (let p = 0; p < LENGTH; p += 1) {
        const value = score[p < step ? p - step + LENGTH : p - step] - price;
        if (value > next[p]) { next[p] = value; from[p] = step; }
      }
    }
    for (let p = 0; p < LENGTH; p += 1) next[p] += fits(tone, said[p]);
    steps.push(from);
    score = next;
  }
  let p = score.indexOf(Math.max(...score));
  const back = [p];
  for (const from of steps.reverse()) {
    back.push((p - from[p] + LENGTH) % LENGTH);
    p = back.at(-1);
  }
  back.reverse();
  let turns = 0;
  return back.map((position, i) => {
    if (i > 0 && position < back[i - 1]) turns += LENGTH;
    return position + turns;
  });
}

function fits(tone, said) {
  if (said === SILENT) return tone === SILENT ? 0.2 : 0;
  return tone === said ? 1 : 0;
}
