// The verdict on a sound: the right tone, loud enough, long enough, without gaps that are ours.
import assert from 'node:assert/strict';
import { judgeTone } from './tone.mjs';

/** The tones are played at -12 dBFS; a codec, a resampler or a jitter buffer may take a little of that. */
const LEVEL_DB = [-18, -6];

/**
 * Fails unless `heard` is `hertz` for nearly `seconds`.
 *
 * A gap is excused only if the counters explain it by the machine: no packet is missing (`lost`), and the processors
 * stalled, or the kernel dropped datagrams, for at least as long (`machine`, see machine.mjs).
 */
export function assertTone(heard, hertz, { seconds, lost = 0, machine = { stalled: 0, dropped: 0 }, levels = LEVEL_DB }) {
  const tone = judgeTone(heard, hertz);
  const facts = `${JSON.stringify({ ...tone, hertz, seconds, lost, machine })}`;
  const gap = tone.gaps.reduce((sum, g) => sum + g.length, 0);
  const excuse = (lost === 0 ? machine.stalled : 0) + machine.dropped * 0.02;
  assert.ok(Math.abs(tone.frequency - hertz) <= 2, `wrong frequency: ${facts}`);
  assert.ok(tone.purity > 0.9, `not a clean tone: ${facts}`);
  assert.ok(tone.level > levels[0] && tone.level < levels[1], `wrong level: ${facts}`);
  assert.ok(gap <= excuse, `gaps the machine does not explain: ${facts}`);
  assert.ok(tone.duration + Math.min(gap, excuse) >= seconds - 0.3, `too short: ${facts}`);
  return tone;
}
