// linphone as the SIP phone: it knows attended transfer (REFER with Replaces, and Replaces itself). Driven by typing at
// its console; plays a tone from a file and records what it hears. It encrypts where that is asked of it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorityFile } from './certificate.mjs';
import { DOMAIN, PASSWORDS } from './kamailio.mjs';
import { freePorts } from './ports.mjs';
import { Program } from './program.mjs';
import { folder } from './run.mjs';
import { until } from './wait.mjs';
import { readWav, writeTone } from './wav.mjs';

/** Starts a phone that registers `user` at the proxy. `answer`: auto or manual; `tone`: what it plays, in hertz; `encryption`: SRTP, which must be. */
export async function startLinphone(user, { proxy, transport = 'udp', answer = 'auto', tone = 880, encryption = false, name = user }) {
  const ports = await freePorts(8);
  const home = folder(name);
  mkdirSync(join(home, '.local/share/linphone'), { recursive: true });
  const file = join(home, 'linphonerc');
  writeFileSync(file, config({ user, proxy, ports, transport, encryption }));
  const sound = writeTone(join(home, 'tone.wav'), { frequency: tone });
  const program = new Program(name, '/usr/bin/linphonec', ['-c', file], { cwd: home, env: { HOME: home }, input: true });
  const phone = new Linphone(user, program, join(home, 'heard.wav'));
  await program.says(/linphonec> /, { seconds: 15 });
  await phone.type('soundcard use files');
  await phone.type(`play ${sound}`);
  await phone.type(`record ${phone.recording}`);
  if (answer === 'auto') await phone.type('autoanswer enable');
  await until(async () => /registered, identity=/.test(await phone.type('status register')), { seconds: 15, what: `${name} registers`, every: 200 });
  return phone;
}

class Linphone {
  constructor(user, program, recording) {
    Object.assign(this, { user, program, recording });
    this.uri = `${user}@${DOMAIN}`;
  }

  /** Types a line; resolves with what is printed until the next prompt. */
  async type(line) {
    const from = this.program.output.length;
    this.program.child.stdin.write(`${line}\n`);
    await until(() => this.program.output.indexOf('linphonec> ', from) >= 0, { what: `${this.user}: answer to ${line}` });
    return this.program.output.slice(from);
  }

  /** Calls `target` and waits for the answer; resolves with the number of the call. */
  async dial(target) {
    await this.type(`call sip:${target}`);
    return this.connected(target);
  }

  /** Puts a call on hold: only one at a time may talk here. */
  async hold(number) {
    await this.type(`pause ${number}`);
    return until(async () => (await this.calls()).some((l) => l.trim().startsWith(number) && /Paused/.test(l)), { what: `${this.user} holds call ${number}`, every: 200 });
  }

  /** Waits until a call with `target` talks; resolves with its number. */
  connected(target, seconds = 15) {
    return until(async () => {
      const line = (await this.calls()).find((l) => l.includes(target) && l.includes('StreamsRunning'));
      return line?.trim().split(/\s+/)[0];
    }, { seconds, what: `${this.user} talks with ${target}`, every: 200 });
  }

  /** Its calls as it lists them: number, far end, state. */
  async calls() {
    return (await this.type('calls')).split('\n').filter((l) => /^\s*\d+\s/.test(l));
  }

  /** Asks the far end of call `one` to call `target`. */
  refer(one, target) {
    return this.type(`transfer ${one} sip:${target}`);
  }

  /** Asks the far end of call `one` to take this phone's place in call `other`. */
  transfer(one, other) {
    return this.type(`transfer ${one} --to-call ${other}`);
  }

  /** The sound of its calls so far. */
  heard() {
    return readWav(this.recording);
  }

  async idle(seconds = 15) {
    return until(async () => (await this.calls()).length === 0, { seconds, what: `${this.user} has no call`, every: 200 });
  }

  async stop() {
    if (!this.program.outcome) this.program.child.stdin.write('quit\n');
    return this.program.stop();
  }
}

function config({ user, proxy, ports, transport, encryption }) {
  const way = `sip:127.0.0.1:${transport === 'tls' ? proxy.tlsPort : proxy.port};transport=${transport}`;
  return [
    '[sip]', `sip_port=${ports}`, 'sip_tcp_port=0', `sip_tls_port=${transport === 'tls' ? ports + 2 : 0}`, 'use_ipv6=0', 'default_proxy=0', 'guess_hostname=1',
    `media_encryption=${encryption ? 'srtp' : 'none'}`, `media_encryption_mandatory=${Number(encryption)}`, `root_ca=${authorityFile()}`, 'verify_server_cn=0',
    '[net]', 'mtu=1300', 'nat_policy_ref=', '[rtp]', `audio_rtp_port=${ports + 4}`,
    '[proxy_0]', `reg_proxy=<${way}>`, `reg_route=<${way};lr>`,
    `reg_identity=<sip:${user}@${DOMAIN}>`, 'reg_expires=600', 'reg_sendregister=1', 'publish=0',
    '[auth_info_0]', `username=${user}`, `domain=${DOMAIN}`, `realm=${DOMAIN}`, `passwd=${PASSWORDS[user]}`, '',
  ].join('\n');
}
