// A registrar and proxy that a test plays by hand over UDP: it challenges every REGISTER and then takes it, keeps what it hears, and sends what it is told.
import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { DOMAIN } from './kamailio.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

/** An address of loopback that is nobody's registrar or proxy. */
export const STRANGER = '127.0.0.66';

/** Opens a UDP socket that speaks SIP by hand, at `address`. With `registrar` it answers REGISTER by itself. */
export async function startTrunk({ address = '127.0.0.1', registrar = false } = {}) {
  const port = await freePort();
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(port, address, resolve));
  return new Trunk(socket, address, port, registrar);
}

class Trunk {
  constructor(socket, address, port, registrar) {
    Object.assign(this, { socket, address, port, registrar, heard: [], contacts: new Map() });
    socket.on('message', (bytes, from) => this.receive(read(bytes.toString('latin1')), from));
  }

  receive(message, from) {
    this.heard.push(Object.assign(message, { from }));
    if (this.registrar && message.method === 'REGISTER') this.register(message);
    if (this.registrar && message.method === 'BYE') this.reply(message, '200 OK');
  }

  register(message) {
    if (!message.header('Authorization')) {
      this.reply(message, '401 Unauthorized', { headers: [`WWW-Authenticate: Digest realm="${DOMAIN}", nonce="${randomUUID()}", qop="auth"`] });
      return;
    }
    const user = /sip:([^@>]*)@/.exec(message.header('To'))[1];
    const contact = message.header('Contact');
    if (contact) this.contacts.set(user, /<([^>]*)>/.exec(contact)[1]);
    const expires = message.header('Expires') ?? /expires=(\d+)/.exec(contact ?? '')?.[1] ?? '600';
    this.reply(message, '200 OK', { headers: contact ? [`Contact: <${/<([^>]*)>/.exec(contact)[1]}>;expires=${expires}`] : [] });
  }

  /** Answers a request, with headers and a description if wanted. */
  reply(request, status, { headers = [], body = '', tag = 'trunk', to = request.from } = {}) {
    const tagged = request.header('To').includes('tag=') || status.startsWith('100') ? '' : `;tag=${tag}`;
    this.sendTo(to.port, [`SIP/2.0 ${status}`, ...request.all('Via').map((v) => `Via: ${v}`), `From: ${request.header('From')}`,
      `To: ${request.header('To')}${tagged}`, `Call-ID: ${request.header('Call-ID')}`, `CSeq: ${request.header('CSeq')}`, ...headers], body);
  }

  /** A request as a text: `headers` replaces or adds lines by name; `null` leaves one out. */
  request(method, uri, { headers = {}, body = '', via = `SIP/2.0/UDP ${this.address}:${this.port};rport;branch=${branch()}` } = {}) {
    const lines = { Via: via, 'Max-Forwards': '70', From: `<sip:mallory@${DOMAIN}>;tag=${randomUUID().slice(0, 8)}`, To: `<${uri}>`,
      'Call-ID': randomUUID(), CSeq: `1 ${method}`, Contact: `<sip:mallory@${this.address}:${this.port}>`, ...headers };
    const text = Object.entries(lines).flatMap(([name, value]) => (value === null ? [] : [value].flat().map((v) => `${name}: ${v}`)));
    return [`${method} ${uri} SIP/2.0`, ...text, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
  }

  sendTo(port, lines, body = '') {
    const type = body ? ['Content-Type: application/sdp'] : [];
    this.emit(port, [...lines, ...type, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
  }

  emit(port, text) { this.socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1'); }

  /** Sends a request until its final answer comes; resolves with that. */
  async ask(port, text, { seconds = 5 } = {}) {
    const callId = /^Call-ID: (.*)$/m.exec(text)[1].trim();
    let sent = 0;
    return until(() => {
      if (performance.now() - sent > 500) { this.emit(port, text); sent = performance.now(); }
      return this.heard.find((m) => m.status >= 200 && m.header('Call-ID') === callId);
    }, { seconds, what: `an answer to ${text.split('\r\n')[0]}` });
  }

  /** Waits until the daemon has worked on all that was sent before: it works in order, and answers this last. */
  answered(port) { return this.ask(port, this.request('OPTIONS', `sip:127.0.0.1:${port}`)); }

  hears(matches, what, seconds = 10) { return until(() => this.heard.find(matches), { seconds, what: `${what} at the trunk` }); }

  requests(method) { return this.heard.filter((m) => m.method === method); }

  description() {
    return ['v=0', 'o=trunk 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${this.port + 2} RTP/AVP 0`, 'a=rtpmap:0 PCMU/8000', ''].join('\r\n');
  }

  stop() { this.socket.close(); }
}

export function branch() {
  return `z9hG4bK${randomUUID().replaceAll('-', '')}`;
}

function read(text) {
  const [head, body = ''] = text.split('\r\n\r\n');
  const [start, ...lines] = head.split('\r\n');
  const headers = lines.map((l) => [l.slice(0, l.indexOf(':')).trim().toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]);
  const all = (name) => headers.filter(([n]) => n === name.toLowerCase()).map(([, v]) => v);
  const [first, second] = start.split(' ');
  return { ...(first === 'SIP/2.0' ? { status: Number(second) } : { method: first, uri: second }), start, text, body, all, header: (name) => all(name)[0] };
}
