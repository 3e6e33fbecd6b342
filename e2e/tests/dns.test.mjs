// Without an outbound proxy the account's domain is looked up: NAPTR, SRV, and the next server when the first is dead.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { startCaller } from '../testbed/caller.mjs';
import { startDnsmasq } from '../testbed/dnsmasq.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';
import { freePort } from '../testbed/ports.mjs';
import { steps } from '../testbed/steps.mjs';

const CASES = {
  'by SRV over UDP': {
    transport: 'UDP',
    records: (proxy) => [`srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`],
  },
  'by NAPTR and SRV over TCP': {
    transport: 'TCP',
    records: (proxy) => [
      `naptr-record=${DOMAIN},10,10,s,SIP+D2T,,_sip._tcp.${DOMAIN}`,
      `naptr-record=${DOMAIN},20,10,s,SIP+D2U,,_sip._udp.${DOMAIN}`,
      `srv-host=_sip._tcp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`,
    ],
  },
  'past a dead server': {
    transport: 'TCP',
    records: (proxy, dead) => [
      `naptr-record=${DOMAIN},10,10,s,SIP+D2T,,_sip._tcp.${DOMAIN}`,
      `srv-host=_sip._tcp.${DOMAIN},one.${DOMAIN},${dead},1,1`,
      `srv-host=_sip._tcp.${DOMAIN},one.${DOMAIN},${proxy.port},2,1`,
    ],
  },
};

describe('a proxy that DNS tells', { concurrency: true }, () => {
  for (const [name, { transport, records }] of Object.entries(CASES)) {
    steps(`found ${name}`, ({ before, after, test }) => {
      const label = name.replaceAll(' ', '-');
      let proxy;
      let dns;
      let gateway;
      let bob;
      let alice;
      before(async () => {
        proxy = await startKamailio(`kamailio-${label}`);
        dns = await startDnsmasq([...records(proxy, await freePort()), `address=/one.${DOMAIN}/127.0.0.1`], `dnsmasq-${label}`);
        gateway = await startGateway({ nameServer: dns.port, name: `gateway-${label}` });
        bob = await startBaresip('bob', { proxy, answer: 'auto', name: `bob-${label}` });
      });
      after(async () => {
        alice?.stop();
        await gateway?.program.stop();
        await Promise.all([bob, dns, proxy].map((peer) => peer?.stop()));
      });

      test('serves registrations', async () => {
        alice = await startCaller('alice', { url: gateway.url, register: true });
        await proxy.program.says(new RegExp(`SEEN REGISTER .* from=sip:alice@.* by=${transport}:`, 'i'));
      });

      test('serves calls', async () => {
        const session = await alice.call(bob.uri);
        await alice.state(session, 'accepted');
        await bob.established();
        await alice.hangUp(session);
        assert.match((await alice.state(session, 'terminated')).reason, /^200 /);
        await bob.closed();
      });

      test('and then nothing is left', async () => {
        alice.stop();
        await gateway.nothingLeft();
        await gateway.stop();
      });
    });
  }
});
