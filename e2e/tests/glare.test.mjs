// Both ends change the call at once, with SIPp: 491 both ways, then again after the pause that belongs to each role.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { MICROPHONE_HZ } from '../testbed/chromium.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { hears, hearsNothing } from '../testbed/listening.mjs';
import { startSippClient, startSippServer } from '../testbed/sipp.mjs';
import { startStage } from '../testbed/stage.mjs';
import { until } from '../testbed/wait.mjs';

/** Seconds to wait after 491 (RFC 3261 §14.1), and what a busy machine may add. */
const OWNER = [2.1, 4];
const OTHER = [0, 2];
const SLACK = 0.5;

describe('both ends change the call at once', () => {
  let stage;
  before(async () => { stage = await startStage(); });
  afterEach(() => stage?.clear());
  after(() => stage?.abandon());

  const CASES = [
    ['the page has called', OWNER, async (alice) => {
      const peer = stage.cast(await startSippServer('uas-glare', { extra: ['-rtp_echo'] }));
      return { peer, call: await alice.call(`${peer.uri}@${DOMAIN}`) };
    }],
    ['the phone has called', OTHER, async (alice) => {
      const target = `127.0.0.1:${stage.proxy.port}`;
      const peer = stage.cast(await startSippClient('uac-glare', { target, user: 'alice', keys: { domain: DOMAIN }, extra: ['-rtp_echo'] }));
      const call = await alice.incoming();
      await call.accept();
      return { peer, call };
    }],
  ];

  for (const [name, [least, most], begin] of CASES) {
    test(`${name}: held in the end, then resumed`, async () => {
      const alice = await stage.registered();
      const { peer, call } = await begin(alice);
      await call.state('established');
      await call.mediaStarts();
      await hears(call, MICROPHONE_HZ);

      assert.equal((await call.hold(true)).kind, 'ack');
      const held = await call.event('hold');
      assert.deepEqual([held.held, held.by], [true, 'local']);
      await hearsNothing(call, MICROPHONE_HZ);
      await until(() => refused(peer).length === 2 && /^CSeq: \d+ ACK/m.test(peer.messages().split('a=sendonly').at(-1)), { what: 'the phone has changed the call' });
      const [first, second] = holds(peer);
      assert.ok(second - first > least && second - first < most + SLACK, `tried again after ${second - first} s`);

      assert.equal((await call.hold(false)).kind, 'ack');
      const resumed = await call.event('hold', { index: 1 });
      assert.deepEqual([resumed.held, resumed.by], [false, 'local']);
      await hears(call, MICROPHONE_HZ);
      await call.hangUp();
      await call.state('terminated');
      await peer.done();
    });
  }

  test('and then nothing is left', () => stage.nothingLeft());
});

/** The messages of a SIPp with the second of the day each was seen. */
function seen(peer) {
  return peer.messages().split(/^-{20,} /m).slice(1).map((text) => {
    const [, hours, minutes, seconds] = /^\S+ (\d+):(\d+):([\d.]+)/.exec(text);
    return { at: Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds), received: /^UDP message received/m.test(text), text };
  });
}

/** The refusals that went either way. */
function refused(peer) {
  const all = seen(peer).filter(({ text }) => /^SIP\/2\.0 491 /m.test(text));
  return [all.find((m) => m.received), all.find((m) => !m.received)].filter(Boolean);
}

/** When the page's first and second attempt to hold came, repeats left out. */
function holds(peer) {
  const first = new Map();
  for (const { at, received, text } of seen(peer)) {
    const [, cseq] = /^CSeq: (\d+ INVITE)/m.exec(text) ?? [];
    if (received && /^INVITE /m.test(text) && /^a=sendonly/m.test(text) && !first.has(cseq)) first.set(cseq, at);
  }
  return [...first.values()];
}
