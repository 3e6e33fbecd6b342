// A sylkRTC-2 connection: one WebSocket, requests answered by promises, events as DOM events.
// Knows the protocol's envelope and nothing of media or of the page.

const PING_EVERY = 5_000;
const RETRY_FIRST = 500;
const RETRY_MOST = 16_000;

/** A refusal by the gateway: its text, and the machine-readable code beside it. */
export class GatewayError extends Error {
  constructor(text, code) {
    super(text);
    this.code = code;
  }
}

/**
 * Events (all `CustomEvent`s with the protocol's message in `detail`):
 *   state          detail is 'connecting' | 'ready' | 'lost'
 *   account-event  registration-state, incoming-session, missed-session
 *   session-event  state, …
 *   wire           {direction: 'out' | 'in', message}, for the curious
 */
export class Connection extends EventTarget {
  #url;
  #socket = null;
  #pending = new Map();
  #retry = RETRY_FIRST;
  #ready = false;

  constructor(url) {
    super();
    this.#url = url;
    this.#open();
    setInterval(() => this.#ready && this.request('ping').catch(() => {}), PING_EVERY);
  }

  get ready() {
    return this.#ready;
  }

  /** Sends a request; resolves with its `ack`, rejects with a `GatewayError`. */
  request(name, fields = {}) {
    if (!this.#ready) return Promise.reject(new GatewayError('Not connected to the gateway', 'not-connected'));
    const transaction = randomId();
    const message = { sylkrtc: name, transaction, ...fields };
    return new Promise((resolve, reject) => {
      this.#pending.set(transaction, { resolve, reject });
      this.#socket.send(JSON.stringify(message));
      this.#emit('wire', { direction: 'out', message });
    });
  }

  #open() {
    this.#emit('state', 'connecting');
    const socket = new WebSocket(this.#url, 'sylkRTC-2');
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#closed();
  }

  #receive(message) {
    this.#emit('wire', { direction: 'in', message });
    switch (message.sylkrtc) {
      case 'ready-event':
        this.#ready = true;
        this.#retry = RETRY_FIRST;
        this.#emit('state', 'ready');
        break;
      case 'ack':
        this.#settle(message.transaction)?.resolve(message);
        break;
      case 'error':
        this.#settle(message.transaction)?.reject(new GatewayError(message.error, message.code));
        break;
      default:
        this.#emit(message.sylkrtc, message);
    }
  }

  #settle(transaction) {
    const waiting = this.#pending.get(transaction);
    this.#pending.delete(transaction);
    return waiting;
  }

  #closed() {
    const wasReady = this.#ready;
    this.#ready = false;
    for (const { reject } of this.#pending.values()) reject(new GatewayError('Connection closed', 'not-connected'));
    this.#pending.clear();
    if (wasReady) this.#emit('state', 'lost');
    setTimeout(() => this.#open(), this.#retry);
    this.#retry = Math.min(2 * this.#retry, RETRY_MOST);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** A UUID; also on pages served over plain http from another host, where randomUUID is missing. */
export function randomId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
