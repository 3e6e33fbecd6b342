// Ways that a registrar prescribes, by Kamailio: an edge in the Path, a Service-Route that changes at each registration. And
// SRV records of different weight, by dnsmasq. Without a browser.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { startCaller } from '../testbed/caller.mjs';
import { names, startCrowd } from '../testbed/crowd.mjs';
import { startDnsmasq } from '../testbed/dnsmasq.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startEdge, startKamailio } from '../testbed/kamailio.mjs';
import { freePorts } from '../testbed/ports.mjs';
import { startRegistrar } from '../testbed/registrar.mjs';
import { steps } from '../testbed/steps.mjs';
import { until } from '../testbed/wait.mjs';

describe('the way', { concurrency: 1 }, () => {
  steps('by an edge, as Service-Route and Path say', ({ before, after, test }) => {
    let [edge, proxy, gateway, alice, bob] = [];
    before(async () => {
      const port = await freePorts(2);
      proxy = await startKamailio('kamailio-behind', { edge: port });
      edge = await startEdge({ proxy, port });
      gateway = await startGateway({ proxy: edge, name: 'gateway-edge' });
      bob = await startBaresip('bob', { proxy, answer: 'auto', name: 'bob-behind' });
    });
    after(async () => {
      alice?.stop();
      await gateway?.program.stop();
      await Promise.all([bob, edge, proxy].map((peer) => peer?.stop()));
    });
    const registers = () => [...edge.program.output.matchAll(/EDGE REGISTER \S+ cseq=(\d+)/g)].map(([, cseq]) => Number(cseq));
    const calls = async () => {
      const from = edge.program.output.length;
      const session = await alice.call(bob.uri);
      await alice.state(session, 'accepted');
      const [, routes] = await until(() => /EDGE INVITE .* route=(.*)\n/.exec(edge.program.output.slice(from)), { what: 'INVITE at the edge' });
      await alice.hangUp(session);
      await alice.state(session, 'terminated');
      return routes;
    };
    const follows = (routes, turn) => assert.ok(
      routes.endsWith(`<sip:127.0.0.1:${edge.port};lr;turn=${turn}>,<sip:127.0.0.1:${proxy.port};lr;turn=${turn}>`), `turn ${turn}: ${routes}`);

    test('goes each call out, in its order', async () => {
      alice = await startCaller('alice', { url: gateway.url, register: true });
      follows(await calls(), registers().at(-1));
    });

    test('is replaced by the next registration', async () => {
      const before = registers().length;
      await alice.connection.expectAck('account-register', { account: alice.account });
      const told = () => alice.connection.events.filter((e) => e.kind === 'registration' && e.state === 'registered');
      await until(() => told().length === 2 && registers().length > before, { what: 'registered anew' });
      follows(await calls(), registers().at(-1));
    });

    test('comes each call in, and what follows in it', async () => {
      const from = edge.program.output.length;
      await bob.dial(alice.account);
      const call = await until(() => alice.connection.events.find((e) => e.kind === 'incoming'), { what: 'the call comes in' });
      await alice.answer(call.session);
      await alice.state(call.session, 'accepted');
      await alice.hangUp(call.session);
      await alice.state(call.session, 'terminated');
      await edge.program.says(new RegExp(`EDGE INVITE .* by=127\\.0\\.0\\.1:${proxy.port} .*route=<sip:127\\.0\\.0\\.1:${edge.port};lr`), { from });
      await edge.program.says(new RegExp(`EDGE BYE .* by=127\\.0\\.0\\.1:${gateway.sip} `), { from });
    });

    test('and then nothing is left', async () => {
      alice.stop();
      await gateway.nothingLeft();
      await gateway.stop();
    });
  });

  steps('by SRV records of one priority', ({ before, after, test }) => {
    const ACCOUNTS = 200;
    let [registrars, dns, gateway, crowd] = [];
    before(async () => {
      registrars = [await startRegistrar(), await startRegistrar(), await startRegistrar()];
      const records = [[10, 75], [10, 25], [20, 100]].map(([priority, weight], i) => `srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${registrars[i].port},${priority},${weight}`);
      dns = await startDnsmasq([...records, `address=/one.${DOMAIN}/127.0.0.1`], 'dnsmasq-weights');
      gateway = await startGateway({ nameServer: dns.port, name: 'gateway-weights', tables: { 'sip.registration': { per_second: 0 } } });
    });
    after(async () => {
      await gateway?.program.stop();
      await Promise.all([dns, ...registrars].map((peer) => peer?.stop()));
    });

    test('spreads by weight, and leaves the next priority alone', async () => {
      crowd = await startCrowd(names(ACCOUNTS), { url: gateway.url });
      await crowd.registered(60);
      const [heavy, light, spare] = registrars.map((r) => r.bindings.size);
      assert.equal(heavy + light, ACCOUNTS);
      assert.equal(spare, 0);
      // of 200 throws at 3 in 4: 150, and 6 of deviation; five of those either way
      assert.ok(heavy > 120 && heavy < 180, `${heavy} of ${ACCOUNTS}`);
    });

    test('and then nothing is left', async () => {
      await crowd.leave();
      await gateway.nothingLeft();
      await gateway.stop();
    });
  });
});
