// Replays a hand-written transcript (crates/sylkrtc-protocol/tests/transcripts) against the running daemon: what the
// client says is sent as written, what the gateway says is compared as written, steps are done by a scripted phone and
// by the browser whose descriptions are used.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import WebSocket from 'ws';
import { ha1 } from './chromium.mjs';
import { DOMAIN, PASSWORDS } from './kamailio.mjs';
import { startScriptedPhone } from './scripted-phone.mjs';
import { until } from './wait.mjs';

/** Patterns of what the gateway makes up; everything else is known when it is first compared. */
const PATTERNS = {
  session: '.{1,128}', name: '.*', 'call-id': '.+', sdp: 'v=0\r\n[^]*', reason: null,
};

/** Replays one file. `page` gives browser descriptions, `proxy` is the Kamailio behind `gateway`. */
export async function replay(file, { gateway, proxy, page }) {
  const text = readFileSync(file, 'utf8');
  const phone = await startScriptedPhone({ proxy });
  const player = new Player({ gateway, page, phone, name: basename(file, '.txt'), incoming: text.includes('@ phone calls') });
  try {
    for (const [index, line] of text.split('\n').entries()) {
      await player.line(line).catch((error) => {
        throw new Error(`${basename(file)}:${index + 1}: ${line}\n${error.message}\nheard so far:\n${player.history.join('\n')}`);
      });
    }
    assert.deepEqual(player.optionalLeft(), [], 'lines that never came');
  } finally {
    player.socket?.terminate();
    await page.run('dropPeer');
    phone.stop();
  }
}

class Player {
  constructor({ gateway, page, phone, name, incoming }) {
    Object.assign(this, { gateway, page, phone, name, incoming, values: new Map(), inbox: [], floating: [], history: [] });
    this.values.set('<account:bob>', incoming ? phone.caller : phone.uri);
  }

  async line(line) {
    const [mark, rest] = [line.split(' ', 1)[0], line.slice(line.indexOf(' ') + 1)];
    switch (mark) {
      case '': case '#': return;
      case '@': await this.step(rest); return;
      case '>': await this.say(rest); return;
      case '<': await this.expect(rest); return;
      case '<~': this.floating.push({ text: rest, optional: false }); return;
      case '<?': this.floating.push({ text: rest, optional: true }); return;
      default: if (!line.startsWith('#')) throw new Error('a line I do not know');
    }
  }

  async step(step) {
    const [, user, wrong] = /^account (\w+)( wrong-password)?$/.exec(step) ?? [];
    if (user) {
      this.values.set(`<account:${user}>`, `${user}@${DOMAIN}`);
      this.values.set(`<ha1:${user}>`, ha1(user, wrong ? 'not this one' : PASSWORDS[user]));
      return;
    }
    switch (step) {
      case 'dialect sylkRTC-1': case 'dialect sylkRTC-2': this.connect(step.split(' ')[1]); return;
      case 'phone rings': await this.phone.ring(); return;
      case 'phone sends early media': await this.phone.earlyMedia(); return;
      case 'phone answers': await this.phone.answer(); return;
      case 'phone is busy': await this.phone.busy(); return;
      case 'phone calls alice': this.phone.call('alice'); return;
      case 'phone gives up': await this.phone.giveUp(); return;
      case 'phone holds': await this.phone.midCall.offer({ lines: ['a=sendonly'] }); return;
      case 'phone resumes': await this.phone.midCall.offer({ lines: ['a=sendrecv'] }); return;
      // its answer comes once the page has agreed
      case 'phone wants another codec': this.phone.midCall.offer({ codec: 8 }).catch(() => {}); return;
      case 'phone hangs up': await this.phone.hangUp(); return;
      case 'browser connects': await this.page.run('peerConnects'); return;
      case 'socket closes': await this.settle(); this.socket.close(); return;
      default: throw new Error('a step I do not know');
    }
  }

  connect(subprotocol) {
    this.socket = new WebSocket(this.gateway.url, subprotocol);
    this.socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      this.history.push(`< ${JSON.stringify(message).slice(0, 200)}`);
      this.inbox.push(message);
    });
  }

  async say(text) {
    const message = JSON.parse(text);
    for (const placeholder of text.match(/<[a-z0-9-]+:[A-Za-z0-9-]+>/g) ?? []) await this.make(placeholder);
    const filled = JSON.stringify(message, (_, value) => (typeof value === 'string' ? this.fill(value) : value));
    this.history.push(`> ${filled.slice(0, 200)}`);
    this.socket.send(filled);
  }

  /** Gives a placeholder its value when the client uses it first. */
  async make(placeholder) {
    if (this.values.has(placeholder)) return;
    const [kind] = placeholder.slice(1).split(':');
    if (kind === 'uuid') this.values.set(placeholder, randomUUID());
    else if (kind === 'candidate') this.values.set(placeholder, 'candidate:1 1 udp 2122260223 192.0.2.9 50000 typ host generation 0');
    else if (placeholder === '<sdp:answer-again>') this.values.set(placeholder, await this.page.run('peerAnswerAgain', this.values.get('<sdp:offer-again>')));
    else if (kind === 'sdp') this.values.set(placeholder, await this.page.run(placeholder === '<sdp:offer>' ? 'peerOffer' : 'peerAnswer', this.values.get('<sdp:offer>')));
    else throw new Error(`nothing known for ${placeholder}`);
  }

  fill(text) {
    return text.replace(/<[a-z0-9-]+:[A-Za-z0-9-]+>/g, (p) => this.values.get(p));
  }

  /** The next message that no floating line claims has to be this one. */
  async expect(text) {
    const expected = JSON.parse(text);
    for (;;) {
      const message = await until(() => this.inbox.shift(), { seconds: 15, what: `a message of the gateway: ${text}` });
      const trial = this.compare(expected, message);
      if (trial.same) {
        await this.learn(trial.learned);
        return;
      }
      if (!(await this.claimed(message))) throw new Error(`came instead: ${JSON.stringify(message)}`);
    }
  }

  async claimed(message) {
    for (const line of this.floating) {
      const trial = this.compare(JSON.parse(line.text), message);
      if (!trial.same) continue;
      this.floating = this.floating.filter((l) => l !== line);
      await this.learn(trial.learned);
      return true;
    }
    return false;
  }

  /** At the end, floating lines that must come get their time. */
  async settle() {
    while (this.floating.some((l) => !l.optional)) {
      const message = await until(() => this.inbox.shift(), { what: 'the lines still owed' });
      if (!(await this.claimed(message))) throw new Error(`nobody expected: ${JSON.stringify(message)}`);
    }
    assert.deepEqual(this.inbox, [], 'messages nobody expected');
  }

  optionalLeft() { return this.floating.filter((l) => !l.optional); }

  compare(expected, actual) {
    const learned = new Map();
    return { same: this.same(expected, actual, learned), learned };
  }

  same(expected, actual, learned) {
    if (typeof expected === 'string') return typeof actual === 'string' && this.sameText(expected, actual, learned);
    if (expected === null || typeof expected !== 'object') return expected === actual;
    if (actual === null || typeof actual !== 'object' || Array.isArray(expected) !== Array.isArray(actual)) return false;
    const names = Object.keys(expected);
    return names.length === Object.keys(actual).length
      && names.every((n) => Object.hasOwn(actual, n) && this.same(expected[n], actual[n], learned));
  }

  sameText(expected, actual, learned) {
    const open = [];
    const pattern = expected.split(/(<[a-z0-9-]+:[A-Za-z0-9-]+>)/).map((part) => {
      const known = this.values.get(part) ?? learned.get(part);
      if (known !== undefined) return escaped(known);
      const [, kind, name] = /^<([a-z0-9-]+):(.+)>$/.exec(part) ?? [];
      if (!kind) return escaped(part);
      if (kind === 'reason') return `${name} .+`;
      open.push(part);
      return `(${PATTERNS[kind]})`;
    }).join('');
    const match = new RegExp(`^${pattern}$`).exec(actual);
    if (!match) return false;
    open.forEach((placeholder, i) => learned.set(placeholder, match[i + 1]));
    return true;
  }

  async learn(learned) {
    for (const [placeholder, value] of learned) {
      this.values.set(placeholder, value);
      // an answer for the browser whose offer was sent
      if (placeholder === '<sdp:answer>') await this.page.run('peerApply', value);
    }
  }
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
