// dnsmasq as the DNS of the test domain: NAPTR, SRV and address records, nothing forwarded.
import { freePort } from './ports.mjs';
import { Program } from './program.mjs';

/** Starts it with `records`, lines of its configuration such as `srv-host=_sip._udp.example.test,host.test,5060,1,1`. `wanted`: the port of one that is gone. */
export async function startDnsmasq(records, name = 'dnsmasq', wanted = undefined) {
  const port = wanted ?? await freePort();
  const args = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--log-queries', '--bind-interfaces',
    '--listen-address=127.0.0.1', `--port=${port}`, '--local-ttl=1', '--local=/test/', ...records.map((r) => `--${r}`)];
  const program = new Program(name, '/usr/sbin/dnsmasq', args);
  await program.says(/started/, { seconds: 5 });
  return { port, program, stop: (signal) => program.stop(signal) };
}
