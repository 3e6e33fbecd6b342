// Music on hold from a file: who is put on hold hears it, and nobody else; under one numbering, and again each other afterwards.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { assertTone } from '../testbed/judge.mjs';
import { watchMachine } from '../testbed/machine.mjs';
import { folder } from '../testbed/run.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { power } from '../testbed/tone.mjs';
import { until } from '../testbed/wait.mjs';
import { writeTone } from '../testbed/wav.mjs';

const MUSIC_HZ = 660;
const [AUDIBLE, SILENT] = [1e-3, 1e-5]; // mean squares
const LAST = 0.5; // seconds that a scripted phone's ear looks back

describe('music on hold', () => {
  let stage;
  before(async () => {
    // shorter than the tests listen, so that it begins anew
    const hold_music = writeTone(join(folder('music'), 'music.wav'), { frequency: MUSIC_HZ, rate: 44100, seconds: 1 });
    stage = await startStage({ gateway: { tables: { media: { hold_music } } } });
  });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  const called = async (peer, answered = () => {}) => {
    const alice = await stage.registered();
    const call = await alice.call(peer.uri);
    await answered();
    await call.state('established');
    await call.mediaStarts();
    await hears(call, PHONE_HZ);
    return call;
  };
  const withScripted = async () => {
    const bob = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
    bob.headers = [];
    bob.media.on('message', (packet) => packet.length && bob.headers.push({ sequence: packet.readUInt16BE(2), timestamp: packet.readUInt32BE(4), ssrc: packet.readUInt32BE(8), at: performance.now() }));
    const call = await called(bob, async () => {
      await bob.answer();
      await bob.play(PHONE_HZ);
    });
    await phoneHears(bob, MICROPHONE_HZ);
    return { bob, call };
  };
  /** The tone, and none of the other two. */
  const only = (samples, rate, hertz) => [MUSIC_HZ, PHONE_HZ, MICROPHONE_HZ].every((f) => {
    const here = power(samples, rate, f);
    return f === hertz ? here > AUDIBLE : here < SILENT;
  });
  const hears = (call, hertz) => until(async () => only((await call.hear(0.5)).samples, 48000, hertz), { what: `${hertz} Hz in the page` });
  const phoneHears = async (bob, hertz) => {
    const { length } = bob.line.heard.pieces;
    await until(() => bob.line.heard.pieces.length > length + LAST * 50, { what: 'packets at the phone' });
    await until(() => {
      const { samples, rate } = bob.line.sound();
      return only(samples.subarray(-LAST * rate), rate, hertz);
    }, { what: `${hertz} Hz at the phone` });
  };
  const isSentNothing = (bob) => until(() => performance.now() - bob.headers.at(-1).at > 400, { what: 'no sound at the phone' });
  /** One stream: nothing is missing, nothing is twice, and its clock keeps to the wall's. */
  const assertOneStream = ({ headers }) => {
    assert.equal(new Set(headers.map((h) => h.ssrc)).size, 1);
    const gaps = headers.slice(1).map((h, i) => (h.sequence - headers[i].sequence) & 0xffff).filter((step) => step !== 1);
    assert.deepEqual(gaps, [], 'sequence numbers go on one by one');
    for (const [i, h] of headers.slice(1).entries()) assert.ok(((h.timestamp - headers[i].timestamp) | 0) > 0, 'timestamps rise');
    const [first, last] = [headers[0], headers.at(-1)];
    const drift = (last.timestamp - first.timestamp) / 8 - (last.at - first.at);
    assert.ok(Math.abs(drift) < 300, `the clock is ${drift} ms off`);
  };

  test('a phone that the page holds hears it, and the page when it is resumed', async (context) => {
    const { bob, call } = await withScripted();
    for (const round of [0, 1]) {
      assert.equal((await call.hold(true)).kind, 'ack');
      await call.event('hold', { index: 2 * round });
      assert.match(bob.midCall.offers.at(-1).body, /^a=sendonly/m);
      await phoneHears(bob, MUSIC_HZ);
      await hears(call, undefined);
      await call.hold(false);
      await call.event('hold', { index: 2 * round + 1 });
      await phoneHears(bob, MICROPHONE_HZ);
      await hears(call, PHONE_HZ);
    }
    assertOneStream(bob);
    context.diagnostic(`${bob.headers.length} packets`);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('a page that a phone holds hears it, and the phone when it resumes', async () => {
    const { bob, call } = await withScripted();
    bob.silence();
    assert.equal((await bob.midCall.offer({ lines: ['a=inactive'] })).status, 200);
    await hears(call, MUSIC_HZ);
    const machine = watchMachine();
    const before = await call.counters();
    const heard = await call.hear(2);
    const lost = (await call.counters()).lost - before.lost;
    assertTone(heard, MUSIC_HZ, { seconds: 2, lost, machine: machine() });
    await isSentNothing(bob);
    assert.equal((await bob.midCall.offer({ lines: ['a=sendrecv'] })).status, 200);
    await bob.play(PHONE_HZ);
    await hears(call, PHONE_HZ);
    await phoneHears(bob, MICROPHONE_HZ);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('a phone that holds and plays itself is heard, and our music when it ceases', async () => {
    const { bob, call } = await withScripted();
    assert.equal((await bob.midCall.offer({ lines: ['a=sendonly'] })).status, 200);
    await isSentNothing(bob);
    await hears(call, PHONE_HZ);
    bob.silence();
    await hears(call, MUSIC_HZ);
    await bob.play(PHONE_HZ);
    await hears(call, PHONE_HZ);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('a page that says sendonly is heard while it sends', async () => {
    const { bob, call } = await withScripted();
    assert.equal((await call.update({ direction: 'sendonly' })).event?.state, 'accepted');
    await phoneHears(bob, MICROPHONE_HZ);
    await call.update({ direction: 'sendonly', silent: true });
    await phoneHears(bob, MUSIC_HZ);
    assertOneStream(bob);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('it is heard in Opus in the page, and reaches the phone', async (context) => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', codecs: ['opus'], name: 'bob-opus' }));
    const call = await called(bob);
    assert.equal((await call.counters()).codec, 'audio/opus');
    const sent = async () => (await call.counters()).sent;
    const marks = [await sent()];
    await bob.hold();
    await hears(call, MUSIC_HZ);
    await bob.resume();
    marks.push(await sent());
    await hears(call, PHONE_HZ);
    marks.push(await sent());
    await call.hold(true);
    await call.event('hold');
    await hears(call, undefined);
    await call.hear(2);
    await call.hangUp();
    await bob.closed();
    // its recording ends with the first re-INVITE, so that the packets have to do
    const { received, lost } = await until(() => bob.packets().received && bob.packets(), { what: 'the phone\'s counters' });
    const ofThePage = marks[0] + marks[2] - marks[1];
    context.diagnostic(JSON.stringify({ received, lost, ofThePage }));
    assert.equal(lost, 0);
    assert.ok(received > ofThePage + 80, `${received} packets at the phone, ${ofThePage} of the page`);
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
