// The three ways of saying the same on a sylkRTC WebSocket, and back into one vocabulary for the tests.

const NAMES_2015 = {
  'account-add': 'add_account',
  'account-remove': 'remove_account',
  'account-register': 'register',
  'account-unregister': 'unregister',
  'session-create': 'call',
  'session-answer': 'answer',
  'session-trickle': 'trickle',
  'session-terminate': 'terminate',
};

/** `subprotocol` and request names of `v2`, `v1` (stable names) and `2015` (the first names). */
export const DIALECTS = {
  v2: { subprotocol: 'sylkRTC-2', request: (name) => name },
  v1: { subprotocol: 'sylkRTC-1', request: (name) => name },
  2015: { subprotocol: 'sylkRTC-1', request: (name) => NAMES_2015[name] ?? name },
};

/** One vocabulary for all: `{ kind, account?, session?, state?, sdp?, reason?, originator?, ... }`. */
export function understand(message) {
  const type = message.sylkrtc.replaceAll('_', '-');
  if (type === 'ack' || type === 'error') return { kind: type, ...message };
  if (type === 'ready-event' || (type === 'event' && message.event === 'ready')) return { kind: 'ready' };
  const { event, session, account } = message;
  const payload = message.data ?? message;
  const name = event.replaceAll('_', '-');
  if (type === 'account-event') {
    if (name === 'registration-state') return { kind: 'registration', account, state: payload.state, reason: payload.reason };
    if (name === 'incoming-session' || name === 'incoming-call') {
      return { kind: 'incoming', account, session, sdp: payload.sdp, originator: payload.originator ?? payload.caller, headers: payload.headers, callId: payload.call_id };
    }
    if (name === 'missed-session') return { kind: 'missed', account, originator: payload.originator };
  }
  if (type === 'session-event' && name === 'state') return { ...payload, kind: 'state', session, state: payload.state };
  if (type === 'session-event') return { ...payload, kind: name, session };
  return { kind: 'other', message };
}
