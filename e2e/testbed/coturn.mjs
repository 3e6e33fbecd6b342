// coturn as the TURN server on the browser's side, on loopback.
import { freePort, freePorts, udpIsBound } from './ports.mjs';
import { Program } from './program.mjs';
import { folder } from './run.mjs';

const [USER, PASSWORD] = ['page', 'turn-secret'];

/** Starts it: `{ rtc, program, stop() }`. `rtc` is a configuration of peer connections that may use nothing else. */
export async function startCoturn({ name = 'coturn', transport = 'udp' } = {}) {
  const [port, relays] = [await freePort(), await freePorts(20)];
  const home = folder(name);
  const program = new Program(name, '/usr/bin/turnserver', [
    '-n', '--listening-ip=127.0.0.1', `--listening-port=${port}`, '--relay-ip=127.0.0.1', `--min-port=${relays}`, `--max-port=${relays + 19}`,
    '--lt-cred-mech', `--user=${USER}:${PASSWORD}`, '--realm=turn.test', '--no-tls', '--no-dtls', '--no-cli', '--allow-loopback-peers',
    '--log-file=stdout', `--pidfile=${home}/turnserver.pid`, `--userdb=${home}/turndb`,
  ], { cwd: home });
  await program.ready(() => udpIsBound(port));
  const rtc = {
    iceServers: [{ urls: `turn:127.0.0.1:${port}?transport=${transport}`, username: USER, credential: PASSWORD }],
    iceTransportPolicy: 'relay',
  };
  return { rtc, program, stop: () => program.stop() };
}
