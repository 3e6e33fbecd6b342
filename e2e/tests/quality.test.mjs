// Why is there no audio? A fault lab: each fault is made, and the verdict is read where people and programs read it:
// in the page's events, in the log, in the metrics.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, before, describe, test } from 'node:test';
import { startCaller } from '../testbed/caller.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { until } from '../testbed/wait.mjs';

const SECONDS = 40; // until a verdict is there, on a busy machine
const RELAY = '127.0.0.2'; // the advertised address; the gateway's own is 127.0.0.1, same port
const ELSEWHERE = '127.0.0.9';
const isDtls = (bytes) => bytes[0] >= 20 && bytes[0] <= 63;

/** What is wrong with each call, and what has to be said of it. */
const FAULTS = [
  { name: 'nothing from the phone', phone: () => {}, verdict: 'nothing', direction: 'to-browser' },
  { name: 'packets from elsewhere', phone: (bob, other) => bob.play(PHONE_HZ, { from: other, change: (p, i) => { p.writeUInt32BE(i + 1, 8); } }), verdict: 'source-mismatch', direction: 'to-browser' },
  { name: 'another payload type', phone: (bob) => bob.play(PHONE_HZ, { change: (p) => { p[1] = 97; } }), verdict: 'codec-mismatch', direction: 'to-browser' },
  { name: 'every fifth packet lost', phone: (bob) => bob.play(PHONE_HZ, { change: (p, i) => i % 5 !== 0 }), verdict: 'lossy', direction: 'to-browser' },
  { name: 'a muted microphone', phone: (bob) => bob.play(PHONE_HZ), page: (call) => call.mute(true), verdict: 'silence', direction: 'to-phone' },
];

describe('why is there no audio', () => {
  let stage;
  let shaper;
  let other;
  let alice;
  const calls = new Map();

  before(async () => {
    stage = await startStage({ gateway: { tables: { 'media.browser': { advertised: RELAY } } } });
    const port = stage.gateway.browserMedia;
    shaper = await startShaper({ listen: { address: RELAY, port }, target: { address: '127.0.0.1', port } });
    other = createSocket('udp4');
    await new Promise((resolve) => other.bind(0, ELSEWHERE, resolve));
    alice = await stage.registered();
  });
  after(async () => {
    await stage?.abandon();
    await shaper?.stop();
    other?.close();
  });

  const answered = async (direction = 'sendrecv') => {
    const bob = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
    const call = await alice.call(bob.uri);
    await bob.answer({ description: bob.description({ lines: [`a=${direction}`] }) });
    await call.state('accepted', 20);
    return { bob, call };
  };
  const ends = async ({ bob, call }) => {
    await bob.hangUp();
    await call.state('terminated');
  };
  const ended = (verdict, direction) => until(
    () => stage.gateway.program.output.includes(`verdict="${verdict}" direction="${direction}"`)
      && new RegExp(`call ended seconds=\\d+ verdict="${verdict}" direction="${direction}"`).test(stage.gateway.program.output),
    { what: `${verdict} in the log` },
  );
  /** The first figures of the page with this verdict. */
  const says = (call, verdict) => until(
    async () => (await alice.events()).find((e) => e.kind === 'quality' && e.session === call.session && e.verdict === verdict),
    { seconds: SECONDS, what: `a verdict of ${verdict}` },
  );

  test('a page that does not know extensions is never told', async () => {
    const good = await answered();
    await good.bob.play(PHONE_HZ);
    await good.call.state('established');
    await good.call.mediaStarts();
    calls.set('good', good);
    assert.ok((await alice.events()).every((e) => e.kind !== 'quality' && e.kind !== 'media-trouble'));
  });

  test('faults are there, all at once', async () => {
    assert.equal((await calls.get('good').call.watch()).kind, 'ack');
    await Promise.all(FAULTS.map(async ({ name, phone, page }) => {
      const made = await answered();
      await made.call.state('established', 20);
      await page?.(made.call);
      await phone(made.bob, other);
      calls.set(name, made);
    }));
  });

  for (const { name, verdict, direction } of FAULTS) {
    test(`${name} is told as ${verdict} ${direction} by itself, and again in the log`, async () => {
      const trouble = await calls.get(name).call.event('media-trouble', { seconds: SECONDS });
      assert.deepEqual([trouble.verdict, trouble.direction], [verdict, direction], JSON.stringify(trouble));
      assert.match(trouble.text, /^[A-Z].*\.$/);
      await ends(calls.get(name));
      await ended(verdict, direction);
    });
  }

  test('a good call is good, with a level and a score both ways, and without trouble', async () => {
    const { call } = calls.get('good');
    const told = await until(
      async () => (await alice.events()).filter((e) => e.kind === 'quality' && e.session === call.session).find((e) => e.verdict === 'good' && e.to_phone.level_dbov && e.to_browser.level_dbov),
      { seconds: SECONDS, what: 'levels both ways' },
    );
    for (const way of [told.to_phone, told.to_browser]) {
      assert.ok(way.packets > 0 && way.loss_percent < 5 && way.srtp_failures === 0, JSON.stringify(told));
      assert.ok(way.level_dbov > -40 && way.level_dbov < 0, JSON.stringify(told));
      assert.ok(way.mos > 3.5 && way.mos <= 4.5, JSON.stringify(told));
    }
    assert.ok((await alice.events()).every((e) => e.kind !== 'media-trouble' || e.session !== call.session));
    await ends(calls.get('good'));
    await ended('good', 'both');
  });

  test('a phone that only sends is a call held, which is no trouble', async () => {
    const held = await answered('sendonly');
    await held.bob.play(PHONE_HZ);
    await held.call.watch();
    const told = await says(held.call, 'held');
    assert.equal(told.direction, 'to-phone');
    await held.call.phone.request('session-quality', { session: held.call.session, interval: 0 });
    await ends(held);
    await ended('held', 'to-phone');
  });

  test('a handshake that does not get through is told', async () => {
    shaper.set({ swallow: isDtls });
    const blocked = await answered();
    const trouble = await blocked.call.event('media-trouble', { seconds: SECONDS });
    assert.equal(trouble.verdict, 'dtls-not-finished');
    shaper.set({ swallow: () => false });
    await ends(blocked);
    await ended('dtls-not-finished', 'both');
  });

  test('a browser whose checks never come is told', async () => {
    const bob = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
    const caller = stage.cast(await startCaller('carol', { url: stage.gateway.url }));
    const session = await caller.call(bob.uri);
    await bob.answer();
    await caller.state(session, 'accepted');
    await caller.connection.expectAck('session-quality', { session });
    const trouble = await caller.connection.event((e) => e.kind === 'media-trouble' && e.session === session, SECONDS);
    assert.equal(trouble.verdict, 'ice-not-validated');
    await bob.hangUp();
    await caller.state(session, 'terminated');
    await ended('ice-not-validated', 'both');
  });

  test('figures of a call that does not exist, or too seldom, are refused', async () => {
    assert.match((await alice.request('session-quality', { session: 'nobody' })).error, /Unknown session/);
    assert.equal((await alice.request('session-quality', { session: 'nobody', interval: 61 })).code, 'invalid-field');
  });

  test('the metrics count calls by their verdict, and name nobody', async () => {
    const response = await fetch(`http://127.0.0.1:${stage.gateway.web}/metrics`, { headers: { connection: 'close' } });
    assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    for (const { verdict, direction } of FAULTS) {
      assert.match(text, new RegExp(`^sylk_calls_ended_total\\{verdict="${verdict}",direction="${direction}"\\} 1$`, 'm'));
    }
    assert.match(text, /^sylk_call_setup_seconds_count [1-9]/m);
    assert.match(text, /^sylk_call_mos_bucket\{direction="to-phone",le="4.5"\} [1-9]/m);
    assert.doesNotMatch(text, /alice|carol|peer-|sylk\.test/);
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
