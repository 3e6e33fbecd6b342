// S10 with a real proxy: accounts that forward to each other, and calls that come back to who makes them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCaller } from '../testbed/caller.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';

describe('calls that go round in circles', () => {
  let proxy;
  let gateway;
  let alice;
  before(async () => {
    proxy = await startKamailio('kamailio-loops');
    gateway = await startGateway({ proxy, name: 'gateway-loops' });
    alice = await startCaller('alice', { url: gateway.url, register: true });
  });
  after(async () => {
    alice?.stop();
    await gateway?.program.stop();
    await proxy?.stop();
  });

  /** Who has sent Kamailio requests of this method since then. */
  const seen = (from, method) => [...proxy.program.output.slice(from).matchAll(new RegExp(`SEEN ${method} .*by=\\w+:([\\d.]+:\\d+)`, 'g'))].map((m) => m[1]);
  const incoming = () => alice.connection.events.filter((e) => e.kind === 'incoming').length;

  test('S10: A forwards to B and B to A: the hops run out, the call ends, and nobody goes on', async () => {
    const from = proxy.program.output.length;
    const session = await alice.call(`loop-a@${DOMAIN}`);
    assert.match((await alice.state(session, 'terminated')).reason, /^48[23] /);
    const [ours] = seen(from, 'INVITE');
    const fromUs = seen(from, 'INVITE').filter((by) => by === ours);
    assert.ok(fromUs.length <= 2, 'ours is sent once, and once more with credentials if it is asked for them');
    assert.ok(seen(from, 'INVITE').length <= 72, 'no more than there were hops');
    assert.equal(incoming(), 0);
  });

  test('S10: a call that comes back to the account that makes it is refused with 482 and rings nowhere', async () => {
    const from = proxy.program.output.length;
    const session = await alice.call(alice.account);
    assert.match((await alice.state(session, 'terminated')).reason, /^482 /);
    assert.ok(seen(from, 'INVITE').length <= 2, 'as above, and nobody sends it again');
    assert.equal(incoming(), 0);
    assert.equal(seen(from, 'BYE').length, 0);
  });

  test('and then nothing is left', async () => {
    alice.stop();
    await gateway.nothingLeft({ seconds: 60 });
    await gateway.stop();
  });
});
