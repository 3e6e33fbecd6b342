// A tone as a PCMU stream: 20 ms packets, the clock kept by the wall so that a late timer doesn't lose any.

const RATE = 8000;
const SAMPLES = 160;

/** Sends `hertz` from a UDP socket; the returned function ends it. `change` may spoil a packet, or keep it back (`false`). */
export function sendTone(socket, { hertz, address, port, amplitude = 0.25, change = () => {} }) {
  const started = performance.now();
  const ssrc = Math.floor(Math.random() * 0x100000000);
  let packets = 0;
  const timer = setInterval(() => {
    while (packets * 20 <= performance.now() - started) {
      const bytes = packet(packets, ssrc, hertz, amplitude);
      if (change(bytes, packets) !== false) socket.send(bytes, port, address);
      packets += 1;
    }
  }, 10);
  return () => clearInterval(timer);
}

function packet(index, ssrc, hertz, amplitude) {
  const bytes = Buffer.alloc(12 + SAMPLES);
  bytes.writeUInt16BE(index === 0 ? 0x8080 : 0x8000, 0);
  bytes.writeUInt16BE(index & 0xffff, 2);
  bytes.writeUInt32BE((index * SAMPLES) >>> 0, 4);
  bytes.writeUInt32BE(ssrc, 8);
  for (let i = 0; i < SAMPLES; i += 1) {
    const sample = amplitude * Math.sin((2 * Math.PI * hertz * (index * SAMPLES + i)) / RATE);
    bytes[12 + i] = companded(sample * 32767);
  }
  return bytes;
}

/** ITU-T G.711, mu-law. */
export function companded(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(32635, Math.abs(Math.round(sample))) + 132;
  const exponent = Math.max(0, Math.floor(Math.log2(magnitude)) - 7);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

/** And back. */
export function expanded(byte) {
  const bits = ~byte & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 0x07)) - 132;
  return bits & 0x80 ? -magnitude : magnitude;
}
