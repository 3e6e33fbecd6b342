// A phone calls a page: every codec over ws and UDP, and every other transport once.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { converse } from '../testbed/conversation.mjs';
import { startStage } from '../testbed/stage.mjs';

const CODECS = ['opus', 'G722', 'PCMU', 'PCMA'];

/** Bob's phone calls Alice's page; both hear each other; the phone hangs up. */
async function callIn(stage, { codec, transport = 'udp', secure = false, name }) {
  const alice = await stage.registered('alice', { secure });
  const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, transport, codecs: [codec], name }));

  await bob.dial(alice.account);
  const call = await alice.incoming();
  assert.equal(call.incoming.originator.uri, bob.uri);
  assert.match(call.incoming.sdp, /^a=sendrecv\r?$/m);
  await bob.event((e) => e.type === 'CALL_RINGING');
  const answer = await call.accept();
  assert.equal(answer.kind, 'ack', answer.error);
  await call.state('accepted');
  await call.state('established');
  await bob.established();
  const end = await converse(call, bob, { codec, hangUp: 'phone' });

  assert.match(end.reason, /^200 /);
  const { states, failure } = await call.states();
  assert.equal(failure, undefined);
  assert.deepEqual(states, ['accepted', 'established', 'terminated']);
}

describe('a phone calls a page over UDP', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  for (const codec of CODECS) {
    test(`with ${codec}`, () => callIn(stage, { codec, name: `bob-${codec}` }));
  }
  test('with its WebSocket over TLS', () => callIn(stage, { codec: 'PCMU', secure: true, name: 'bob-wss' }));
  test('and then nothing is left', () => stage.nothingLeft());
});

for (const transport of ['tcp', 'tls']) {
  describe(`a phone calls a page over ${transport.toUpperCase()}`, () => {
    let stage;
    before(async () => { stage = await startStage({ transport }); });
    after(() => stage?.abandon());

    test('with opus', () => callIn(stage, { codec: 'opus', transport, name: `bob-${transport}` }));
    test('and then nothing is left', () => stage.nothingLeft());
  });
}
