// A phone that does exactly what a script says, one SIP message at a time, over UDP; for transcripts, where a real
// phone's habits (a 180 before everything, no sound before the answer) would be in the way. It speaks PCMU.
import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { DOMAIN } from './kamailio.mjs';
import { MidCall } from './mid-call.mjs';
import { freePorts } from './ports.mjs';
import { Line } from './line.mjs';
import { sendTone } from './rtp.mjs';
import { until } from './wait.mjs';

const METHODS = 'INVITE, ACK, BYE, CANCEL, PRACK, UPDATE';

/**
 * Starts one. Kamailio (`proxy`) reaches it as `uri`; it calls as `caller`, of a domain that Kamailio doesn't ask to log in. `address`: what it
 * sends from. `events`: whether it has telephone-events; `info`: whether it takes INFO; `loss`: which share of RTP it loses both ways.
 */
export async function startScriptedPhone({ proxy, address = '127.0.0.1', events = true, info = false, loss = 0 }) {
  const port = await freePorts(4);
  const [socket, media] = await Promise.all([port, port + 2].map(async (p) => {
    const bound = createSocket('udp4');
    await new Promise((resolve) => bound.bind(p, address, resolve));
    return bound;
  }));
  return new ScriptedPhone(socket, media, port, proxy, { events, info, loss });
}

class ScriptedPhone {
  constructor(socket, media, port, proxy, { events, info, loss }) {
    this.allow = `Allow: ${METHODS}${info ? ', INFO' : ''}`;
    this.line = new Line({ socket: media, loss });
    Object.assign(this, { socket, media, port, proxy, events, packets: 0, tag: randomUUID().slice(0, 8), heard: [], sequence: 1 });
    this.uri = `peer-${port}@${DOMAIN}`;
    this.caller = 'bob@phones.test';
    this.midCall = new MidCall(this);
    media.on('message', (packet) => {
      if (packet.length === 0) return; // only keeps the way open
      this.packets += 1;
      this.payloadType = packet[1] & 0x7f;
      this.line.receive(packet);
    });
    socket.on('message', (bytes, from) => this.receive(parse(bytes.toString('utf8')), from));
  }

  receive(message, from) {
    this.heard.push(message);
    if (message.method === 'INVITE' && message.header('To').includes('tag=')) {
      this.midCall.asked({ ...message, from });
      return;
    }
    if (message.method === 'INVITE' && !this.invite) this.invite = { ...message, from };
    if (['BYE', 'PRACK', 'INFO'].includes(message.method)) this.reply({ ...message, from }, '200 OK');
    if (message.method === 'MESSAGE') this.reply({ ...message, from }, this.messageStatus ?? '200 OK');
    if (message.status && message.cseq.endsWith('INVITE') && message.status >= 200 && !this.midCall.answered(message)) this.acknowledge(message);
  }

  // Called by the page.

  async ring() { this.reply(await this.called(), '180 Ringing'); }
  async earlyMedia() { this.reply(await this.called(), '183 Session Progress', this.description()); }
  /** Early sound whose description the caller acknowledges by PRACK. */
  async reliableEarlyMedia() {
    const invite = await this.called();
    const early = () => this.reply(invite, '183 Session Progress', this.description(), ['Require: 100rel', 'RSeq: 4711', this.allow]);
    early();
    const again = setInterval(early, 500);
    try {
      return await this.hears((m) => m.method === 'PRACK', 'PRACK');
    } finally {
      clearInterval(again);
    }
  }
  async answer({ description = this.description() } = {}) {
    this.reply(await this.called(), '200 OK', description, [this.allow]);
    await this.hears((m) => m.method === 'ACK', 'ACK');
  }

  /** Sends a request within the dialog of the call that came in, and waits for its final answer. */
  async within(method, { body = '', type = 'application/sdp', headers = [] } = {}) {
    const invite = await this.called();
    const cseq = `${(this.sequence += 1)} ${method}`;
    this.send(`${method} ${contact(invite)} SIP/2.0`, branch(), [`From: ${invite.header('To')};tag=${this.tag}`, `To: ${invite.header('From')}`,
      `Call-ID: ${invite.header('Call-ID')}`, `CSeq: ${cseq}`, ...routes(invite, false), ...headers], body, type);
    return this.hears((m) => m.status >= 200 && m.cseq === cseq, `answer to ${method}`);
  }
  async refuse(status, headers) { this.reply(await this.called(), status, '', headers); }
  busy() { return this.refuse('486 Busy Here'); }

  /** Plays a tone to whoever called, until the end; `from`: another socket than the one it named, `change`: see `sendTone`. */
  async play(hertz, { from = this.media, change } = {}) {
    const { body } = await this.called();
    const port = Number(/^m=audio (\d+)/m.exec(body)[1]);
    this.silence = sendTone(from, { hertz, address: '127.0.0.1', port, change });
  }

  /** Presses keys: `by` telephone-events, INFO, tones in the sound, or several of them for each. */
  async press(keys, { by = ['events'] } = {}) {
    const { body } = await this.called();
    this.line.open(Number(/^m=audio (\d+)/m.exec(body)[1]));
    for (const key of keys) {
      const info = by.includes('info') && this.within('INFO', { body: `Signal=${key}\r\nDuration=100\r\n`, type: 'application/dtmf-relay' });
      await this.line.press(key, by);
      await info;
    }
  }

  called() { return until(() => this.invite, { what: 'INVITE at the scripted phone' }); }

  // Calling the page.

  /** Calls `user`, or `uri`. */
  call(user, { uri: called = `sip:${user}@${DOMAIN}`, headers = [] } = {}) {
    this.outgoing = { uri: called, callId: randomUUID(), branch: branch() };
    const { uri, callId } = this.outgoing;
    this.send(`INVITE ${uri} SIP/2.0`, this.outgoing.branch, [
      `From: "Bob" <sip:${this.caller}>;tag=${this.tag}`, `To: <${uri}>`, `Call-ID: ${callId}`, 'CSeq: 1 INVITE', ...headers,
    ], this.description());
  }

  /** Gives up while it rings. */
  async giveUp({ headers = [] } = {}) {
    await this.hears((m) => m.status === 180 || m.status === 183, 'ringing');
    const { uri, callId, branch: same } = this.outgoing;
    this.send(`CANCEL ${uri} SIP/2.0`, same, [
      `From: "Bob" <sip:${this.caller}>;tag=${this.tag}`, `To: <${uri}>`, `Call-ID: ${callId}`, 'CSeq: 1 CANCEL', ...headers,
    ]);
  }

  acknowledge(response) {
    const { uri, callId, branch: same } = this.outgoing;
    const success = response.status < 300;
    this.answered = success ? response : undefined;
    this.send(`ACK ${success ? contact(response) : uri} SIP/2.0`, success ? branch() : same, [
      `From: ${response.header('From')}`, `To: ${response.header('To')}`, `Call-ID: ${callId}`, 'CSeq: 1 ACK',
      ...(success ? routes(response, true) : []),
    ]);
  }

  /** Writes to `user` outside of any call; resolves with the final answer. */
  write(user, body, { headers = [] } = {}) {
    const [uri, callId] = [`sip:${user}@${DOMAIN}`, randomUUID()];
    this.send(`MESSAGE ${uri} SIP/2.0`, branch(), [
      `From: "Bob" <sip:${this.caller}>;tag=${this.tag}`, `To: <${uri}>`, `Call-ID: ${callId}`, 'CSeq: 1 MESSAGE', ...headers,
    ], body, 'text/plain');
    return this.hears((m) => m.status >= 200 && m.header('Call-ID') === callId, 'answer to MESSAGE');
  }

  /** Answers every MESSAGE with this status; the texts are in `heard`. */
  takeMessages(status) { this.messageStatus = status; }

  /** Ends the call, whoever began it. */
  async hangUp() {
    if (this.outgoing) {
      const response = await until(() => this.answered, { what: 'the page answers' });
      this.bye(contact(response), response.header('From'), response.header('To'), this.outgoing.callId, routes(response, true));
    } else {
      const invite = await this.called();
      this.bye(contact(invite), `${invite.header('To')};tag=${this.tag}`, invite.header('From'), invite.header('Call-ID'), routes(invite, false));
    }
    await this.hears((m) => m.status && m.cseq.endsWith('BYE'), 'answer to BYE');
  }

  bye(target, from, to, callId, routeLines) {
    this.send(`BYE ${target} SIP/2.0`, branch(), [`From: ${from}`, `To: ${to}`, `Call-ID: ${callId}`, `CSeq: ${this.sequence += 1} BYE`, ...routeLines]);
  }

  hears(matches, what) { return until(() => this.heard.find(matches), { what: `${what} at the scripted phone` }); }

  // Messages.

  reply(request, status, body = '', headers = []) {
    const tagged = request.header('To').includes('tag=') ? '' : `;tag=${this.tag}`;
    const lines = [`SIP/2.0 ${status}`, ...request.all('Via').map((v) => `Via: ${v}`), ...request.all('Record-Route').map((v) => `Record-Route: ${v}`),
      `From: ${request.header('From')}`, `To: ${request.header('To')}${tagged}`, `Call-ID: ${request.header('Call-ID')}`,
      `CSeq: ${request.cseq}`, `Contact: <sip:bob@127.0.0.1:${this.port}>`, ...headers];
    this.emit(lines, body, request.from.port);
  }

  send(startLine, viaBranch, headers, body = '', type = 'application/sdp') {
    const lines = [startLine, `Via: SIP/2.0/UDP 127.0.0.1:${this.port};rport;branch=${viaBranch}`, 'Max-Forwards: 70', ...headers,
      `Contact: <sip:bob@127.0.0.1:${this.port}>`];
    this.emit(lines, body, this.proxy.port, type);
  }

  emit(lines, body, port, kind = 'application/sdp') {
    const type = body ? [`Content-Type: ${kind}`] : [];
    this.socket.send([...lines, ...type, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'), port, '127.0.0.1');
  }

  description({ version = 1, codec = 0, lines = [] } = {}) {
    const name = codec === 8 ? 'PCMA' : 'PCMU';
    const events = this.events ? ['a=rtpmap:101 telephone-event/8000'] : [];
    return ['v=0', `o=bob 1 ${version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${this.port + 2} RTP/AVP ${codec}${this.events ? ' 101' : ''}`,
      `a=rtpmap:${codec} ${name}/8000`, ...events, ...lines, ''].join('\r\n');
  }

  stop() {
    this.silence?.();
    this.line.stop();
    this.socket.close();
    this.media.close();
  }
}

function parse(text) {
  const [head, body] = text.split('\r\n\r\n');
  const [start, ...lines] = head.split('\r\n');
  const headers = lines.map((l) => [l.slice(0, l.indexOf(':')).trim().toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]);
  const all = (name) => headers.filter(([n]) => n === name.toLowerCase()).map(([, v]) => v);
  const [first, second] = start.split(' ');
  const kind = first === 'SIP/2.0' ? { status: Number(second) } : { method: first };
  return { ...kind, body, all, header: (name) => all(name)[0], cseq: all('CSeq')[0] };
}

export function contact(message) {
  return /<([^>]*)>/.exec(message.header('Contact'))[1];
}

export function routes(message, reversed) {
  const set = message.all('Record-Route');
  return (reversed ? set.reverse() : set).map((r) => `Route: ${r}`);
}

export function branch() {
  return `z9hG4bK${randomUUID().replaceAll('-', '')}`;
}
