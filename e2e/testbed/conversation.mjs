// One conversation between a page and a phone, listened to at both ends and judged.
import assert from 'node:assert/strict';
import { MICROPHONE_HZ } from './chromium.mjs';
import { assertTone } from './judge.mjs';
import { watchMachine } from './machine.mjs';

export const PHONE_HZ = 880;

const LISTEN = 4; // seconds
const PACKET = 0.02; // seconds of sound in a packet

/**
 * With the call up on both sides: the page hears the phone's tone for a while, one side hangs up, and the phone's
 * recording holds the page's tone. The packet counters of both ends have to fit. `microphone`: its level, if it is another than the usual.
 */
export async function converse(call, phone, { codec, hangUp = 'page', microphone }) {
  const machine = watchMachine();
  await call.mediaStarts();
  const before = await call.counters();
  const heard = await call.hear(LISTEN);
  const after = await call.counters();
  const during = machine();

  assert.equal(after.codec?.toLowerCase(), `audio/${codec.toLowerCase()}`);
  const received = after.received - before.received;
  const sent = after.sent - before.sent;
  const lost = after.lost - before.lost;
  const expected = LISTEN / PACKET;
  assert.ok(Math.abs(received - expected) < expected * 0.1, `${received} packets received in ${LISTEN} s`);
  assert.ok(Math.abs(sent - expected) < expected * 0.1, `${sent} packets sent in ${LISTEN} s`);
  assertTone(heard, PHONE_HZ, { seconds: LISTEN, lost, machine: during });

  await (hangUp === 'page' ? call.hangUp() : phone.hangUp());
  await phone.closed();
  const end = await call.state('terminated');
  const counted = phone.packets();
  assert.equal(counted.lost, 0, `packets lost on the way to the phone: ${JSON.stringify(counted)}`);
  assert.ok(counted.received >= sent && counted.received <= after.sent + 25, `the phone received ${counted.received}, the page sent ${after.sent}`);
  assertTone(phone.heard(), MICROPHONE_HZ, { seconds: LISTEN, lost: counted.lost, machine: during, levels: microphone });
  return end;
}
