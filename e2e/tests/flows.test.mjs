// The connection we open is the way to us: over TLS with a certificate of ours, calls come in by it, and it comes back when it dies.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { startCaller } from '../testbed/caller.mjs';
import { authorityFile, serverCertificate } from '../testbed/certificate.mjs';
import { startDnsmasq } from '../testbed/dnsmasq.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN, startKamailio } from '../testbed/kamailio.mjs';
import { freePort } from '../testbed/ports.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { steps } from '../testbed/steps.mjs';
import { until } from '../testbed/wait.mjs';

const RECORDS = {
  tcp: (proxy) => [`srv-host=_sip._tcp.${DOMAIN},one.${DOMAIN},${proxy.port},1,1`, `naptr-record=${DOMAIN},10,10,s,SIP+D2T,,_sip._tcp.${DOMAIN}`],
  tls: (proxy) => [`srv-host=_sips._tcp.${DOMAIN},one.${DOMAIN},${proxy.tlsPort},1,1`, `naptr-record=${DOMAIN},10,10,s,SIPS+D2T,,_sips._tcp.${DOMAIN}`],
};

describe('the connection to the registrar', { concurrency: true }, () => {
  for (const transport of ['tcp', 'tls']) {
    steps(`over ${transport}`, ({ before, after, test }) => {
      const mutualTls = transport === 'tls';
      let proxy;
      let dns;
      let gateway;
      let alice;
      let phone;
      before(async () => {
        proxy = await startKamailio(`kamailio-flow-${transport}`, { mutualTls });
        dns = await startDnsmasq([...RECORDS[transport](proxy), `address=/one.${DOMAIN}/127.0.0.1`], `dnsmasq-flow-${transport}`);
        const { certificate, key } = serverCertificate(`client-${transport}`, ['gateway.test']);
        gateway = await startGateway({
          nameServer: dns.port,
          name: `gateway-flow-${transport}`,
          tables: {
            // nobody can connect to us: calls have only the connection that we opened
            'sip.listen': [{ transport: 'udp', address: `127.0.0.1:${await freePort()}` }],
            ...(mutualTls && { 'sip.domain': [{ name: DOMAIN, ca_file: authorityFile(), certificate, key }] }),
          },
        });
        phone = await startScriptedPhone({ proxy });
      });
      after(async () => {
        alice?.stop();
        phone?.stop();
        await gateway?.program.stop();
        await Promise.all([dns, proxy].map((peer) => peer?.stop()));
      });

      const called = async () => {
        const seen = alice.connection.events.length;
        phone.call('alice');
        const call = await until(() => alice.connection.events.slice(seen).find((e) => e.kind === 'incoming'), { what: 'the call comes in' });
        await alice.answer(call.session);
        await phone.hangUp();
        await alice.state(call.session, 'terminated');
        phone.answered = undefined;
        phone.heard = [];
      };

      test('is made and carries the registration', async () => {
        alice = await startCaller('alice', { url: gateway.url, register: true });
        await proxy.program.says(new RegExp(`SEEN REGISTER .* from=sip:alice@.* by=${transport}:`, 'i'));
        if (mutualTls) await proxy.program.says(/CLIENT CERTIFICATE OK .*gateway\.test/);
      });

      test('brings calls to us', called);

      test('is made anew when the registrar has been killed and is back', async () => {
        proxy.program.kill();
        await proxy.program.ended;
        await gateway.program.says(/stream ended/);
        proxy = await startKamailio(`kamailio-flow-${transport}-again`, { mutualTls, port: proxy.port });
        await proxy.program.says(new RegExp(`SEEN REGISTER .* from=sip:alice@.* by=${transport}:.*user=`, 'i'), { seconds: 90 });
        await until(() => proxy.program.output.match(/SEEN REGISTER/g)?.length >= 2, { seconds: 20, what: 'the challenge is answered' });
        phone.proxy = proxy;
        await until(async () => (await gateway.health()).ledger.sip.registrations === 1, { what: 'registered again' });
        await called();
      });

      test('and then nothing is left', async () => {
        alice.stop();
        await gateway.nothingLeft({ seconds: 60 });
        await gateway.stop();
      });
    });
  }

  steps('to a registrar that wants a certificate, without one', ({ before, after, test }) => {
    let proxy;
    let gateway;
    before(async () => {
      proxy = await startKamailio('kamailio-strict', { mutualTls: true });
      gateway = await startGateway({ proxy, transport: 'tls', name: 'gateway-without-certificate' });
    });
    after(async () => {
      await gateway?.program.stop();
      await proxy?.stop();
    });

    test('fails, and the page is told', async () => {
      await assert.rejects(startCaller('alice', { url: gateway.url, register: true }), /not registered: 5|not registered: 4/);
    });
  });
});
