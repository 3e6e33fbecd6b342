// A fifth of the packets lost, 200 ms of jitter, packets doubled and out of order, between browser and gateway and between gateway and
// phone: calls come up, and what is said is understood at both ends, relayed and transcoded. Figures: docs/performance.md.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { freePorts } from '../testbed/ports.mjs';
import { folder } from '../testbed/run.mjs';
import { startStage } from '../testbed/stage.mjs';
import { syllables, understand, writeSyllables } from '../testbed/syllables.mjs';
import { startShaper } from '../testbed/udp-shaper.mjs';
import { pause } from '../testbed/wait.mjs';
import { readWav } from '../testbed/wav.mjs';

const RELAY = '127.0.0.2'; // the advertised address; the gateway's own is 127.0.0.1, same port
const PORTS = 20; // for phones: of three calls, and of those that end
const [PAGE, PHONE] = [1, 2]; // who says what
const SETTLE = 1000; // ms for jitter buffers to take to a network
const LISTEN = Number(process.env.LISTEN ?? 4); // seconds to each network
const FRAMES = 0.6; // of what is said: heard, at least
const UNDERSTOOD = 0.75; // and of syllables
const ATTEMPTS = 4;
const ROUNDS = 4; // of three calls, on each side

const GOOD = { loss: 0, jitter: 0, duplicate: 0, reorder: 0 };
const FAULTS = {
  '20 % lost': { ...GOOD, loss: 0.2 },
  '200 ms of jitter': { ...GOOD, jitter: 200 },
  'a third doubled, a third out of order': { ...GOOD, duplicate: 0.33, reorder: 0.33 },
  'all of these': { loss: 0.2, jitter: 200, duplicate: 0.33, reorder: 0.33 },
};
const CALLS = {
  'PCMU relayed': { user: 'bob', phone: ['PCMU'], page: ['audio/PCMU'] },
  'Opus relayed': { user: 'carol', phone: ['opus'], page: ['audio/opus'] },
  'Opus and PCMU, transcoded': { user: 'dave', phone: ['PCMU'], page: ['audio/opus'] },
};
const JITTER_BUFFER = 'jitter_buffer_type fixed\njitter_buffer_delay 11-50'; // 220 ms and more: the phone's affair

describe('bad networks', () => {
  let stage;
  const sides = { 'the browser': [], 'the phone': [] };
  const phones = {};
  let alice;

  before(async () => {
    const first = await freePorts(PORTS);
    const say = (name, voice) => writeSyllables(join(folder('said'), name), voice, { times: name === 'phone.wav' ? 4 * LISTEN + 8 : 1 });
    stage = await startStage({
      chromium: { sound: say('page.wav', PAGE) },
      gateway: { tables: { 'media.browser': { advertised: RELAY }, 'media.phone': { advertised: RELAY, ports: [first, first + PORTS - 1] } } },
    });
    const shaped = (port, seed) => startShaper({ listen: { address: RELAY, port }, target: { address: '127.0.0.1', port }, seed });
    sides['the browser'].push(await shaped(stage.gateway.browserMedia, 4711));
    for (let port = first; port < first + PORTS; port += 1) sides['the phone'].push(await shaped(port, port));
    const sound = say('phone.wav', PHONE);
    await Promise.all(Object.values(CALLS).map(async ({ user, phone }) => {
      phones[user] = stage.cast(await startBaresip(user, { proxy: stage.proxy, codecs: phone, answer: 'auto', sound, jitterBuffer: JITTER_BUFFER }));
    }));
    alice = await stage.registered();
  });
  after(async () => {
    await stage?.abandon();
    for (const shaper of Object.values(sides).flat()) await shaper.stop();
  });

  const shape = (side, network) => sides[side].forEach((shaper) => shaper.set(network));
  const call = async ({ user, page }) => {
    const made = await alice.call(phones[user].uri, { codecs: page });
    await made.state('established', 20);
    await made.mediaStarts(10);
    return made;
  };
  const ends = async (made, { user }) => {
    const phone = phones[user];
    const from = phone.events.length;
    await made.hangUp();
    await made.state('terminated');
    await phone.closed({ from });
  };

  test('the judge tells what was said from what was not', () => {
    const { rate, samples } = syllables(PAGE);
    const said = understand({ rate, samples: samples.subarray(12_345) }, PAGE);
    assert.ok(said.frames > 0.99 && said.understood === 1, JSON.stringify(said));
    const other = understand({ rate, samples }, PHONE);
    assert.ok(other.frames < 0.5 && other.understood < 0.5, JSON.stringify(other));
    const silence = understand({ rate, samples: new Float32Array(5 * rate) }, PAGE);
    assert.deepEqual([silence.frames, silence.understood], [0, 0]);
  });

  for (const side of Object.keys(sides)) {
    test(`${ROUNDS * 3} calls of ${ROUNDS * 3} come up where the way to ${side} has all faults`, async (context) => {
      shape(side, FAULTS['all of these']);
      const times = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        await Promise.all(Object.values(CALLS).map(async (kind) => {
          const asked = performance.now();
          const made = await call(kind);
          times.push(performance.now() - asked);
          await pause(300);
          await ends(made, kind);
          assert.ok(phones[kind.user].packets().received > 0, 'the phone has heard the page');
        }));
      }
      times.sort((a, b) => a - b);
      context.diagnostic(`from the request to sound at the page: median ${Math.round(times[times.length >> 1])} ms, slowest ${Math.round(times.at(-1))} ms`);
      shape(side, GOOD);
    });
  }

  test('what is said is understood at both ends', async (context) => {
    const made = {};
    for (const [name, kind] of Object.entries(CALLS)) made[name] = await call(kind);
    const recorded = (user) => statSync(phones[user].recordings().at(-1)).size;
    const listen = () => Promise.all(Object.entries(CALLS).map(async ([name, { user }]) => {
      const from = recorded(user);
      const heard = await made[name].hear(LISTEN);
      return { name, user, heard, from, to: recorded(user) };
    }));
    const judge = ({ name, user, heard, from, to }) => {
      const { rate, samples } = readWav(phones[user].recordings().at(-1));
      const at = (size) => Math.round((size / recorded(user)) * samples.length); // Opus is recorded in two channels
      return { name, page: understand(heard, PHONE), phone: understand({ rate, samples: samples.subarray(at(from), at(to)) }, PAGE) };
    };
    const share = ({ frames, understood }) => `${Math.round(frames * 100)} % of what is said, ${Math.round(understood * 100)} % of syllables`;
    const isFit = ({ frames, understood }) => frames > FRAMES && understood > UNDERSTOOD;
    const sum = (side, count) => sides[side].reduce((all, shaper) => all + shaper.counts[count], 0);
    /** Packets of three calls and both directions went this way, and no more arrived than should. */
    const wasBad = async (side, { loss }, during) => {
      const before = [sum(side, 'lost'), sum(side, 'passed')];
      await during();
      const [lost, passed] = [sum(side, 'lost') - before[0], sum(side, 'passed') - before[1]];
      assert.ok(lost + passed > 3 * 2 * 40 * LISTEN, `${lost + passed} packets by way of ${side}`);
      assert.ok(Math.abs(lost / (lost + passed) - loss) < 0.05, `${lost} of ${lost + passed} packets lost by way of ${side}`);
    };
    const expect = async (where) => {
      // Where the processors stall for long, ends and shapers do too: once more, then.
      for (let attempt = 1; ; attempt += 1) {
        await pause(SETTLE);
        const verdicts = (await listen()).map(judge);
        for (const { name, page, phone } of verdicts) context.diagnostic(`${where}; ${name}: the page hears ${share(page)}; the phone ${share(phone)}`);
        if (verdicts.every(({ page, phone }) => isFit(page) && isFit(phone))) return;
        assert.ok(attempt < ATTEMPTS, where);
      }
    };
    await expect('nowhere a fault');
    for (const side of Object.keys(sides)) {
      for (const [fault, network] of Object.entries(FAULTS)) {
        shape(side, network);
        await wasBad(side, network, () => expect(`on the way to ${side} ${fault}`));
      }
      shape(side, GOOD);
    }
    for (const [name, kind] of Object.entries(CALLS)) await ends(made[name], kind);
  });

  test('and then nothing is left', () => stage.nothingLeft());
});
