// What operators allow accounts, and this gateway's extensions: limits, the longest call, rejecting, ringing.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { ha1 } from '../testbed/chromium.mjs';
import { DOMAIN, PASSWORDS } from '../testbed/kamailio.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

const account = [
  { match: `alice@${DOMAIN}`, max_calls: 1, max_call_seconds: 4, warn_seconds: 2, allowed_destinations: ['bob', 'peer-*'] },
];

describe('limits and extensions', () => {
  let stage;
  before(async () => { stage = await startStage({ gateway: { tables: { account } } }); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  /** A page whose account was added with more than stock clients say. */
  const page = async (extra = {}) => {
    const alice = await stage.connect('alice');
    const password = ha1('alice', PASSWORDS.alice);
    assert.equal((await alice.request('account-add', { account: alice.account, password, ...extra })).kind, 'ack');
    await alice.request('account-register', { account: alice.account });
    await until(async () => (await alice.events()).some((e) => e.state === 'registered'), { what: 'registered' });
    return alice;
  };
  const scripted = async () => stage.cast(await startScriptedPhone({ proxy: stage.proxy }));

  for (const extensions of [true, false]) {
    test(`a call ends at its longest duration, ${extensions ? 'with a warning for a page that knows it' : 'and a stock page hears of no extension'}`, async () => {
      const alice = await page(extensions ? { extensions } : {});
      const peer = await scripted();
      const call = await alice.call(peer.uri);
      await peer.answer();
      await call.state('accepted');
      assert.equal((await call.state('terminated', 10)).reason, '408 Maximum call duration');
      const bye = await peer.hears((m) => m.method === 'BYE', 'BYE');
      assert.match(bye.header('Reason'), /^SIP ?;cause=408/);
      const warnings = (await alice.events()).filter((e) => e.kind === 'expiring');
      assert.deepEqual(warnings.map((m) => m.seconds), extensions ? [2] : []);
    });
  }

  test('an account calls only whom it may, and only so often', async () => {
    const alice = await page();
    for (const uri of [`carol@${DOMAIN}`, 'tel:+1900555', `bob@elsewhere.test`]) {
      const refused = await alice.call(uri);
      assert.equal(refused.created.kind, 'error', uri);
      assert.equal(refused.created.code, 'call-not-allowed', uri);
    }
    const peer = await scripted();
    const call = await alice.call(peer.uri);
    await peer.ring();
    const second = await alice.call(peer.uri);
    assert.equal(second.created.code, 'too-many-sessions');
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, name: 'bob-too-many' }));
    await bob.dial(alice.account);
    assert.match((await bob.closed()).param, /486/);
    await call.hangUp();
    await call.state('terminated');
  });

  test('a page rejects with a code and words of its own', async () => {
    const alice = await page();
    const peer = await scripted();
    peer.call('alice');
    const call = await alice.incoming();
    const answer = await alice.request('session-terminate', { session: call.session, code: 603, reason: 'At lunch' });
    assert.equal(answer.kind, 'ack');
    assert.equal((await call.state('terminated')).reason, '603 At lunch');
    await peer.hears((m) => m.status === 603, '603');
  });

  test('a phone hears ringing once the page says so', async () => {
    const alice = await page({ explicit_ringing: true });
    const peer = await scripted();
    peer.call('alice');
    const call = await alice.incoming();
    await peer.hears((m) => m.status === 100, '100');
    assert.equal(peer.heard.some((m) => m.status === 180), false);
    assert.equal((await alice.request('session-ring', { session: call.session })).kind, 'ack');
    await peer.hears((m) => m.status === 180, '180');
    await peer.giveUp();
    await call.state('terminated');
    await until(async () => (await alice.events()).some((e) => e.kind === 'missed'), { what: 'missed session' });
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
