// One sylkRTC WebSocket: requests answered by transaction, events kept in order, everything in a transcript.
import { DIALECTS, understand } from './dialect.mjs';

export class Connection {
  /** Opens the socket and waits for the ready event. */
  static async open(url, dialect) {
    const connection = new Connection(url, DIALECTS[dialect]);
    await connection.event((e) => e.kind === 'ready', 10);
    return connection;
  }

  constructor(url, dialect) {
    Object.assign(this, { dialect, transcript: [], events: [], waiting: [], answers: new Map(), listeners: [] });
    this.socket = new WebSocket(url, dialect.subprotocol);
    this.socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
      for (const wait of this.waiting) wait.reject(new Error(`socket closed: ${code} ${reason}`));
    };
  }

  receive(message) {
    this.transcript.push({ from: 'gateway', at: performance.now(), message });
    const event = understand(message);
    if (event.kind === 'ack' || event.kind === 'error') {
      this.answers.get(message.transaction)?.(event);
      this.answers.delete(message.transaction);
    }
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
    for (const wait of [...this.waiting]) wait.look(event);
  }

  /** Sends a request; resolves with its answer, `{ kind: 'ack' | 'error', ... }`. */
  request(name, fields = {}) {
    const transaction = crypto.randomUUID();
    const message = { sylkrtc: this.dialect.request(name), transaction, ...fields };
    this.transcript.push({ from: 'page', at: performance.now(), message });
    this.socket.send(JSON.stringify(message));
    return new Promise((resolve) => this.answers.set(transaction, resolve));
  }

  /** Sends a request that must be acknowledged. */
  async expectAck(name, fields) {
    const answer = await this.request(name, fields);
    if (answer.kind !== 'ack') throw new Error(`${name}: ${answer.error}`);
    return answer;
  }

  /** Waits for an event; those of the past count. */
  event(matches, seconds) {
    const past = this.events.find(matches);
    if (past) return Promise.resolve(past);
    if (this.closed) return Promise.reject(new Error(`socket closed: ${this.closed.code} ${this.closed.reason}`));
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((w) => w !== wait);
        settle(value);
      };
      const wait = { look: (e) => matches(e) && done(resolve, e), reject: (error) => done(reject, error) };
      const timer = setTimeout(() => done(reject, new Error(`not within ${seconds} s: event ${matches}`)), seconds * 1000);
      this.waiting.push(wait);
    });
  }
}
