// Waiting for conditions with a deadline. No test sleeps for a fixed time and hopes.

/** Polls `condition` until it returns something truthy and resolves with that. */
export async function until(condition, { seconds = 10, what = condition.toString(), every = 40 } = {}) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const outcome = await condition();
    if (outcome) return outcome;
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(every);
  }
}

/** Lets `milliseconds` of real time pass: for listening to a sound, not for hoping. */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
