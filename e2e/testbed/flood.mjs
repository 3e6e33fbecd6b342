// Floods of SIP requests from a stranger's address, over UDP, TCP and TLS, at a pace that leaves the machine its other work.
import { createSocket } from 'node:dgram';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { pause } from './wait.mjs';

const METHODS = ['INVITE', 'REGISTER', 'OPTIONS', 'MESSAGE'];
const EVERY = 10; // milliseconds

/** Sends `rate` requests a second for `seconds`, all methods in turn; resolves with how many left. `users`: whom they are for. */
export async function flood({ transport, port, address, users, rate = 2000, seconds = 5 }) {
  const way = await { udp: udpWay, tcp: (...a) => streamWay(connectTcp, ...a), tls: (...a) => streamWay(connectTls, ...a) }[transport](port, address);
  let sent = 0;
  const started = performance.now();
  while (performance.now() - started < seconds * 1000) {
    const due = Math.min(rate * (performance.now() - started) / 1000, sent + rate / 10);
    for (; sent < due; sent += 1) way.send(message(METHODS[sent % METHODS.length], users[sent % users.length], transport, address, sent));
    await pause(EVERY);
  }
  way.close();
  return sent;
}

function message(method, user, transport, address, number) {
  const body = method === 'INVITE' || method === 'MESSAGE' ? 'v=0\r\n'.repeat(60) : '';
  return [`${method} ${user} SIP/2.0`, `Via: SIP/2.0/${transport.toUpperCase()} ${address}:5060;rport;branch=z9hG4bKflood${number}`, 'Max-Forwards: 70',
    `From: <sip:flood@example.com>;tag=${number}`, `To: <${user}>`, `Call-ID: flood-${number}`, `CSeq: 1 ${method}`, `Contact: <sip:flood@${address}>`,
    `Content-Length: ${body.length}`, '', body].join('\r\n');
}

async function udpWay(port, address) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, address, resolve));
  socket.on('error', () => {});
  return { send: (text) => socket.send(text, port, '127.0.0.1'), close: () => socket.close() };
}

/** A stream; when the daemon closes it, another one. */
async function streamWay(connect, port, address) {
  let stream;
  const open = () => {
    stream = connect({ port, host: '127.0.0.1', localAddress: address, rejectUnauthorized: false });
    stream.on('error', () => {});
    stream.resume();
  };
  open();
  return {
    send: (text) => {
      if (stream.destroyed) open();
      if (stream.writableLength < 1 << 20) stream.write(text);
    },
    close: () => stream.destroy(),
  };
}
