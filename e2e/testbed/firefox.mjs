// Debian's Firefox with a fake microphone of 440 Hz, showing our test page, driven over WebDriver BiDi.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { MICROPHONE_HZ, servePage, TestPage } from './chromium.mjs';
import { freePort } from './ports.mjs';
import { Program } from './program.mjs';
import { folder } from './run.mjs';
import { until } from './wait.mjs';

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.navigator.audio.fake_frequency': MICROPHONE_HZ,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.autoplay.block-webaudio': false,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.getusermedia.insecure.enabled': true,
  'media.devices.insecure.enabled': true,
  'media.cubeb.sandbox': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.normandy.enabled': false,
  'services.settings.server': 'data:,',
  'extensions.update.enabled': false,
  'toolkit.telemetry.server': 'data:,',
};

/** Starts the browser and the server of the test page. */
export async function startFirefox({ name = 'firefox' } = {}) {
  const profile = folder(name, 'profile');
  const lines = Object.entries(PREFERENCES).map(([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});`);
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const port = await freePort();
  const program = new Program(name, '/usr/bin/firefox-esr', [
    '--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', String(port),
  ], { cwd: folder(name), env: { HOME: folder(name, 'home'), MOZ_CRASHREPORTER_DISABLE: '1', MOZ_DISABLE_CONTENT_SANDBOX: '1' } });
  await program.ready(() => existsSync(join(profile, 'WebDriverBiDiServer.json')) || program.output.includes('WebDriver BiDi listening'), 60);
  const bidi = await BiDi.open(`ws://127.0.0.1:${port}/session`);
  await bidi.command('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
  return new Firefox(program, bidi, await servePage());
}

class Firefox {
  constructor(program, bidi, server) {
    Object.assign(this, { program, bidi, server, origin: server.origin });
  }

  /** A new page, ready to be driven. */
  async open() {
    const { context } = await this.bidi.command('browsingContext.create', { type: 'tab' });
    await this.bidi.command('browsingContext.navigate', { context, url: `${this.origin}/index.html`, wait: 'complete' });
    const page = new BiDiPage(this.bidi, context);
    await until(() => page.evaluate(() => Boolean(window.bench)), { what: 'the page\'s bench' });
    return new TestPage(page);
  }

  async stop() {
    this.bidi.close();
    await this.program.stop();
    this.server.close();
  }
}

/** As much of playwright's page as TestPage needs. Arguments and results travel as JSON. */
class BiDiPage {
  constructor(bidi, context) {
    Object.assign(this, { bidi, context });
  }

  async evaluate(work, argument) {
    const outcome = await this.bidi.command('script.callFunction', {
      functionDeclaration: `async (json) => JSON.stringify(await (${work})(JSON.parse(json)) ?? null)`,
      arguments: [{ type: 'string', value: JSON.stringify(argument ?? null, (_, value) => (Array.isArray(value) ? withoutTail(value) : value)) }],
      target: { context: this.context },
      awaitPromise: true,
      userActivation: true,
    });
    if (outcome.type !== 'success') throw new Error(`page: ${outcome.exceptionDetails?.text}`);
    return JSON.parse(outcome.result.value);
  }

  close() {
    return this.bidi.command('browsingContext.close', { context: this.context });
  }
}

function within(seconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: no answer within ${seconds} s`)), seconds * 1000); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** JSON would make null of arguments that are not given. */
function withoutTail(list) {
  const last = list.findLastIndex((value) => value !== undefined);
  return list.slice(0, last + 1);
}

/** The protocol: commands with numbers, answered in any order. */
class BiDi {
  static async open(url) {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return new BiDi(socket);
  }

  constructor(socket) {
    Object.assign(this, { socket, count: 0, answers: new Map() });
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      this.answers.get(message.id)?.(message);
      this.answers.delete(message.id);
    });
  }

  async command(method, params) {
    const id = (this.count += 1);
    const answer = new Promise((resolve) => this.answers.set(id, resolve));
    this.socket.send(JSON.stringify({ id, method, params }));
    const { type, result, error, message } = await within(60, answer, method);
    if (type === 'error') throw new Error(`${method}: ${error}: ${message}`);
    return result;
  }

  close() {
    this.socket.close();
  }
}
