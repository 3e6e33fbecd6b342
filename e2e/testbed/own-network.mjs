// A network namespace of the test file's own, for tests that need an address other than loopback. Import it before all else: the file is started
// again in the namespace, and so are all programs it starts, and what it was started as only waits for that. The namespace goes with its last process.
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';

/** The namespace's one address but loopback (RFC 5737). It is one of the loopback device, so that no other is needed; Firefox takes it for the way out, as the route says so. */
export const OWN_ADDRESS = '192.0.2.1';

const MARK = 'SYLK_E2E_OWN_NETWORK';
const INSIDE = `set -e
ip link set lo up
ip address add "$0/32" dev lo
ip route add default dev lo src "$0"
exec "$@"`;

/** Root's programs of util-linux and iproute2. Who waits may be ended by a signal: then so is the one that is waited for. */
function startAgainInside() {
  const { error, status } = spawnSync('setpriv', [
    '--pdeathsig', 'TERM', 'unshare', '--net', 'sh', '-c', INSIDE, OWN_ADDRESS, process.execPath, ...process.execArgv, ...process.argv.slice(1),
  ], { stdio: 'inherit', env: { ...process.env, [MARK]: String(process.pid) } });
  if (error) console.error(`no network namespace: ${error.message}`);
  process.exit(status ?? 1);
}

if (process.env[MARK] !== String(process.ppid)) startAgainInside();
const addresses = Object.values(networkInterfaces()).flat().filter((each) => each.family === 'IPv4').map((each) => each.address);
if (String(addresses) !== `127.0.0.1,${OWN_ADDRESS}`) throw new Error(`not in a network namespace of its own: ${addresses}`);
