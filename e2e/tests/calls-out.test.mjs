// A page calls a phone: every codec over ws and UDP, and every other transport once.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { converse } from '../testbed/conversation.mjs';
import { startStage } from '../testbed/stage.mjs';

const CODECS = ['opus', 'G722', 'PCMU', 'PCMA'];

/** Alice's page calls Bob's phone; both hear each other; the page hangs up. */
async function callOut(stage, { codec, transport = 'udp', secure = false, name }) {
  const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, transport, codecs: [codec], name }));
  const alice = await stage.registered('alice', { secure });

  const call = await alice.call(bob.uri);
  assert.equal(call.created.kind, 'ack', call.created.error);
  await bob.rings();
  await call.state('ringing');
  await bob.accept();
  await call.state('accepted');
  await call.state('established');
  const end = await converse(call, bob, { codec });

  assert.match(end.reason, /^200 /);
  const { states, descriptions, failure } = await call.states();
  assert.equal(failure, undefined);
  assert.equal(descriptions, 1);
  assert.deepEqual(states.filter((s) => s !== 'proceeding'), ['progress', 'ringing', 'accepted', 'established', 'terminated']);
  assert.ok((await call.trickleAnswers()).every((a) => a === 'ack'));
}

describe('a page calls a phone over UDP', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  for (const codec of CODECS) {
    test(`with ${codec}`, () => callOut(stage, { codec, name: `bob-${codec}` }));
  }
  test('with its WebSocket over TLS', () => callOut(stage, { codec: 'PCMU', secure: true, name: 'bob-wss' }));
  test('and then nothing is left', () => stage.nothingLeft());
});

for (const transport of ['tcp', 'tls']) {
  describe(`a page calls a phone over ${transport.toUpperCase()}`, () => {
    let stage;
    before(async () => { stage = await startStage({ transport }); });
    after(() => stage?.abandon());

    test('with opus', () => callOut(stage, { codec: 'opus', transport, name: `bob-${transport}` }));
    test('and then nothing is left', () => stage.nothingLeft());
  });
}
