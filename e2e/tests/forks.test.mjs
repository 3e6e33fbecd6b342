// One call, many phones: Kamailio forks to every contact of a user; SIPp and baresip ring, speak early, answer, or lose.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { bindContact } from '../testbed/binding.mjs';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { hears } from '../testbed/listening.mjs';
import { startSippServer } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

describe('one call, many phones', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  /** A SIPp phone that Kamailio knows as a contact of `user`. */
  const bound = async (user, scenario, name = scenario) => {
    const port = await bindContact(user, { proxy: stage.proxy });
    return stage.cast(await startSippServer(scenario, { port, name, extra: ['-rtp_echo'] }));
  };
  const accepted = async (call) => (await call.states()).states.filter((s) => s === 'accepted').length;

  test('several ring, one speaks early, another answers: one call, and the others are told', async () => {
    const losers = await Promise.all(['uas-elsewhere', 'uas-early-elsewhere', 'uas-elsewhere'].map((s, i) => bound('bob', s, `${s}-${i}`)));
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, tone: PHONE_HZ, name: 'bob-answers' }));
    const alice = await stage.registered('alice');
    assert.equal((await alice.request('ping')).kind, 'ack'); // a client that knows early media
    const call = await alice.call(bob.uri);
    await bob.rings();
    await call.state('early-media');
    await call.mediaStarts();
    await hears(call, MICROPHONE_HZ);
    await bob.accept();
    await call.state('established');
    await hears(call, PHONE_HZ);
    await Promise.all(losers.map((peer) => peer.done()));
    assert.equal(await accepted(call), 1);
    assert.equal((await call.states()).descriptions, 1);
    await call.hangUp();
    await bob.closed();
  });

  test('two answer at the same instant: both are acknowledged, one is kept, the other is hung up on', async () => {
    const peers = await Promise.all(['carol-one', 'carol-two'].map((name) => bound('carol', 'uas-at-once', name)));
    const alice = await stage.registered('alice');
    const call = await alice.call(`carol@${DOMAIN}`);
    await call.state('established');
    const had = (method) => peers.filter((peer) => new RegExp(`^${method} sip:`, 'm').test(peer.messages())).length;
    await until(() => had('ACK') === 2 && had('BYE') === 1, { what: 'two ACKs and one BYE' });
    await call.mediaStarts();
    await hears(call, MICROPHONE_HZ);
    assert.equal(await accepted(call), 1);
    assert.equal(had('BYE'), 1);
    await call.hangUp();
    await call.state('terminated');
    await Promise.all(peers.map((peer) => peer.done()));
    assert.equal(had('BYE'), 2);
  });

  test('a page whose account is answered at a desk phone has missed nothing', async () => {
    const alice = await stage.registered('alice');
    const desk = stage.cast(await startBaresip('alice', { proxy: stage.proxy, tone: PHONE_HZ, name: 'alice-desk' }));
    const dave = stage.cast(await startBaresip('dave', { proxy: stage.proxy, name: 'dave-calls' }));
    await dave.dial(alice.account);
    const call = await alice.incoming();
    await desk.rings();
    await desk.accept();
    await call.state('terminated');
    await dave.established();
    await dave.hangUp();
    await desk.closed();
    // what is missed is told right after the end; the next call proves that it would have come by now
    await dave.dial(alice.account);
    const next = await alice.incoming({ index: 1 });
    await next.accept();
    await next.state('established');
    await desk.closed({ from: desk.events.findLastIndex((e) => e.type === 'CALL_INCOMING') });
    assert.ok((await alice.events()).every((e) => e.kind !== 'missed'));
    await next.hangUp();
    await next.state('terminated');
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
