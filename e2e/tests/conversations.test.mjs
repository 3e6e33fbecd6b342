// What happens in and around calls: several at once, forks, early sound, hold, keys.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { PHONE_HZ, converse } from '../testbed/conversation.mjs';
import { hears, hearsNothing, hearsThroughout } from '../testbed/listening.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { judgeTone, keysHeard } from '../testbed/tone.mjs';
import { pause, until } from '../testbed/wait.mjs';

const KEYS = '1559#';

describe('in and around calls', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  const baresip = async (user, options = {}) => stage.cast(await startBaresip(user, { proxy: stage.proxy, ...options }));

  test('two calls at once stay apart', async () => {
    const bob = await baresip('bob', { answer: 'auto', tone: 880, name: 'bob-two' });
    const carol = await baresip('carol', { answer: 'auto', tone: 660, codecs: ['PCMA'], name: 'carol-two' });
    const alice = await stage.registered();
    const one = await alice.call(bob.uri);
    const two = await alice.call(carol.uri);
    for (const call of [one, two]) {
      await call.state('established');
      await call.mediaStarts();
    }
    await Promise.all([hearsThroughout(one, 880), hearsThroughout(two, 660)]);
    await one.hangUp();
    await bob.closed();
    await hearsThroughout(two, 660, 1);
    await two.hangUp();
    await carol.closed();
    for (const phone of [bob, carol]) {
      const tone = judgeTone(phone.heard(), MICROPHONE_HZ);
      assert.ok(tone.purity > 0.9 && tone.duration > 1.5, JSON.stringify(tone));
    }
  });

  test('a forked call is taken by one phone and leaves the other', async () => {
    const bobs = [await baresip('bob', { name: 'bob-desk', tone: 880 }), await baresip('bob', { name: 'bob-mobile', tone: 660 })];
    const alice = await stage.registered();
    const call = await alice.call(bobs[0].uri);
    await Promise.all(bobs.map((b) => b.rings()));
    await bobs[1].accept();
    await call.state('established');
    await bobs[0].closed();
    await call.mediaStarts();
    await hearsThroughout(call, 660);
    await call.hangUp();
    await bobs[1].closed();
    assert.equal((await call.states()).states.filter((s) => s === 'accepted').length, 1);
  });

  test('a call to two tabs is taken by one and leaves the other without a missed call', async () => {
    const tabs = [await stage.registered(), await stage.registered()];
    const bob = await baresip('bob', { name: 'bob-tabs' });
    await bob.dial(tabs[0].account);
    const calls = await Promise.all(tabs.map((t) => t.incoming()));
    await calls[1].accept();
    await calls[1].state('established');
    await calls[0].state('terminated');
    await converse(calls[1], bob, { codec: 'PCMU' });
    assert.ok((await tabs[0].events()).every((e) => e.kind !== 'missed'));
  });

  for (const [client, knowing] of [['a client that knows early media', true], ['an older client', false]]) {
    test(`early sound and the answer reach ${client}`, async () => {
      const peer = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
      const alice = await stage.registered();
      if (knowing) assert.equal((await alice.request('ping')).kind, 'ack');
      const call = await alice.call(peer.uri);
      await peer.earlyMedia();
      await peer.play(PHONE_HZ);
      const early = await call.state('early-media');
      assert.equal(Boolean(early.sdp), knowing);
      if (knowing) {
        await call.mediaStarts();
        await hearsThroughout(call, PHONE_HZ);
        assert.ok(!(await call.states()).states.includes('accepted'));
      }
      await peer.answer();
      const accepted = await call.state('accepted');
      assert.equal(Boolean(accepted.sdp), !knowing);
      await call.state('established');
      await call.mediaStarts();
      await hearsThroughout(call, PHONE_HZ);
      const { descriptions, states } = await call.states();
      assert.equal(descriptions, 1);
      assert.equal(states.filter((s) => s === 'established').length, 1);
      await until(() => peer.packets > 50, { what: 'the page\'s sound at the phone' });
      await peer.hangUp();
      await call.state('terminated');
    });
  }

  test('a phone holds the call and resumes it', async () => {
    const bob = await baresip('bob', { answer: 'auto', name: 'bob-holds' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await call.mediaStarts();
    await hearsThroughout(call, PHONE_HZ);

    await bob.hold();
    await hearsNothing(call);
    await bob.resume();
    await hears(call);
    await hearsThroughout(call, PHONE_HZ);
    const { states } = await call.states();
    assert.equal(states.at(-1), 'established');
    await call.hangUp();
    await bob.closed();
    const tone = judgeTone(bob.heard(), MICROPHONE_HZ);
    assert.ok(tone.purity > 0.9 && tone.duration > 1.5, JSON.stringify(tone));
  });

  for (const codec of ['opus', 'PCMU']) {
    test(`keys pressed in the page reach the phone as telephone events beside ${codec}`, async () => {
      const bob = await baresip('bob', { answer: 'auto', codecs: [codec], name: `bob-events-${codec}` });
      const alice = await stage.registered();
      const call = await alice.call(bob.uri);
      await call.state('established');
      await call.mediaStarts();
      await call.sendKeys(KEYS);
      await until(() => bob.keysReceived().length >= KEYS.length, { what: `keys, so far ${bob.keysReceived()}` }).catch(() => {});
      assert.equal(bob.keysReceived(), KEYS);
      await call.hangUp();
      await bob.closed();
    });

    test(`keys pressed at the phone are heard in the page beside ${codec}`, async () => {
      const bob = await baresip('bob', { answer: 'auto', codecs: [codec], tone: 0, name: `bob-keys-${codec}` });
      const alice = await stage.registered();
      const call = await alice.call(bob.uri);
      await call.state('established');
      await call.mediaStarts();
      // beside opus, baresip counts durations at 48 kHz although it agreed on 8 kHz: its keys last six times as long
      const released = codec === 'opus' ? 1300 : 200;
      const listening = call.hear((KEYS.length * (300 + released)) / 1000 + 1);
      for (const key of KEYS) {
        await bob.command('sndcode', key);
        await pause(300);
        await bob.command('sndcode', '');
        await pause(released);
      }
      assert.equal(keysHeard(await listening), KEYS);
      await call.hangUp();
      await bob.closed();
    });
  }

  test('keys sent by session-dtmf-info reach the phone as the telephone events that it takes', async () => {
    const bob = await baresip('bob', { answer: 'auto', dtmf: 'info', name: 'bob-info' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await call.mediaStarts();
    for (const digit of KEYS) {
      const answer = await alice.request('session-dtmf-info', { session: call.session, digit });
      assert.equal(answer.kind, 'ack', answer.error);
    }
    await until(() => bob.keysReceived().length >= KEYS.length, { what: 'keys' }).catch(() => {});
    assert.equal(bob.keysReceived(), KEYS);
    assert.doesNotMatch(bob.program.output, /^INFO sip:/m);
    await call.hangUp();
    await bob.closed();
  });

  test('a video offer is answered without video and the sound goes on', async () => {
    const bob = await baresip('bob', { answer: 'auto', name: 'bob-no-video' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri, { video: true });
    const { sdp } = await call.state('accepted');
    assert.match(sdp, /^m=video 0 /m);
    await call.state('established');
    await converse(call, bob, { codec: 'PCMU' });
  });

  test('an offer with all its candidates inside works too', async () => {
    const bob = await baresip('bob', { answer: 'auto', name: 'bob-gathered' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri, { gather: true });
    await call.state('established');
    await converse(call, bob, { codec: 'PCMU' });
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
