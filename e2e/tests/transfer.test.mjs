// Calls that change their far end: phones that transfer the page's call, and pages that give it away.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { startLinphone } from '../testbed/linphone.mjs';
import { startSippClient } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { judgeTone } from '../testbed/tone.mjs';
import { pause, until } from '../testbed/wait.mjs';

const BOB_HZ = 880;
const CAROL_HZ = 660;

describe('transfer', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  const baresip = async (user, options = {}) => stage.cast(await startBaresip(user, { proxy: stage.proxy, answer: 'auto', ...options }));
  const linphone = async (user, options = {}) => stage.cast(await startLinphone(user, { proxy: stage.proxy, ...options }));
  /** Listens until the tone is `hertz`: a far end that changes is heard a little later. */
  const hears = (call, hertz) => until(async () => {
    const tone = judgeTone(await call.hear(1), hertz);
    return Math.abs(tone.frequency - hertz) <= 2 && tone.purity > 0.9 && tone.duration > 0.7;
  }, { seconds: 20, what: `the page hears ${hertz} Hz` });
  const heardTone = (phone, hertz) => {
    const tone = judgeTone(phone.heard(), hertz);
    assert.ok(tone.purity > 0.8 && tone.duration > 0.7, JSON.stringify(tone));
  };

  test('a phone transfers the call, and the page hears the new one in the same call', async () => {
    const bob = await baresip('bob', { tone: BOB_HZ, name: 'bob-transfers' });
    const carol = await baresip('carol', { tone: CAROL_HZ, name: 'carol-gets' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await hears(call, BOB_HZ);
    const before = await call.counters();

    await bob.transfer(`sip:${carol.uri}`);
    await carol.established();
    await bob.closed();
    await hears(call, CAROL_HZ);

    // Nothing is told but what was told before; the sound went on without a break in its numbers.
    assert.deepEqual((await call.states()).states.filter((s) => !['ringing', 'proceeding'].includes(s)), ['progress', 'accepted', 'established']);
    assert.ok((await alice.events()).every((e) => e.kind !== 'other' && e.kind !== 'transfer'));
    const counters = await call.counters();
    assert.ok(counters.lost - before.lost < 5, JSON.stringify({ before, counters }));
    await call.hangUp();
    await carol.closed();
    heardTone(carol, MICROPHONE_HZ);
  });

  test('a called page is transferred too', async () => {
    const bob = await baresip('bob', { tone: BOB_HZ, name: 'bob-calls' });
    const carol = await baresip('carol', { tone: CAROL_HZ, name: 'carol-called' });
    const alice = await stage.registered();
    await bob.dial(alice.account);
    const call = await alice.incoming();
    await call.accept();
    await call.state('established');
    await hears(call, BOB_HZ);
    await bob.transfer(`sip:${carol.uri}`);
    await carol.established();
    await hears(call, CAROL_HZ);
    await carol.hangUp();
    assert.match((await call.state('terminated')).reason, /^200 /);
  });

  test('a transfer to nobody leaves the call as it was', async () => {
    const bob = await linphone('bob', { tone: BOB_HZ, name: 'bob-fails' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await hears(call, BOB_HZ);
    await bob.refer(await bob.connected(alice.account), `erin@${DOMAIN}`);
    await stage.proxy.program.says(/SEEN INVITE sip:erin@/);
    await stage.proxy.program.says(/SEEN 200 .* cseq=4\b/);
    await hears(call, BOB_HZ);
    assert.equal((await call.states()).states.at(-1), 'established');
    await call.hangUp();
    await bob.idle();
  });

  test('a page gives its call away, and the two phones talk', async () => {
    const bob = await baresip('bob', { tone: BOB_HZ, name: 'bob-given' });
    const carol = await baresip('carol', { tone: CAROL_HZ, name: 'carol-taking' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await hears(call, BOB_HZ);
    assert.equal((await call.transfer({ uri: carol.uri })).kind, 'ack');
    await call.transferred('trying');
    await carol.established();
    const accepted = await call.transferred('accepted');
    assert.equal(accepted.code, 200);
    assert.equal((await call.state('terminated')).reason, '200 Transferred');
    await pause(1500); // the phones talk
    await carol.hangUp();
    await carol.closed();
    heardTone(carol, BOB_HZ);
  });

  test('a page that gives its call to nobody keeps it', async () => {
    const bob = await baresip('bob', { tone: BOB_HZ, name: 'bob-kept' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await call.transfer({ uri: `dave@${DOMAIN}` });
    const failed = await call.transferred('failed', 40);
    assert.equal(failed.code, 404);
    await hears(call, BOB_HZ);
    await call.hangUp();
    await bob.closed();
  });

  test('a phone asks another one first and then connects it with the page', async () => {
    const carol = await linphone('carol', { tone: BOB_HZ, name: 'carol-asks' });
    const dave = await linphone('dave', { tone: CAROL_HZ, name: 'dave-asked' });
    const alice = await stage.registered();
    const dialled = carol.dial(alice.account);
    const call = await alice.incoming();
    await call.accept();
    const first = await dialled;
    await hears(call, BOB_HZ);
    await carol.hold(first);
    const second = await carol.dial(dave.uri);
    await carol.transfer(first, second);
    await hears(call, CAROL_HZ);
    await carol.idle();
    await call.hangUp();
    await dave.idle();
  });

  test('a phone that takes another one\'s place is heard in the same call', async () => {
    const carol = await linphone('carol', { tone: BOB_HZ, name: 'carol-leaves' });
    const bob = await linphone('bob', { tone: CAROL_HZ, name: 'bob-joins' });
    const alice = await stage.registered();
    const dialled = carol.dial(alice.account);
    const call = await alice.incoming();
    await call.accept();
    const first = await dialled;
    await hears(call, BOB_HZ);
    await carol.hold(first);
    const second = await carol.dial(bob.uri);
    await carol.transfer(second, first);
    await hears(call, CAROL_HZ);
    await carol.idle();
    assert.equal((await alice.events()).filter((e) => e.kind === 'incoming').length, 1);
    await call.hangUp();
    await bob.idle();
  });

  test('a page connects the far ends of its two calls', async () => {
    const bob = await linphone('bob', { tone: BOB_HZ, name: 'bob-connected' });
    const dave = await linphone('dave', { tone: CAROL_HZ, name: 'dave-connected' });
    const alice = await stage.registered();
    const one = await alice.call(bob.uri);
    await one.state('established');
    const two = await alice.call(dave.uri);
    await two.state('established');
    assert.equal((await one.transfer({ replaces: two.session })).kind, 'ack');
    await one.transferred('accepted');
    assert.equal((await one.state('terminated')).reason, '200 Transferred');
    assert.match((await two.state('terminated')).reason, /^200 /);
    await bob.connected(dave.uri);
    assert.equal((await dave.calls()).length, 1);
  });

  test('a request to transfer out of the blue makes nobody call', async () => {
    const alice = await stage.registered();
    const stranger = stage.cast(await startSippClient('uac-refer', { target: `127.0.0.1:${stage.proxy.port}`, user: 'alice' }));
    await stranger.done();
    assert.ok((await alice.events()).every((e) => ['ready', 'ack', 'registration'].includes(e.kind)));
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
