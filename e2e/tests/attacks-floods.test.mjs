// S5: floods of INVITE, REGISTER, OPTIONS and MESSAGE over UDP, TCP and TLS while a page talks to a phone. S11: streams
// that are slow, false, half closed, or idle in numbers. Criteria: the call's sound is untouched, memory is bounded, the
// daemon serves within a second of the end, and afterwards nothing is left.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { startBaresip } from '../testbed/baresip.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { flood } from '../testbed/flood.mjs';
import { assertTone } from '../testbed/judge.mjs';
import { watchMachine } from '../testbed/machine.mjs';
import { startStage } from '../testbed/stage.mjs';
import { steps } from '../testbed/steps.mjs';
import { startTrunk, STRANGER } from '../testbed/trunk.mjs';
import { until } from '../testbed/wait.mjs';

const LISTEN = 4; // seconds
const GROWTH = 48 * 1024; // kB that a flood may make the daemon grow by
const OF_ONE_ADDRESS = 64; // streams the daemon keeps of one address

steps('floods and false streams', ({ before, after, test }) => {
  let stage, alice, bob, friend;
  const streams = [];
  before(async () => {
    stage = await startStage();
    friend = await startTrunk();
  });
  after(async () => {
    for (const stream of streams) stream.destroy();
    friend?.stop();
    await stage?.abandon();
  });

  const resident = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${stage.gateway.program.pid}/status`, 'utf8'))[1]);
  const serves = () => friend.ask(stage.gateway.sip, friend.request('OPTIONS', `sip:127.0.0.1:${stage.gateway.sip}`), { seconds: 1 });
  const stream = (first) => new Promise((resolve) => {
    const socket = connect({ port: stage.gateway.sip, host: '127.0.0.1', localAddress: STRANGER, allowHalfOpen: true }, () => resolve(socket));
    const started = performance.now();
    Object.assign(socket, { heard: '', over: false });
    socket.on('data', (bytes) => { socket.heard += bytes; });
    socket.on('error', () => {});
    for (const end of ['end', 'close']) socket.on(end, () => { socket.over = true; socket.lasted = performance.now() - started; });
    streams.push(socket);
    if (first) socket.write(first);
  });

  test('a page and a phone are there', async () => {
    alice = await stage.registered();
    bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, answer: 'auto' }));
  });

  // The phone's tone lasts for ten seconds, and so does the call.
  const talk = async () => {
    const call = await alice.call(bob.uri);
    await call.state('established');
    await call.mediaStarts();
    return call;
  };

  for (const transport of ['udp', 'tcp', 'tls']) {
    test(`S5: a flood over ${transport.toUpperCase()} leaves the call's sound untouched and memory bounded, and the daemon serves within a second`, async () => {
      const { sip } = stage.gateway;
      const call = await talk();
      const machine = watchMachine();
      const [before, grown] = [await call.counters(), resident()];
      const flooding = flood({
        transport, port: transport === 'tls' ? sip + 2 : sip, address: STRANGER, seconds: LISTEN + 1,
        users: [`sip:alice@127.0.0.1:${sip}`, `sip:127.0.0.1:${sip}`, 'sip:100@203.0.113.1'],
      });
      const heard = await call.hear(LISTEN);
      const sent = await flooding;
      await serves();
      const now = await call.counters();
      assert.ok(sent > 1000, `a flood of ${sent}`);
      assertTone(heard, PHONE_HZ, { seconds: LISTEN, lost: now.lost - before.lost, machine: machine() });
      assert.ok(resident() - grown < GROWTH, `grew by ${resident() - grown} kB`);
      assert.ok(!(await call.states()).states.includes('terminated'));
      await call.hangUp();
      await call.state('terminated');
    });
  }

  test('S11: absurd lengths and garbage close the stream at once', async () => {
    const head = `OPTIONS sip:127.0.0.1:${stage.gateway.sip} SIP/2.0\r\nVia: SIP/2.0/TCP ${STRANGER};branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n`;
    const attempts = await Promise.all([
      stream(`${head}Content-Length: 18446744073709551616\r\n\r\n`),
      stream(`${head}Content-Length: 999999999\r\n\r\n`),
      stream(`${head}Content-Length: -1\r\n\r\n`),
      stream(`${head}\r\nBYE sip:victim@127.0.0.1 SIP/2.0\r\n\r\n`),
      stream('\0\x01\x02'.repeat(40000)),
      stream(`${head}X: ${'a'.repeat(100000)}\r\n`),
    ]);
    await until(() => attempts.every((socket) => socket.over), { seconds: 5, what: `closed: ${attempts.map((s) => s.over)}` });
  });

  test('S11: a half-closed stream is let go', async () => {
    const socket = await stream('OPTIONS sip:');
    socket.end();
    await until(() => socket.over, { seconds: 5, what: 'the other half is closed' });
  });

  test('S11: one address keeps so many idle streams and no more, the rest is refused, and the daemon serves', async () => {
    const idle = await Promise.all(Array.from({ length: 300 }, () => stream()));
    await until(() => idle.filter((socket) => !socket.over).length <= OF_ONE_ADDRESS, { seconds: 10, what: 'all but a few are refused' });
    await serves();
    assert.ok(stage.gateway.possessions().descriptors < stage.gateway.atRest.descriptors + OF_ONE_ADDRESS + 40);
    for (const socket of idle) socket.destroy();
    await until(() => stage.gateway.possessions().descriptors < stage.gateway.atRest.descriptors + 40, { what: 'their descriptors are free' });
  });

  test('S11: a message that drips in is cut off', async () => {
    const socket = await stream('OPTIONS sip:127.0.0.1 SIP/2.0\r\nX-Drip: ');
    const drip = setInterval(() => { if (!socket.over) socket.write('a'); }, 500);
    await until(() => socket.over, { seconds: 45, what: 'the drip is cut off' }).finally(() => clearInterval(drip));
    await serves();
  });

  test('and then nothing is left', async () => {
    for (const socket of streams) socket.destroy();
    await stage.nothingLeft();
  });
});
