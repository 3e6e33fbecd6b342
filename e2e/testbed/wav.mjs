// WAV files: tones to play, recordings to judge. 16-bit PCM, mono or the first channel.
import { readFileSync, writeFileSync } from 'node:fs';

/** Writes a sine of `frequency` hertz; whole periods, so that it can be played in a loop without a click. */
export function writeTone(file, { frequency, rate = 48000, seconds = 10, amplitude = 0.25 }) {
  const samples = new Int16Array(rate * seconds);
  for (let i = 0; i < samples.length; i += 1) {
    samples[i] = Math.round(32767 * amplitude * Math.sin((2 * Math.PI * frequency * i) / rate));
  }
  writeWav(file, Buffer.from(samples.buffer), rate);
  return file;
}

/** Writes mono 16-bit PCM, given as its bytes. */
export function writeWav(file, samples, rate) {
  const header = Buffer.alloc(44);
  const bytes = samples.length;
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  writeFileSync(file, Buffer.concat([header, samples]));
}

/** Reads a recording: `{ rate, samples }`, samples between -1 and 1. A file still being written is read to its end. */
export function readWav(file) {
  const bytes = readFileSync(file);
  let at = 12;
  let format;
  while (at + 8 <= bytes.length) {
    const name = bytes.toString('latin1', at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    at += 8;
    if (name === 'fmt ') format = { channels: bytes.readUInt16LE(at + 2), rate: bytes.readUInt32LE(at + 4), bits: bytes.readUInt16LE(at + 14) };
    if (name === 'data') return { rate: format.rate, samples: pcm(bytes.subarray(at), format) };
    at += length + (length % 2);
  }
  throw new Error(`no samples in ${file}`);
}

function pcm(bytes, { channels, bits }) {
  if (bits !== 16) throw new Error(`${bits} bits a sample`);
  const samples = new Float32Array(Math.floor(bytes.length / 2 / channels));
  for (let i = 0; i < samples.length; i += 1) samples[i] = bytes.readInt16LE(i * 2 * channels) / 32768;
  return samples;
}
