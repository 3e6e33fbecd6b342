// What a page hears in the middle of a call.
import { PHONE_HZ } from './conversation.mjs';
import { assertTone } from './judge.mjs';
import { watchMachine } from './machine.mjs';
import { power } from './tone.mjs';
import { until } from './wait.mjs';

const level = async (call, hertz) => power((await call.hear(0.3)).samples, 48000, hertz);

/** Waits until the page hears the tone. */
export function hears(call, hertz = PHONE_HZ, { seconds = 10 } = {}) {
  return until(async () => (await level(call, hertz)) > 1e-3, { seconds, what: `the page hears ${hertz} Hz` });
}

/** Waits until the page hears nothing of the tone. */
export function hearsNothing(call, hertz = PHONE_HZ, { seconds = 10 } = {}) {
  return until(async () => (await level(call, hertz)) < 1e-6, { seconds, what: `the page hears no ${hertz} Hz` });
}

/** The page hears the tone for so long, without a gap that no lost packet excuses. */
export async function hearsThroughout(call, hertz, seconds = 2) {
  const machine = watchMachine();
  const before = await call.counters();
  const sound = await call.hear(seconds);
  const lost = (await call.counters()).lost - before.lost;
  return assertTone(sound, hertz, { seconds, lost, machine: machine() });
}
