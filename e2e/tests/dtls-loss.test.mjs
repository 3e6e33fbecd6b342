// Forty media connections of Chromium where every fifth datagram is lost: all come up within ten seconds each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { startStage } from '../testbed/stage.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { until } from '../testbed/wait.mjs';

const EACH = 10; // handshakes a role
const SECONDS = 10;
const RELAY = '127.0.0.2'; // the advertised address; the gateway's own is 127.0.0.1, same port

describe('DTLS at 20 % loss', () => {
  let stage;
  let shaper;
  let bob;
  let alice;
  const times = [];

  before(async () => {
    stage = await startStage({ gateway: { tables: { 'media.browser': { advertised: RELAY } } } });
    const port = stage.gateway.browserMedia;
    shaper = await startShaper({ listen: { address: RELAY, port }, target: { address: '127.0.0.1', port }, loss: 0.2, seed: 4711 });
    bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto' }));
    alice = await stage.registered();
  });
  after(async () => {
    await stage?.abandon();
    await shaper?.stop();
  });

  /** From the descriptions being exchanged to both ends having keys. */
  const connects = async (call) => {
    const accepted = performance.now();
    await call.state('established', SECONDS);
    times.push(performance.now() - accepted);
    await call.mediaStarts();
  };
  const ends = async (call) => {
    const from = bob.events.length;
    await call.hangUp();
    await call.state('terminated');
    await until(() => bob.events.slice(from).some((e) => e.type === 'CALL_CLOSED'), { what: 'the phone is free again' });
  };

  for (const setup of ['active', 'passive']) {
    test(`${EACH} times a page calls and offers to be ${setup}`, async () => {
      for (let i = 0; i < EACH; i += 1) {
        const call = await alice.call(bob.uri, { setup });
        await call.state('accepted');
        await connects(call);
        await ends(call);
      }
    });

    test(`${EACH} times a page is called and answers ${setup}`, async () => {
      for (let i = 0; i < EACH; i += 1) {
        const index = (await alice.events()).filter((e) => e.kind === 'incoming').length;
        await bob.dial(alice.account);
        const call = await alice.incoming({ index });
        await call.accept({ setup });
        await connects(call);
        await ends(call);
      }
    });
  }

  test('all of them came up in time', (context) => {
    times.sort((a, b) => a - b);
    context.diagnostic(`${times.length} handshakes, median ${Math.round(times[times.length >> 1])} ms, slowest ${Math.round(times.at(-1))} ms; ${JSON.stringify(shaper.counts)}`);
    assert.equal(times.length, 4 * EACH);
    assert.ok(times.at(-1) < SECONDS * 1000);
    assert.ok(shaper.counts.lost / (shaper.counts.lost + shaper.counts.passed) > 0.15);
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
