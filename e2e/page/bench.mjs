// What the tests drive: `window.bench`. Arguments and results are plain JSON; sounds travel as base64.
import { Call, openMicrophone, picture } from './call.mjs';
import { answerUpdate, path, update } from './changes.mjs';
import { Connection } from './connection.mjs';
import { openEar } from './ear.mjs';

const connections = new Map();
const calls = new Map();
let peer;

window.bench = {

  async connect(name, { url, dialect }) {
    connections.set(name, await Connection.open(url, dialect));
  },

  request(name, request, fields) {
    return connections.get(name).request(request, fields);
  },

  async register(name, { account, ha1, displayName }) {
    const connection = connections.get(name);
    await connection.expectAck('account-add', { account, password: ha1, ...(displayName && { display_name: displayName }) });
    await connection.expectAck('account-register', { account });
    return connection.event((e) => e.kind === 'registration' && e.account === account && e.state !== 'registering', 45);
  },

  async call(name, { account, uri, session = crypto.randomUUID(), rtc, ...options }) {
    const call = new Call(connections.get(name), session, rtc);
    calls.set(session, call);
    const answer = await call.offer({ account, uri, ...options });
    return { session, answer };
  },

  /** Waits for the `index`th incoming call of a connection. */
  async incoming(name, { index = 0, seconds = 10 } = {}) {
    const connection = connections.get(name);
    await connection.event(() => connection.events.filter((e) => e.kind === 'incoming').length > index, seconds);
    const event = connection.events.filter((e) => e.kind === 'incoming')[index];
    calls.set(event.session, new Call(connection, event.session));
    return event;
  },

  async answer(name, { session, ...options }) {
    const { sdp } = connections.get(name).events.find((e) => e.kind === 'incoming' && e.session === session);
    return calls.get(session).answer(sdp, options);
  },

  terminate(name, session) {
    return connections.get(name).request('session-terminate', { session });
  },

  /** Waits until a call has been in `state`; resolves with that event. */
  state(name, session, state, seconds = 10) {
    return connections.get(name).event((e) => e.kind === 'state' && e.session === session && e.state === state, seconds);
  },

  /** Waits until the transfer of a call has been in `state`; resolves with that event. */
  transferred(name, session, state, seconds = 15) {
    return connections.get(name).event((e) => e.kind === 'transfer' && e.session === session && e.state === state, seconds);
  },

  /** The states a call went through, in order. */
  states(session) {
    const call = calls.get(session);
    return { states: call.states.map((s) => s.state), reason: call.states.at(-1)?.reason, failure: call.failure, descriptions: call.applied };
  },

  events(name) {
    return connections.get(name).events;
  },

  transcript(name) {
    return connections.get(name).transcript;
  },

  async trickleAnswers(session) {
    return (await Promise.all(calls.get(session).trickled)).map((a) => a.kind);
  },

  counters(session) {
    return calls.get(session).counters();
  },

  /** Waits until sound packets have come in, for calls whose media may start at any time. */
  async mediaStarts(session, seconds = 10) {
    const deadline = performance.now() + seconds * 1000;
    while ((await calls.get(session).counters()).received < 5) {
      if (performance.now() > deadline) throw new Error(`no sound within ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },

  async hear(session, seconds) {
    const ear = await calls.get(session).heard;
    return base64(await ear.take(seconds));
  },

  update(session, change) {
    return update(calls.get(session), change);
  },

  answerUpdate(session, sdp, options) {
    return answerUpdate(calls.get(session), sdp, options);
  },

  picture(session) {
    return picture(calls.get(session));
  },

  videoCodecs() {
    return [...new Set(RTCRtpSender.getCapabilities('video').codecs.map((c) => c.mimeType))];
  },

  path(session) {
    return path(calls.get(session));
  },

  /** Waits for the `index`th event of that kind in a call. */
  async sessionEvent(name, session, kind, { index = 0, seconds = 10 } = {}) {
    const connection = connections.get(name);
    const those = () => connection.events.filter((e) => e.kind === kind && e.session === session);
    await connection.event(() => those().length > index, seconds);
    return those()[index];
  },

  /** Takes the sound off the microphone, or gives it back; packets go on. */
  mute(session, muted) {
    for (const sender of calls.get(session).peer.getSenders()) sender.track.enabled = !muted;
  },

  sendKeys(session, keys) {
    return calls.get(session).sendKeys(keys);
  },

  /** Says goodbye to nobody: the network just goes away. */
  drop(name) {
    connections.get(name).socket.close();
  },

  /** Ends everything this page has. */
  reset() {
    for (const call of calls.values()) call.peer.close();
    for (const connection of connections.values()) connection.socket.close();
    calls.clear();
    connections.clear();
  },

  // A bare peer connection, for tests that speak on the WebSocket themselves.

  async peerOffer() {
    await makePeer();
    await peer.setLocalDescription();
    return gathered();
  },

  async peerAnswer(offer) {
    await makePeer();
    await peer.setRemoteDescription({ type: 'offer', sdp: offer });
    await peer.setLocalDescription();
    return gathered();
  },

  /** The answer of the same peer connection to a later offer. */
  async peerAnswerAgain(offer) {
    await peer.setRemoteDescription({ type: 'offer', sdp: offer });
    await peer.setLocalDescription();
    return peer.localDescription.sdp;
  },

  peerApply(sdp) {
    return peer.setRemoteDescription({ type: 'answer', sdp });
  },

  async peerConnects() {
    while (peer.connectionState !== 'connected') {
      await new Promise((resolve) => peer.addEventListener('connectionstatechange', resolve, { once: true }));
    }
  },

  dropPeer() {
    peer?.close();
    peer = undefined;
  },

  /** The microphone through two local peer connections: proves fake microphone and ear without a gateway. */
  async loop(seconds) {
    const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
    a.onicecandidate = ({ candidate }) => b.addIceCandidate(candidate);
    b.onicecandidate = ({ candidate }) => a.addIceCandidate(candidate);
    const heard = new Promise((resolve) => { b.ontrack = ({ track }) => resolve(openEar(new MediaStream([track]))); });
    const stream = await openMicrophone();
    for (const track of stream.getTracks()) a.addTrack(track, stream);
    await a.setLocalDescription();
    await b.setRemoteDescription(a.localDescription);
    await b.setLocalDescription();
    await a.setRemoteDescription(b.localDescription);
    const ear = await heard;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const sound = await ear.take(seconds);
    a.close();
    b.close();
    await ear.close();
    return base64(sound);
  },
};

async function makePeer() {
  peer = new RTCPeerConnection();
  const stream = await openMicrophone();
  for (const track of stream.getTracks()) peer.addTrack(track, stream);
}

async function gathered() {
  while (peer.iceGatheringState !== 'complete') {
    await new Promise((resolve) => peer.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return peer.localDescription.sdp;
}

function base64(samples) {
  const bytes = new Uint8Array(samples.buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
