// A sylkRTC client without a browser: its SDP is written by hand and no media flows. For signalling alone.
import WebSocket from 'ws';
import { Connection } from '../page/connection.mjs';
import { ha1 } from './chromium.mjs';
import { DOMAIN, PASSWORDS } from './kamailio.mjs';

globalThis.WebSocket ??= WebSocket;

/** Connects as `user` and adds the account; `register` registers it too. */
export async function startCaller(user, { url, dialect = 'v2', register = false }) {
  const connection = await Connection.open(url, dialect);
  const account = `${user}@${DOMAIN}`;
  await connection.expectAck('account-add', { account, password: ha1(user, PASSWORDS[user]) });
  if (register) {
    await connection.expectAck('account-register', { account });
    const event = await connection.event((e) => e.kind === 'registration' && e.state !== 'registering', 40);
    if (event.state !== 'registered') throw new Error(`not registered: ${event.reason}`);
  }
  return new Caller(connection, account);
}

class Caller {
  constructor(connection, account) {
    Object.assign(this, { connection, account });
  }

  /** Calls `uri`; resolves with the session id once acknowledged. */
  async call(uri) {
    const session = crypto.randomUUID();
    await this.connection.expectAck('session-create', { account: this.account, session, uri, sdp: description('actpass') });
    return session;
  }

  answer(session) {
    return this.connection.expectAck('session-answer', { session, sdp: description('active') });
  }

  hangUp(session) {
    return this.connection.expectAck('session-terminate', { session });
  }

  /** The states a call went through, in order. */
  states(session) {
    return this.connection.events.filter((e) => e.kind === 'state' && e.session === session).map((e) => e.state);
  }

  state(session, state, seconds = 20) {
    return this.connection.event((e) => e.kind === 'state' && e.session === session && e.state === state, seconds);
  }

  stop() {
    this.connection.socket.close();
  }
}

/** A browser's audio description; nobody is at its address. */
export function description(setup) {
  const fingerprint = Array.from({ length: 32 }, (_, i) => (i * 7 + 16).toString(16).padStart(2, '0').toUpperCase().slice(-2)).join(':');
  return [
    'v=0', 'o=- 4611731400430051336 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=msid-semantic: WMS',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8 110 126', 'c=IN IP4 0.0.0.0', 'a=rtcp:9 IN IP4 0.0.0.0',
    'a=ice-ufrag:aBcD', 'a=ice-pwd:0123456789abcdefghijklmn', 'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${fingerprint}`, `a=setup:${setup}`, 'a=mid:0', 'a=sendrecv', 'a=rtcp-mux',
    'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:9 G722/8000', 'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000', 'a=rtpmap:110 telephone-event/48000', 'a=rtpmap:126 telephone-event/8000',
    'a=ssrc:1234567 cname:hand-written', '',
  ].join('\r\n');
}
