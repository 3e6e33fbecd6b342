// baresip as the SIP phone: plays a tone, records what it hears, is controlled over ctrl_tcp (JSON in netstrings).
import { readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DOMAIN, PASSWORDS } from './kamailio.mjs';
import { freePorts } from './ports.mjs';
import { Program } from './program.mjs';
import { folder } from './run.mjs';
import { until } from './wait.mjs';
import { readWav, writeTone } from './wav.mjs';

const MODULES = '/usr/lib/baresip/modules';
const CODEC_MODULES = { opus: 'opus.so', G722: 'g722.so', PCMU: 'g711.so', PCMA: 'g711.so' };
const VIDEO_MODULES = { VP8: 'vp8.so', VP9: 'vp9.so', H264: 'avcodec.so' };
const CODEC_NAMES = { opus: 'opus/48000/2', G722: 'G722/16000/1', PCMU: 'PCMU/8000/1', PCMA: 'PCMA/8000/1' };

/**
 * Starts a phone that registers `user` at the proxy and answers as told.
 *
 * `codecs`: what it offers and accepts, from opus, G722, PCMU, PCMA; `video`: VP8, VP9 or H264. `answer`: auto, manual, or early (183 with
 * sound, then waits for `accept`). `tone`: what it plays, in hertz; 0 is silence. `register`: false for a phone that is only called
 * by its address. `contact`: whom `write` writes to. `encryption`: baresip's mediaenc, srtp (where the other side can) or srtp-mand.
 * `sound`: a file to play instead of the tone; `jitterBuffer`: those lines of baresip's configuration.
 */
export async function startBaresip(user, { proxy, transport = 'udp', codecs = ['PCMU'], answer = 'manual', tone = 880, register = true, dtmf = 'rtpevent', contact, encryption, video, sound, jitterBuffer = 'jitter_buffer_type fixed\njitter_buffer_delay 1-5', name = user }) {
  const ports = await freePorts(6 + 20);
  const [listen, control, rtp] = [ports, ports + 4, ports + 6];
  const home = folder(name);
  const source = sound ?? writeTone(join(home, 'tone.wav'), { frequency: tone });
  writeFileSync(join(home, 'config'), config({ listen, control, rtp, home, source, codecs, encryption, video, jitterBuffer }));
  writeFileSync(join(home, 'accounts'), account({ user, proxy, transport, codecs, answer, register, dtmf, encryption, video }));
  writeFileSync(join(home, 'contacts'), contact ? `"Contact" <sip:${contact}>\n` : '');
  const program = new Program(name, '/usr/bin/baresip', ['-f', home, '-4', '-s'], { cwd: home });
  const phone = new Baresip({ user, program, home, listen });
  await program.ready(() => phone.open(control));
  if (register) await program.says(/200 OK \(\) \[\d+ binding/, { seconds: 15 });
  return phone;
}

class Baresip {
  constructor({ user, program, home, listen }) {
    Object.assign(this, { user, program, home, listen, events: [], answers: new Map(), count: 0 });
    this.uri = `${user}@${DOMAIN}`;
    this.address = `sip:${user}@127.0.0.1:${listen}`;
  }

  /** Connects the control channel. */
  open(port) {
    return new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        this.socket = socket;
        resolve(true);
      });
      let pending = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        pending = this.unframe(Buffer.concat([pending, chunk]));
      });
      socket.on('error', () => resolve(false));
    });
  }

  unframe(bytes) {
    for (;;) {
      const colon = bytes.indexOf(':');
      if (colon < 0) return bytes;
      const length = Number(bytes.toString('latin1', 0, colon));
      const end = colon + 1 + length;
      if (bytes.length < end + 1) return bytes;
      this.receive(JSON.parse(bytes.toString('utf8', colon + 1, end)));
      bytes = bytes.subarray(end + 1);
    }
  }

  receive(message) {
    if (message.event) this.events.push({ ...message, when: performance.now() });
    else this.answers.get(message.token)?.(message);
  }

  /** Runs one of baresip's commands; resolves with its printed answer. */
  async command(command, params = '') {
    const token = String((this.count += 1));
    const text = Buffer.from(JSON.stringify({ command, params, token }));
    const answer = new Promise((resolve) => this.answers.set(token, resolve));
    this.socket.write(Buffer.concat([Buffer.from(`${text.length}:`), text, Buffer.from(',')]));
    return (await answer).data;
  }

  /** Waits for an event (past ones count, from position `from`). */
  async event(matches, { seconds = 10, from = 0 } = {}) {
    return until(() => this.events.slice(from).find(matches), { seconds, what: `${this.user}: event ${matches}; had ${this.events.map((e) => e.type)}` });
  }

  rings(options) { return this.event((e) => e.type === 'CALL_INCOMING', options); }
  established(options) { return this.event((e) => e.type === 'CALL_ESTABLISHED', options); }
  closed(options) { return this.event((e) => e.type === 'CALL_CLOSED', options); }

  dial(target) { return this.command('dial', target); }
  accept() { return this.command('accept'); }
  hangUp() { return this.command('hangup'); }
  hold() { return this.command('hold'); }
  resume() { return this.command('resume'); }
  /** Writes to its contact (MESSAGE), in no dialog. */
  write(text) { return this.command('message', text); }
  /** Offers its video in mid-call in this direction; `inactive` takes it away. */
  video(direction) { return this.command('video_dir', direction); }
  /** Asks the other side of its call to call `target` (REFER). */
  transfer(target) { return this.command('transfer', target); }

  /** The keys this phone has received, in order. */
  keysReceived() {
    return this.events.filter((e) => e.type === 'CALL_DTMF_START').map((e) => e.param).join('');
  }

  /** Recordings of what it heard, oldest first; complete once the call is closed. */
  recordings() {
    return readdirSync(this.home).filter((f) => f.endsWith('-dec.wav')).sort().map((f) => join(this.home, f));
  }

  /** The sound of its last call. */
  heard() {
    return readWav(this.recordings().at(-1));
  }

  /** The packet counters it printed at the end of its last call: `{ sent, received, lost }`. */
  packets() {
    const [, sent, received] = [...this.program.output.matchAll(/^packets:\s+(\d+)\s+(\d+)/gm)].at(-1) ?? [];
    const [, , lost] = [...this.program.output.matchAll(/^lost:\s+(-?\d+)\s+(-?\d+)/gm)].at(-1) ?? [];
    return { sent: Number(sent), received: Number(received), lost: Number(lost ?? 0) };
  }

  async stop() {
    this.socket?.destroy();
    return this.program.stop();
  }
}

function config({ listen, control, rtp, home, source, codecs, encryption, video, jitterBuffer }) {
  return [
    'poll_method epoll',
    'call_local_timeout 120',
    'call_max_calls 4',
    `sip_listen 127.0.0.1:${listen}`,
    `audio_path ${home}`,
    `audio_player aubridge,${home}`,
    `audio_source aufile,${source}`,
    `audio_alert aubridge,alert${listen}`,
    'ausrc_srate 48000',
    'auplay_srate 48000',
    'ausrc_channels 1',
    'auplay_channels 1',
    'audio_txmode poll',
    'audio_level no',
    'audio_buffer 20-160',
    'rtp_tos 0',
    `rtp_ports ${rtp}-${rtp + 19}`,
    jitterBuffer,
    'rtp_stats yes',
    'net_interface 127.0.0.1',
    `module_path ${MODULES}`,
    'module aufile.so',
    'module aubridge.so',
    ...[...new Set(codecs.map((c) => CODEC_MODULES[c]))].map((m) => `module ${m}`),
    ...(video ? ['module fakevideo.so', `module ${VIDEO_MODULES[video]}`, 'video_source fakevideo,nil', 'video_display fakevideo,nil', 'video_size 320x240', 'video_fps 15', 'video_bitrate 300000', 'videnc_format yuv420p'] : []),
    'module sndfile.so',
    ...(encryption ? ['module srtp.so'] : []),
    'module_tmp uuid.so',
    'module_tmp account.so',
    'module_app contact.so',
    'module_app menu.so',
    'module_app ctrl_tcp.so',
    `snd_path ${home}`,
    `ctrl_tcp_listen 127.0.0.1:${control}`,
    'opus_bitrate 32000',
    '',
  ].join('\n');
}

function account({ user, proxy, transport, codecs, answer, register, dtmf, encryption, video }) {
  const port = transport === 'tls' ? proxy.tlsPort : proxy.port;
  return `<sip:${user}@${DOMAIN};transport=${transport}>;auth_user=${user};auth_pass=${PASSWORDS[user]}`
    + `;outbound="sip:127.0.0.1:${port};transport=${transport};lr";regint=${register ? 600 : 0}`
    + `;call_transfer=yes;answermode=${answer};audio_codecs=${codecs.map((c) => CODEC_NAMES[c]).join(',')};ptime=20;dtmfmode=${dtmf}${encryption ? `;mediaenc=${encryption}` : ''}${video ? `;video_codecs=${video}` : ''}\n`;
}
