// Without an outbound proxy the account's domain is looked up: NAPTR, SRV, and the next server when the first is dead.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
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
  'by NAPTR and SRV over TLS': {
    transport: 'TLS',
    records: (proxy) => [
      `naptr-record=${DOMAIN},10,10,s,SIPS+D2T,,_sips._tcp.${DOMAIN}`,
      `naptr-record=${DOMAIN},20,10,s,SIP+D2U,,_sip._udp.${DOMAIN}`,
      `srv-host=_sips._tcp.${DOMAIN},one.${DOMAIN},${proxy.tlsPort},1,1`,
      `srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`,
    ],
  },
  'at an IPv6 address': {
    transport: 'UDP:::1',
    ipv6: true,
    records: (proxy) => [`srv-host=_sip._udp.${DOMAIN},six.${DOMAIN},${proxy.port},1,1`, `host-record=six.${DOMAIN},::1`],
  },
  'past a server that answers 503': {
    transport: 'UDP',
    records: (proxy, dead) => [
      `srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${dead},1,1`,
      `srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${proxy.port},2,1`,
    ],
    overloaded: true,
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
  for (const [name, { transport, records, ipv6, overloaded }] of Object.entries(CASES)) {
    steps(`found ${name}`, ({ before, after, test }) => {
      const label = name.replaceAll(' ', '-');
      let proxy;
      let dns;
      let gateway;
      let bob;
      let busy;
      let alice;
      before(async () => {
        proxy = await startKamailio(`kamailio-${label}`, { ipv6 });
        const dead = await freePort();
        if (overloaded) busy = await startOverloaded(dead);
        dns = await startDnsmasq([...records(proxy, dead), `address=/one.${DOMAIN}/127.0.0.1`], `dnsmasq-${label}`);
        const tables = ipv6 ? { 'sip.listen': await bothFamilies() } : {};
        gateway = await startGateway({ nameServer: dns.port, name: `gateway-${label}`, tables });
        bob = await startBaresip('bob', { proxy, answer: 'auto', name: `bob-${label}` });
      });
      after(async () => {
        alice?.stop();
        await gateway?.program.stop();
        busy?.stop();
        await Promise.all([bob, dns, proxy].map((peer) => peer?.stop()));
      });

      test('serves registrations', async () => {
        alice = await startCaller('alice', { url: gateway.url, register: true });
        await proxy.program.says(new RegExp(`SEEN REGISTER .* from=sip:alice@.* by=${transport}:`, 'i'));
        if (busy) assert.equal(busy.asked(), 1, 'asked once, then left alone for as long as it wished');
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

  steps('that is known, while the name server is gone', ({ before, after, test }) => {
    const records = (proxy) => [`srv-host=_sip._udp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`, `address=/one.${DOMAIN}/127.0.0.1`];
    let proxy;
    let dns;
    let gateway;
    let bob;
    let alice;
    before(async () => {
      proxy = await startKamailio('kamailio-without-dns');
      dns = await startDnsmasq(records(proxy), 'dnsmasq-gone');
      gateway = await startGateway({ nameServer: dns.port, name: 'gateway-without-dns' });
      bob = await startBaresip('bob', { proxy, answer: 'auto', name: 'bob-without-dns' });
      alice = await startCaller('alice', { url: gateway.url, register: true });
      await dns.stop();
    });
    after(async () => {
      alice?.stop();
      await gateway?.program.stop();
      await Promise.all([bob, dns, proxy].map((peer) => peer?.stop()));
    });

    test('still serves calls', async () => {
      const session = await alice.call(bob.uri);
      await alice.state(session, 'accepted');
      await alice.hangUp(session);
      await bob.closed();
    });

    test('an unknown one fails, and says why', async () => {
      const session = await alice.call('bob@elsewhere.test');
      assert.match((await alice.state(session, 'terminated')).reason, /DNS|^4|^5/);
    });

    test('and then nothing is left', async () => {
      alice.stop();
      await gateway.nothingLeft();
      await gateway.stop();
    });
  });
});

/** A server that has no time: 503 to everything, with the wish to be left alone for an hour. */
async function startOverloaded(port) {
  const socket = createSocket('udp4');
  const asked = new Set();
  socket.on('message', (bytes, from) => {
    const [, ...lines] = bytes.toString('utf8').split('\r\n\r\n')[0].split('\r\n');
    const kept = lines.filter((l) => /^(via|from|to|call-id|cseq):/i.test(l));
    asked.add(kept.find((l) => /^call-id:/i.test(l)) + kept.find((l) => /^cseq:/i.test(l)));
    socket.send(['SIP/2.0 503 Service Unavailable', ...kept, 'Retry-After: 3600', 'Content-Length: 0', '', ''].join('\r\n'), from.port, from.address);
  });
  await new Promise((resolve) => socket.bind(port, '127.0.0.1', resolve));
  return { asked: () => asked.size, stop: () => socket.close() };
}

async function bothFamilies() {
  const port = await freePort();
  return ['127.0.0.1', '[::1]'].flatMap((ip) => ['udp', 'tcp'].map((transport) => ({ transport, address: `${ip}:${port}` })));
}
