// The page: shows the state of one line and of its call, and turns clicks into requests.
// The protocol is in sylkrtc2.js, a call's media in call.js, the meters in meter.js.

import { Connection } from './sylkrtc2.js';
import { Call } from './call.js';
import { Meter } from './meter.js';
import { ha1 } from './md5.js';
import { WireLog } from './wire.js';

const $ = (id) => document.getElementById(id);
const gateway = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/webrtcgateway/ws`;
const KEYS = [['1', ''], ['2', 'abc'], ['3', 'def'], ['4', 'ghi'], ['5', 'jkl'], ['6', 'mno'], ['7', 'pqrs'], ['8', 'tuv'], ['9', 'wxyz'], ['*', ''], ['0', '+'], ['#', '']];
const MISSED_SHOWN_MS = 12_000;

const connection = new Connection(gateway);
const meters = { out: new Meter($('meter-out')), in: new Meter($('meter-in')) };
let account = null; // {address, secret, state, reason}
let call = null;
let audio = null; // AudioContext, made by the first click

new WireLog(connection, $('wire'), $('wire-count'));

// ------------------------------------------------------------------ the gateway speaks

connection.addEventListener('state', ({ detail }) => {
  const shown = { connecting: ['wait', 'Connecting'], ready: ['good', 'Connected'], lost: ['bad', 'Connection lost'] }[detail];
  setStatus($('socket'), ...shown);
  if (detail === 'lost') call?.lost();
  if (detail === 'ready' && account) signIn(account.address, account.secret); // the gateway forgets accounts with the socket
});

connection.addEventListener('account-event', ({ detail }) => {
  if (detail.account !== account?.address) return;
  switch (detail.event) {
    case 'registration-state':
      account.state = detail.state;
      account.reason = detail.reason ?? '';
      if (detail.state === 'failed') notify(explainRegistration(detail.reason));
      if (detail.state === 'registered') notify('');
      return render();
    case 'incoming-session':
      if (call && call.state !== 'ended') return connection.request('session-terminate', { session: detail.session }).catch(() => {});
      return take(Call.incoming(connection, detail));
    case 'missed-session':
      return notify(`Missed call from ${nameOf(detail.originator)}`, 'info', MISSED_SHOWN_MS);
  }
});

connection.addEventListener('session-event', ({ detail }) => {
  if (detail.session === call?.id) call.handle(detail);
});

// ------------------------------------------------------------------ the person acts

$('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const address = $('address').value.trim().replace(/^sips?:/, '');
  const password = $('password').value;
  if (!/^[^@\s]+@[^@\s]+$/.test(address)) return complain($('address'), 'An address looks like name@domain.');
  if (!password) return complain($('password'), 'The password is missing.');
  $('password').value = '';
  signIn(address, ha1(address, password));
});

$('sign-out').addEventListener('click', () => {
  if (account) connection.request('account-remove', { account: account.address }).catch(() => {});
  account = null;
  notify('');
  render();
  $('address').focus();
});

$('dial-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const target = $('target').value.trim();
  if (!target) return complain($('target'), 'Whom do you want to call?');
  dial(target);
});

$('erase').addEventListener('click', () => {
  $('target').value = $('target').value.slice(0, -1);
  $('target').focus();
});

$('answer').addEventListener('click', () => call.answer());
$('decline').addEventListener('click', () => call.hangUp());
$('hang-up').addEventListener('click', () => call.hangUp());

$('mute').addEventListener('click', () => {
  call.muted = !call.muted;
  render();
});

$('hold').addEventListener('click', () => call.hold(!call.held.local));

$('keys').addEventListener('click', () => {
  $('tone-pad').hidden = !$('tone-pad').hidden;
  render();
});

document.addEventListener('click', () => {
  audio ??= new AudioContext();
  audio.resume();
}, { capture: true });

document.addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
  if (call?.state !== 'active' || ctrlKey || metaKey || altKey || target.matches('input')) return;
  if (/^[0-9*#]$/.test(key)) press(key);
});

// ------------------------------------------------------------------ what it comes to

async function signIn(address, secret) {
  account = { address, secret, state: 'registering', reason: '' };
  notify('');
  render();
  try {
    await connection.request('account-add', { account: address, password: secret, user_agent: 'sylk-gateway web phone', extensions: true });
    await connection.request('account-register', { account: address });
  } catch (error) {
    if (account?.address !== address || error.code === 'not-connected') return;
    account = null;
    notify(error.message);
    render();
  }
}

function dial(target) {
  take(Call.dial(connection, account.address, target));
}

/** Makes `next` the call on the screen, until it ends. */
function take(next) {
  call = next;
  notify('');
  $('tone-pad').hidden = true;
  $('digits').textContent = '';
  call.addEventListener('change', () => {
    if (call !== next) return;
    attach(next);
    if (next.state === 'ended') ended(next);
    render();
  });
  render();
  (next.state === 'incoming' ? $('answer') : $('hang-up')).focus();
  requestAnimationFrame(tick);
}

function attach({ localStream, remoteStream }) {
  const player = $('remote-audio');
  if (player.srcObject !== remoteStream) {
    player.srcObject = remoteStream;
    player.play().catch(() => {});
    if (remoteStream) meters.in.attach(audio ??= new AudioContext(), remoteStream);
  }
  if (localStream && attach.local !== localStream) meters.out.attach(audio ??= new AudioContext(), localStream);
  attach.local = localStream;
}

function ended({ reason, activeSince }) {
  meters.in.detach();
  meters.out.detach();
  $('remote-audio').srcObject = null;
  attach.local = null;
  const lasted = activeSince ? ` after ${clock(Date.now() - activeSince)}` : '';
  const sentence = explainEnd(reason);
  notify(sentence ?? `Call ended${lasted}`, sentence ? 'bad' : 'info');
  call = null;
  render();
  $('target').focus();
}

function press(digit) {
  call.sendDigit(digit);
  $('digits').textContent += digit;
  $('digits').hidden = false;
}

function tick() {
  if (!call) return;
  meters.in.measure();
  meters.out.measure();
  if (call.activeSince) $('timer').textContent = clock(Date.now() - call.activeSince);
  requestAnimationFrame(tick);
}

// ------------------------------------------------------------------ how it looks

function render() {
  const view = call ? 'call' : account && account.state !== 'failed' ? 'dial' : 'login';
  $('phone').dataset.view = view;
  $('login').hidden = view !== 'login';
  $('dial').hidden = view !== 'dial';
  $('call-view').hidden = view !== 'call';
  $('line').hidden = !account || view === 'login';
  $('sign-out').hidden = Boolean(call);
  if (account) renderLine();
  if (call) renderCall();
  document.title = call ? `${nameOf(call.peer)} · Web phone` : 'Web phone · sylk-gateway';
}

function renderLine() {
  $('line-address').textContent = account.address;
  $('line').querySelector('.avatar').textContent = account.address[0].toUpperCase();
  const shown = { registering: ['wait', 'Registering'], registered: ['good', 'Registered'], failed: ['bad', 'Not registered'] }[account.state];
  setStatus($('line-state'), ...shown);
}

function renderCall() {
  const { state } = call;
  const phrase = { calling: 'Calling', ringing: 'Ringing', incoming: 'is calling you', connecting: 'Connecting', active: 'In call', ended: 'Ended' }[state];
  $('call-view').dataset.state = state;
  $('peer').textContent = nameOf(call.peer);
  $('call-view').querySelector('.avatar').textContent = nameOf(call.peer)[0]?.toUpperCase() ?? '?';
  $('call-state').textContent = [call.held.local ? 'On hold' : call.held.remote ? 'They hold the call' : phrase, call.muted && 'microphone muted'].filter(Boolean).join(', ');
  $('call-view').dataset.held = call.held.local || call.held.remote;
  $('timer').hidden = state !== 'active';
  $('meters').hidden = !call.remoteStream || state === 'incoming';
  $('incoming-controls').hidden = state !== 'incoming';
  $('call-controls').hidden = state === 'incoming';
  $('mute').setAttribute('aria-pressed', call.muted);
  $('mute').querySelector('span').textContent = call.muted ? 'Unmute' : 'Mute';
  $('mute').disabled = !call.localStream;
  $('hold').disabled = state !== 'active' || call.holding;
  $('hold').setAttribute('aria-pressed', call.held.local);
  $('hold').querySelector('span').textContent = call.held.local ? 'Resume' : 'Hold';
  $('keys').disabled = state !== 'active';
  $('keys').setAttribute('aria-pressed', !$('tone-pad').hidden);
  $('digits').hidden = !$('digits').textContent;
}

function setStatus(element, tone, text) {
  element.dataset.tone = tone;
  element.querySelector('.text').textContent = text;
}

function notify(text, tone = 'bad', forMs = 0) {
  clearTimeout(notify.timer);
  $('notice').hidden = !text;
  $('notice').dataset.tone = tone;
  $('notice').textContent = text;
  if (forMs) notify.timer = setTimeout(() => notify(''), forMs);
}

function complain(field, text) {
  notify(text);
  field.setAttribute('aria-invalid', 'true');
  field.addEventListener('input', () => field.removeAttribute('aria-invalid'), { once: true });
  field.focus();
}

function explainRegistration(reason = '') {
  const code = reason.match(/\d{3}/)?.[0];
  const known = { 904: 'Wrong address or password.', 403: 'The registrar refuses this account.', 404: 'The registrar does not know this address.', 408: 'The registrar does not answer.', 503: 'The registrar is not available.' };
  return known[code] ?? `Registration failed: ${reason || 'no reason given'}.`;
}

/** A sentence for a call that failed, or null for one that ended as calls do. */
function explainEnd(reason) {
  const code = reason.match(/^\d{3}/)?.[0];
  if (code === '200' || code === '487' || reason === '') return null;
  const known = { 403: 'This call is not allowed.', 404: 'Nobody by that name is here.', 408: 'No answer.', 480: 'They are not online right now.', 486: 'The line is busy.', 488: 'They cannot take this kind of call.', 600: 'Busy everywhere.', 603: 'The call was declined.', 904: 'Wrong address or password.' };
  return known[code] ?? (code ? `The call failed: ${reason}.` : `${reason}.`);
}

function nameOf({ uri = '', display_name: name }) {
  return name || uri.replace(/^sips?:/, '').split('@')[0] || uri || 'Unknown caller';
}

function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const pair = (n) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:` : ''}${pair(Math.floor(seconds / 60) % 60)}:${pair(seconds % 60)}`;
}

function keypad(element, onKey) {
  for (const [digit, letters] of KEYS) {
    const key = element.appendChild(document.createElement('button'));
    key.type = 'button';
    key.dataset.key = digit;
    key.setAttribute('aria-label', { '*': 'star', '#': 'hash' }[digit] ?? digit);
    key.append(Object.assign(document.createElement('b'), { textContent: digit }), Object.assign(document.createElement('small'), { textContent: letters }));
    key.addEventListener('click', () => onKey(digit));
  }
}

// What the demo has on offer; a gateway without it answers 404 and the page stays a plain phone.
async function loadDemo() {
  const answer = await fetch('demo.json').catch(() => null);
  if (!answer?.ok) return;
  const { accounts, peers } = await answer.json();
  $('demo-accounts').hidden = false;
  for (const { address, password } of accounts) {
    const chip = $('demo-accounts').querySelector('.chips').appendChild(document.createElement('button'));
    Object.assign(chip, { type: 'button', className: 'chip', textContent: address });
    chip.addEventListener('click', () => {
      $('address').value = address;
      $('password').value = password;
      for (const field of [$('address'), $('password')]) field.removeAttribute('aria-invalid');
      $('sign-in').focus();
    });
  }
  $('demo-peers').hidden = false;
  for (const { uri, name, what } of peers) {
    const entry = $('demo-peers').querySelector('.peers').appendChild(document.createElement('li'));
    const button = entry.appendChild(document.createElement('button'));
    button.type = 'button';
    button.dataset.uri = uri;
    button.append(Object.assign(document.createElement('b'), { textContent: name }), Object.assign(document.createElement('span'), { textContent: what }));
    button.addEventListener('click', () => dial(uri));
  }
}

keypad($('dial-pad'), (digit) => {
  $('target').value += digit;
});
keypad($('tone-pad'), press);
loadDemo();
render();

// For the console and for tests: the call on the screen, and the levels in dBFS.
window.phone = {
  get call() { return call; },
  get account() { return account && { address: account.address, state: account.state, reason: account.reason }; },
  get levels() { return { out: meters.out.level, in: meters.in.level }; },
};
