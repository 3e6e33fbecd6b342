// A registrar that does exactly what a test says, over UDP and TCP: for what Kamailio would not do on demand. It asks for
// a digest but believes every answer.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { freePorts } from './ports.mjs';

/** Starts one on a free port: `{ port, turns, bindings, mode, ... }`. */
export async function startRegistrar() {
  const registrar = new Registrar(await freePorts(2));
  await registrar.listen();
  return registrar;
}

export class Registrar {
  constructor(port) {
    Object.assign(this, {
      port,
      /** When each turn began: REGISTERs that are no repeat and no answer to a fresh challenge. */
      turns: [],
      /** Every REGISTER, parsed, without repeats. */
      requests: [],
      /** Other requests: INVITE and so on. */
      others: [],
      /** Contact by address-of-record. */
      bindings: new Map(),
      /** Each gets a REGISTER and says how to answer it: `{ status, headers }`; undefined: as usual. */
      rule: () => undefined,
      /** Further headers of each 200. */
      granted: [],
      expires: 600,
      sockets: new Set(),
      pings: 0,
      seen: new Set(),
    });
  }

  async listen() {
    this.udp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    this.udp.on('message', (bytes, from) => this.receive(bytes.toString('utf8'), (text) => {
      this.udp.send(text, from.port, from.address);
    }));
    await new Promise((resolve) => this.udp.bind(this.port, '127.0.0.1', resolve));
    this.tcp = createServer((socket) => this.accept(socket));
    await new Promise((resolve) => this.tcp.listen(this.port, '127.0.0.1', resolve));
  }

  accept(socket) {
    this.sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (bytes) => {
      text += bytes.toString('utf8');
      for (;;) {
        if (text.startsWith('\r\n\r\n')) {
          this.pings += 1;
          socket.write('\r\n');
          text = text.slice(4);
          continue;
        }
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const length = end + 4 + Number(/^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1] ?? 0);
        if (text.length < length) return;
        const message = text.slice(0, length);
        text = text.slice(length);
        this.receive(message, (answer) => socket.write(answer));
      }
    });
  }

  receive(text, reply) {
    const message = parse(text);
    if (message.method !== 'REGISTER') {
      if (message.method) this.others.push(message);
      if (message.method === 'INVITE') reply(answer(message, '486 Busy Here', []));
      return;
    }
    const key = `${message.first('call-id')} ${message.first('cseq')}`;
    const credentials = message.first('authorization');
    if (!this.seen.has(key)) {
      this.requests.push(message);
      if (!/nc=00000001/.test(credentials ?? '')) this.turns.push(performance.now());
    }
    this.seen.add(key);
    const { status, headers } = this.rule(message) ?? this.usual(message, credentials);
    reply(answer(message, status, headers));
  }

  usual(message, credentials) {
    if (!credentials) {
      return { status: '401 Unauthorized', headers: [`WWW-Authenticate: Digest realm="${realm(message)}", nonce="once", qop="auth"`] };
    }
    const address = /<sip:([^>]+)>/.exec(message.first('to'))[1];
    const expires = Number(message.first('expires'));
    if (expires === 0) this.bindings.delete(address);
    else this.bindings.set(address, message.first('contact'));
    const granted = Math.min(expires, this.expires);
    return { status: '200 OK', headers: [`Contact: ${message.first('contact')};expires=${granted}`, ...this.granted] };
  }

  /** Resets every connection. */
  reset() {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** The most turns that began within one second. */
  fastest() {
    let [most, from] = [0, 0];
    this.turns.forEach((at, index) => {
      while (this.turns[from] <= at - 1000) from += 1;
      most = Math.max(most, index - from + 1);
    });
    return most;
  }

  stop() {
    this.reset();
    this.udp.close();
    return new Promise((resolve) => this.tcp.close(resolve));
  }
}

function answer(message, status, headers) {
  return [
    `SIP/2.0 ${status}`, ...message.all('via').map((via) => `Via: ${via}`), `From: ${message.first('from')}`,
    `To: ${message.first('to')};tag=registrar`, `Call-ID: ${message.first('call-id')}`, `CSeq: ${message.first('cseq')}`,
    ...headers, 'Content-Length: 0', '', '',
  ].join('\r\n');
}

function realm(message) {
  return /@([^>;:]+)/.exec(message.first('to'))[1];
}

function parse(text) {
  const [head] = text.split('\r\n\r\n', 1);
  const [start, ...lines] = head.split('\r\n');
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
  const all = (name) => headers.filter(([known]) => known === name).map(([, value]) => value);
  const method = start.startsWith('SIP/2.0') ? undefined : start.split(' ')[0];
  return { start, method, all, first: (name) => all(name)[0] };
}
