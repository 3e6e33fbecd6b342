// What a carrier's switch asks of a trunk, by SIPp: what it can do, tones by INFO both ways, and polite refusals.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { startSippClient } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

describe('a carrier', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  test('pings the trunk that has registered with it, and hears what is true', async () => {
    const alice = await stage.registered();
    const peer = stage.cast(await startSippClient('uac-ping', { target: `127.0.0.1:${stage.gateway.sip}`, user: 'trunk' }));
    await peer.done();
  });

  test('asks within a call, by 200, 405, 415, 420, 481, 489 and 501, and exchanges tones by INFO', async () => {
    const alice = await stage.registered();
    const target = `127.0.0.1:${stage.proxy.port}`;
    const peer = stage.cast(await startSippClient('uac-asks', { target, user: 'alice', keys: { domain: DOMAIN } }));
    const call = await alice.incoming();
    await call.accept();
    await call.state('established');
    await until(() => peer.program.outcome || /^SIP\/2\.0 501 /m.test(peer.messages()), { what: 'all is asked' });
    assert.equal((await alice.request('session-dtmf-info', { session: call.session, digit: '5' })).kind, 'ack');
    await until(() => peer.program.outcome || (peer.messages().match(/^CSeq: \d+ INFO/gm) ?? []).length >= 6, { what: 'the key at the phone' });
    await call.hangUp();
    await call.state('terminated');
    await peer.done();
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
