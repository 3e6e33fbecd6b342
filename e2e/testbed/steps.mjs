// Steps that need each other, in their order, whatever runs beside them. (Node's runner may start the tests of a
// `describe` together when the one around it is concurrent, even with `concurrency: 1`.)
import { test } from 'node:test';

/** A test made of steps: `define` gets `before`, `after` and `test` as in a `describe`. `after` runs in any case. */
export function steps(name, define) {
  test(name, async (t) => {
    const [first, last, inOrder] = [[], [], []];
    define({ before: (f) => first.push(f), after: (f) => last.push(f), test: (title, f) => inOrder.push([title, f]) });
    try {
      for (const f of first) await f();
      for (const [title, f] of inOrder) await t.test(title, f);
    } finally {
      for (const f of last) await f();
    }
  });
}
