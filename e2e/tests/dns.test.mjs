// Without an outbound proxy the account's domain is looked up: NAPTR, SRV, and the next server when the first is dead.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { converse } from '../testbed/conversation.mjs';
import { startDnsmasq } from '../testbed/dnsmasq.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';
import { freePort } from '../testbed/ports.mjs';
import { startStage } from '../testbed/stage.mjs';

const CASES = {
  'by SRV over UDP': (proxy) => [`srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`],
  'by NAPTR and SRV over TCP': (proxy) => [
    `naptr-record=${DOMAIN},10,10,s,SIP+D2T,,_sip._tcp.${DOMAIN}`,
    `naptr-record=${DOMAIN},20,10,s,SIP+D2U,,_sip._udp.${DOMAIN}`,
    `srv-host=_sip._tcp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`,
  ],
  'past a dead server': (proxy, dead) => [
    `srv-host=_sip._tcp.${DOMAIN},one.${DOMAIN},${dead},1,1`,
    `srv-host=_sip._tcp.${DOMAIN},one.${DOMAIN},${proxy.port},2,1`,
    `naptr-record=${DOMAIN},10,10,s,SIP+D2T,,_sip._tcp.${DOMAIN}`,
  ],
};

for (const [name, records] of Object.entries(CASES)) {
  describe(`a proxy found ${name}`, () => {
    let stage;
    let dns;
    before(async () => {
      const proxy = await startKamailio();
      dns = await startDnsmasq([...records(proxy, await freePort()), `address=/one.${DOMAIN}/127.0.0.1`]);
      stage = await startStage({ proxy, gateway: { proxy: undefined, nameServer: dns.port } });
    });
    after(async () => {
      await stage?.abandon();
      await dns?.stop();
    });

    test('serves registrations and calls', async () => {
      const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy }));
      const alice = await stage.connect('alice');
      assert.equal((await alice.register()).state, 'registered');
      const call = await alice.call(bob.uri);
      await bob.rings();
      await bob.accept();
      await call.state('established');
      await converse(call, bob, { codec: 'PCMU' });
    });
    test('and then nothing is left', () => stage.nothingLeft());
  });
}
