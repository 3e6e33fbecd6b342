// Debian's Firefox calls a phone and is called by one; both sides hear each other. Firefox pairs no loopback addresses, so the gateway's side
// towards it is at another one, in a network of this file's own.
import { OWN_ADDRESS } from '../testbed/own-network.mjs'; // first: it starts this file again, inside
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { converse } from '../testbed/conversation.mjs';
import { startFirefox } from '../testbed/firefox.mjs';
import { startStage } from '../testbed/stage.mjs';

const MICROPHONE = [-26, -14]; // dBFS: Firefox's fake one is at -20

describe('Firefox', () => {
  let stage, firefox;
  before(async () => {
    firefox = await startFirefox();
    stage = await startStage({ browser: false, transport: 'tcp', gateway: { origin: firefox.origin, tables: { 'media.browser': { address: OWN_ADDRESS } } } });
    stage.browser = firefox;
  });
  afterEach(() => stage?.clear());
  after(async () => {
    await stage?.abandon();
    if (!stage) await firefox?.stop();
  });

  const parties = async (options) => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, ...options }));
    const alice = await stage.registered();
    return { alice, bob };
  };

  for (const [codec, phone] of [['opus', ['opus']], ['PCMU', ['PCMU']]]) {
    test(`calls a phone with ${codec}`, async () => {
      const { alice, bob } = await parties({ codecs: phone, answer: 'auto', name: `bob-out-${codec}` });
      const call = await alice.call(bob.uri);
      await call.state('established', 20);
      await converse(call, bob, { codec, microphone: MICROPHONE });
    });
  }

  test('is called by a phone', async () => {
    const { alice, bob } = await parties({ codecs: ['PCMU'], name: 'bob-in' });
    await bob.dial(alice.account);
    const call = await alice.incoming();
    assert.equal((await call.accept()).kind, 'ack');
    await call.state('established', 20);
    await converse(call, bob, { codec: 'PCMU', hangUp: 'phone', microphone: MICROPHONE });
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
