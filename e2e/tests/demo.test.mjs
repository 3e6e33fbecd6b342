// The one-minute start: `sylk-gateway demo` from cold, its own web phone, Chromium with its ordinary ICE settings.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MICROPHONE_HZ, sound, startChromium } from '../testbed/chromium.mjs';
import { BINARY, Gateway } from '../testbed/gateway.mjs';
import { Program } from '../testbed/program.mjs';
import { e2eFolder, folder } from '../testbed/run.mjs';
import { judgeTone } from '../testbed/tone.mjs';

const ADDRESS = 'http://localhost:10888/';
const WEB_PORT = 10888;

/** Put into the page before its own code: remembers the remote stream and leaves the fake microphone's sine alone. */
const SPY = `
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = () => ask({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const Ordinary = RTCPeerConnection;
  window.RTCPeerConnection = class extends Ordinary {
    constructor(...args) {
      super(...args);
      window.spied = new Promise((resolve) => this.addEventListener('track', ({ track }) => resolve(new MediaStream([track]))));
    }
  };
`;

describe('the demo', () => {
  let browser;
  let started;
  let gateway;
  before(async () => {
    browser = await startChromium({ loopback: false });
    started = performance.now();
    const program = new Program('demo', BINARY, ['demo'], { cwd: folder('demo') });
    gateway = new Gateway({ program, web: WEB_PORT });
    await program.ready(async () => (await gateway.health())?.status === 'ok');
    gateway.atRest = gateway.possessions();
  });
  after(async () => {
    await browser?.stop();
    await gateway?.program.stop();
  });

  test('lets a page log in, call echo, hear its own tone and hang up within a minute', async () => {
    const page = await browser.context.newPage();
    await page.addInitScript(SPY);
    await page.goto(ADDRESS);
    await page.locator('#demo-accounts button').first().click();
    await page.locator('#sign-in').click();
    await page.waitForFunction(() => window.phone.account?.state === 'registered');

    await page.locator('#target').fill('echo');
    await page.locator('#call').click();
    await page.locator('#timer').waitFor();
    const tone = judgeTone(await hear(page, 4), MICROPHONE_HZ);
    assert.ok(Math.abs(tone.frequency - MICROPHONE_HZ) <= 2, JSON.stringify(tone));
    assert.ok(tone.duration > 2.5 && tone.purity > 0.9 && tone.level > -20, JSON.stringify(tone));

    await page.locator('#hang-up').click();
    await page.locator('#dial').waitFor();
    const seconds = (performance.now() - started) / 1000;
    assert.ok(seconds < 60, `it took ${seconds} s`);
    await page.close();
  });

  test('listens on loopback only', () => {
    const hosts = new Set();
    for (const table of ['tcp', 'udp']) {
      const rows = readFileSync(`/proc/${gateway.program.pid}/net/${table}`, 'utf8').split('\n').slice(1).map((l) => l.trim().split(/\s+/));
      const own = new Set(gateway.sockets());
      for (const row of rows) if (own.has(row[9])) hosts.add(row[1].split(':')[0]);
    }
    assert.deepEqual([...hosts], ['0100007F']);
  });

  test('and then nothing is left', async () => {
    await gateway.nothingLeft();
    await gateway.stop();
  });
});

/** Listens to what the page's call plays. */
async function hear(page, seconds) {
  const recorder = readFileSync(join(e2eFolder, 'page/recorder.js'), 'utf8');
  const bytes = await page.evaluate(async ([source, wanted]) => {
    const stream = await window.spied;
    const context = new AudioContext({ sampleRate: 48000 });
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    const node = new AudioWorkletNode(context, 'recorder');
    context.createMediaStreamSource(stream).connect(node);
    node.connect(context.destination);
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    const pieces = [];
    await new Promise((resolve) => {
      node.port.onmessage = ({ data }) => pieces.push(data) * data.length >= wanted * 48000 && resolve();
    });
    return pieces.flatMap((p) => [...new Uint8Array(p.buffer)]);
  }, [recorder, seconds]);
  return sound(Buffer.from(bytes).toString('base64'));
}
