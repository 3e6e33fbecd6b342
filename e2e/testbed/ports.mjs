// Free ports on loopback, below the ephemeral range, for UDP and TCP at once.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 21000;
const HIGHEST = 32000; // the kernel hands out 32768 and above by itself

let next = LOWEST + (process.pid % 500) * 20;

/** One free port. */
export async function freePort() {
  return freePorts(1);
}

/** The first of `count` free ports in a row; it is even, as RTP likes it. */
export async function freePorts(count) {
  for (let tries = 0; tries < 400; tries += 1) {
    next += next % 2;
    if (next + count > HIGHEST) next = LOWEST;
    const first = next;
    next += count;
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no free ports on loopback');
}

/** Whether somebody has bound this UDP port. Asks the kernel's table: trying to bind it could be what keeps its owner out. */
export function udpIsBound(port) {
  const sockets = readFileSync('/proc/net/udp', 'utf8').split('\n').slice(1);
  return sockets.some((line) => Number.parseInt(line.trim().split(/\s+/)[1]?.split(':')[1], 16) === port);
}

async function isFree(port) {
  return (await udpIsFree(port)) && (await tcpIsFree(port));
}

function udpIsFree(port) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

function tcpIsFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
