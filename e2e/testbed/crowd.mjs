// Many accounts on a few WebSockets, without a browser: what they are told of their registrations.
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import { ha1 } from './chromium.mjs';
import { DOMAIN } from './kamailio.mjs';
import { until } from './wait.mjs';

/** Accounts of one WebSocket: as many as the daemon allows by default. */
const OF_SOCKET = 20;

/** `user0`, `user1` … with their passwords. */
export function names(count) {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`user${i}`, `secret${i}`]));
}

/** Adds and registers them all; `domain` may differ from Kamailio's. */
export async function startCrowd(passwords, { url, domain = DOMAIN }) {
  const users = Object.keys(passwords);
  const crowd = new Crowd(users.length);
  for (let first = 0; first < users.length; first += OF_SOCKET) {
    await crowd.join(users.slice(first, first + OF_SOCKET), passwords, url, domain);
  }
  return crowd;
}

class Crowd {
  constructor(size) {
    Object.assign(this, { size, sockets: [], states: new Map(), heard: [] });
  }

  async join(users, passwords, url, domain) {
    const socket = new WebSocket(url, 'sylkRTC-2');
    this.sockets.push(socket);
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      if (message.event !== 'registration-state') return;
      this.heard.push(message);
      this.states.set(message.account, message.state);
    });
    await new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
    const send = (request) => socket.send(JSON.stringify({ transaction: randomUUID(), ...request }));
    for (const user of users) {
      const account = `${user}@${domain}`;
      send({ sylkrtc: 'account-add', account, password: ha1(user, passwords[user], domain) });
      send({ sylkrtc: 'account-register', account });
    }
  }

  /** How many have heard this state last. */
  count(state) {
    return [...this.states.values()].filter((known) => known === state).length;
  }

  /** Until all have heard that they are registered. */
  registered(seconds) {
    return until(() => this.count('registered') === this.size, { seconds, every: 100, what: `${this.size} registered` })
      .catch((error) => { throw new Error(`${error.message}, but ${this.count('registered')}`); });
  }

  async leave() {
    await Promise.all(this.sockets.map((socket) => new Promise((resolve) => { socket.once('close', resolve); socket.close(); })));
  }
}
