// What a page does to a call that is up: session-update both ways, session-hold.

/** Changes `call` as told and offers that; resolves with the answer to the request and the event that ends it. */
export async function update(call, { direction, iceRestart, video, camera, noVideo, bandwidth, codecs, replaceTrack, silent } = {}) {
  const { peer, connection, session } = call;
  const audio = peer.getTransceivers()[0];
  const before = audio.direction;
  if (replaceTrack) await audio.sender.replaceTrack(audio.sender.track.clone());
  // no packets leave without a track
  if (silent) await audio.sender.replaceTrack(null);
  if (direction) audio.direction = direction;
  if (video) peer.addTrack(document.createElement('canvas').captureStream(5).getVideoTracks()[0]);
  if (camera) await call.addCamera();
  if (noVideo) for (const t of peer.getTransceivers()) if (t.receiver.track.kind === 'video') t.stop();
  if (codecs) {
    const wanted = RTCRtpSender.getCapabilities('audio').codecs.filter((c) => codecs.includes(c.mimeType));
    audio.setCodecPreferences(wanted);
  }
  const offer = await peer.createOffer({ iceRestart });
  await peer.setLocalDescription(offer);
  const known = connection.events.length;
  // kilobits per second of video that this page wants to be sent
  const sdp = bandwidth ? peer.localDescription.sdp.replace(/(m=video[^]*?c=.*\r\n)/, `$1b=AS:${bandwidth}\r\n`) : peer.localDescription.sdp;
  const answer = await connection.request('session-update', { session, sdp });
  const undo = async () => {
    await peer.setLocalDescription({ type: 'rollback' });
    audio.direction = before;
  };
  if (answer.kind === 'error') {
    await undo();
    return { answer };
  }
  const ends = (e) => e.kind === 'update' && e.session === session && connection.events.indexOf(e) >= known;
  const event = await connection.event(ends, 30);
  if (event.state === 'accepted') await peer.setRemoteDescription({ type: 'answer', sdp: event.sdp });
  else await undo();
  return { answer, event, offer: offer.sdp, signalling: peer.signalingState };
}

/** Takes up what the far end wants: answers the `update` that was received. */
export async function answerUpdate(call, sdp, { camera = false } = {}) {
  const { peer, connection, session } = call;
  await peer.setRemoteDescription({ type: 'offer', sdp });
  if (camera) await call.addCamera();
  await peer.setLocalDescription();
  return connection.request('session-update', { session, sdp: peer.localDescription.sdp });
}

/** Which pair of candidates carries the call, and by whose credentials. */
export async function path(call) {
  const stats = [...(await call.peer.getStats()).values()];
  const transport = stats.find((s) => s.type === 'transport') ?? {};
  // Firefox has no statistics of the transport: there it is the pair in use
  const chosen = (s) => (transport.selectedCandidatePairId ? s.id === transport.selectedCandidatePairId : s.type === 'candidate-pair' && s.selected);
  const pair = stats.find(chosen) ?? {};
  const ends = ['localCandidateId', 'remoteCandidateId'].map((id) => stats.find((s) => s.id === pair[id]) ?? {});
  const [near, far] = ends.map(({ address, port, protocol, candidateType }) => ({ address, port, protocol, type: candidateType }));
  return { local: transport.iceLocalUsernameFragment, pair: pair.id, received: pair.packetsReceived, dtls: transport.dtlsState, near, far };
}
