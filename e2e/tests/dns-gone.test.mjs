// The name server is killed and gone for a minute. Who is registered stays so, refreshes included; who comes meanwhile to a daemon that
// knows nothing of the domain is told, and gets its registration by itself once names resolve again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { startCaller } from '../testbed/caller.mjs';
import { startDnsmasq } from '../testbed/dnsmasq.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';
import { until } from '../testbed/wait.mjs';

const MINUTE = 60_000;

describe('a name server that is gone for a minute', () => {
  const tables = { sip: { registration_expiry_seconds: 60 } };
  let proxy;
  let dns;
  let records;
  let warm;
  let cold;
  let bob;
  let alice;
  let erin;
  let gone;
  before(async () => {
    proxy = await startKamailio('kamailio-dns-gone');
    records = [`srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`, `address=/one.${DOMAIN}/127.0.0.1`];
    dns = await startDnsmasq(records, 'dnsmasq-killed');
    warm = await startGateway({ nameServer: dns.port, name: 'gateway-warm', tables });
    bob = await startBaresip('bob', { proxy, answer: 'auto', name: 'bob-dns-gone' });
    alice = await startCaller('alice', { url: warm.url, register: true });
    await dns.stop('SIGKILL');
    gone = performance.now();
    cold = await startGateway({ nameServer: dns.port, name: 'gateway-cold', tables });
  });
  after(async () => {
    alice?.stop();
    erin?.stop();
    await Promise.all([warm, cold].map((gateway) => gateway?.program.stop()));
    await Promise.all([bob, dns, proxy].map((peer) => peer?.stop()));
  });

  const saved = (user) => [...proxy.program.output.matchAll(new RegExp(`SAVED sip:${user}@`, 'g'))].length;
  const states = (caller) => caller.connection.events.filter((e) => e.kind === 'registration').map((e) => e.state);
  const called = async (caller) => {
    const session = await caller.call(bob.uri);
    await caller.state(session, 'accepted');
    await caller.hangUp(session);
    await caller.state(session, 'terminated');
  };

  test('who comes meanwhile is told that there is no registration, and why', async () => {
    erin = await startCaller('erin', { url: cold.url });
    await erin.connection.expectAck('account-register', { account: erin.account });
    const failed = await erin.connection.event((e) => e.kind === 'registration' && e.state === 'failed', 30);
    assert.match(failed.reason, /^503 .*DNS/);
  });

  test('who was registered is registered anew all that time, hears nothing of it, and calls', async () => {
    const before = saved('alice');
    await called(alice);
    await until(() => performance.now() - gone >= MINUTE, { seconds: 70, what: 'the minute is over' });
    assert.ok(saved('alice') > before, 'a refresh came to the registrar without DNS');
    assert.deepEqual(states(alice), ['registering', 'registered']);
    assert.equal(saved('erin'), 0);
    await called(alice);
  });

  test('and who was not gets its registration by itself when names resolve again, and calls', async () => {
    dns = await startDnsmasq(records, 'dnsmasq-back', dns.port);
    // The second failure may come a lookup (10 s) after names resolve again; the third attempt waits for at most 120 s then.
    await erin.connection.event((e) => e.kind === 'registration' && e.state === 'registered', 180);
    // Kamailio writes it after its answer has left.
    await until(() => saved('erin') === 1, { what: 'erin is saved, once' });
    await called(erin);
    await called(alice);
  });

  test('and then nothing is left', async () => {
    alice.stop();
    erin.stop();
    for (const gateway of [warm, cold]) {
      await gateway.nothingLeft();
      await gateway.stop();
    }
  });
});
