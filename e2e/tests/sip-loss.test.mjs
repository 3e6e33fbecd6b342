// Signalling over a network that loses, repeats and reorders datagrams, in both directions: every call still comes
// about and ends as it should, and the gateway keeps nothing of it.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { startCaller } from '../testbed/caller.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';
import { freePort } from '../testbed/ports.mjs';
import { startSippClient, startSippServer } from '../testbed/sipp.mjs';
import { steps } from '../testbed/steps.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { pause } from '../testbed/wait.mjs';

const CALLS = 8;
const BAD = { loss: 0.2, duplicate: 0.2, reorder: 0.2 };
const LOCAL = '127.0.0.1';

const NETWORKS = {
  'lost messages': { loss: 0.25 },
  'duplicated messages': { duplicate: 0.6 },
  'reordered messages': { reorder: 0.6 },
  'all three': BAD,
};

// Each has a gateway and peers of its own, and mostly waits.
describe('signalling over bad networks', { concurrency: true }, () => {
  for (const [name, network] of Object.entries(NETWORKS)) {
    steps(`calls out with ${name}`, ({ before, after, test }) => {
      let gateway;
      let shapers = [];
      let caller;

      /** A shaped way to `port`; returns the port to send to. */
      const way = async (port, seed) => {
        const front = await freePort();
        shapers.push(await startShaper({ listen: { address: LOCAL, port: front }, target: { address: LOCAL, port }, ...network, seed }));
        return front;
      };

      before(async () => {
        const sip = await freePort();
        const advertised = await way(sip, 11);
        gateway = await startGateway({ tables: { 'sip.listen': [{ transport: 'udp', address: `${LOCAL}:${sip}`, advertised: `${LOCAL}:${advertised}` }] }, name: `gateway-${name.replaceAll(' ', '-')}` });
        caller = await startCaller('alice', { url: gateway.url });
      });
      after(async () => {
        caller?.stop();
        await gateway?.program.stop();
        for (const shaper of shapers) await shaper.stop();
      });

      test('that the page ends', async () => {
        const contact = await freePort();
        const peer = await startSippServer('uas-answer', { calls: CALLS, contact, name: `answer-${name.replaceAll(' ', '-')}` });
        shapers.push(await startShaper({ listen: { address: LOCAL, port: contact }, target: { address: LOCAL, port: peer.port }, ...network, seed: 12 }));
        const sessions = await Promise.all(Array.from({ length: CALLS }, () => caller.call(`peer@${LOCAL}:${contact}`)));
        await Promise.all(sessions.map((s) => caller.state(s, 'accepted', 40)));
        await pause(6000); // a lost ACK is made up for by repeated answers
        await Promise.all(sessions.map((s) => caller.hangUp(s)));
        const ends = await Promise.all(sessions.map((s) => caller.state(s, 'terminated', 40)));
        for (const end of ends) assert.match(end.reason, /^200 /);
        await peer.done();
      });

      test('that the peer ends', async () => {
        const contact = await freePort();
        const peer = await startSippServer('uas-hangup', { calls: CALLS, contact, name: `hangup-${name.replaceAll(' ', '-')}` });
        shapers.push(await startShaper({ listen: { address: LOCAL, port: contact }, target: { address: LOCAL, port: peer.port }, ...network, seed: 13 }));
        const sessions = await Promise.all(Array.from({ length: CALLS }, () => caller.call(`peer@${LOCAL}:${contact}`)));
        const ends = await Promise.all(sessions.map((s) => caller.state(s, 'terminated', 60)));
        for (const end of ends) assert.match(end.reason, /^200 /);
        for (const s of sessions) assert.equal(caller.states(s).filter((x) => x === 'accepted').length, 1);
        await peer.done();
      });

      test('that the peer refuses', async () => {
        const contact = await freePort();
        const peer = await startSippServer('uas-final', { calls: CALLS, status: '486 Busy Here', contact, name: `refuse-${name.replaceAll(' ', '-')}` });
        shapers.push(await startShaper({ listen: { address: LOCAL, port: contact }, target: { address: LOCAL, port: peer.port }, ...network, seed: 14 }));
        const sessions = await Promise.all(Array.from({ length: CALLS }, () => caller.call(`peer@${LOCAL}:${contact}`)));
        const ends = await Promise.all(sessions.map((s) => caller.state(s, 'terminated', 40)));
        for (const end of ends) assert.match(end.reason, /^486 /);
        await peer.done();
      });

      test('that the page cancels', async () => {
        const contact = await freePort();
        const peer = await startSippServer('uas-cancelled', { calls: CALLS, status: '180 Ringing', contact, name: `cancel-${name.replaceAll(' ', '-')}` });
        shapers.push(await startShaper({ listen: { address: LOCAL, port: contact }, target: { address: LOCAL, port: peer.port }, ...network, seed: 15 }));
        const sessions = await Promise.all(Array.from({ length: CALLS }, () => caller.call(`peer@${LOCAL}:${contact}`)));
        await Promise.all(sessions.map((s) => caller.state(s, 'progress', 40)));
        await Promise.all(sessions.map((s) => caller.hangUp(s)));
        const ends = await Promise.all(sessions.map((s) => caller.state(s, 'terminated', 45)));
        for (const end of ends) assert.match(end.reason, /^487 /);
        await peer.done();
      });

      test('and then nothing is left', async () => {
        caller.stop();
        await gateway.nothingLeft({ seconds: 60 });
        await gateway.stop();
        assert.ok(shapers.some((s) => s.counts.lost + s.counts.duplicated + s.counts.reordered > 5), JSON.stringify(shapers.map((s) => s.counts)));
      });
    });
  }

  steps('registration and calls in with lost, duplicated and reordered messages', ({ before, after, test }) => {
    let proxy;
    let gateway;
    let shapers = [];
    let caller;

    before(async () => {
      proxy = await startKamailio();
      const [sip, advertised, towards] = [await freePort(), await freePort(), await freePort()];
      shapers.push(await startShaper({ listen: { address: LOCAL, port: advertised }, target: { address: LOCAL, port: sip }, ...BAD, seed: 21 }));
      shapers.push(await startShaper({ listen: { address: LOCAL, port: towards }, target: { address: LOCAL, port: proxy.port }, ...BAD, seed: 22 }));
      gateway = await startGateway({ proxy: { port: towards }, tables: { 'sip.listen': [{ transport: 'udp', address: `${LOCAL}:${sip}`, advertised: `${LOCAL}:${advertised}` }] } });
    });
    after(async () => {
      caller?.stop();
      await gateway?.program.stop();
      await proxy?.stop();
      for (const shaper of shapers) await shaper.stop();
    });

    test('a registration comes about', async () => {
      caller = await startCaller('alice', { url: gateway.url, register: true });
    });

    test('every call is answered and ended by its caller', async () => {
      const peer = await startSippClient('uac-call', { target: `${LOCAL}:${proxy.port}`, user: 'alice', calls: CALLS, keys: { domain: DOMAIN }, extra: ['-r', '2'] });
      const answered = new Set();
      const answering = (event) => {
        if (event.kind !== 'incoming' || answered.has(event.session)) return;
        answered.add(event.session);
        caller.answer(event.session).catch((error) => console.error(error.message));
      };
      caller.connection.listeners.push(answering);
      caller.connection.events.forEach(answering);
      await peer.done();
      assert.equal(answered.size, CALLS);
      const ends = await Promise.all([...answered].map((s) => caller.state(s, 'terminated', 40)));
      for (const end of ends) assert.match(end.reason, /^200 /);
    });

    test('and then nothing is left', async () => {
      caller.stop();
      await gateway.nothingLeft({ seconds: 60 });
      await gateway.stop();
    });
  });
});
