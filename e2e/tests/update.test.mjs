// Changes of a call that is up: the page's, the phone's, and both at once.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { hears, hearsNothing } from '../testbed/listening.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startSippServer } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { judgeTone } from '../testbed/tone.mjs';
import { pause, until } from '../testbed/wait.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';

describe('changes of a call', () => {
  let stage;
  // so that a phone's codec is put to the page; what is transcoded instead is in codecs.test.mjs
  before(async () => { stage = await startStage({ gateway: { tables: { media: { transcoding: 'never' } } } }); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  const withBaresip = async (name, options = {}) => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', name, ...options }));
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await call.mediaStarts();
    await hears(call);
    return { alice, bob, call };
  };
  const withScripted = async () => {
    const bob = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await bob.answer();
    await bob.play(PHONE_HZ);
    await call.state('established');
    await call.mediaStarts();
    await hears(call);
    return { alice, bob, call };
  };
  /** Whether the phone is sent sound. */
  const sounds = (bob) => async () => {
    const { packets } = bob;
    await pause(200);
    return bob.packets > packets + 4;
  };
  const isSent = (bob) => until(sounds(bob), { what: 'the page\'s sound at the phone' });
  const isSentNothing = (bob) => until(async () => !(await sounds(bob)()), { what: 'no sound at the phone' });
  const ended = async (call, bob) => {
    await call.hangUp();
    await bob.closed();
    const tone = judgeTone(bob.heard(), MICROPHONE_HZ);
    assert.ok(tone.purity > 0.9, JSON.stringify(tone));
  };

  test('the page holds the call and resumes it by session-hold', async () => {
    const { bob, call } = await withBaresip('bob-held');
    assert.equal((await call.hold(true)).kind, 'ack');
    assert.deepEqual(pick(await call.event('hold'), 'held', 'by'), { held: true, by: 'local' });
    await hearsNothing(call);
    assert.match(bob.program.output, /^a=sendonly/m);
    assert.equal((await call.hold(false)).kind, 'ack');
    assert.deepEqual(pick(await call.event('hold', { index: 1 }), 'held', 'by'), { held: false, by: 'local' });
    await hears(call);
    await ended(call, bob);
  });

  test('a phone that is held is sent nothing until it is resumed', async () => {
    const { bob, call } = await withScripted();
    await isSent(bob);
    await call.hold(true);
    await call.event('hold');
    await isSentNothing(bob);
    await hearsNothing(call);
    await call.hold(false);
    await call.event('hold', { index: 1 });
    await isSent(bob);
    await hears(call);
    await bob.hangUp();
    await call.state('terminated');
  });

  for (const direction of ['sendonly', 'inactive']) {
    test(`the page holds the call by an update to ${direction}`, async () => {
      const { bob, call } = await withBaresip(`bob-${direction}`);
      const held = await call.update({ direction });
      assert.equal(held.event?.state, 'accepted', JSON.stringify(held));
      await hearsNothing(call);
      assert.ok(bob.program.output.includes(`a=${direction}`));
      const resumed = await call.update({ direction: 'sendrecv' });
      assert.equal(resumed.event?.state, 'accepted', JSON.stringify(resumed));
      await hears(call);
      await ended(call, bob);
    });
  }

  test('a phone\'s hold is told to pages that know extensions, and to no others', async () => {
    for (const knowing of [true, false]) {
      const { alice, bob, call } = await withBaresip(`bob-holds-${knowing}`);
      if (knowing) await alice.request('session-ring', { session: call.session });
      await bob.hold();
      await hearsNothing(call);
      if (knowing) assert.deepEqual(pick(await call.event('hold'), 'held', 'by'), { held: true, by: 'remote' });
      await bob.resume();
      await hears(call);
      if (knowing) assert.deepEqual(pick(await call.event('hold', { index: 1 }), 'held', 'by'), { held: false, by: 'remote' });
      else assert.ok((await alice.events()).every((e) => e.kind !== 'hold'));
      await ended(call, bob);
      await stage.clear();
    }
  });

  test('ICE restarts in mid-call and the sound goes on', async () => {
    const { bob, call } = await withBaresip('bob-ice');
    const before = await call.path();
    for (let round = 0; round < 2; round += 1) {
      const restarted = await call.update({ iceRestart: true });
      assert.equal(restarted.event?.state, 'accepted', JSON.stringify(restarted));
      await until(async () => (await call.path()).pair !== before.pair, { what: 'another pair of candidates' });
      await hears(call);
    }
    assert.equal((await call.path()).dtls, 'connected');
    assert.equal(bob.program.output.match(/^INVITE sip:/gm).length, 1, 'the phone hears nothing of it');
    await ended(call, bob);
  });

  test('another microphone and an offer that changes nothing are agreed to', async () => {
    const { bob, call } = await withBaresip('bob-same');
    const same = await call.update({ replaceTrack: true });
    assert.equal(same.event?.state, 'accepted', JSON.stringify(same));
    await hears(call);
    await ended(call, bob);
  });

  test('video that the page adds is refused and the sound stays', async () => {
    const { bob, call } = await withBaresip('bob-video');
    const added = await call.update({ video: true });
    assert.equal(added.event?.state, 'accepted', JSON.stringify(added));
    assert.match(added.offer, /^m=video [1-9]/m);
    assert.match(added.event.sdp, /^m=video 0 /m);
    assert.equal(added.signalling, 'stable');
    await hears(call);
    const held = await call.update({ direction: 'inactive' });
    assert.equal(held.event?.state, 'accepted', JSON.stringify(held));
    await hearsNothing(call);
    await call.update({ direction: 'sendrecv' });
    await hears(call);
    await ended(call, bob);
  });

  test('a page that gives up the codec has the phone change it', async () => {
    const { bob, call } = await withBaresip('bob-codec', { codecs: ['PCMU', 'PCMA'] });
    assert.equal((await call.counters()).codec, 'audio/PCMU');
    const changed = await call.update({ codecs: ['audio/PCMA', 'audio/telephone-event'] });
    assert.equal(changed.event?.state, 'accepted', JSON.stringify(changed));
    await until(async () => (await call.counters()).codec === 'audio/PCMA', { what: 'PCMA' });
    await hears(call);
    await ended(call, bob);
  });

  test('an update that a SIPp phone refuses with 488 leaves the call as it was', async () => {
    const phone = stage.cast(await startSippServer('uas-refuses-change'));
    const alice = await stage.registered();
    const call = await alice.call(`${phone.uri}@${DOMAIN}`);
    await call.state('established');
    const refused = await call.update({ direction: 'sendonly' });
    assert.equal(refused.event?.state, 'failed', JSON.stringify(refused));
    assert.equal(refused.event.reason, '488 Not Acceptable Here');
    assert.equal((await call.hold(true)).kind, 'ack');
    assert.deepEqual(pick(await call.event('hold'), 'held', 'by'), { held: false, by: 'local' });
    assert.equal((await call.update({ iceRestart: true })).event?.state, 'accepted');
    await call.hangUp();
    await call.state('terminated');
    await phone.done();
  });

  test('a change is refused while another waits, and nonsense always', async () => {
    const { alice, bob, call } = await withScripted();
    bob.midCall.policy = '100 Trying';
    const waiting = call.hold(true);
    assert.equal((await waiting).kind, 'ack');
    const second = await alice.request('session-update', { session: call.session, sdp: 'v=0' });
    assert.equal(second.error, `Invalid state for updating session ${call.session}: local-updating`);
    await until(() => bob.midCall.offers.length, { what: 're-INVITE' });
    bob.midCall.policy = 'agree';
    bob.midCall.asked(bob.midCall.offers[0]);
    await call.event('hold');
    const nonsense = await alice.request('session-update', { session: call.session, sdp: 'v=0' });
    assert.match(nonsense.error, /^Unusable SDP: /);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('both sides change the call at once and both come through', async () => {
    const { bob, call } = await withScripted();
    for (const direction of ['sendonly', 'sendrecv']) {
      const [mine, theirs] = await Promise.all([call.update({ direction }), bob.midCall.offer()]);
      assert.equal(mine.event?.state, 'accepted', JSON.stringify(mine));
      assert.equal(theirs.status, 200);
    }
    await hears(call);
    await isSent(bob);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('a phone that adds video and another codec is answered without the page', async () => {
    const { alice, bob, call } = await withScripted();
    const video = await bob.midCall.offer({ lines: ['a=sendrecv', `m=video ${bob.port + 3} RTP/AVP 96`, 'a=rtpmap:96 VP8/90000'] });
    assert.equal(video.status, 200);
    assert.match(video.body, /^m=video 0 /m);
    await hears(call);
    await isSent(bob);
    assert.ok((await alice.events()).every((e) => e.kind !== 'update'));
    await bob.hangUp();
    await call.state('terminated');
  });

  test('a phone that insists on another codec gets it if the page knows how, and 488 if not', async () => {
    const { alice, bob, call } = await withScripted();
    assert.equal((await bob.midCall.offer({ codec: 8 })).status, 488);
    await hears(call);
    // what only clients send that know session-update
    await alice.request('account-fetch-addressbook', { account: alice.account });
    const [changed] = await Promise.all([
      bob.midCall.offer({ codec: 8 }),
      call.event('update').then(async ({ state, sdp }) => {
        assert.equal(state, 'received');
        assert.equal((await call.answerUpdate(sdp)).kind, 'ack');
      }),
    ]);
    assert.equal(changed.status, 200);
    await until(() => bob.payloadType === 8, { what: 'PCMA at the phone' });
    await bob.hangUp();
    await call.state('terminated');
  });

  test('packets of another length that a phone wants are told to a page that takes updates, and come', async () => {
    const { bob, call } = await withScripted();
    assert.equal((await call.update({ replaceTrack: true })).event?.state, 'accepted');
    let length;
    bob.media.on('message', (packet) => { length = packet.length - 12; });
    await until(() => length === 160, { what: 'packets of 20 ms at the phone' });
    const changed = await bob.midCall.offer({ lines: ['a=ptime:40', 'a=sendrecv'] });
    assert.equal(changed.status, 200);
    const { state, sdp } = await call.event('update', { index: 1 });
    assert.equal(state, 'received');
    assert.match(sdp, /^a=ptime:40\r$/m);
    assert.equal((await call.answerUpdate(sdp)).kind, 'ack');
    await until(() => length === 320, { what: 'packets of 40 ms at the phone' });
    await hears(call);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('a page that does not answer a phone\'s change is told so and the call goes on', async () => {
    const { alice, bob, call } = await withScripted();
    await alice.request('account-fetch-addressbook', { account: alice.account });
    const refused = await bob.midCall.offer({ codec: 8 });
    assert.equal(refused.status, 488);
    assert.deepEqual(pick(await call.event('update', { index: 1 }), 'state', 'reason'), { state: 'failed', reason: '408 Request Timeout' });
    await hears(call);
    await bob.hangUp();
    await call.state('terminated');
  });

  test('and then nothing is left', () => stage.nothingLeft());
});

function pick(object, ...names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}
