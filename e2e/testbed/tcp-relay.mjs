// A firewall that lets TCP through: connections to `listen` are passed on to `target`, and no datagram is.
import { connect, createServer } from 'node:net';

/** Relays connections to `listen` to `target` ({ address, port } both). */
export async function startTcpRelay({ listen, target }) {
  const counts = { connections: 0, bytes: 0 };
  const open = new Set();
  const server = createServer((front) => {
    counts.connections += 1;
    const back = connect(target.port, target.address);
    for (const [from, to] of [[front, back], [back, front]]) {
      open.add(from);
      from.on('data', (bytes) => { counts.bytes += bytes.length; });
      from.on('error', () => to.destroy());
      from.on('close', () => { open.delete(from); to.destroy(); });
      from.pipe(to);
    }
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.address, resolve);
  });
  return {
    counts,
    /** Cuts all connections; new ones are taken. */
    cut: () => { for (const socket of open) socket.destroy(); },
    stop: () => { server.close(); for (const socket of open) socket.destroy(); },
  };
}
