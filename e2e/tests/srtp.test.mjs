// Phones with encrypted audio (RFC 4568): baresip that may and that must, under each policy, over TLS and in the clear.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { PHONE_HZ, converse } from '../testbed/conversation.mjs';
import { assertTone } from '../testbed/judge.mjs';
import { startLinphone } from '../testbed/linphone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { judgeTone } from '../testbed/tone.mjs';
import { until } from '../testbed/wait.mjs';

const ENABLED = /SRTP is Enabled \(cryptosuite=([\w]+)\)/;

async function parties(stage, { transport, encryption, name }) {
  const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, transport, encryption, name }));
  const alice = await stage.registered();
  return { alice, bob };
}

async function callOut(stage, options) {
  const { alice, bob } = await parties(stage, options);
  const call = await alice.call(bob.uri);
  assert.equal(call.created.kind, 'ack', call.created.error);
  await bob.rings();
  await bob.accept();
  await call.state('established');
  return { alice, bob, call };
}

async function callIn(stage, options) {
  const { alice, bob } = await parties(stage, options);
  await bob.dial(alice.account);
  const call = await alice.incoming();
  assert.equal((await call.accept()).kind, 'ack');
  await call.state('established');
  await bob.established();
  return { alice, bob, call };
}

/** Even ports of phone legs: where their RTP is taken. */
function legs(gateway) {
  const ports = gateway.possessions().ports.filter((p) => p.startsWith('udp ')).map((p) => Number(p.slice(4)));
  return ports.filter((p) => p >= gateway.phoneMedia && p < gateway.phoneMedia + 200 && p % 2 === 0);
}

/** Sends `count` packets that look like SRTP in sequence and are not, in bursts that the daemon's socket can hold. */
async function forge(port, count) {
  const socket = createSocket('udp4');
  const packet = Buffer.alloc(12 + 160 + 10, 0x55);
  packet.writeUInt16BE(0x8000, 0);
  packet.writeUInt32BE(0x0bad0bad, 8);
  for (let index = 0; index < count; index += 1) {
    packet.writeUInt16BE(index & 0xffff, 2);
    packet.writeUInt32BE((index * 160) >>> 0, 4);
    const sent = new Promise((resolve) => socket.send(Buffer.from(packet), port, '127.0.0.1', resolve));
    if (index % 10 === 0) await sent;
  }
  await new Promise((resolve) => socket.send(packet, port, '127.0.0.1', resolve));
  const answers = [];
  socket.on('message', (message) => answers.push(message));
  return () => { socket.close(); return answers.length; };
}

describe('where encryption is required and signalling is TLS', () => {
  let stage;
  const tables = { sip: { srtp: 'required' } };
  before(async () => { stage = await startStage({ transport: 'tls', gateway: { tables } }); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  for (const encryption of ['srtp-mand', 'srtp']) {
    test(`a page and a phone with ${encryption} hear each other, whoever calls`, async () => {
      const out = await callOut(stage, { transport: 'tls', encryption, name: `bob-out-${encryption}` });
      await converse(out.call, out.bob, { codec: 'PCMU' });
      assert.match(out.bob.program.output, ENABLED);
      await stage.clear();
      const back = await callIn(stage, { transport: 'tls', encryption, name: `bob-in-${encryption}` });
      await converse(back.call, back.bob, { codec: 'PCMU', hangUp: 'phone' });
      assert.match(back.bob.program.output, ENABLED);
    });
  }

  test('a page and linphone, which must, hear each other', async () => {
    const bob = stage.cast(await startLinphone('bob', { proxy: stage.proxy, transport: 'tls', encryption: true, name: 'linphone' }));
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    await call.state('established');
    await call.mediaStarts();
    assertTone(await call.hear(3), PHONE_HZ, { seconds: 3 });
    await call.hangUp();
    await call.state('terminated');
    await bob.idle();
    const { purity, duration } = judgeTone(bob.heard(), MICROPHONE_HZ);
    assert.ok(purity > 0.9 && duration > 2, `linphone hears ${JSON.stringify({ purity, duration })}`);
  });

  test('a phone that cannot is not talked with, whoever calls, and the page is told why', async () => {
    const { alice, bob } = await parties(stage, { transport: 'tls', name: 'bob-plain' });
    const call = await alice.call(bob.uri);
    const refused = until(() => bob.events.some((e) => e.type === 'CALL_INCOMING'), { seconds: 3, what: 'ring' }).then(() => bob.accept(), () => {});
    assert.match((await call.state('terminated', 15)).reason, /^488 /);
    await refused;
    await bob.dial(alice.account);
    const closed = await bob.event((e) => e.type === 'CALL_CLOSED' && /488/.test(e.param));
    assert.match(closed.param, /SRTP Required/);
  });

  test('M4: forged packets move nothing and end nothing', async () => {
    const { call, bob } = await callOut(stage, { transport: 'tls', encryption: 'srtp-mand', name: 'bob-forged' });
    const [port] = legs(stage.gateway);
    const before = await forge(port, 30_000);
    const end = await converse(call, bob, { codec: 'PCMU' });
    assert.match(end.reason, /^200 /);
    assert.equal(before(), 0, 'nothing is ever sent to the forger');
  });

  test('and then nothing is left', () => stage.nothingLeft());
});

describe('where encryption is optional and signalling is TLS', () => {
  let stage;
  const tables = { sip: { srtp: 'optional' } };
  before(async () => { stage = await startStage({ transport: 'tls', gateway: { tables } }); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  test('phones that are able to are spoken to encrypted, others plain', async () => {
    const able = await callOut(stage, { transport: 'tls', encryption: 'srtp', name: 'bob-able' });
    await converse(able.call, able.bob, { codec: 'PCMU' });
    assert.match(able.bob.program.output, ENABLED);
    await stage.clear();
    const plain = await callOut(stage, { transport: 'tls', name: 'bob-unable' });
    await converse(plain.call, plain.bob, { codec: 'PCMU' });
    await stage.clear();
    const must = await callIn(stage, { transport: 'tls', encryption: 'srtp-mand', name: 'bob-must' });
    await converse(must.call, must.bob, { codec: 'PCMU', hangUp: 'phone' });
  });

  test('and then nothing is left', () => stage.nothingLeft());
});

describe('M10: where signalling is in the clear', () => {
  let stage;
  afterEach(() => stage?.abandon());

  test('no keys are written where encryption is required, and none are taken', async () => {
    stage = await startStage({ gateway: { tables: { sip: { srtp: 'required' } } } });
    const { alice, bob } = await parties(stage, { encryption: 'srtp-mand', name: 'bob-required' });
    const call = await alice.call(bob.uri);
    assert.equal(call.created.kind, 'error');
    assert.equal(call.created.code, 'call-not-allowed');
    assert.match(call.created.error, /^Encryption required/);
    await bob.dial(alice.account);
    const closed = await bob.event((e) => e.type === 'CALL_CLOSED');
    assert.match(closed.param, /488 SRTP Requires TLS/);
    assert.doesNotMatch(bob.program.output, ENABLED);
    await stage.nothingLeft();
  });

  test('a laboratory may do without TLS', async () => {
    stage = await startStage({ gateway: { tables: { sip: { srtp: 'required', srtp_without_tls: true } } } });
    const { call, bob } = await callOut(stage, { encryption: 'srtp-mand', name: 'bob-lab' });
    await converse(call, bob, { codec: 'PCMU' });
    assert.match(bob.program.output, ENABLED);
    await stage.nothingLeft();
  });
});
