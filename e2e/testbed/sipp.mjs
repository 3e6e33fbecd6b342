// SIPp as a scripted SIP peer: one scenario file, a number of calls, an exit code.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, freePorts, udpIsBound } from './ports.mjs';
import { Program } from './program.mjs';
import { e2eFolder, folder } from './run.mjs';

/**
 * Starts a scenario that waits for calls. `keys` fill `[name]` in the scenario, `status` fills `@status@`. `contact` is the port others are told
 * (a shaper's, say); by default its own. `port`: where calls are expected (one that `bindContact` has bound, say).
 */
export async function startSippServer(scenario, { calls = 1, status, keys = {}, contact, extra = [], name = scenario, port: wanted } = {}) {
  const port = wanted ?? await freePort();
  return start(name, scenario, { port, calls, status, keys: { contact_port: contact ?? port, ...keys }, extra });
}

/** Starts a scenario that calls `user` by way of `target` ('127.0.0.1:port'). */
export async function startSippClient(scenario, { target, user, calls = 1, keys = {}, contact, extra = [], name = scenario }) {
  const port = await freePort();
  return start(name, scenario, { port, calls, keys: { contact_port: contact ?? port, user, ...keys }, extra: [...extra, '-s', user, target] });
}

async function start(name, scenario, { port, calls, status = '', keys, extra }) {
  const home = folder(name);
  const file = join(home, 'scenario.xml');
  writeFileSync(file, readFileSync(join(e2eFolder, 'sipp', `${scenario}.xml`), 'utf8').replaceAll('@status@', status));
  const media = await freePorts(8);
  const args = ['-sf', file, '-i', '127.0.0.1', '-p', String(port), '-m', String(calls),
    '-mi', '127.0.0.1', '-mp', String(media), '-nostdin', '-trace_err', '-error_file', 'errors.log', '-trace_msg', '-message_file', 'messages.log',
    '-timeout', '120', '-recv_timeout', '60000', '-default_behaviors', '-bye,-abortunexp'];
  for (const [key, value] of Object.entries(keys)) args.push('-key', key, String(value));
  const program = new Program(name, '/usr/bin/sipp', [...args, ...extra], { cwd: home, env: { TERM: 'dumb' } });
  await program.ready(() => program.outcome !== undefined || udpIsBound(port));
  return {
    port,
    uri: `peer-${port}`,
    program,
    /** Resolves once all calls are done; throws unless every one went as written. */
    async done() {
      const outcome = await program.ended;
      if (outcome.code !== 0) throw new Error(`${name} ended with ${JSON.stringify(outcome)}:\n${program.tail(60)}`);
    },
    /** Every message so far, as SIPp wrote them down. */
    messages: () => (existsSync(join(home, 'messages.log')) ? readFileSync(join(home, 'messages.log'), 'latin1') : ''),
    stop: () => program.stop('SIGKILL'),
  };
}
