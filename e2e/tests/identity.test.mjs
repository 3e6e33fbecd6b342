// Who calls: what a proxy asserts (RFC 3325) counts if the configuration trusts it; who wants privacy gets it. And why calls end (RFC 3326).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { ha1 } from '../testbed/chromium.mjs';
import { DOMAIN, PASSWORDS, startKamailio } from '../testbed/kamailio.mjs';
import { contact, startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

const FORGED = [`P-Asserted-Identity: "Police" <sip:police@${DOMAIN}>`];
const FORGED_MORE = [...FORGED, `P-Preferred-Identity: <sip:police@${DOMAIN}>`, 'Remote-Party-ID: <sip:police@x>'];
const ANONYMOUS = { uri: 'anonymous@anonymous.invalid', display_name: 'Anonymous' };
const NUMBER = { uri: `+4930123@${DOMAIN}`, display_name: 'Anna Ansage' };

/** A page that wants to see identities, registered. */
async function page(stage) {
  const alice = await stage.connect('alice');
  const add = { account: alice.account, password: ha1('alice', PASSWORDS.alice), incoming_header_prefixes: ['P-', 'Remote-', 'From', 'Contact'] };
  assert.equal((await alice.request('account-add', add)).kind, 'ack');
  await alice.request('account-register', { account: alice.account });
  await until(async () => (await alice.events()).some((e) => e.state === 'registered'), { what: 'registered' });
  return alice;
}

const names = (call) => Object.keys(call.incoming.headers ?? {}).sort();

/** Waits for an event of the account that the page knows nothing more of. */
const told = async (alice, event) => until(async () => (await alice.events())
  .map((e) => (e.kind === 'other' ? e.message : e)).find((m) => m.event === event), { what: event });

describe('a proxy that is trusted', () => {
  let stage;
  before(async () => {
    const proxy = await startKamailio('kamailio-asserts', { asserts: true });
    stage = await startStage({ proxy, gateway: { tables: { 'sip.domain': [{ name: DOMAIN, trusted: ['127.0.0.1', '2001:db8::/32'] }] } } });
  });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());
  const scripted = async (options) => stage.cast(await startScriptedPhone({ proxy: stage.proxy, ...options }));

  test('says who calls: the account that has logged in', async () => {
    const alice = await page(stage);
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, name: 'bob-asserted' }));
    await bob.dial(alice.account);
    const call = await alice.incoming();
    assert.equal(call.incoming.originator.uri, bob.uri);
    assert.deepEqual(names(call), ['Contact', 'From', 'P-Asserted-Identity']);
    await call.hangUp();
    await call.state('terminated');
  });

  test('says who calls in place of what the caller claims and forges; the missed call is of the same', async () => {
    const alice = await page(stage);
    const peer = await scripted();
    peer.call('alice', { headers: FORGED });
    const call = await alice.incoming();
    assert.deepEqual(call.incoming.originator, NUMBER);
    assert.ok(!JSON.stringify(call.incoming.headers).includes('police'));
    assert.equal(call.incoming.headers['P-Asserted-Identity'], `"Anna Ansage" <sip:${NUMBER.uri};user=phone>, <tel:+4930123>`);
    await peer.giveUp();
    await call.state('terminated');
    const missed = await until(async () => (await alice.events()).find((e) => e.kind === 'missed'), { what: 'missed' });
    assert.deepEqual(missed.originator, NUMBER);
  });

  test('says who writes', async () => {
    const alice = await page(stage);
    const peer = await scripted();
    assert.equal((await peer.write('alice', 'hello', { headers: FORGED })).status, 200);
    assert.deepEqual((await told(alice, 'message')).sender, NUMBER);
  });

  test('passes on that a caller wants privacy: no name reaches the page', async () => {
    const alice = await page(stage);
    for (const privacy of ['id', 'user;critical']) {
      const peer = await scripted();
      peer.call('alice', { headers: [`Privacy: ${privacy}`] });
      const call = await alice.incoming();
      assert.deepEqual(call.incoming.originator, ANONYMOUS);
      assert.deepEqual(names(call), []);
      const all = JSON.stringify(await alice.transcript());
      assert.ok(!all.includes('4930123') && !all.includes(peer.caller), all);
      await call.hangUp();
      await call.state('terminated');
    }
  });

  test('is believed, and its neighbour who knows the way is not', async () => {
    const alice = await page(stage);
    const known = await scripted();
    const out = await alice.call(known.uri);
    const target = contact(await known.called());
    await known.busy();
    await out.state('terminated');
    const stranger = await scripted({ proxy: { port: stage.gateway.sip }, address: '127.0.0.2' });
    stranger.call('alice', { uri: target, headers: FORGED_MORE });
    const call = await alice.incoming();
    assert.deepEqual(call.incoming.originator, { uri: stranger.caller, display_name: 'Bob' });
    assert.deepEqual(names(call), ['Contact', 'From']);
    await call.hangUp();
    await call.state('terminated');
  });

  test('is told who calls when a page does not want others to know', async () => {
    const alice = await page(stage);
    const peer = await scripted();
    const call = await alice.call(peer.uri, { headers: [{ name: 'Privacy', value: 'id' }, { name: 'P-Asserted-Identity', value: '<sip:police@x>' }] });
    const invite = await peer.called();
    assert.match(invite.header('From'), /^"?Anonymous"? <sip:anonymous@anonymous\.invalid>;tag=/);
    assert.equal(invite.header('Privacy'), 'id');
    assert.equal(invite.header('P-Preferred-Identity'), undefined);
    // Kamailio has taken the identity out and asserts it; a proxy at the border would not let it through.
    assert.deepEqual(invite.all('P-Asserted-Identity'), [`<sip:alice@${DOMAIN}>`]);
    const others = [...invite.all('From'), ...invite.all('Contact'), ...invite.all('Via'), ...invite.all('User-Agent'), invite.body];
    assert.ok(!others.join('\n').includes('alice'), others.join('\n'));
    await peer.answer();
    await call.state('accepted');
    await call.hangUp();
    await call.state('terminated');
  });

  test('and then nothing is left', () => stage.nothingLeft());
});

describe('a proxy that nobody has said to be trusted', () => {
  let stage;
  before(async () => { stage = await startStage({ proxy: await startKamailio('kamailio-untrusted', { asserts: true }) }); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());
  const scripted = async () => stage.cast(await startScriptedPhone({ proxy: stage.proxy }));

  test('is not believed, and what it asserts is not shown', async () => {
    const alice = await page(stage);
    const peer = await scripted();
    peer.call('alice');
    const call = await alice.incoming();
    assert.deepEqual(call.incoming.originator, { uri: peer.caller, display_name: 'Bob' });
    assert.deepEqual(names(call), ['Contact', 'From']);
    await call.hangUp();
    await call.state('terminated');
  });

  test('a call that another phone took is not missed, whether SIP or the telephone network says so', async () => {
    const alice = await page(stage);
    for (const reason of ['Q.850;cause=26', 'Q.850;cause=16;text="a, b", SIP;cause=200;text="Call completed elsewhere"']) {
      const peer = await scripted();
      peer.call('alice');
      const call = await alice.incoming();
      await peer.giveUp({ headers: [`Reason: ${reason}`] });
      assert.match((await call.state('terminated')).reason, /^487 /);
    }
    const peer = await scripted();
    peer.call('alice');
    await alice.incoming();
    await peer.giveUp({ headers: ['Reason: SIP;cause=487'] });
    // The calls are told in order: the third is missed, those before it are not.
    const missed = async () => (await alice.events()).filter((e) => e.kind === 'missed');
    await until(async () => (await missed()).length > 0, { what: 'the third call is missed' });
    assert.equal((await missed()).length, 1);
  });

  test('a page hears what was behind a refusal', async () => {
    const alice = await page(stage);
    for (const [status, reason, heard] of [
      ['480 Temporarily Unavailable', 'Q.850;cause=17;text="User busy"', '486 User busy'],
      ['500 Server Error', 'Q.850 ;cause=1', '404 Unallocated number'],
      ['486 Busy Here', 'Q.850;cause=17', '486 Busy Here'],
    ]) {
      const peer = await scripted();
      const call = await alice.call(peer.uri);
      await peer.refuse(status, [`Reason: ${reason}`]);
      assert.equal((await call.state('terminated')).reason, heard);
    }
  });

  test('a page hears why a call was ended, and that it was hung up where that is all', async () => {
    const alice = await page(stage);
    for (const [reason, heard] of [
      ['SIP;cause=408;text="Session Expired"', '408 Session Expired'],
      ['Q.850;cause=38', '503 Network out of order'],
      ['Q.850;cause=16;text="Normal call clearing"', '200 Session Terminated'],
    ]) {
      const peer = await scripted();
      const call = await alice.call(peer.uri);
      await peer.answer();
      await call.state('accepted');
      assert.equal((await peer.within('BYE', { headers: [`Reason: ${reason}`] })).status, 200);
      assert.equal((await call.state('terminated')).reason, heard);
    }
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
