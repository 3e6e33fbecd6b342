// Connectivity checks by hand (RFC 8445 §7, RFC 8489), for attackers and for browsers that have no media.
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { crc32 } from 'node:zlib';

const COOKIE = 0x2112a442;

/** A Binding request. `role`: controlling or controlled. Without `password` it has no integrity. */
export function check({ ufrag, password, remote = 'aBcD', role = 'controlling', nominate = false, bend = false }) {
  const transaction = randomBytes(12);
  const attributes = [
    attribute(0x0006, Buffer.from(`${ufrag}:${remote}`)),
    attribute(0x0024, Buffer.from([0x6e, 0, 1, 0xff])),
    attribute(role === 'controlling' ? 0x802a : 0x8029, randomBytes(8)),
    ...(nominate ? [attribute(0x0025, Buffer.alloc(0))] : []),
  ];
  let message = finish(transaction, attributes, 0);
  if (password !== undefined) {
    const hmac = createHmac('sha1', password).update(finish(transaction, attributes, 24)).digest();
    if (bend) hmac[7] ^= 0x41;
    attributes.push(attribute(0x0008, hmac));
  }
  message = finish(transaction, attributes, 8);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc(message) ^ 0x5354554e) >>> 0);
  attributes.push(attribute(0x8028, fingerprint));
  return finish(transaction, attributes, 0);
}

/** The header, with the length as if `more` bytes were still to come, and the attributes. */
function finish(transaction, attributes, more) {
  const body = Buffer.concat(attributes);
  const header = Buffer.alloc(8);
  header.writeUInt16BE(0x0001, 0);
  header.writeUInt16BE(body.length + more, 2);
  header.writeUInt32BE(COOKIE, 4);
  return Buffer.concat([header, transaction, body]);
}

function attribute(type, value) {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function crc(bytes) {
  if (crc32) return crc32(bytes);
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (0xedb88320 & -(value & 1));
  }
  return ~value >>> 0;
}

/** What an answer says: success, or its error code. */
export function verdict(answer) {
  const type = answer.readUInt16BE(0);
  if (type === 0x0101) return 'success';
  for (let at = 20; at + 4 <= answer.length;) {
    const length = answer.readUInt16BE(at + 2);
    if (answer.readUInt16BE(at) === 0x0009) return answer[at + 6] * 100 + answer[at + 7];
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}

/** A socket that counts what it sends to one port and what comes back. */
export async function startProber(port, address = '127.0.0.1') {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const prober = {
    sent: 0, received: 0, answers: [],
    send(bytes) {
      prober.sent += bytes.length;
      return new Promise((resolve) => socket.send(bytes, port, address, resolve));
    },
    /** Sends a check, again and again as browsers do, and waits for the verdict on it; undefined when there is none. */
    async ask(options, milliseconds = 2000) {
      const bytes = check(options);
      const transaction = bytes.subarray(8, 20);
      const deadline = performance.now() + milliseconds;
      for (let sent = -Infinity; performance.now() < deadline;) {
        if (performance.now() - sent > 250) {
          await prober.send(bytes);
          sent = performance.now();
        }
        const answer = prober.answers.find((a) => a.subarray(8, 20).equals(transaction));
        if (answer) return verdict(answer);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return undefined;
    },
    stop: () => socket.close(),
  };
  socket.on('message', (bytes) => {
    prober.received += bytes.length;
    if (prober.answers.length < 10000) prober.answers.push(bytes);
  });
  return prober;
}

/** A DTLS ClientHello that offers nothing but TLS_NULL_WITH_NULL_NULL: the answer would be a fatal alert. */
export function nullHello() {
  const body = Buffer.concat([Buffer.from([0xfe, 0xfd]), randomBytes(32), Buffer.from([0, 0, 0, 2, 0, 0, 1, 0])]);
  const handshake = Buffer.concat([Buffer.from([1, 0, 0, body.length, 0, 0, 0, 0, 0, 0, 0, body.length]), body]);
  const record = Buffer.from([22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, handshake.length]);
  return Buffer.concat([record, handshake]);
}
