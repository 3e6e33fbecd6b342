// Registration at scale: hundreds of accounts at a registrar that goes and comes back, connections that break, and what
// registrars ask for. Without a browser.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { startCaller } from '../testbed/caller.mjs';
import { names, startCrowd } from '../testbed/crowd.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';
import { startRegistrar } from '../testbed/registrar.mjs';
import { steps } from '../testbed/steps.mjs';
import { until } from '../testbed/wait.mjs';

const PACE = 50;
/** What a busy machine may bunch together between the daemon's clock and the test's. */
const BUNCHED = 10;

describe('registration', { concurrency: 1 }, () => {
  steps('a thousand accounts on one connection', ({ before, after, test }) => {
    let [registrar, gateway, crowd] = [];
    before(async () => {
      registrar = await startRegistrar();
      gateway = await startGateway({ proxy: registrar, transport: 'tcp', name: 'thousand' });
    });
    after(async () => {
      await registrar?.stop();
      await gateway?.stop();
    });
    test('register within the pace', async () => {
      crowd = await startCrowd(names(1000), { url: gateway.url });
      await crowd.registered(60);
      assert.equal(registrar.bindings.size, 1000);
      assert.ok(registrar.fastest() <= PACE + BUNCHED, `${registrar.fastest()} in one second`);
    });
    test('come back within 30 s when it is reset, and nobody is told', async () => {
      registrar.bindings.clear();
      registrar.turns.length = 0;
      crowd.heard.length = 0;
      const began = performance.now();
      registrar.reset();
      await until(() => registrar.bindings.size === 1000, { seconds: 60, what: '1000 bindings' });
      const took = (performance.now() - began) / 1000;
      assert.ok(took < 30, `${took} s`);
      assert.ok(registrar.fastest() <= PACE + BUNCHED, `${registrar.fastest()} in one second`);
      assert.deepEqual(crowd.heard, []);
    });
    test('and then nothing is left', async () => {
      registrar.turns.length = 0;
      await crowd.leave();
      await until(() => registrar.bindings.size === 0, { seconds: 60, what: 'no bindings' });
      assert.ok(registrar.fastest() <= PACE + BUNCHED, `${registrar.fastest()} in one second`);
      await gateway.nothingLeft();
    });
  });

  steps('without a pace', ({ before, after, test }) => {
    let [registrar, gateway, crowd] = [];
    before(async () => {
      registrar = await startRegistrar();
      const tables = { 'sip.registration': { per_second: 0 } };
      gateway = await startGateway({ proxy: registrar, transport: 'tcp', tables, name: 'unpaced' });
    });
    after(async () => {
      await crowd?.leave();
      await gateway?.nothingLeft();
      await registrar?.stop();
      await gateway?.stop();
    });
    test('a thousand accounts are back within 2 s of a reset', async () => {
      crowd = await startCrowd(names(1000), { url: gateway.url });
      await crowd.registered(60);
      registrar.bindings.clear();
      const began = performance.now();
      registrar.reset();
      await until(() => registrar.bindings.size === 1000, { seconds: 30, every: 10, what: '1000 bindings' });
      const took = (performance.now() - began) / 1000;
      assert.ok(took < 2, `${took} s`);
    });
  });

  for (const transport of ['tcp', 'udp']) {
    steps(`Kamailio killed and started again, by ${transport}`, ({ before, after, test }) => {
      const passwords = names(300);
      let [kamailio, gateway, crowd] = [];
      before(async () => {
        kamailio = await startKamailio(`kamailio-${transport}`, { passwords });
        const tables = { sip: { registration_expiry_seconds: 60 } };
        gateway = await startGateway({ proxy: kamailio, transport, tables, name: `gateway-${transport}` });
        crowd = await startCrowd(passwords, { url: gateway.url });
        await crowd.registered(40);
      });
      after(async () => {
        await crowd?.leave();
        await gateway?.nothingLeft();
        await gateway?.stop();
        await kamailio?.stop();
      });
      test('is found gone, and all accounts are back within 30 s of its return', async () => {
        const from = gateway.program.output.length;
        await kamailio.stop('SIGKILL');
        await gateway.program.says(/registrar does not serve us/, { seconds: 100, from });
        kamailio = await startKamailio(`kamailio-${transport}-again`, { passwords, port: kamailio.port });
        const began = performance.now();
        await until(() => users(kamailio).size === 300, { seconds: 60, every: 100, what: '300 users at Kamailio' });
        const took = (performance.now() - began) / 1000;
        assert.ok(took < 30, `${took} s`);
        await crowd.registered(30);
      });
    });
  }

  steps('what registrars ask for', ({ before, after, test }) => {
    let [registrar, gateway] = [];
    before(async () => {
      registrar = await startRegistrar();
      gateway = await startGateway({ proxy: registrar, transport: 'tcp', name: 'asking' });
    });
    after(async () => {
      await gateway?.nothingLeft();
      await registrar?.stop();
      await gateway?.stop();
    });
    const alone = async (count, domain) => {
      const crowd = await startCrowd(names(count), { url: gateway.url, domain });
      await crowd.registered(40);
      return crowd;
    };
    const fresh = () => {
      Object.assign(registrar, { rule: () => undefined, granted: [], requests: [], turns: [] });
    };

    test('423: the longer duration at once, and by the next account unasked', async () => {
      fresh();
      registrar.rule = (r) => (Number(r.first('expires')) in { 0: 1, 1800: 1 } ? undefined
        : { status: '423 Interval Too Brief', headers: ['Min-Expires: 1800'] });
      const crowd = await alone(1, 'brief.test');
      assert.deepEqual(registrar.requests.map((r) => r.first('expires')), ['600', '1800', '1800']);
      const other = await startCrowd({ other: 'secret' }, { url: gateway.url, domain: 'brief.test' });
      await other.registered(10);
      assert.equal(registrar.requests[3].first('expires'), '1800');
      await crowd.leave();
      await other.leave();
    });

    test('503 with Retry-After: nobody asks before', async () => {
      fresh();
      let until503 = Infinity;
      registrar.rule = () => {
        if (until503 === Infinity) until503 = performance.now() + 4000;
        return performance.now() < until503 - 500 ? { status: '503 Service Unavailable', headers: ['Retry-After: 4'] } : undefined;
      };
      const crowd = await startCrowd(names(40), { url: gateway.url });
      await until(() => crowd.count('failed') > 0, { what: 'somebody has failed' });
      const asked = registrar.requests.length;
      assert.ok(asked < 20, `${asked} asked at once`);
      await crowd.registered(40);
      const early = registrar.turns.filter((at) => at > until503 - 3000 && at < until503 - 500);
      assert.equal(early.length, 0);
      await crowd.leave();
    });

    test('439: without reg-id', async () => {
      fresh();
      registrar.rule = (r) => (/reg-id/.test(r.first('contact')) ? { status: '439 First Hop Lacks Outbound Support', headers: [] } : undefined);
      const crowd = await alone(1);
      const last = registrar.requests.at(-1);
      assert.match(last.first('contact'), /\+sip\.instance="<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5/);
      assert.doesNotMatch(last.first('supported'), /outbound/);
      await crowd.leave();
    });

    test('Flow-Timer: the connection is kept alive as often', async () => {
      fresh();
      registrar.granted = ['Require: outbound', 'Flow-Timer: 10'];
      const crowd = await alone(1);
      const before = registrar.pings;
      await until(() => registrar.pings > before, { seconds: 15, what: 'a ping' });
      await crowd.leave();
    });

    test('Service-Route: preloaded in its order, and replaced at the next registration', async () => {
      fresh();
      const edge = `<sip:127.0.0.1:${registrar.port};transport=tcp;lr;edge>`;
      registrar.granted = [`Service-Route: ${edge}, <sip:core.${DOMAIN};lr>`, 'Path: <sip:edge.test;lr>'];
      const caller = await startCaller('alice', { url: gateway.url, register: true });
      assert.match(registrar.requests[0].first('supported'), /\bpath\b/);
      await caller.call(`bob@${DOMAIN}`);
      const invite = await until(() => registrar.others.find((r) => r.method === 'INVITE'), { what: 'INVITE' });
      const routes = invite.all('route').join(', ');
      assert.match(routes, /edge>, <sip:core\.sylk\.test;lr>$/);

      registrar.granted = [];
      registrar.others.length = 0;
      await caller.connection.expectAck('account-register', { account: caller.account });
      const told = () => caller.connection.events.filter((e) => e.kind === 'registration' && e.state === 'registered');
      await until(() => told().length === 2, { what: 'registered anew' });
      await caller.call(`bob@${DOMAIN}`);
      const second = await until(() => registrar.others.find((r) => r.method === 'INVITE'), { what: 'the second INVITE' });
      assert.doesNotMatch(second.all('route').join(', '), /edge|core/);
      caller.connection.socket.close();
    });
  });
});

/** Who has a binding at this Kamailio. */
function users({ program }) {
  const lines = program.output.matchAll(/SAVED sip:(user\d+)@/g);
  return new Set([...lines].map(([, user]) => user));
}
