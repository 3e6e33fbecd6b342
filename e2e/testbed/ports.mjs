// Free ports on loopback, below the ephemeral range, for UDP and TCP at once. Test files that run side by side never share any: each takes
// whole blocks, and holds a block by listening at its first port for as long as it lives.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 21000;
const BLOCKS = 22; // up to 32000; the kernel hands out 32768 and above by itself
const BLOCK = 500;

/** The first ports of the blocks that are ours. */
const blocks = [];
let next = 0;
let turn = Promise.resolve();

/** One free port. */
export async function freePort() {
  return freePorts(1);
}

/** The first of `count` free ports in a row; it is even, as RTP likes it. Who asks at the same time waits his turn. */
export function freePorts(count) {
  const found = turn.then(() => search(count));
  turn = found.catch(() => {});
  return found;
}

async function search(count) {
  const inOurs = (await freeFrom(next, blocks.at(-1), count)) ?? (await claimed() && (await freeFrom(blocks.at(-1) + 1, blocks.at(-1), count)));
  if (inOurs) return inOurs;
  // No block is left: what we had once may be free again.
  for (const block of blocks) {
    const first = await freeFrom(block + 1, block, count);
    if (first) return first;
  }
  throw new Error('no free ports on loopback');
}

async function freeFrom(start, block, count) {
  if (block === undefined) return undefined;
  const lowest = Math.max(start, block + 1);
  for (let first = lowest + (lowest % 2); first + count <= block + BLOCK; first += count + (count % 2)) {
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (!free.every(Boolean)) continue;
    next = first + count;
    return first;
  }
  return undefined;
}

/** Takes one more block, if one is left. */
async function claimed() {
  for (let i = 0; i < BLOCKS; i += 1) {
    const block = LOWEST + ((process.pid + i) % BLOCKS) * BLOCK;
    if (!blocks.includes(block) && (await isHeld(block))) {
      blocks.push(block);
      return true;
    }
  }
  return false;
}

function isHeld(port) {
  return new Promise((resolve) => {
    const guard = createServer();
    guard.once('error', () => resolve(false));
    guard.listen(port, '127.0.0.1', () => resolve(true));
    guard.unref();
  });
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
