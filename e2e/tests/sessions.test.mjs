// How a call's session is agreed on, changed, kept alive and given up: PRACK, UPDATE, session timers, an offer asked for in the call.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { hearsThroughout } from '../testbed/listening.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startSippClient, startSippServer } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

describe('sessions', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  const scripted = async () => stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
  const server = async (scenario) => stage.cast(await startSippServer(scenario));

  test('reliable early sound is acknowledged, moved by UPDATE, and stays when the 200 repeats nothing', async () => {
    const peer = await scripted();
    const alice = await stage.registered();
    const call = await alice.call(peer.uri);
    const prack = await peer.reliableEarlyMedia();
    assert.equal(prack.header('RAck'), `4711 ${peer.invite.cseq}`);
    await call.state('early-media');
    const moved = await peer.within('UPDATE', { body: peer.description() });
    assert.equal(moved.status, 200);
    assert.match(moved.body, /^m=audio [1-9]/m);
    await peer.play(PHONE_HZ);
    await peer.answer({ description: '' });
    await call.state('established');
    await call.mediaStarts();
    await hearsThroughout(call, PHONE_HZ, 1.5);
    const refresh = await peer.within('UPDATE');
    assert.equal(refresh.status, 200);
    await until(() => peer.packets > 50, { what: 'the page\'s sound at the phone' });
    await peer.hangUp();
    await call.state('terminated');
  });

  test('a caller that insists on reliable ringing gets it', async () => {
    const alice = await stage.registered();
    const peer = stage.cast(await startSippClient('uac-prack', { target: `127.0.0.1:${stage.proxy.port}`, user: 'alice', keys: { domain: DOMAIN } }));
    const call = await alice.incoming();
    await call.accept();
    await call.state('terminated', 20);
    await peer.done();
  });

  for (const [scenario, what] of [
    ['uac-timer', 'a caller learns the shortest session, refreshes it, and asks for an offer in the call'],
  ]) {
    test(what, async () => {
      const alice = await stage.registered();
      const peer = stage.cast(await startSippClient(scenario, { target: `127.0.0.1:${stage.proxy.port}`, user: 'alice', keys: { domain: DOMAIN } }));
      const call = await alice.incoming();
      await call.accept();
      await call.state('established');
      await call.state('terminated', 20);
      await peer.done();
    });
  }

  for (const [scenario, what, sign] of [
    ['uas-refreshed', 'a session is refreshed by UPDATE', /^UPDATE /m],
  ]) {
    test(what, async () => {
      const peer = await server(scenario);
      const alice = await stage.registered();
      const call = await alice.call(`${peer.uri}@${DOMAIN}`);
      await call.state('established');
      await until(() => sign.test(peer.messages()), { seconds: 20, what });
      await call.hangUp();
      await call.state('terminated');
      await peer.done();
    });
  }

  test('a peer that does not refresh its session is hung up on', async () => {
    const peer = await server('uas-expires');
    const alice = await stage.registered();
    const call = await alice.call(`${peer.uri}@${DOMAIN}`);
    await call.state('established');
    assert.match((await call.state('terminated', 20)).reason, /^408 /);
    await peer.done();
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
