// The daemon under test: `sylk-gateway serve` with a configuration of the test's own, and the proof that it leaks nothing.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorityFile, serverCertificate } from './certificate.mjs';
import { freePort, freePorts } from './ports.mjs';
import { Program } from './program.mjs';
import { folder, repository } from './run.mjs';
import { until } from './wait.mjs';

/** The binary: SYLK_GATEWAY, or the one cargo built for its own tests. */
export const BINARY = process.env.SYLK_GATEWAY ?? join(repository, 'target/debug/sylk-gateway');

/**
 * Starts the daemon. `proxy`: a Kamailio to send everything to, over `transport`; without it SIP is routed by DNS
 * (`nameServer`). `origin`: the page that may connect. `tables`: TOML to merge, `{ 'media': { inactivity_seconds: 5 } }`.
 */
export async function startGateway({ proxy, transport = 'udp', origin, nameServer, tables = {}, name = 'gateway' } = {}) {
  const home = folder(name);
  const [web, secureWeb, sip, browserMedia] = [await freePort(), await freePort(), await freePorts(4), await freePorts(4)];
  const phoneMedia = await freePorts(200);
  const { certificate, key } = serverCertificate(`${name}-web`, ['localhost']);
  const settings = merged({
    web: { origins: origin ? [origin] : [] },
    'web.listen': [{ address: `127.0.0.1:${web}` }, { address: `127.0.0.1:${secureWeb}`, certificate, key }],
    sip: {
      ...(proxy && { outbound_proxy: `sip:127.0.0.1:${transport === 'tls' ? proxy.tlsPort : proxy.port};transport=${transport};lr` }),
      ...(nameServer && { name_servers: [`127.0.0.1:${nameServer}`] }),
      ca_file: authorityFile(),
    },
    'sip.listen': [
      { transport: 'udp', address: `127.0.0.1:${sip}` },
      { transport: 'tcp', address: `127.0.0.1:${sip}` },
      { transport: 'tls', address: `127.0.0.1:${sip + 2}`, certificate, key },
    ],
    media: { allow_loopback: true },
    'media.browser': { address: '127.0.0.1', port: browserMedia },
    'media.phone': { address: '127.0.0.1', ports: [phoneMedia, phoneMedia + 199] },
    log: { level: 'info,sip_stack=debug,media=debug,sylk_gateway=debug' },
  }, tables);
  const file = join(home, 'gateway.toml');
  writeFileSync(file, toml(settings));
  const program = new Program(name, BINARY, ['serve', '--config', file], { cwd: home });
  const gateway = new Gateway({ program, web, secureWeb, sip, browserMedia, phoneMedia });
  await program.ready(async () => (await gateway.health())?.status === 'ok');
  gateway.atRest = gateway.possessions();
  return gateway;
}

export class Gateway {
  constructor({ program, web, secureWeb, sip, browserMedia, phoneMedia }) {
    Object.assign(this, { program, web, secureWeb, sip, browserMedia, phoneMedia });
    this.url = `ws://127.0.0.1:${web}/webrtcgateway/ws`;
    this.secureUrl = `wss://localhost:${secureWeb}/webrtcgateway/ws`;
  }

  /** What /healthz says, or undefined while nobody answers. */
  async health() {
    try {
      return await (await fetch(`http://127.0.0.1:${this.web}/healthz`, { headers: { connection: 'close' } })).json();
    } catch {
      return undefined;
    }
  }

  /** Descriptors, threads and bound ports of the process, from /proc. */
  possessions() {
    const descriptors = openDescriptors(this.program.pid);
    return { descriptors: descriptors.length, threads: readdirSync(`/proc/${this.program.pid}/task`).length, ports: boundPorts(descriptors) };
  }

  /** The inodes of its sockets. */
  sockets() {
    return socketInodes(openDescriptors(this.program.pid));
  }

  /** Fails unless the ledger comes to read zero and the process owns what it owned at rest, nothing more. */
  async nothingLeft({ seconds = 45 } = {}) {
    let left;
    await until(async () => {
      const health = await this.health();
      left = nonZero(health?.ledger);
      return left.length === 0;
    }, { seconds, every: 250, what: 'ledger reads zero' }).catch((error) => {
      throw new Error(`${error.message}: ${left.join(', ')}`);
    });
    let now;
    await until(async () => {
      // streams to registrars and proxies are kept for the next request; the ledger says how many there are
      const flows = (await this.health())?.ledger.permanent.sip_flows ?? 0;
      now = this.possessions();
      return now.descriptors <= this.atRest.descriptors + flows && now.threads <= this.atRest.threads;
    }, { seconds: 15, every: 250, what: 'descriptors and threads as at rest' }).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(now)}, at rest ${JSON.stringify(this.atRest)}`);
    });
    assert.deepEqual(now.ports, this.atRest.ports);
  }

  /** Ends the daemon by SIGTERM; it has to leave by itself, with success, within its limit. */
  async stop() {
    const outcome = await this.program.stop('SIGTERM', 20);
    assert.deepEqual(outcome, { code: 0, signal: null }, `end of the daemon\n${this.program.tail()}`);
    assert.doesNotMatch(this.program.output, /panicked at/);
  }
}

/** Lines of the ledger that are not zero, as `sip.dialogs=1`; `permanent` ones (listeners, workers) don't count. */
function nonZero(ledger, path = '') {
  if (!ledger) return ['no ledger'];
  return Object.entries(ledger).flatMap(([name, value]) => {
    if (name === 'permanent') return [];
    if (value !== null && typeof value === 'object') return nonZero(value, `${path}${name}.`);
    return value === 0 ? [] : [`${path}${name}=${value}`];
  });
}

function openDescriptors(pid) {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

function socketInodes(descriptors) {
  return descriptors.map((d) => /^socket:\[(\d+)\]$/.exec(d)?.[1]).filter(Boolean);
}

function boundPorts(descriptors) {
  const own = new Set(socketInodes(descriptors));
  const ports = [];
  for (const table of ['udp', 'udp6', 'tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const listens = table.startsWith('udp') || fields[3] === '0A';
      if (listens && own.has(fields[9])) ports.push(`${table} ${Number.parseInt(fields[1].split(':')[1], 16)}`);
    }
  }
  return ports.sort();
}

function merged(base, extra) {
  const all = { ...base };
  for (const [name, table] of Object.entries(extra)) {
    all[name] = Array.isArray(table) ? table : { ...all[name], ...table };
  }
  return all;
}

function toml(tables) {
  const lines = [];
  const body = (table) => Object.entries(table).map(([k, v]) => `${k} = ${JSON.stringify(v)}`);
  for (const [name, table] of Object.entries(tables)) {
    if (Array.isArray(table)) for (const entry of table) lines.push(`[[${name}]]`, ...body(entry), '');
    else lines.push(`[${name}]`, ...body(table), '');
  }
  return lines.join('\n');
}
