// Chromium with a fake microphone of 440 Hz, showing our test page, driven over playwright-core.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';
import { DOMAIN, PASSWORDS } from './kamailio.mjs';
import { freePort } from './ports.mjs';
import { e2eFolder, folder } from './run.mjs';
import { writeTone, writeWav } from './wav.mjs';

export const MICROPHONE_HZ = 440;

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
  '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required',
  '--ignore-certificate-errors',
];

/** Starts the browser and the server of the test page. With `loopback` pages may use 127.0.0.1 in their ICE; `sound`: what its microphone hears. */
export async function startChromium({ loopback = true, sound, name = 'chromium' } = {}) {
  const profile = folder(name, 'profile');
  const microphone = sound ?? writeTone(join(folder(name), 'microphone.wav'), { frequency: MICROPHONE_HZ });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    ignoreHTTPSErrors: true,
    bypassCSP: true,
    args: [...FLAGS, `--use-file-for-fake-audio-capture=${microphone}`, ...(loopback ? ['--allow-loopback-in-peer-connection'] : [])],
  });
  const server = await servePage();
  return new Chromium(context, server);
}

class Chromium {
  constructor(context, server) {
    Object.assign(this, { context, server, origin: server.origin });
  }

  /** A new page, ready to be driven. */
  async open() {
    const page = await this.context.newPage();
    page.on('pageerror', (error) => console.error('page:', error.message));
    await page.goto(`${this.origin}/index.html`);
    await page.waitForFunction(() => window.bench);
    return new TestPage(page);
  }

  async stop() {
    await this.context.close();
    this.server.close();
  }
}

export class TestPage {
  constructor(page) {
    this.page = page;
  }

  /** Calls a function of the page's bench. */
  run(method, ...args) {
    return this.page.evaluate(([m, a]) => window.bench[m](...a), [method, args]);
  }

  /** Connects as `user`; the connection bears the user's name. */
  async connect(user, { url, dialect = 'v2' }) {
    await this.run('connect', user, { url, dialect });
    return new PagePhone(this, user);
  }

  async close() {
    await this.run('reset').catch(() => {});
    await this.page.close();
  }
}

/** One WebSocket of a page and the account on it. */
export class PagePhone {
  constructor(page, user) {
    Object.assign(this, { page, user, account: `${user}@${DOMAIN}` });
  }

  /** Adds and registers the account; resolves with the event that ends the attempt. */
  register({ password = PASSWORDS[this.user], displayName } = {}) {
    return this.page.run('register', this.user, { account: this.account, ha1: ha1(this.user, password), displayName });
  }

  /** Adds the account without registering it. */
  add({ password = PASSWORDS[this.user] } = {}) {
    return this.request('account-add', { account: this.account, password: ha1(this.user, password) });
  }

  request(name, fields = {}) { return this.page.run('request', this.user, name, fields); }

  /** Calls `uri`; resolves with a PageCall once the request is answered. */
  async call(uri, options = {}) {
    const { session, answer } = await this.page.run('call', this.user, { account: this.account, uri, ...options });
    return new PageCall(this, session, answer);
  }

  /** Waits for an incoming call. */
  async incoming(options = {}) {
    const event = await this.page.run('incoming', this.user, options);
    return Object.assign(new PageCall(this, event.session), { incoming: event });
  }

  events() { return this.page.run('events', this.user); }
  transcript() { return this.page.run('transcript', this.user); }
  drop() { return this.page.run('drop', this.user); }
}

export class PageCall {
  constructor(phone, session, created) {
    Object.assign(this, { phone, session, created, page: phone.page });
  }

  accept(options = {}) { return this.page.run('answer', this.phone.user, { session: this.session, ...options }); }
  hangUp() { return this.page.run('terminate', this.phone.user, this.session); }
  state(state, seconds) { return this.page.run('state', this.phone.user, this.session, state, seconds); }
  /** Gives the far end away: `{ uri }` or `{ replaces }`. */
  transfer(to) { return this.phone.request('session-transfer', { session: this.session, ...to }); }
  transferred(state, seconds) { return this.page.run('transferred', this.phone.user, this.session, state, seconds); }
  states() { return this.page.run('states', this.session); }
  counters() { return this.page.run('counters', this.session); }
  mediaStarts(seconds) { return this.page.run('mediaStarts', this.session, seconds); }
  update(change) { return this.page.run('update', this.session, change); }
  answerUpdate(sdp, options) { return this.page.run('answerUpdate', this.session, sdp, options); }
  picture() { return this.page.run('picture', this.session); }
  path() { return this.page.run('path', this.session); }
  hold(hold) { return this.phone.request('session-hold', { session: this.session, hold }); }
  event(kind, options) { return this.page.run('sessionEvent', this.phone.user, this.session, kind, options); }
  mute(muted) { return this.page.run('mute', this.session, muted); }
  /** Asks for figures every second. */
  watch() { return this.phone.request('session-quality', { session: this.session, interval: 1 }); }
  sendKeys(keys) { return this.page.run('sendKeys', this.session, keys); }
  trickleAnswers() { return this.page.run('trickleAnswers', this.session); }

  /** Listens for `seconds`: `{ rate, samples }`. The recording is kept in the run folder. */
  async hear(seconds) {
    const recording = await this.page.run('hear', this.session, seconds);
    const bytes = Buffer.from(recording, 'base64');
    writeWav(join(folder('heard'), `${Date.now()}-${this.session.slice(0, 8)}.wav`), bytes, 48000);
    return sound(recording);
  }
}

/** A sound that came from the page as base64. */
export function sound(base64) {
  const bytes = Buffer.from(base64, 'base64');
  const samples = new Float32Array(bytes.length / 2);
  for (let i = 0; i < samples.length; i += 1) samples[i] = bytes.readInt16LE(i * 2) / 32768;
  return { rate: 48000, samples };
}

/** The digest HA1 that sylkRTC's password field carries. */
export function ha1(user, password, realm = DOMAIN) {
  return createHash('md5').update(`${user}:${realm}:${password}`).digest('hex');
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.mjs': 'text/javascript', '.js': 'text/javascript' };

/** Serves the test page on a port of its own. */
export async function servePage() {
  const port = await freePort();
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname);
    try {
      const body = readFileSync(join(e2eFolder, 'page', path));
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${port}`, close: () => { server.close(); server.closeAllConnections(); } };
}
