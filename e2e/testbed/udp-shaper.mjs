// A bad network for datagrams: a relay that loses, repeats, reorders and delays, and otherwise passes bytes on as they are.
import { createSocket } from 'node:dgram';

/**
 * Relays between whoever sends to `listen` and `target` ({ address, port } both). `loss`, `duplicate`, `reorder` are
 * probabilities; a reordered datagram is held back until the next one has passed (`hold` milliseconds at most). `jitter`: each datagram
 * takes between no time and so many milliseconds, all equally likely and each by itself, so that many overtake each other.
 * `seed` makes a run repeatable as far as the traffic is. `swallow` tells of a datagram whether it never arrives.
 */
export async function startShaper({ listen, target, loss = 0, duplicate = 0, reorder = 0, jitter = 0, hold = 60, seed = 1, swallow = () => false }) {
  const chance = generator(seed);
  let open = true;
  const counts = { passed: 0, lost: 0, duplicated: 0, reordered: 0, toClients: 0 };
  const clients = new Map();
  const front = createSocket('udp4');
  await bound(front, listen.port, listen.address);

  /** A one-way path with its own held-back datagram. */
  const path = (pass) => {
    let held;
    const send = (bytes) => {
      if (jitter > 0) setTimeout(() => open && pass(bytes), chance() * jitter);
      else pass(bytes);
    };
    const release = () => {
      if (!held) return;
      clearTimeout(held.timer);
      if (open) send(held.bytes);
      held = undefined;
    };
    return (bytes) => {
      if (swallow(bytes) || chance() < loss) { counts.lost += 1; return; }
      counts.passed += 1;
      if (!held && chance() < reorder) {
        counts.reordered += 1;
        held = { bytes, timer: setTimeout(release, hold) };
        return;
      }
      send(bytes);
      if (chance() < duplicate) { counts.duplicated += 1; send(bytes); }
      release();
    };
  };

  const connect = async (client) => {
    const way = {};
    const toClient = path((bytes) => front.send(bytes, client.port, client.address));
    way.toTarget = path((bytes) => way.back.send(bytes, target.port, target.address));
    way.rebind = async () => {
      const [old, back] = [way.back, createSocket('udp4')];
      back.on('message', (bytes) => {
        counts.toClients += 1;
        toClient(bytes);
      });
      await bound(back, 0, '127.0.0.1');
      way.back = back;
      old?.close();
    };
    await way.rebind();
    return way;
  };

  front.on('message', (bytes, client) => {
    const key = `${client.address}:${client.port}`;
    if (!clients.has(key)) clients.set(key, connect(client));
    clients.get(key).then(({ toTarget }) => open && toTarget(bytes));
  });

  return {
    counts,
    set: (changes) => { ({ loss, duplicate, reorder, jitter, swallow } = { loss, duplicate, reorder, jitter, swallow, ...changes }); },
    /** As a NAT that forgot: what clients send comes from other ports from here on, and the old ones are closed. */
    rebind: async () => { for (const client of clients.values()) await (await client).rebind(); },
    stop: async () => {
      open = false;
      front.close();
      for (const client of clients.values()) (await client).back.close();
    },
  };
}

function bound(socket, port, address) {
  socket.on('error', () => {});
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, resolve);
  });
}

/** mulberry32: small, seeded, good enough for chance. */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
