// Keys: each phone gets them in the form that it takes, each of its own is told once, and none is lost or doubled at 5 % loss.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { keysHeard } from '../testbed/tone.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { until } from '../testbed/wait.mjs';

const KEYS = '1559#';
const RELAY = '127.0.0.2'; // the advertised address; the gateway's own is 127.0.0.1, same port
const LOSS = 0.05;

/** Alice's page calls a phone, which answers; sound goes both ways. */
async function talk(stage, phone, { extensions = true, codecs } = {}) {
  const peer = stage.cast(await startScriptedPhone({ proxy: stage.proxy, ...phone }));
  const alice = await stage.registered();
  // There is no such session, but who asks knows extensions.
  if (extensions) await alice.request('session-ring', { session: 'none' });
  const call = await alice.call(peer.uri, { codecs });
  await peer.answer();
  await call.state('established');
  await peer.press('');
  await call.mediaStarts();
  const told = async () => (await alice.events()).filter((e) => e.kind === 'dtmf').map((e) => e.digit).join('');
  return { alice, peer, call, told };
}

const equals = async (read, keys, what) => {
  await until(async () => (await read()).length >= keys.length, { what, seconds: 8 }).catch(() => {});
  assert.equal(await read(), keys, what);
};

const infos = (peer) => peer.heard.filter((m) => m.method === 'INFO').map((m) => /^Signal=(.)/.exec(m.body)[1]).join('');

describe('keys', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  test('a phone without telephone events that takes INFO gets both kinds of the page\'s keys by INFO', async () => {
    const { alice, peer, call } = await talk(stage, { events: false, info: true });
    await call.sendKeys(KEYS);
    await equals(() => infos(peer), KEYS, 'keys by INFO');
    assert.equal((await alice.request('session-dtmf-info', { session: call.session, digit: '7' })).kind, 'ack');
    await equals(() => infos(peer), `${KEYS}7`, 'the key of the request');
    assert.equal(peer.line.events(), '');
    await peer.hangUp();
    await call.state('terminated');
  });

  test('a phone that takes neither hears them as tones', async () => {
    const { alice, peer, call } = await talk(stage, { events: false });
    await call.sendKeys(KEYS);
    await equals(() => keysHeard(peer.line.sound()), KEYS, 'tones');
    assert.equal((await alice.request('session-dtmf-info', { session: call.session, digit: '7' })).kind, 'ack');
    await equals(() => keysHeard(peer.line.sound()), `${KEYS}7`, 'the key of the request');
    assert.equal(infos(peer) + peer.line.events(), '');
    await peer.hangUp();
    await call.state('terminated');
  });

  for (const [what, phone, by] of [
    ['telephone events', {}, ['events']],
    ['INFO', { events: false }, ['info']],
    ['telephone events and INFO', {}, ['events', 'info']],
    ['tones', { events: false }, ['tones']],
    ['tones and INFO', { events: false }, ['tones', 'info']],
  ]) {
    test(`keys that the phone sends as ${what} are heard in the page, and told to it once`, async () => {
      const { peer, call, told } = await talk(stage, phone);
      const listening = call.hear(3);
      await peer.press(KEYS, { by });
      await equals(told, KEYS, 'keys told');
      assert.equal(keysHeard(await listening), KEYS);
      await peer.hangUp();
      await call.state('terminated');
    });
  }

  test('a stock page is told nothing', async () => {
    const { alice, peer, call } = await talk(stage, {}, { extensions: false });
    const listening = call.hear(3);
    await peer.press(KEYS, { by: ['events'] });
    assert.equal(keysHeard(await listening), KEYS, 'it hears them');
    await peer.hangUp();
    await call.state('terminated');
    assert.ok((await alice.events()).every((e) => e.kind !== 'dtmf'));
  });

  test('and then nothing is left', () => stage.nothingLeft());
});

describe('keys at 5 % loss', () => {
  const MANY = '112233445566778899**00##';
  let stage;
  let shaper;
  before(async () => {
    stage = await startStage({ gateway: { tables: { 'media.browser': { advertised: RELAY } } } });
    const port = stage.gateway.browserMedia;
    shaper = await startShaper({ listen: { address: RELAY, port }, target: { address: '127.0.0.1', port }, loss: LOSS, seed: 4733 });
  });
  afterEach(() => stage?.clear());
  after(async () => {
    await shaper?.stop();
    await stage?.abandon();
  });

  for (const [what, phone, read] of [
    ['telephone events', {}, (peer) => peer.line.events()],
    ['INFO', { events: false, info: true }, infos],
  ]) {
    test(`the page's reach a phone that takes ${what} once each`, async (context) => {
      const { peer, call } = await talk(stage, { ...phone, loss: LOSS });
      await call.sendKeys(MANY);
      await equals(() => read(peer), MANY, 'keys');
      context.diagnostic(`phone ${JSON.stringify(peer.line.lost)}, browser ${JSON.stringify(shaper.counts)}`);
      await peer.hangUp();
      await call.state('terminated');
    });
  }

  for (const [what, phone, by] of [
    ['telephone events', {}, ['events']],
    ['telephone events and INFO', {}, ['events', 'info']],
    ['tones', { events: false }, ['tones']],
  ]) {
    test(`the phone's as ${what} are told once each`, async (context) => {
      const { peer, call, told } = await talk(stage, { ...phone, loss: LOSS });
      await peer.press(MANY, { by });
      await equals(told, MANY, 'keys told');
      context.diagnostic(`phone ${JSON.stringify(peer.line.lost)}, browser ${JSON.stringify(shaper.counts)}`);
      await peer.hangUp();
      await call.state('terminated');
    });
  }

  test('and then nothing is left', () => stage.nothingLeft());
});
