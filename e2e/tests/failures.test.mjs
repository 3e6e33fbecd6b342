// Calls that don't come about, and calls that end: what the page and the phone are told.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { startSippServer } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

const RINGING_SECONDS = 6;

describe('calls that fail or end', () => {
  let stage;
  before(async () => { stage = await startStage({ gateway: { tables: { sip: { ringing_seconds: RINGING_SECONDS } } } }); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  const baresip = async (user, options = {}) => stage.cast(await startBaresip(user, { proxy: stage.proxy, ...options }));

  test('a wrong password ends in 904', async () => {
    const alice = await stage.connect('alice');
    const event = await alice.register({ password: 'looking-glass' });
    assert.deepEqual([event.state, event.reason], ['failed', '904 Operation has no matching challenge']);
  });

  test('a call with a wrong password ends in 904', async () => {
    const alice = await stage.connect('alice');
    await alice.add({ password: 'looking-glass' });
    const call = await alice.call(`bob@${DOMAIN}`);
    assert.equal((await call.state('terminated')).reason, '904 Operation has no matching challenge');
  });

  test('an unknown callee is not found', async () => {
    const alice = await stage.registered();
    const call = await alice.call(`nobody@${DOMAIN}`);
    assert.match((await call.state('terminated')).reason, /^404 /);
    assert.equal((await call.states()).states.filter((s) => s === 'terminated').length, 1);
  });

  test('a call needs no registration', async () => {
    const bob = await baresip('bob', { name: 'bob-unregistered' });
    const alice = await stage.connect('alice');
    await alice.add();
    const call = await alice.call(bob.uri);
    await bob.rings();
    await call.hangUp();
    await call.state('terminated');
  });

  for (const [code, phrase, word] of [[486, 'Busy Here', 'busy'], [603, 'Decline', 'declining']]) {
    test(`a ${word} peer is reported as ${code}`, async () => {
      const peer = stage.cast(await startSippServer('uas-final', { status: `${code} ${phrase}`, name: `peer-${code}` }));
      const alice = await stage.registered();
      const call = await alice.call(`${peer.uri}@${DOMAIN}`);
      await call.state('ringing');
      assert.match((await call.state('terminated')).reason, new RegExp(`^${code} `));
      await peer.done();
    });
  }

  test('a phone that rejects is reported', async () => {
    const bob = await baresip('bob', { name: 'bob-rejects' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await bob.rings();
    await bob.hangUp();
    assert.match((await call.state('terminated')).reason, /^(486|603) /);
  });

  test('a page that rejects gives the phone 486', async () => {
    const alice = await stage.registered();
    const bob = await baresip('bob', { name: 'bob-rejected' });
    await bob.dial(alice.account);
    const call = await alice.incoming();
    assert.equal((await call.hangUp()).kind, 'ack');
    assert.match((await call.state('terminated')).reason, /^486 /);
    assert.match((await bob.closed()).param, /486/);
  });

  test('a call nobody answers ends after the ringing time', async () => {
    const bob = await baresip('bob', { name: 'bob-silent' });
    const alice = await stage.registered();
    const started = performance.now();
    const call = await alice.call(bob.uri);
    await bob.rings();
    const { reason } = await call.state('terminated', RINGING_SECONDS + 5);
    assert.match(reason, /^(408|480|487) /);
    assert.ok(performance.now() - started > (RINGING_SECONDS - 1) * 1000);
    await bob.closed();
  });

  test('a page nobody sits at ends the phone\'s call after the ringing time', async () => {
    const alice = await stage.registered();
    const bob = await baresip('bob', { name: 'bob-waits' });
    await bob.dial(alice.account);
    const call = await alice.incoming();
    await call.state('terminated', RINGING_SECONDS + 5);
    assert.match((await bob.closed()).param, /4(08|80|86)/);
    await until(async () => (await alice.events()).some((e) => e.kind === 'missed'), { what: 'missed session' });
  });

  test('a page cancels before it rings', async () => {
    const peer = stage.cast(await startSippServer('uas-cancelled', { status: '100 Trying', name: 'peer-trying' }));
    const alice = await stage.registered();
    const call = await alice.call(`${peer.uri}@${DOMAIN}`);
    await call.state('progress');
    assert.equal((await call.hangUp()).kind, 'ack');
    assert.match((await call.state('terminated')).reason, /^487 /);
    await peer.done();
  });

  test('a page cancels while it rings', async () => {
    const bob = await baresip('bob', { name: 'bob-cancelled' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await bob.rings();
    await call.state('ringing');
    assert.equal((await call.hangUp()).kind, 'ack');
    assert.match((await call.state('terminated')).reason, /^487 /);
    await bob.closed();
    assert.deepEqual((await call.states()).states.filter((s) => s !== 'proceeding'), ['progress', 'ringing', 'terminated']);
  });

  test('a page hangs up at once', async () => {
    const bob = await baresip('bob', { name: 'bob-at-once' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    assert.equal((await call.hangUp()).kind, 'ack');
    assert.match((await call.state('terminated')).reason, /^487 /);
    await until(() => bob.events.every((e) => e.type !== 'CALL_INCOMING') || bob.events.some((e) => e.type === 'CALL_CLOSED'));
  });

  test('a caller that gives up makes a missed call', async () => {
    const alice = await stage.registered();
    const bob = await baresip('bob', { name: 'bob-gives-up' });
    await bob.dial(alice.account);
    const call = await alice.incoming();
    await bob.hangUp();
    assert.match((await call.state('terminated')).reason, /^487 /);
    const events = await until(async () => {
      const all = await alice.events();
      return all.some((e) => e.kind === 'missed') && all;
    }, { what: 'missed session' });
    const kinds = events.map((e) => (e.kind === 'state' ? e.state : e.kind));
    assert.ok(kinds.indexOf('terminated') < kinds.indexOf('missed'), kinds.join());
    assert.equal(events.find((e) => e.kind === 'missed').originator.uri, bob.uri);
  });

  test('a page hangs up', async () => {
    const bob = await baresip('bob', { answer: 'auto', name: 'bob-hung-up' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await call.hangUp();
    assert.match((await call.state('terminated')).reason, /^200 /);
    await bob.closed();
  });

  test('a phone hangs up', async () => {
    const bob = await baresip('bob', { answer: 'auto', name: 'bob-hangs-up' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await bob.hangUp();
    assert.match((await call.state('terminated')).reason, /^200 /);
  });

  test('a dropped socket hangs up on the phone and unregisters', async () => {
    const bob = await baresip('bob', { answer: 'auto', name: 'bob-dropped' });
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await bob.established();
    await alice.drop();
    assert.doesNotMatch((await bob.closed({ seconds: 5 })).param, /[1-9]\d\d/);

    await until(async () => {
      const from = bob.events.length;
      await bob.dial(`alice@${DOMAIN}`);
      const event = await bob.event((e) => ['CALL_RINGING', 'CALL_CLOSED', 'CALL_ESTABLISHED'].includes(e.type), { from });
      if (event.type !== 'CALL_CLOSED') await bob.hangUp();
      return /404/.test(event.param);
    }, { seconds: 8, every: 500, what: 'alice is no longer registered' });
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
