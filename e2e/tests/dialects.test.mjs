// Every dialect against the real daemon: the handshake, the hand-written transcripts, whole calls, broken input.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { startBaresip } from '../testbed/baresip.mjs';
import { converse } from '../testbed/conversation.mjs';
import { repository } from '../testbed/run.mjs';
import { startStage } from '../testbed/stage.mjs';
import { replay } from '../testbed/transcript.mjs';
import { until } from '../testbed/wait.mjs';

const TRANSCRIPTS = join(repository, 'crates/sylkrtc-protocol/tests/transcripts');

describe('dialects', () => {
  let stage;
  // so that there are updates to hear of in the transcripts
  before(async () => { stage = await startStage({ gateway: { tables: { media: { transcoding: 'never' } } } }); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  /** What a WebSocket handshake with these subprotocols and headers comes to. */
  const handshake = (subprotocols, headers = {}) => new Promise((resolve, reject) => {
    const socket = new WebSocket(stage.gateway.url, subprotocols, { headers });
    socket.on('open', () => { resolve({ status: 101, chosen: socket.protocol }); socket.close(); });
    socket.on('unexpected-response', async (_, response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, body });
    });
    socket.on('error', reject);
  });

  test('the newer dialect is chosen when both are offered', async () => {
    assert.deepEqual(await handshake(['sylkRTC-1', 'sylkRTC-2']), { status: 101, chosen: 'sylkRTC-2' });
    assert.deepEqual(await handshake(['other', 'sylkRTC-1']), { status: 101, chosen: 'sylkRTC-1' });
  });

  test('no known dialect is 406 with a reason', async () => {
    for (const offered of [[], ['sylkRTC-3'], ['sip']]) {
      const { status, body } = await handshake(offered);
      assert.equal(status, 406);
      assert.notEqual(body.trim(), '');
    }
  });

  test('a page of elsewhere is 403 with a reason', async () => {
    const { status, body } = await handshake(['sylkRTC-2'], { origin: 'https://elsewhere.example' });
    assert.equal(status, 403);
    assert.notEqual(body.trim(), '');
    assert.equal((await handshake(['sylkRTC-2'], { origin: stage.browser.origin })).status, 101);
    assert.equal((await handshake(['sylkRTC-2'], { origin: `http://127.0.0.1:${stage.gateway.web}` })).status, 101);
  });

  test('broken input is answered by an error and the connection lives on', async () => {
    const socket = new WebSocket(stage.gateway.url, 'sylkRTC-2');
    const heard = [];
    socket.on('message', (data) => heard.push(JSON.parse(data.toString())));
    await until(() => heard.length === 1);
    const inputs = ['not JSON', '[]', '"text"', '{}', '{"sylkrtc":"account-add"}', '{"sylkrtc":"no-such-thing","transaction":"t1"}',
      '{"sylkrtc":"account-add","transaction":"t2","account":7}', Buffer.from([1, 2, 3])];
    for (const [index, input] of inputs.entries()) {
      socket.send(input);
      await until(() => heard.length === index + 2, { what: `an answer to ${input}` });
      assert.equal(heard.at(-1).sylkrtc, 'error', JSON.stringify(heard.at(-1)));
    }
    assert.deepEqual(heard.slice(-3, -1).map((e) => e.transaction), ['t1', 't2']);
    socket.send('{"sylkrtc":"ping","transaction":"t3"}');
    await until(() => heard.length === inputs.length + 2);
    assert.deepEqual(heard.at(-1), { sylkrtc: 'ack', transaction: 't3' });
    socket.close();
  });

  test('what is not built yet is answered by a clear error', async () => {
    const alice = await stage.connect('alice');
    await alice.add();
    for (const request of ['account-fetch-addressbook', 'account-sync-conversations', 'videoroom-join']) {
      const answer = await alice.request(request, { account: alice.account, session: crypto.randomUUID(), uri: 'room@conference.sylk.test', sdp: 'v=0\r\n' });
      assert.equal(answer.kind, 'error');
      assert.notEqual(answer.error, '');
    }
  });

  for (const file of readdirSync(TRANSCRIPTS).filter((f) => f.endsWith('.txt'))) {
    test(`transcript ${file.replace('.txt', '')}`, async () => {
      const page = await stage.browser.open();
      stage.pages.push(page);
      await replay(join(TRANSCRIPTS, file), { ...stage, page });
    });
  }

  for (const dialect of ['v1', '2015']) {
    test(`a page that speaks ${dialect} calls a phone`, async () => {
      const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, name: `bob-called-${dialect}` }));
      const alice = await stage.registered('alice', { dialect });
      const call = await alice.call(bob.uri);
      await bob.rings();
      await bob.accept();
      await call.state('established');
      await converse(call, bob, { codec: 'PCMU' });
      const { states } = await call.states();
      assert.deepEqual(states, [dialect === '2015' ? 'calling' : 'progress', 'accepted', 'established', 'terminated']);
    });

    test(`a phone calls a page that speaks ${dialect}`, async () => {
      const alice = await stage.registered('alice', { dialect });
      const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, name: `bob-calls-${dialect}` }));
      await bob.dial(alice.account);
      const call = await alice.incoming();
      assert.equal(dialect === '2015' ? call.incoming.originator : call.incoming.originator.uri, bob.uri);
      await call.accept();
      await call.state('established');
      await converse(call, bob, { codec: 'PCMU', hangUp: 'phone' });
    });
  }

  test('and then nothing is left', () => stage.nothingLeft());
});
