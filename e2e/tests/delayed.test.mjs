// Offers that come late: a phone calls without one and answers the page's in its ACK, and asks for another in the call.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { hears } from '../testbed/listening.mjs';
import { startSippClient } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

describe('offers that come late', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  test('a call without an offer is answered with one, and again within the call', async () => {
    const alice = await stage.registered();
    const target = `127.0.0.1:${stage.proxy.port}`;
    const peer = stage.cast(await startSippClient('uac-delayed', { target, user: 'alice', keys: { domain: DOMAIN }, extra: ['-rtp_echo'] }));
    const call = await alice.incoming();
    await call.accept();
    await call.state('established');
    await call.mediaStarts();
    await hears(call, MICROPHONE_HZ);

    assert.equal((await alice.request('session-dtmf-info', { session: call.session, digit: '5' })).kind, 'ack');
    await until(() => /CSeq: 2 ACK/.test(peer.messages()), { what: 'the second offer is answered' });
    const before = await call.counters();
    await until(async () => (await call.counters()).received > before.received + 25, { what: 'sound from the other port' });
    await hears(call, MICROPHONE_HZ);
    await call.hangUp();
    await call.state('terminated');
    await peer.done();
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
