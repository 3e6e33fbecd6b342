// Networks between browsers and the gateway: TCP alone, IPv6, a NAT that forgets, TURN, candidates of any shape.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { startCaller } from '../testbed/caller.mjs';
import { MICROPHONE_HZ, startChromium } from '../testbed/chromium.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { startCoturn } from '../testbed/coturn.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';
import { hears } from '../testbed/listening.mjs';
import { freePort, freePorts } from '../testbed/ports.mjs';
import { sendTone } from '../testbed/rtp.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startTcpRelay } from '../testbed/tcp-relay.mjs';
import { judgeTone } from '../testbed/tone.mjs';
import { startTrunk } from '../testbed/trunk.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { until } from '../testbed/wait.mjs';

const OUTSIDE = '127.0.0.2'; // the advertised address; the gateway's own is 127.0.0.1, same port

describe('networks', () => {
  let proxy, browser, bob, gateway, trunk;
  const props = [];
  const gateways = [];

  before(async () => {
    proxy = await startKamailio('kamailio', { ipv6: true });
    browser = await startChromium();
    bob = await startBaresip('bob', { proxy, answer: 'auto' });
  });
  afterEach(async () => {
    const failures = [];
    for (const end of props.splice(0).reverse()) await end().catch((error) => failures.push(error));
    if (failures.length) throw failures[0];
  });
  after(async () => {
    for (const { program } of gateways) await program.stop();
    trunk?.stop();
    await bob?.stop();
    await browser?.stop();
    await proxy?.stop();
  });

  const withGateway = async (browserMedia, media = {}) => {
    const tables = { 'media.browser': browserMedia, ...media };
    gateway = await startGateway({ proxy, origin: browser.origin, tables, name: `gateway-${await freePort()}` });
    gateways.push(gateway);
    return gateway;
  };
  const pageOf = async () => {
    const page = await browser.open();
    props.push(() => page.close());
    const alice = await page.connect('alice', { url: gateway.url });
    assert.equal((await alice.register()).state, 'registered');
    return alice;
  };
  /** A scripted phone whose sound is at an IPv6 address; it signals over IPv4 nevertheless. */
  const phoneOfIpv6 = async () => {
    const media = createSocket('udp6');
    let packets = 0;
    let silence = () => {};
    media.on('message', () => { packets += 1; });
    await new Promise((resolve) => media.bind(0, '::1', resolve));
    const phone = await startScriptedPhone({ proxy });
    props.push(async () => { silence(); media.close(); phone.stop(); });
    const plain = phone.description.bind(phone);
    phone.description = (options) => plain(options).replaceAll('IP4 127.0.0.1', 'IP6 ::1').replace(/^m=audio \d+/m, `m=audio ${media.address().port}`);
    return Object.assign(phone, {
      count: () => packets,
      talks: async (sdp) => { silence = sendTone(media, { hertz: PHONE_HZ, address: '::1', port: Number(/^m=audio (\d+)/m.exec(sdp)[1]) }); },
    });
  };
  const callBob = async (alice, options) => {
    const call = await alice.call(bob.uri, options);
    await call.state('established', 20);
    await call.mediaStarts();
    await hears(call);
    return call;
  };
  /** Hangs up; the phone has to have heard the page. */
  const ends = async (call) => {
    const from = bob.events.length;
    await call.hangUp();
    await call.state('terminated');
    await until(() => bob.events.slice(from).some((e) => e.type === 'CALL_CLOSED'), { what: 'the phone is free again' });
    const tone = judgeTone(bob.heard(), MICROPHONE_HZ);
    assert.ok(tone.purity > 0.9, JSON.stringify(tone));
  };

  test('a page whose network lets no UDP out calls by TCP, and goes on when the connection is cut', async () => {
    const { browserMedia: port } = await withGateway({ advertised: OUTSIDE });
    const relay = await startTcpRelay({ listen: { address: OUTSIDE, port }, target: { address: '127.0.0.1', port } });
    props.push(async () => relay.stop());
    const call = await callBob(await pageOf());
    const { far } = await call.path();
    assert.deepEqual([far.protocol, far.address, far.port], ['tcp', OUTSIDE, port]);
    relay.cut();
    const before = (await call.counters()).received;
    await until(async () => (await call.counters()).received > before + 50, { seconds: 25, what: 'sound by a new connection' })
      .catch(async (error) => {
        // what a page does when its connection is gone
        const restarted = await call.update({ iceRestart: true });
        assert.equal(restarted.event?.state, 'accepted', error.message);
        await until(async () => (await call.counters()).received > before + 50, { what: 'sound after an ICE restart' });
      });
    await hears(call);
    await ends(call);
  });

  test('a page calls over IPv6, where the gateway is told both addresses', async () => {
    await withGateway({ address: ['::1', '127.0.0.1'] });
    const call = await callBob(await pageOf());
    const { far } = await call.path();
    assert.deepEqual([far.protocol, far.address], ['udp', '::1']);
    await ends(call);
  });

  test('a phone is talked to over IPv6', async () => {
    await withGateway({}, { 'media.phone': { address: '::1' } });
    const phone = await phoneOfIpv6();
    const call = await (await pageOf()).call(phone.uri);
    const { body } = await phone.called();
    assert.match(body, /^c=IN IP6 ::1\r$/m);
    await phone.answer();
    await call.state('established');
    await until(() => phone.count() > 50, { what: 'the page\'s sound' });
    await phone.hangUp();
    await call.state('terminated');
  });

  test('one gateway talks to phones over IPv4 and over IPv6, at the same time', async () => {
    const sip = await freePort();
    const listen = ['127.0.0.1', '[::1]'].map((host) => ({ transport: 'udp', address: `${host}:${sip}` }));
    await withGateway({}, { 'media.phone': { address: '::', advertised: ['127.0.0.1', '::1'] }, 'sip.listen': listen });
    const alice = await pageOf();
    const out = await callBob(alice);
    const phone = await phoneOfIpv6();
    phone.call('alice');
    const call = await alice.incoming();
    await call.accept();
    await call.state('established');
    const answer = await phone.hears((m) => m.status === 200 && m.cseq.endsWith('INVITE'), 'answer');
    assert.match(answer.body, /^c=IN IP6 ::1\r$/m);
    await phone.talks(answer.body);
    await until(async () => phone.count() > 50 && (await call.counters()).received > 50, { what: 'sound both ways over IPv6' });
    await phone.hangUp();
    await call.state('terminated');
    await hears(out);
    await ends(out);
  });

  test('a phone behind a proxy at an IPv6 address is offered IPv6', async () => {
    const sip = await freePort();
    await withGateway({}, {
      'media.phone': { address: '::', advertised: ['127.0.0.1', '::1'] },
      'sip.listen': [{ transport: 'udp', address: `[::1]:${sip}` }],
      sip: { outbound_proxy: `sip:[::1]:${proxy.port};transport=udp;lr` },
    });
    const phone = await phoneOfIpv6();
    const call = await (await pageOf()).call(phone.uri);
    const { body } = await phone.called();
    assert.match(body, /^c=IN IP6 ::1\r$/m);
    await phone.answer();
    await call.state('established');
    await phone.talks(body);
    await until(async () => phone.count() > 50 && (await call.counters()).received > 50, { what: 'sound both ways over IPv6' });
    await phone.hangUp();
    await call.state('terminated');
  });

  test('a call survives a NAT that gives the browser another address', async () => {
    const { browserMedia: port } = await withGateway({ advertised: OUTSIDE, tcp: false });
    const shaper = await startShaper({ listen: { address: OUTSIDE, port }, target: { address: '127.0.0.1', port } });
    props.push(() => shaper.stop());
    const call = await callBob(await pageOf());
    for (let move = 0; move < 2; move += 1) {
      await shaper.rebind();
      const before = (await call.counters()).received;
      await until(async () => (await call.counters()).received > before + 50, { seconds: 20, what: 'sound at the new address' });
      await hears(call);
    }
    assert.deepEqual((await call.states()).states.at(-1), 'established');
    await ends(call);
  });

  test('candidates of any shape do no harm', async () => {
    await withGateway({});
    const alice = await pageOf();
    const call = await callBob(alice);
    const of = (candidate) => ({ candidate, sdpMLineIndex: 0, sdpMid: '0' });
    for (const candidates of [
      [of('candidate:1 1 udp 2113937151 4f2c1b7e-2d0e-4a43-9bd9-0d1e6ff0a001.local 50000 typ host')],
      [of('candidate:1 1 udp 1 no-such-name.invalid 50000 typ host')],
      [of('candidate:1 1 udp 1 127.0.0.1 22 typ host'), of('candidate:1 1 udp 1 169.254.169.254 80 typ host')],
      [of('candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active'), of('candidate:1 1 udp 1 fe80::1%eth0 5000 typ host')],
      [of('candidate:1 1 udp 99999999999999999999 1.2.3.4 99999 typ nothing')],
      [of(''), of('x'.repeat(3000)), of('candidate:\r\na=ice-lite')],
      [],
    ]) {
      const answer = await alice.request('session-trickle', { session: call.session, candidates });
      assert.ok(['ack', 'error'].includes(answer.kind), JSON.stringify(answer));
    }
    await hears(call);
    await ends(call);
  });

  for (const transport of ['udp', 'tcp']) {
    test(`a page behind a TURN server that it reaches by ${transport} calls through coturn`, async () => {
      await withGateway({});
      const coturn = await startCoturn({ transport, name: `coturn-${transport}` });
      props.push(() => coturn.stop());
      const call = await callBob(await pageOf(), { rtc: coturn.rtc });
      assert.equal((await call.path()).near.type, 'relay');
      await ends(call);
    });
  }

  test('ports for phones that are used up: 503 to phones, an error to pages', async () => {
    trunk = await startTrunk({ registrar: true });
    const ports = await freePorts(2);
    const narrow = await startGateway({ proxy: trunk, name: 'narrow', tables: { 'media.phone': { ports: [ports, ports + 1] } } });
    gateways.push(narrow);
    const caller = await startCaller('alice', { url: narrow.url, register: true });
    props.push(async () => caller.stop());
    const session = await caller.call(`bob@${DOMAIN}`);
    const invite = await trunk.hears((m) => m.method === 'INVITE', 'INVITE');
    await assert.rejects(caller.call(`bob@${DOMAIN}`), /No media resources/i);
    const another = trunk.request('INVITE', trunk.contacts.get('alice'), { body: trunk.description(), headers: { 'Content-Type': 'application/sdp' } });
    assert.equal((await trunk.ask(narrow.sip, another)).status, 503);
    trunk.reply(invite, '486 Busy Here');
    await caller.state(session, 'terminated');
    await until(async () => (await narrow.health()).ledger.media.phone_ports === 0, { what: 'ports free again' });
    const later = trunk.heard.length;
    const next = await caller.call(`bob@${DOMAIN}`);
    trunk.reply(await until(() => trunk.heard.slice(later).find((m) => m.method === 'INVITE'), { what: 'INVITE' }), '486 Busy Here');
    await caller.state(next, 'terminated');
  });

  test('and then nothing is left', async () => {
    await bob.stop();
    await Promise.all(gateways.map(async (each) => {
      await each.nothingLeft();
      await each.stop();
    }));
  });
});
