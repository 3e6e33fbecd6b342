// Attacks on the media of a plain call, against the daemon itself: audio injected into it and bled out of it (M3), numbers that jump (M5), and
// packets that no sane peer sends (M6). Each time the page and the phone go on hearing each other and nothing else.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, afterEach, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { PHONE_HZ } from '../testbed/conversation.mjs';
import { assertTone } from '../testbed/judge.mjs';
import { watchMachine } from '../testbed/machine.mjs';
import { sendTone } from '../testbed/rtp.mjs';
import { startScriptedPhone } from '../testbed/scripted-phone.mjs';
import { startStage } from '../testbed/stage.mjs';
import { judgeTone, power } from '../testbed/tone.mjs';
import { until } from '../testbed/wait.mjs';

/** Ports of phone legs, RTP before RTCP. */
function phonePorts(gateway) {
  const ports = gateway.possessions().ports.filter((p) => p.startsWith('udp ')).map((p) => Number(p.slice(4)));
  return ports.filter((p) => p >= gateway.phoneMedia && p < gateway.phoneMedia + 200).sort((a, b) => a - b);
}

/** Somebody else: a socket at an address that is nobody's, and what it was ever sent. */
class Thief {
  constructor(socket) {
    Object.assign(this, { socket, heard: 0, ends: [] });
    socket.on('message', () => { this.heard += 1; });
  }

  /** Plays a tone of its own to every port. */
  spray(ports) {
    for (const port of ports) this.ends.push(sendTone(this.socket, { hertz: 2500, address: '127.0.0.1', port }));
  }

  send(bytes, port) {
    return new Promise((resolve) => this.socket.send(bytes, port, '127.0.0.1', resolve));
  }

  stop() {
    for (const end of this.ends) end();
    this.socket.close();
  }
}

async function startThief(address) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, address, resolve));
  return new Thief(socket);
}

/** The same bytes in every run. */
function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x100000000) * below);
  };
}

const WHIMS = { length: 9, pause: 1 }; // seconds

/** What a phone's numbers may do: a roll-over in the first second, then something new each second. */
function whims(packet, index) {
  const after = (seconds) => index >= seconds * 50;
  const source = Number(after(2)) + Number(after(5));
  const sequence = 65_500 + index + (after(3) ? 20_000 : 0) - (after(5) ? 31_000 : 0) - (after(6) ? 40 : 0);
  const time = index * 160 + (after(4) ? 9_000_000 : 0) - (after(5) ? 5_000_000 : 0);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(time >>> 0, 4);
  packet.writeUInt32BE((packet.readUInt32BE(8) + source) >>> 0, 8);
  return !(after(7) && !after(7 + WHIMS.pause));
}

const bytes = (roll, length) => Buffer.from(Array.from({ length }, () => roll(256)));
const words = (...values) => Buffer.from(values);

/** RTP and RTCP as only an enemy writes them. */
function* nasty(roll) {
  yield Buffer.alloc(0);
  for (const length of [1, 2, 3, 7, 8, 11, 12, 1501, 9000, 65507]) {
    for (const first of [0x80, 0x90, 0xa0, 0xb0, 0x8f, 0xbf]) {
      for (const second of [0, 101, 200, 201, 205, 206, 207]) {
        const packet = bytes(roll, length);
        words(first, second).copy(packet);
        yield packet;
      }
    }
  }
  // an extension that is longer than the packet; padding that is longer; padding of none
  yield Buffer.concat([words(0x90, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff), bytes(roll, 40)]);
  yield Buffer.concat([words(0xa0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1), bytes(roll, 40), words(255)]);
  yield Buffer.concat([words(0xa0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1), bytes(roll, 40), words(0)]);
  // compound RTCP: a report, then transport-wide feedback, REMB, an unknown type; lengths that lie
  const report = words(0x80, 201, 0, 1, 1, 2, 3, 4);
  const remb = Buffer.concat([words(0x8f, 206, 0, 5), bytes(roll, 8), Buffer.from('REMB'), words(255, 255, 255, 255), bytes(roll, 4)]);
  const feedback = Buffer.concat([words(0x8f, 205, 0, 5), bytes(roll, 8), words(0, 0, 255, 255, 0, 0, 0, 0), bytes(roll, 4)]);
  yield Buffer.concat([report, feedback, remb, words(0x80, 250, 0, 1, 0, 0, 0, 0)]);
  yield Buffer.concat([report, words(0x80, 205, 255, 255)]);
  yield Buffer.concat([words(0x9f, 200, 0, 6), bytes(roll, 24)]);
  yield Buffer.concat([words(0x9f, 202, 0, 1), bytes(roll, 4)]);
  yield Buffer.concat([words(0x9f, 203, 0, 0)]);
  for (let count = 0; count < 2000; count += 1) {
    const packet = bytes(roll, 8 + roll(120));
    words(0x80 | roll(64), 192 + roll(32), 0, roll(20)).copy(packet);
    yield packet;
  }
}

/** STUN with attributes that are longer than the message. */
function* stun(roll) {
  for (let count = 0; count < 500; count += 1) {
    const attributes = Buffer.concat([words(0, 6, roll(256), roll(256)), bytes(roll, roll(64))]);
    yield Buffer.concat([words(0, 1, roll(2) * roll(256), roll(256), 0x21, 0x12, 0xa4, 0x42), bytes(roll, 12), attributes]);
  }
}

const LISTEN = 4; // seconds

/** Both ends hear each other's tone and nothing else, then the page hangs up. After a hold the phone's recording is in pieces. */
async function talk(call, phone, { whole = true } = {}) {
  const machine = watchMachine();
  await call.mediaStarts();
  const before = await call.counters();
  const heard = await call.hear(LISTEN);
  const after = await call.counters();
  const lost = after.lost - before.lost;
  const received = after.received - before.received;
  assert.ok(Math.abs(received - LISTEN * 50) < LISTEN * 5, `${received} packets in ${LISTEN} s`);
  assertTone(heard, PHONE_HZ, { seconds: LISTEN, lost, machine: machine() });
  await call.hangUp();
  await phone.closed();
  assert.match((await call.state('terminated')).reason, /^200 /);
  if (whole) assertTone(phone.heard(), MICROPHONE_HZ, { seconds: LISTEN, lost: phone.packets().lost, machine: machine() });
}

describe('attacks on the media of a plain call', () => {
  let stage;
  let thieves = [];
  before(async () => { stage = await startStage(); });
  afterEach(async () => {
    thieves.splice(0).forEach((thief) => thief.stop());
    await stage?.clear();
  });
  after(() => stage?.abandon());

  async function ringing(name) {
    const bob = stage.cast(await startBaresip('bob', { proxy: stage.proxy, codecs: ['PCMU'], name }));
    const alice = await stage.registered();
    const call = await alice.call(bob.uri);
    assert.equal(call.created.kind, 'ack', call.created.error);
    await bob.rings();
    return { call, bob };
  }

  test('M3: what others send from before the answer on is not heard, and they are sent nothing', async () => {
    const { call, bob } = await ringing('bob-bleed');
    const ports = await until(() => phonePorts(stage.gateway).length > 0 && phonePorts(stage.gateway), { what: 'ports of the phone leg' });
    for (const address of ['127.0.0.66', '127.0.0.67', '127.0.0.68']) {
      const thief = await startThief(address);
      thieves.push(thief);
      thief.spray(ports);
    }
    await bob.accept();
    await call.state('established');
    await talk(call, bob);
    assert.deepEqual(thieves.map((thief) => thief.heard), [0, 0, 0]);
  });

  test('M3: nor after a hold of the phone', async () => {
    const { call, bob } = await ringing('bob-hold');
    await bob.accept();
    await call.state('established');
    await call.mediaStarts();
    const thief = await startThief('127.0.0.66');
    thieves.push(thief);
    await bob.hold();
    thief.spray(phonePorts(stage.gateway));
    await bob.resume();
    await talk(call, bob, { whole: false });
    assert.equal(thief.heard, 0);
  });

  test('M6: no header, report, length or attribute does any harm', async () => {
    const { call, bob } = await ringing('bob-fuzz');
    await bob.accept();
    await call.state('established');
    await call.mediaStarts();
    const thief = await startThief('127.0.0.1');
    thieves.push(thief);
    const roll = dice(20261121);
    const ports = phonePorts(stage.gateway);
    for (const packet of nasty(roll)) {
      for (const port of [...ports, stage.gateway.browserMedia]) await thief.send(packet, port);
    }
    for (const packet of stun(roll)) await thief.send(packet, stage.gateway.browserMedia);
    await talk(call, bob);
    assert.equal(thief.heard, 0);
  });

  for (const [way, codecs] of [['relayed', ['audio/PCMU']], ['transcoded', ['audio/opus']]]) {
    test(`M5: numbers that roll over, jump and fall back, another source and a pause are not heard where audio is ${way}`, async () => {
      const phone = stage.cast(await startScriptedPhone({ proxy: stage.proxy }));
      const alice = await stage.registered();
      const call = await alice.call(phone.uri, { codecs });
      await phone.answer();
      await phone.play(PHONE_HZ, { change: whims });
      await call.state('established');
      await call.mediaStarts();
      const { samples, rate } = await call.hear(WHIMS.length);
      const tone = judgeTone({ samples, rate }, PHONE_HZ);
      const missing = tone.gaps.reduce((sum, gap) => sum + gap.length, 0);
      assert.ok(tone.purity > 0.9 && missing < WHIMS.pause + 1, JSON.stringify(tone));
      assert.ok(power(samples.subarray(-rate), rate, PHONE_HZ) > 1e-3, 'the end of it');
      await phone.hangUp();
      await call.state('terminated');
    });
  }

  test('and then nothing is left', () => stage.nothingLeft());
});
