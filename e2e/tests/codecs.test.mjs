// Relayed or transcoded: what a route wants, ends without a common codec, another codec in mid-call.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { PHONE_HZ, converse } from '../testbed/conversation.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { hears } from '../testbed/listening.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

/** Alice's page calls Bob's phone, which takes the call; both hear each other, the page in `codec`. */
async function talk(stage, { phone, codec, name, codecs }) {
  const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, codecs: phone, answer: 'auto', name }));
  const alice = await stage.registered();
  const call = await alice.call(bob.uri, { codecs });
  await call.state('established');
  await converse(call, bob, { codec });
}

describe('codecs as they are by default', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  test('a phone with G.711 alone is relayed', () => talk(stage, { phone: ['PCMU', 'PCMA'], codec: 'PCMU', name: 'bob-g711' }));
  test('a page with Opus alone talks with a phone with G.722 alone', () =>
    talk(stage, { phone: ['G722'], codec: 'opus', codecs: ['audio/opus'], name: 'bob-g722' }));

  test('a phone that wants another codec in mid-call gets it, and the page hears nothing of it but the sound', async () => {
    const bob = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await bob.answer();
    await bob.play(PHONE_HZ);
    await call.state('established');
    await call.mediaStarts();
    await hears(call);
    for (const codec of [8, 0]) {
      assert.equal((await bob.midCall.offer({ codec })).status, 200);
      await until(() => bob.payloadType === codec, { what: `payload type ${codec} at the phone` });
    }
    await hears(call);
    assert.ok((await alice.events()).every((e) => e.kind !== 'update'));
    await bob.hangUp();
    await call.state('terminated');
  });

  test('and then nothing is left', () => stage.nothingLeft());
});

describe('a route that wants Opus in browsers and G.711 at phones', () => {
  let stage;
  before(async () => {
    const route = { name: DOMAIN, codecs: ['PCMU', 'PCMA'], transcoding: 'opus' };
    stage = await startStage({ gateway: { tables: { 'sip.domain': [route] } } });
  });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  test('has them in a call out', () => talk(stage, { phone: ['opus', 'PCMU'], codec: 'opus', name: 'bob-pcmu' }));

  test('has them in a call in', async () => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, codecs: ['PCMA'], name: 'bob-pcma' }));
    const alice = await stage.registered();
    await bob.dial(alice.account);
    const call = await alice.incoming();
    assert.equal((await call.accept()).kind, 'ack');
    await call.state('established');
    await converse(call, bob, { codec: 'opus' });
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
