// Attacks on the browsers' port: DTLS from addresses that ICE has not validated, a certificate that was not announced,
// floods of checks, credentials of one call used for another, a browser that is gone; and phones that name addresses
// nothing may be sent to. Each test says its criterion; afterwards nothing is left.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { startBaresip } from '../testbed/baresip.mjs';
import { startCaller } from '../testbed/caller.mjs';
import { startChromium } from '../testbed/chromium.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { startKamailio } from '../testbed/kamailio.mjs';
import { freePorts } from '../testbed/ports.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { steps } from '../testbed/steps.mjs';
import { check, nullHello, startProber } from '../testbed/stun.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { pause, until } from '../testbed/wait.mjs';

const RELAY = '127.0.0.2'; // the advertised address; the gateway's own is 127.0.0.1, same port
const CALLS = 12;

steps('attacks on the browsers\' port', ({ before: first, after: last, test }) => {
  let proxy, browser, bob, gateway, shaper, page, alice;

  first(async () => {
    proxy = await startKamailio();
    browser = await startChromium();
    bob = await startBaresip('bob', { proxy, answer: 'auto' });
    gateway = await startGateway({ proxy, origin: browser.origin, tables: { 'media.browser': { advertised: RELAY, tcp: false } } });
    const port = gateway.browserMedia;
    shaper = await startShaper({ listen: { address: RELAY, port }, target: { address: '127.0.0.1', port } });
    page = await browser.open();
    alice = await page.connect('alice', { url: gateway.url });
    assert.equal((await alice.register()).state, 'registered');
  });
  last(async () => {
    await gateway?.program.stop();
    await shaper?.stop();
    await bob?.stop();
    await browser?.stop();
    await proxy?.stop();
  });

  const hangUp = async (call) => {
    const from = bob.events.length;
    await call.hangUp();
    await call.state('terminated');
    await until(() => bob.events.slice(from).some((e) => e.type === 'CALL_CLOSED'), { what: 'the phone is free again' });
  };
  /** A call of a client without media, answered by a phone: the gateway's credentials. */
  const credentials = async (caller, phone) => {
    const session = await caller.call(phone.uri);
    await phone.answer();
    const { sdp } = await caller.state(session, 'accepted');
    const of = (name) => new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(sdp)[1];
    return { session, ufrag: of('ice-ufrag'), password: of('ice-pwd') };
  };

  test(`M1: ${CALLS} calls come up while strangers spray ClientHellos, and no stranger is sent a byte`, async (context) => {
    const strangers = await Promise.all([1, 2, 3].map(() => startProber(gateway.browserMedia)));
    let spraying = true;
    let hellos = 0;
    const spray = async () => {
      while (spraying) {
        for (const stranger of strangers) await stranger.send(nullHello());
        hellos += strangers.length;
        await pause(1);
      }
    };
    const sprays = spray();
    for (let i = 0; i < CALLS; i += 1) {
      const call = await alice.call(bob.uri);
      await call.state('established', 20);
      await call.mediaStarts();
      await hangUp(call);
    }
    spraying = false;
    await sprays;
    for (const stranger of strangers) {
      assert.equal(stranger.received, 0);
      stranger.stop();
    }
    context.diagnostic(`${hellos} hellos during ${CALLS} calls`);
    assert.ok(hellos > 500);
  });

  test('M2: who is not the one that was announced gets no media, and the call ends', async () => {
    const call = await alice.call(bob.uri, { fingerprint: Array(32).fill('AB').join(':') });
    const { reason } = await call.state('terminated', 20);
    assert.match(reason, /certificate|fingerprint|DTLS/i);
    assert.equal((await call.states()).states.includes('established'), false);
  });

  test('M7: checks with wrong integrity validate nothing and are answered with no more than they brought', async () => {
    const caller = await startCaller('carol', { url: gateway.url, register: true });
    const phone = await startScriptedPhone({ proxy });
    const { session, ufrag, password } = await credentials(caller, phone);
    const prober = await startProber(gateway.browserMedia);
    for (let i = 0; i < 3000; i += 1) {
      const forms = [{ password: 'a guess' }, { password, bend: true }, { password: undefined }, { ufrag: 'somebody', password }];
      await prober.send(check({ ufrag, ...forms[i % 4] }));
      // At a pace that the sockets' buffers hold: it is answers that are counted.
      if (i % 50 === 0) await pause(2);
    }
    assert.equal(await prober.ask({ ufrag, password: 'a guess' }), 401);
    assert.ok(prober.received <= prober.sent, `${prober.received} bytes for ${prober.sent}`);
    assert.ok(!prober.answers.some((a) => a.readUInt16BE(0) === 0x0101), 'no success');
    // The port still serves who knows the password; who thinks he is controlled is told so first.
    assert.equal(await prober.ask({ ufrag, password, role: 'controlled' }), 487);
    assert.equal(await prober.ask({ ufrag, password }), 'success');
    prober.stop();
    await caller.hangUp(session);
    await caller.state(session, 'terminated');
    caller.stop();
    phone.stop();
  });

  test('M7: the credentials of one call are no good for another', async () => {
    const caller = await startCaller('carol', { url: gateway.url, register: true });
    const phones = [await startScriptedPhone({ proxy }), await startScriptedPhone({ proxy })];
    const [one, two] = [await credentials(caller, phones[0]), await credentials(caller, phones[1])];
    const prober = await startProber(gateway.browserMedia);
    assert.equal(await prober.ask({ ufrag: one.ufrag, password: two.password, nominate: true }), 401);
    assert.equal(await prober.ask({ ufrag: two.ufrag, password: one.password, nominate: true }), 401);
    assert.equal(await prober.ask({ ufrag: `${one.ufrag}:${two.ufrag}`, password: two.password }), 401);
    assert.equal(await prober.ask({ ufrag: two.ufrag, password: two.password }), 'success');
    prober.stop();
    for (const { session } of [one, two]) {
      await caller.hangUp(session);
      await caller.state(session, 'terminated');
    }
    caller.stop();
    for (const phone of phones) phone.stop();
  });

  test('M7: a browser that is gone is sent nothing 30 s later, and the call ends', async () => {
    const phone = await startScriptedPhone({ proxy });
    const call = await alice.call(phone.uri);
    await phone.answer();
    await phone.play(880);
    await call.state('established', 20);
    await call.mediaStarts();
    shaper.set({ loss: 1 });
    const gone = performance.now();
    await until(async () => (await alice.events()).some((e) => e.session === call.session && e.state === 'terminated'), { seconds: 40, what: 'the end' });
    const seconds = (performance.now() - gone) / 1000;
    assert.ok(seconds > 20 && seconds < 33, `${seconds} s`);
    // The last words (RTCP BYE, close_notify) may be under way.
    await until(async () => {
      const before = shaper.counts.toClients;
      await pause(1000);
      return shaper.counts.toClients === before;
    }, { seconds: 3, what: 'nothing more is sent' });
    shaper.set({ loss: 0 });
    phone.stop();
  });

  test('M8: nothing is sent to addresses that no phone may name', async () => {
    const strict = await startGateway({ proxy, origin: browser.origin, name: 'strict', tables: { media: { allow_loopback: false } } });
    const caller = await startCaller('carol', { url: strict.url, register: true });
    const victim = createSocket('udp4');
    const victim6 = createSocket({ type: 'udp6', ipv6Only: true });
    const port = await freePorts(2);
    let heard = 0;
    for (const [socket, at] of [[victim, '0.0.0.0'], [victim6, '::']]) {
      socket.on('message', () => { heard += 1; });
      await new Promise((resolve) => socket.bind(port, at, resolve));
    }
    for (const [c, to] of [
      ['IN IP4 127.0.0.1', port], ['IN IP6 ::1', port], ['IN IP4 127.8.9.10', port], ['IN IP6 ::ffff:127.0.0.1', port],
      ['IN IP4 169.254.169.254', port], ['IN IP4 224.0.0.1', port], ['IN IP4 255.255.255.255', port], ['IN IP4 192.0.2.1', 53],
      ['IN IP4 4f2c1b7e.local', port], ['IN IP4 localhost', port], ['IN IP4 127.1', port], ['IN IP4 0x7f000001', port],
      ['IN IP4 127.0.0.1', strict.sip], ['IN IP4 127.0.0.1', strict.browserMedia],
    ]) {
      const phone = await startScriptedPhone({ proxy });
      const session = await caller.call(phone.uri);
      const description = phone.description({ lines: [`a=rtcp:${port} ${c}`, `a=candidate:1 1 UDP 2130706431 127.0.0.1 ${port} typ host`] })
        .replace('c=IN IP4 127.0.0.1', `c=${c}`).replace(/^m=audio \d+/m, `m=audio ${to}`);
      const answered = phone.answer({ description }).catch(() => {});
      await caller.state(session, 'terminated');
      await answered;
      phone.stop();
    }
    assert.equal(heard, 0);
    victim.close();
    victim6.close();
    caller.stop();
    await strict.nothingLeft();
    await strict.stop();
  });

  test('and then nothing is left', async () => {
    await page.close();
    await gateway.nothingLeft();
    await gateway.stop();
  });
});
