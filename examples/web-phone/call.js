// One call: an RTCPeerConnection on this side, a sylkRTC session on the other.
// Events: 'change' whenever `state`, `reason` or the streams change. Knows nothing of the page.

import { randomId } from './sylkrtc2.js';

const TONE_MS = 120;

export class Call extends EventTarget {
  /** 'calling' | 'ringing' | 'incoming' | 'connecting' | 'active' | 'ended' */
  state;
  /** Why it ended: "<code> <phrase>" from the gateway, or a sentence of ours. */
  reason = '';
  localStream = null;
  remoteStream = null;
  activeSince = null;
  /** Who holds the call: we, they, or nobody. */
  held = { local: false, remote: false };
  /** A hold or resume of ours waits for the phone. */
  holding = false;
  #connection;
  #pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  #offer;
  #accepted = false;
  #answered = Promise.resolve();

  /** Dials `uri` as `account`. Asks for the microphone first. */
  static dial(connection, account, uri) {
    const call = new Call(connection, { id: randomId(), account, peer: { uri, display_name: '' }, state: 'calling' });
    call.#start(async () => {
      await call.#openMicrophone();
      await call.#pc.setLocalDescription(await call.#pc.createOffer());
      if (call.state === 'ended') return;
      const sdp = call.#pc.localDescription.sdp;
      const created = connection.request('session-create', { account, session: call.id, uri, sdp });
      call.#trickle();
      await created;
    });
    return call;
  }

  /** A call that rings here, from the gateway's `incoming-session` event. */
  static incoming(connection, { account, session, originator, sdp }) {
    const call = new Call(connection, { id: session, account, peer: originator, state: 'incoming' });
    call.#offer = sdp;
    return call;
  }

  constructor(connection, { id, account, peer, state }) {
    super();
    Object.assign(this, { id, account, peer, state });
    this.#connection = connection;
    this.#pc.ontrack = ({ streams: [stream], track }) => {
      this.remoteStream = stream ?? new MediaStream([track]);
      this.#changed();
    };
  }

  answer() {
    this.#become('connecting');
    this.#start(async () => {
      await this.#pc.setRemoteDescription({ type: 'offer', sdp: this.#offer });
      await this.#openMicrophone();
      await this.#pc.setLocalDescription(await this.#pc.createAnswer());
      if (this.state === 'ended') return;
      const answered = this.#connection.request('session-answer', { session: this.id, sdp: this.#pc.localDescription.sdp });
      this.#trickle();
      await answered;
    });
  }

  /** Cancels, declines or hangs up, whichever the call's state calls for. */
  hangUp() {
    this.#connection.request('session-terminate', { session: this.id }).catch(() => {});
    this.#end('200 OK');
  }

  /** Puts them on hold, or takes them back; `held` changes once their phone has agreed. */
  hold(hold) {
    this.holding = true;
    this.#changed();
    this.#connection.request('session-hold', { session: this.id, hold }).catch(() => {
      this.holding = false;
      this.#changed();
    });
  }

  set muted(muted) {
    for (const track of this.localStream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  get muted() {
    return this.localStream?.getAudioTracks().some((track) => !track.enabled) ?? false;
  }

  /** Sends one DTMF digit: in the audio stream (RFC 4733) where that was agreed, else as SIP INFO. */
  sendDigit(digit) {
    const sender = this.#pc.getSenders().find(({ dtmf }) => dtmf?.canInsertDTMF);
    if (sender) {
      sender.dtmf.insertDTMF(sender.dtmf.toneBuffer + digit, TONE_MS, 60);
      return;
    }
    this.#connection.request('session-dtmf-info', { session: this.id, digit, duration: TONE_MS }).catch(() => {});
  }

  stats() {
    return this.#pc.getStats();
  }

  /** A `session-event` of this call. */
  handle(event) {
    if (event.event === 'hold') {
      this.held[event.by] = event.held;
      if (event.by === 'local') this.holding = false;
      this.#changed();
    }
    if (event.event !== 'state') return;
    switch (event.state) {
      case 'progress':
      case 'proceeding':
        break;
      case 'ringing':
        this.#become('ringing');
        break;
      case 'early-media':
        this.#applyAnswer(event.sdp);
        this.#become('ringing');
        break;
      case 'accepted':
        this.#accepted = true;
        this.#applyAnswer(event.sdp);
        this.#become('connecting');
        break;
      case 'established':
        if (!this.#accepted) break;
        this.activeSince ??= Date.now();
        this.#become('active');
        break;
      case 'terminated':
        this.#end(event.reason ?? '');
        break;
    }
  }

  /** The socket is gone, and with it the session at the gateway. */
  lost() {
    this.#end('The connection to the gateway was lost');
  }

  // The answer comes once per call: with early media, or else with `accepted`.
  #applyAnswer(sdp) {
    if (!sdp) {
      // accepted after early media, which has been flowing all along
      if (this.#accepted && this.#pc.connectionState === 'connected') this.handle({ event: 'state', state: 'established' });
      return;
    }
    this.#answered = this.#pc.setRemoteDescription({ type: 'answer', sdp }).catch((error) => this.#fail(error));
  }

  async #openMicrophone() {
    if (!navigator.mediaDevices) throw new Error('This page needs https or localhost to use the microphone');
    this.localStream = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of this.localStream.getTracks()) this.#pc.addTrack(track, this.localStream);
    this.#changed();
  }

  // Candidates found after the description was sent follow one by one; an empty list says "that was all".
  #trickle() {
    const send = (candidates) => this.#connection.request('session-trickle', { session: this.id, candidates }).catch(() => {});
    this.#pc.onicecandidate = ({ candidate }) => {
      if (this.state === 'ended') return;
      send(candidate ? [{ candidate: candidate.candidate, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex }] : []);
    };
  }

  #start(work) {
    work().catch((error) => this.#fail(error));
  }

  #fail(error) {
    const denied = error.name === 'NotAllowedError';
    const missing = error.name === 'NotFoundError';
    if (this.#connection.ready) this.#connection.request('session-terminate', { session: this.id }).catch(() => {});
    this.#end(denied ? 'The microphone is blocked for this page' : missing ? 'No microphone was found' : error.message);
  }

  #end(reason) {
    if (this.state === 'ended') return;
    this.reason = reason;
    this.#pc.close();
    for (const track of this.localStream?.getTracks() ?? []) track.stop();
    this.#become('ended');
  }

  #become(state) {
    if (this.state === 'ended' || this.state === state) return;
    if (this.state === 'active' && state !== 'ended') return;
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
