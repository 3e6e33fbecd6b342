// One call's peer connection: microphone out, ear in, trickled candidates, DTMF, counters.
import { openEar } from './ear.mjs';

let microphone;
let camera;

/** The fake microphone, untouched by echo cancelling and the like. */
export function openMicrophone() {
  microphone ??= navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  return microphone;
}

/** Has `transceiver` offer only these kinds of audio, and telephone-event: `['audio/opus']`. */
export function preferCodecs(transceiver, codecs) {
  const known = RTCRtpSender.getCapabilities('audio').codecs;
  transceiver.setCodecPreferences(known.filter((c) => [...codecs, 'audio/telephone-event'].includes(c.mimeType)));
}

/** The fake camera: a picture that changes all the time. */
export function openCamera() {
  camera ??= navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240, frameRate: 15 } });
  return camera;
}

export class Call {
  /** `rtc`: configuration of the peer connection. */
  constructor(connection, session, rtc) {
    Object.assign(this, { connection, session, states: [], applied: 0 });
    this.peer = new RTCPeerConnection(rtc);
    this.heard = new Promise((resolve) => {
      this.peer.ontrack = ({ track }) => {
        if (track.kind === 'audio') resolve(openEar(new MediaStream([track])));
      };
    });
    connection.listeners.push((event) => {
      if (event.session === session && event.kind === 'state') this.handleState(event);
    });
  }

  handleState(event) {
    this.states.push({ ...event, at: performance.now() });
    if (this.offered && event.sdp) {
      this.applied += 1;
      this.peer.setRemoteDescription({ type: 'answer', sdp: event.sdp }).catch((error) => { this.failure = String(error); });
    }
    if (event.state === 'terminated') this.peer.close();
  }

  /** Adds the camera; with `codec` that one alone is offered, and with `mode` only with this in its parameters. */
  async addCamera(codec, mode = '') {
    const stream = await openCamera();
    this.peer.addTrack(stream.getVideoTracks()[0].clone(), stream);
    const transceiver = this.peer.getTransceivers().find((t) => t.sender.track?.kind === 'video');
    const wanted = RTCRtpSender.getCapabilities('video').codecs.filter((c) => c.mimeType === codec && (c.sdpFmtpLine ?? '').includes(mode));
    if (codec) transceiver.setCodecPreferences(wanted);
  }

  /** Sends `session-create` with an offer; candidates follow by trickle unless `gather` says they come inside. */
  async offer({ account, uri, gather = false, video = false, camera = false, codec, mode, headers, setup, codecs, fingerprint }) {
    this.offered = true;
    await this.addMicrophone();
    if (codecs) preferCodecs(this.peer.getTransceivers()[0], codecs);
    if (video) this.peer.addTransceiver('video', { direction: 'recvonly' });
    if (camera) await this.addCamera(codec, mode);
    const trickle = this.prepareTrickle(gather);
    await this.peer.setLocalDescription();
    if (gather) await trickle.complete;
    const sdp = withFingerprint(withSetup(this.peer.localDescription.sdp, setup), fingerprint);
    const answer = this.connection.request('session-create', { account, session: this.session, uri, sdp, ...(headers && { headers }) });
    trickle.start();
    return answer;
  }

  /** Answers an incoming offer. */
  async answer(sdp, { gather = false, camera = false, setup } = {}) {
    const trickle = this.prepareTrickle(gather);
    await this.peer.setRemoteDescription({ type: 'offer', sdp });
    await this.addMicrophone();
    if (camera) await this.addCamera();
    const description = await this.peer.createAnswer();
    await this.peer.setLocalDescription({ type: 'answer', sdp: withSetup(description.sdp, setup) });
    if (gather) await trickle.complete;
    const answer = this.connection.request('session-answer', { session: this.session, sdp: this.peer.localDescription.sdp });
    trickle.start();
    return answer;
  }

  async addMicrophone() {
    const stream = await openMicrophone();
    for (const track of stream.getAudioTracks()) this.peer.addTrack(track.clone(), stream);
  }

  /** Candidates wait until the request that makes the session is on its way. */
  prepareTrickle(gather) {
    const held = [];
    let send = (candidates) => held.push(candidates);
    let finish;
    const complete = new Promise((resolve) => { finish = resolve; });
    this.peer.onicecandidate = ({ candidate }) => {
      if (!candidate) finish();
      if (!gather) send(candidate ? [candidate.toJSON()] : []);
      else if (!candidate) send([]);
    };
    this.trickled = [];
    const start = () => {
      send = (candidates) => this.trickled.push(this.connection.request('session-trickle', { session: this.session, candidates }));
      for (const candidates of held) send(candidates);
    };
    return { start, complete };
  }

  /** Keys by RFC 4733, from the browser's own sender. */
  async sendKeys(keys, milliseconds = 120) {
    const { dtmf } = this.peer.getSenders()[0];
    dtmf.insertDTMF(keys, milliseconds, 80);
    await new Promise((resolve) => { dtmf.ontonechange = ({ tone }) => tone === '' && resolve(); });
  }

  /** Packet counters, codec and transport states, flat. */
  async counters() {
    const all = [...(await this.peer.getStats()).values()];
    const find = (type) => all.find((s) => s.type === type && (s.kind ?? 'audio') === 'audio') ?? {};
    const [inbound, outbound, remote] = ['inbound-rtp', 'outbound-rtp', 'remote-inbound-rtp'].map(find);
    const codec = all.find((s) => s.id === inbound.codecId) ?? {};
    return {
      received: inbound.packetsReceived ?? 0,
      lost: inbound.packetsLost ?? 0,
      discarded: inbound.packetsDiscarded ?? 0,
      concealed: inbound.concealedSamples ?? 0,
      silentConcealed: inbound.silentConcealedSamples ?? 0,
      jitter: inbound.jitter ?? 0,
      sent: outbound.packetsSent ?? 0,
      roundTrip: remote.roundTripTime,
      codec: codec.mimeType,
      dtls: find('transport').dtlsState,
      ice: this.peer.iceConnectionState,
    };
  }
}

/** The description with the fingerprint of somebody else's certificate. */
function withFingerprint(sdp, fingerprint) {
  return fingerprint ? sdp.replace(/^a=fingerprint:.*$/gm, `a=fingerprint:sha-256 ${fingerprint}`) : sdp;
}

/** What is seen and shown: frames, keyframes, feedback, codec with its parameters, bits sent, what the encoder may use. */
export async function picture({ peer }) {
  const all = [...(await peer.getStats()).values()];
  const find = (type) => all.find((s) => s.type === type && s.kind === 'video') ?? {};
  const [inbound, outbound] = [find('inbound-rtp'), find('outbound-rtp')];
  const codec = all.find((s) => s.id === (inbound.codecId ?? outbound.codecId)) ?? {};
  return {
    decoded: inbound.framesDecoded ?? 0,
    keyframes: inbound.keyFramesDecoded ?? 0,
    width: inbound.frameWidth,
    lost: inbound.packetsLost ?? 0,
    asked: outbound.pliCount ?? 0,
    missed: outbound.nackCount ?? 0,
    sent: outbound.framesSent ?? 0,
    keyframesSent: outbound.keyFramesEncoded ?? 0,
    repeated: outbound.retransmittedPacketsSent ?? 0,
    wanted: inbound.pliCount ?? 0,
    nacks: inbound.nackCount ?? 0,
    target: outbound.targetBitrate,
    codec: codec.mimeType,
    parameters: codec.sdpFmtpLine ?? '',
  };
}

/** The description with another DTLS role, for tests of both. */
function withSetup(sdp, setup) {
  return setup ? sdp.replace(/^a=setup:.*$/gm, `a=setup:${setup}`) : sdp;
}
