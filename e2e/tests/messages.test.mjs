// Words within a call and outside: MESSAGE both ways, and what is not taken.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { startLinphone } from '../testbed/linphone.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

describe('messages', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  /** Waits for an event of this name. */
  const told = async (alice, event, matches = () => true) => until(async () => (await alice.events())
    .map((e) => (e.kind === 'other' ? e.message : e)).find((m) => m.event === event && matches(m)), { what: event });

  const talking = async () => {
    const peer = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
    const alice = await stage.registered();
    const call = await alice.call(peer.uri);
    await peer.answer();
    await call.state('accepted');
    const write = (id, content, type = 'text/plain') => alice.request('session-message', {
      session: call.session, message_id: id, content, content_type: type, timestamp: '2026-11-21T12:00:00.000Z',
    });
    return { peer, alice, call, write };
  };

  test('a page writes to the phone it talks with, in order, and hears what becomes of it', async () => {
    const { peer, alice, call, write } = await talking();
    assert.equal((await write('m1', 'Grüße')).kind, 'ack');
    assert.equal((await write('m2', 'second')).kind, 'ack');
    const accepted = await told(alice, 'disposition-notification', (m) => m.message_id === 'm2');
    assert.deepEqual([accepted.state, accepted.code, accepted.session], ['accepted', 200, call.session]);
    const heard = peer.heard.filter((m) => m.method === 'MESSAGE');
    assert.deepEqual(heard.map((m) => m.body), ['Grüße', 'second']);
    assert.equal(heard[0].header('Content-Type'), 'text/plain;charset=utf-8');
    peer.takeMessages('415 Unsupported Media Type');
    await write('m3', '<b>bold</b>', 'text/html');
    const failed = await told(alice, 'disposition-notification', (m) => m.message_id === 'm3');
    assert.deepEqual([failed.state, failed.code, failed.reason], ['failed', 415, 'Unsupported Media Type']);
    await call.hangUp();
    await call.state('terminated');
    const late = await write('m4', 'too late');
    assert.equal(late.kind, 'error');
  });

  test('a phone writes to the page it talks with; what is no text is refused with what is', async () => {
    const { peer, alice, call } = await talking();
    assert.equal((await peer.within('MESSAGE', { type: 'text/plain;charset=utf-8', body: 'hello' })).status, 200);
    const message = await told(alice, 'message');
    assert.deepEqual([message.content, message.content_type, message.session], ['hello', 'text/plain', call.session]);
    assert.match(message.timestamp, /^\d{4}-\d\d-\d\dT/);
    const refused = await peer.within('MESSAGE', { type: 'application/octet-stream', body: 'x' });
    assert.equal(refused.status, 415);
    assert.match(refused.all('Accept').join(), /text\/\*/);
    await call.hangUp();
    await call.state('terminated');
  });

  test('INFO with tones is taken, anything else is refused with what would be', async () => {
    const { peer, call } = await talking();
    assert.equal((await peer.within('INFO', { type: 'application/dtmf-relay', body: 'Signal=5\r\nDuration=160\r\n' })).status, 200);
    assert.equal((await peer.within('INFO', { type: 'application/x-unknown', body: 'x' })).status, 415);
    const options = await peer.within('OPTIONS');
    assert.equal(options.status, 200);
    assert.match(options.header('Allow'), /MESSAGE/);
    assert.equal((await peer.within('FROBNICATE')).status, 501);
    await call.hangUp();
    await call.state('terminated');
  });

  test('a page hears what is written to its account outside of any call', async () => {
    const alice = await stage.registered();
    const peer = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
    assert.equal((await peer.write('alice', 'hello from outside')).status, 200);
    const message = await told(alice, 'message');
    assert.deepEqual([message.account, message.sender.uri, message.content], [alice.account, peer.caller, 'hello from outside']);
  });

  test('what linphone writes outside of any call reaches the page', async () => {
    const alice = await stage.registered();
    const bob = stage.cast(await startLinphone('bob', { proxy: stage.proxy, name: 'bob-writes' }));
    await bob.type(`chat sip:${alice.account} hello from linphone`);
    const message = await told(alice, 'message', (m) => m.sender?.uri === bob.uri);
    assert.equal(message.content, 'hello from linphone');
  });

  test('a page writes to baresip in their call, and baresip writes back outside of it', async () => {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto', contact: `alice@${DOMAIN}`, name: 'bob-chats' }));
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    assert.equal((await alice.request('session-message', {
      session: call.session, message_id: 'b1', content: 'hello, baresip', content_type: 'text/plain', timestamp: '2026-11-21T12:00:00.000Z',
    })).kind, 'ack');
    const disposition = await told(alice, 'disposition-notification', (m) => m.message_id === 'b1');
    assert.deepEqual([disposition.state, disposition.code], ['accepted', 200]);
    await until(() => bob.program.output.includes('hello, baresip'), { what: 'the words at baresip' });
    await bob.write('hello from baresip');
    const message = await told(alice, 'message', (m) => m.sender?.uri === bob.uri);
    assert.equal(message.content, 'hello from baresip');
    await call.hangUp();
    await call.state('terminated');
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
