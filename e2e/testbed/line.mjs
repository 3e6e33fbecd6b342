// The sound of a scripted phone that presses keys: silence in PCMU, telephone-events (RFC 4733) and tones (ITU-T Q.23) in it; and what it
// hears of the other side's keys. It may lose some of its packets, both ways.
import { expanded, companded } from './rtp.mjs';
import { generator } from './udp-shaper.mjs';

const KEYS = '0123456789*#ABCD';
const ROWS = { '1': 0, '2': 0, '3': 0, A: 0, '4': 1, '5': 1, '6': 1, B: 1, '7': 2, '8': 2, '9': 2, C: 2, '*': 3, '0': 3, '#': 3, D: 3 };
const COLUMNS = { '1': 0, '4': 0, '7': 0, '*': 0, '2': 1, '5': 1, '8': 1, '0': 1, '3': 2, '6': 2, '9': 2, '#': 2, A: 3, B: 3, C: 3, D: 3 };
const ROW_HZ = [697, 770, 852, 941];
const COLUMN_HZ = [1209, 1336, 1477, 1633];
const [FRAME, PACKETS, PAUSE] = [160, 5, 10]; // samples; packets of a key, and behind it

let lines = 0;

export class Line {
  /** What is lost depends on `seed`, and on how many lines there were before in this run. */
  constructor({ socket, loss, seed = 4733 }) {
    const chance = generator(seed + lines);
    lines += 1;
    Object.assign(this, { socket, loss, chance, sequence: 0, timestamp: 0, ssrc: Math.floor(chance() * 0x100000000), queue: [], lost: { sent: 0, received: 0 } });
    this.heard = { rate: 8000, pieces: [] };
    this.keys = [];
  }

  /** Begins to send, one packet each 20 ms by the wall's clock. */
  open(port) {
    if (this.timer) return;
    this.port = port;
    const started = performance.now();
    let packets = 0;
    this.timer = setInterval(() => {
      for (; packets * 20 <= performance.now() - started; packets += 1) this.tick();
    }, 10);
  }

  stop() { clearInterval(this.timer); }

  /** Presses a key for 100 ms; resolves when there has been a pause behind it. */
  press(key, by) {
    return new Promise((resolve) => {
      const began = { event: by.includes('events'), tone: by.includes('tones'), key };
      for (let i = 0; i < PACKETS + PAUSE; i += 1) this.queue.push({ ...began, count: i });
      this.queue.at(-1).done = resolve;
    });
  }

  tick() {
    const now = this.queue.shift();
    if (!now) return this.send(0, this.silence());
    const { key, count, event, tone, done } = now;
    if (count === 0) this.began = this.timestamp;
    const pressed = count < PACKETS;
    if (event && count < PACKETS + 2) {
      const end = count >= PACKETS - 1;
      const duration = Math.min(count + 1, PACKETS) * FRAME;
      this.send(101, Buffer.from([KEYS.indexOf(key), (end ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]), { timestamp: this.began, marker: count === 0 });
    } else {
      this.send(0, tone && pressed ? this.tone(key, count) : this.silence());
    }
    done?.();
  }

  send(payloadType, payload, { timestamp = this.timestamp, marker = false } = {}) {
    const packet = Buffer.alloc(12);
    packet.writeUInt16BE(0x8000 | (marker ? 0x80 : 0) | payloadType, 0);
    packet.writeUInt16BE(this.sequence & 0xffff, 2);
    packet.writeUInt32BE(timestamp >>> 0, 4);
    packet.writeUInt32BE(this.ssrc, 8);
    this.sequence += 1;
    this.timestamp += FRAME;
    if (this.chance() < this.loss) this.lost.sent += 1;
    else this.socket.send(Buffer.concat([packet, payload]), this.port, '127.0.0.1');
  }

  silence() { return Buffer.alloc(FRAME, 0xff); }

  tone(key, count) {
    const [row, column] = [ROW_HZ[ROWS[key]], COLUMN_HZ[COLUMNS[key]]];
    const at = (i) => (2 * Math.PI * (count * FRAME + i)) / 8000;
    return Buffer.from(Array.from({ length: FRAME }, (_, i) => companded(7000 * Math.sin(row * at(i)) + 9000 * Math.sin(column * at(i)))));
  }

  receive(packet) {
    if (this.chance() < this.loss) {
      this.lost.received += 1;
      return;
    }
    const [payloadType, payload] = [packet[1] & 0x7f, packet.subarray(12)];
    if (payloadType === 0) this.heard.pieces.push(Float32Array.from(payload, (byte) => expanded(byte) / 32768));
    // One timestamp is one key, however many packets of it arrive.
    if (payloadType === 101) {
      const timestamp = packet.readUInt32BE(4);
      if (this.keys.at(-1)?.timestamp !== timestamp) this.keys.push({ timestamp, key: KEYS[payload[0]] });
    }
  }

  /** The keys that came as telephone-events. */
  events() { return this.keys.map((k) => k.key).join(''); }

  /** What it has heard so far, without what was lost. */
  sound() {
    const { rate, pieces } = this.heard;
    const samples = new Float32Array(pieces.reduce((sum, p) => sum + p.length, 0));
    pieces.reduce((at, p) => (samples.set(p, at), at + p.length), 0);
    return { rate, samples };
  }
}
