// Video over SIP: two pages see each other, a phone is seen, and video comes and goes in mid-call.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { hears } from '../testbed/listening.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { pause, until } from '../testbed/wait.mjs';

const CODECS = [['video/VP8'], ['video/H264', 'packetization-mode=1'], ['video/H264', 'packetization-mode=0'], ['video/VP9', 'profile-id=0'], ['video/AV1', 'profile=0']];
const RELAY = '127.0.0.2'; // the advertised address; the gateway's own is 127.0.0.1, same port

describe('video', () => {
  let stage;
  let shaper;
  before(async () => {
    stage = await startStage({ gateway: { tables: { sip: { srtp: 'optional', srtp_without_tls: true }, 'media.browser': { advertised: RELAY } } } });
    const port = stage.gateway.browserMedia;
    shaper = await startShaper({ listen: { address: RELAY, port }, target: { address: '127.0.0.1', port } });
  });
  afterEach(async () => {
    shaper?.set({ loss: 0 });
    await stage?.clear();
  });
  after(async () => {
    await stage?.abandon();
    await shaper?.stop();
  });

  /** Waits for so many more frames. */
  const sees = async (call, frames = 10) => {
    const { decoded } = await call.picture();
    let last;
    await until(async () => {
      last = await call.picture();
      return last.decoded >= decoded + frames;
    }, { seconds: 15, what: 'a picture' }).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last)}`);
    });
    return last;
  };
  const seesNothing = (call) => until(async () => {
    const { decoded } = await call.picture();
    await pause(500);
    return (await call.picture()).decoded === decoded;
  }, { what: 'no more frames' });
  /** Alice calls bob, another page, by SIP. */
  const pages = async (caller = {}, callee = {}) => {
    const [alice, bob] = [await stage.registered('alice'), await stage.registered('bob')];
    const mine = await alice.call('bob@sylk.test', caller);
    const theirs = await bob.incoming();
    assert.equal((await theirs.accept(callee)).kind, 'ack');
    await Promise.all([mine, theirs].map((call) => call.state('established', 15)));
    await Promise.all([mine, theirs].map((call) => call.mediaStarts()));
    return { alice, bob, mine, theirs };
  };
  const ended = async (mine, theirs) => {
    await mine.hangUp();
    await theirs.state('terminated');
  };

  for (const [codec, mode] of CODECS) {
    test(`two pages see each other in ${[codec, mode].filter(Boolean).join(', ')}`, async () => {
      const probe = await stage.connect('carol');
      assert.ok((await probe.page.run('videoCodecs')).includes(codec), `this Chromium does not encode ${codec}`);
      const { mine, theirs } = await pages({ camera: true, codec, mode }, { camera: true });
      for (const call of [mine, theirs]) {
        const seen = await sees(call, 20);
        assert.equal(seen.codec, codec);
        const [parameter, value] = mode?.split('=') ?? [];
        // What is not said is 0, for each of these.
        if (mode) assert.equal(new RegExp(`${parameter}=(\\d+)`).exec(seen.parameters)?.[1] ?? '0', value, JSON.stringify(seen));
        assert.ok(seen.keyframes >= 1, JSON.stringify(seen));
      }
      await ended(mine, theirs);
    });
  }

  test('a picture that was held comes back with a keyframe', async () => {
    const { mine, theirs } = await pages({ camera: true }, { camera: true });
    const before = await sees(theirs);
    await mine.hold(true);
    await mine.event('hold');
    await Promise.all([seesNothing(mine), seesNothing(theirs)]);
    await mine.hold(false);
    await mine.event('hold', { index: 1 });
    const after = await sees(theirs);
    await sees(mine);
    assert.ok(after.keyframes > before.keyframes, `${JSON.stringify(before)} ${JSON.stringify(after)}`);
    assert.ok((await mine.picture()).asked >= 1, 'the keyframe was asked for');
    await ended(mine, theirs);
  });

  test('video is added and taken away in mid-call, by whichever page', async () => {
    const { mine, theirs } = await pages();
    // video is put only to pages that have changed a call themselves
    assert.equal((await theirs.update({})).event?.state, 'accepted');
    const [added] = await Promise.all([
      mine.update({ camera: true }),
      theirs.event('update', { index: 1 }).then(async ({ state, sdp }) => {
        assert.equal(state, 'received');
        assert.match(sdp, /^m=video [1-9]/m);
        assert.equal((await theirs.answerUpdate(sdp, { camera: true })).kind, 'ack');
      }),
    ]);
    assert.equal(added.event?.state, 'accepted', JSON.stringify(added));
    await Promise.all([sees(mine), sees(theirs)]);
    const removed = await mine.update({ noVideo: true });
    assert.equal(removed.event?.state, 'accepted', JSON.stringify(removed));
    assert.match(removed.event.sdp, /^m=video 0 /m);
    await seesNothing(theirs);
    await ended(mine, theirs);
  });

  test('what is lost between page and gateway is asked for again, by each leg for itself', async () => {
    const { mine, theirs } = await pages({ camera: true }, { camera: true });
    await Promise.all([sees(mine), sees(theirs)]);
    shaper.set({ loss: 0.05 });
    await until(async () => (await mine.picture()).missed > 0 && (await mine.picture()).nacks > 0, { seconds: 20, what: 'requests both ways' });
    const [one, two] = await Promise.all([sees(mine, 40), sees(theirs, 40)]);
    assert.ok(one.repeated > 0, JSON.stringify({ one, two }));
    shaper.set({ loss: 0 });
    await ended(mine, theirs);
  });

  test('a phone that asks for less video is sent less', async () => {
    const { mine, theirs } = await pages({ camera: true }, { camera: true });
    await sees(theirs);
    const limited = await mine.update({ bandwidth: 100 });
    assert.equal(limited.event?.state, 'accepted', JSON.stringify(limited));
    await until(async () => (await theirs.picture()).target <= 110_000, { seconds: 15, what: 'less video' });
    await ended(mine, theirs);
  });

  test('a phone adds its video in mid-call and takes it away, and the page is told', async () => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', video: 'VP8', name: 'bob-adds' }));
    const alice = await stage.registered('alice');
    const call = await alice.call(bob.uri);
    await call.state('established');
    assert.equal((await call.update({})).event?.state, 'accepted');
    await bob.video('sendrecv');
    const added = await call.event('update', { index: 1 });
    assert.equal(added.state, 'received');
    assert.match(added.sdp, /^m=video [1-9]/m);
    assert.equal((await call.answerUpdate(added.sdp, { camera: true })).kind, 'ack');
    await sees(call, 20);
    await bob.video('inactive');
    const removed = await call.event('update', { index: 2 });
    assert.equal(removed.state, 'received');
    assert.equal((await call.answerUpdate(removed.sdp)).kind, 'ack');
    await seesNothing(call);
    await hears(call);
    await call.hangUp();
    await bob.closed();
  });

  test('a phone with keys has its video encrypted, and a transfer takes the video along', async () => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', video: 'VP8', encryption: 'srtp', name: 'bob-keys' }));
    const carol = stage.cast(await startBaresip('carol', { proxy: stage.proxy, answer: 'auto', video: 'VP8', name: 'carol-keys' }));
    const alice = await stage.registered('alice');
    const call = await alice.call(bob.uri, { camera: true });
    await call.state('established');
    await sees(call, 20);
    assert.equal(bob.program.output.match(/SRTP is Enabled/g)?.length >= 2, true, 'audio and video');
    const before = await call.picture();
    await bob.transfer(`sip:${carol.uri}`);
    await carol.established();
    await bob.closed();
    const after = await sees(call, 20);
    assert.ok(after.keyframes > before.keyframes, `${JSON.stringify(before)} ${JSON.stringify(after)}`);
    await hears(call);
    await call.hangUp();
    await carol.closed();
  });

  test('a page that takes updates is told that the phone of a transfer has no video', async () => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', video: 'VP8', name: 'bob-leaves' }));
    const carol = stage.cast(await startBaresip('carol', { proxy: stage.proxy, answer: 'auto', name: 'carol-hears' }));
    const alice = await stage.registered('alice');
    const call = await alice.call(bob.uri, { camera: true });
    await call.state('established');
    await sees(call, 20);
    assert.equal((await call.update({ replaceTrack: true })).event?.state, 'accepted');
    await bob.transfer(`sip:${carol.uri}`);
    await carol.established();
    const { state, sdp } = await call.event('update', { index: 1 });
    assert.equal(state, 'received');
    assert.match(sdp, /^m=video 0 /m);
    assert.equal((await call.answerUpdate(sdp)).kind, 'ack');
    await hears(call);
    await call.hangUp();
    await carol.closed();
  });

  test('a phone without feedback asks for keyframes by INFO and is asked by INFO', async () => {
    // The testbed's own phone: no real one at hand can be told to do without feedback.
    const bob = stage.cast(await startScriptedPhone({ proxy: stage.proxy, info: true }));
    const video = createSocket('udp4');
    await new Promise((resolve) => video.bind(0, '127.0.0.1', resolve));
    let packets = 0;
    video.on('message', (packet) => { packets += packet.length > 12 ? 1 : 0; });
    const alice = await stage.registered('alice');
    const call = await alice.call(bob.uri, { camera: true });
    await bob.answer({ description: bob.description({ lines: ['a=sendrecv', `m=video ${video.address().port} RTP/AVP 96`, 'a=rtpmap:96 VP8/90000'] }) });
    await bob.play(PHONE_HZ);
    await call.state('established');
    await until(() => packets > 10, { what: 'video at the phone' });
    const { asked } = await call.picture();
    const wanted = '<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>';
    // Wishes have their least distance: one that comes too early is not passed on.
    await until(async () => {
      const info = await bob.within('INFO', { type: 'application/media_control+xml', body: wanted });
      assert.equal(info.status, 200);
      return (await call.picture()).asked > asked;
    }, { what: 'the page is asked' });
    // frames that build upon nothing
    const port = Number(/^m=video (\d+)/m.exec(bob.invite.body)[1]);
    const frame = Buffer.from([0x80, 0xe0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0x10, 0x01, 0, 0, 0, 0]);
    const wish = (m) => m.method === 'INFO' && m.body.includes('picture_fast_update');
    for (let index = 0; !bob.heard.some(wish); index += 1) {
      assert.ok(index < 200, 'the phone is asked');
      frame.writeUInt16BE(index, 2);
      frame.writeUInt32BE(index * 3000, 4);
      video.send(frame, port, '127.0.0.1');
      await pause(33);
    }
    await bob.hangUp();
    await call.state('terminated');
    video.close();
  });

  for (const video of ['VP8', 'H264']) {
    test(`a baresip phone with ${video} is seen and sees, called and calling`, async () => {
      const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', video, name: `bob-${video}` }));
      const alice = await stage.registered('alice');
      const call = await alice.call(bob.uri, { camera: true });
      await call.state('established');
      const seen = await sees(call, 20);
      assert.equal(seen.codec, `video/${video}`);
      await until(async () => (await call.picture()).sent > 20, { what: 'frames to the phone' });
      await hears(call);
      await call.hangUp();
      await bob.closed();
      const from = bob.events.length;
      await bob.dial(alice.account);
      const incoming = await alice.incoming();
      assert.match(incoming.incoming.sdp, /^m=video [1-9]/m);
      await incoming.accept({ camera: true });
      await incoming.state('established');
      await sees(incoming, 20);
      await incoming.hangUp();
      await bob.closed({ from });
    });
  }

  test('a phone without video refuses it and the sound is whole', async () => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', name: 'bob-audio' }));
    const alice = await stage.registered('alice');
    const call = await alice.call(bob.uri, { camera: true });
    const { sdp } = await call.state('accepted');
    assert.match(sdp, /^m=video 0 /m);
    await call.state('established');
    await hears(call);
    await call.hangUp();
    await bob.closed();
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
