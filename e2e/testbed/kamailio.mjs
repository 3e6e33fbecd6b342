// Kamailio as registrar and proxy with digest, on ports of its own.
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { authorityFile, serverCertificate } from './certificate.mjs';
import { freePorts, udpIsBound } from './ports.mjs';
import { Program } from './program.mjs';
import { folder } from './run.mjs';

const template = join(dirname(fileURLToPath(import.meta.url)), 'kamailio.cfg.in');

export const DOMAIN = 'sylk.test';

/** Every account's password. */
export const PASSWORDS = { alice: 'wonderland', bob: 'builder', carol: 'carillon', dave: 'daylight', erin: 'emerald' };

/**
 * Starts Kamailio: `{ port (UDP and TCP), tlsPort, program, stop() }`. `passwords`: further accounts. `mutualTls`: clients have to show
 * a certificate of the test authority. `port`: where one was before. `ipv6`: at ::1 too. `asserts`: it says who calls (P-Asserted-Identity).
 * `edge`: the port of the edge that is to be in the Service-Route, another one each time.
 */
export async function startKamailio(name = 'kamailio', { passwords = {}, mutualTls = false, port: wanted, ipv6 = false, asserts = false, edge } = {}) {
  const port = wanted ?? await freePorts(2);
  const tlsPort = port + 1;
  const home = folder(name);
  const { certificate, key } = serverCertificate(name, [DOMAIN, 'localhost']);
  const values = {
    SIP_PORT: port,
    TLS_PORT: tlsPort,
    DOMAIN,
    TLS_VERIFY: Number(mutualTls),
    TLS_AUTHORITY: authorityFile(),
    LISTEN_IPV6: ipv6 ? ['udp', 'tcp'].map((t) => `listen=${t}:[::1]:${port}`).join('\n') : '',
    SERVICE_ROUTE: edge
      ? `\t\tappend_to_reply("Service-Route: <sip:127.0.0.1:${edge};lr;turn=$cs>, <sip:127.0.0.1:${port};lr;turn=$cs>\\r\\n");` : '',
    TLS_KEY: key,
    TLS_CERTIFICATE: certificate,
    PASSWORDS: Object.entries({ ...PASSWORDS, ...passwords }).map(([user, password]) => `\t$sht(pw=>${user}) = "${password}";`).join('\n'),
  };
  const config = readFileSync(template, 'utf8').replace(/@([A-Z_]+[A-Z0-9]*)@/g, (_, token) => values[token]);
  const file = join(home, 'kamailio.cfg');
  writeFileSync(file, config);
  const program = new Program(name, '/usr/sbin/kamailio', ['-DD', '-E', '-f', file, '-Y', home, '-m', '64', '-M', '8', ...(asserts ? ['-A', 'ASSERTS_IDENTITY'] : [])]);
  await program.ready(() => accepts(port));
  return { port, tlsPort, program, stop: (signal) => stop(program, signal) };
}

/** Starts the edge before the registrar `proxy`, at `port`: `{ port, program, stop() }`. */
export async function startEdge({ proxy, port, name = 'edge' }) {
  const home = folder(name);
  const file = join(home, 'kamailio.cfg');
  const text = readFileSync(join(dirname(template), 'kamailio-edge.cfg.in'), 'utf8');
  writeFileSync(file, text.replaceAll('@EDGE_PORT@', port).replaceAll('@SIP_PORT@', proxy.port));
  const program = new Program(name, '/usr/sbin/kamailio', ['-DD', '-E', '-f', file, '-Y', home, '-m', '64', '-M', '8']);
  await program.ready(() => udpIsBound(port));
  return { port, program, stop: (signal) => stop(program, signal) };
}

/** SIGKILL goes to all of its processes. */
function stop(program, signal) {
  if (signal === 'SIGKILL') program.kill();
  return program.stop();
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}
