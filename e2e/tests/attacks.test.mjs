// Attacks on signalling, against the daemon itself: digest leaks, requests of strangers, smuggled headers, forged
// messages, guessing of users, loops. Each test says its criterion; afterwards nothing is left.
import assert from 'node:assert/strict';
import { startCaller } from '../testbed/caller.mjs';
import { startGateway } from '../testbed/gateway.mjs';
import { DOMAIN } from '../testbed/kamailio.mjs';
import { steps } from '../testbed/steps.mjs';
import { branch, startTrunk, STRANGER } from '../testbed/trunk.mjs';
import { until } from '../testbed/wait.mjs';

steps('attacks on signalling', ({ before: first, after: last, test }) => {
  let gateway, trunk, stranger, alice;
  const uri = () => trunk.contacts.get('alice');
  const strangers = (text) => stranger.emit(gateway.sip, text);

  first(async () => {
    trunk = await startTrunk({ registrar: true });
    stranger = await startTrunk({ address: STRANGER });
    gateway = await startGateway({ proxy: trunk });
    alice = await startCaller('alice', { url: gateway.url, register: true });
  });
  last(async () => {
    alice?.stop();
    await gateway?.program.stop();
    trunk?.stop();
    stranger?.stop();
  });

  /** A call from alice that the trunk has answered. */
  const established = async () => {
    const from = trunk.heard.length;
    const session = await alice.call(`bob@${DOMAIN}`);
    const invite = await until(() => trunk.heard.slice(from).find((m) => m.method === 'INVITE'), { what: 'INVITE' });
    trunk.reply(invite, '200 OK', { headers: [`Contact: <sip:bob@127.0.0.1:${trunk.port}>`], body: trunk.description() });
    await until(() => trunk.heard.slice(from).find((m) => m.method === 'ACK'), { what: 'ACK' });
    await alice.state(session, 'accepted');
    return { session, invite, from };
  };
  const end = async ({ session }) => {
    await alice.hangUp(session);
    await alice.state(session, 'terminated');
  };
  const credentials = (heard) => heard.filter((m) => /^(proxy-)?authorization:/im.test(m.text));

  test('S6: a challenge for a realm that is not the account\'s gets no credentials', async () => {
    const from = trunk.heard.length;
    const session = await alice.call(`bob@${DOMAIN}`);
    const invite = await until(() => trunk.heard.slice(from).find((m) => m.method === 'INVITE'), { what: 'INVITE' });
    trunk.reply(invite, '407 Proxy Authentication Required', { headers: ['Proxy-Authenticate: Digest realm="evil.example", nonce="n1", qop="auth"'] });
    await alice.state(session, 'terminated');
    await trunk.answered(gateway.sip);
    assert.deepEqual(credentials(trunk.heard.slice(from)), []);
  });

  test('S6: a challenge from somebody who is not the account\'s proxy gets no credentials', async () => {
    const from = trunk.heard.length;
    const session = await alice.call(`bob@${DOMAIN}`);
    const invite = await until(() => trunk.heard.slice(from).find((m) => m.method === 'INVITE'), { what: 'INVITE' });
    // The thief knows the branch, the tags and the realm; what he lacks is the proxy's address.
    stranger.reply(invite, '407 Proxy Authentication Required', {
      headers: [`Proxy-Authenticate: Digest realm="${DOMAIN}", nonce="stolen", qop="auth"`], to: { port: gateway.sip },
    });
    assert.equal((await alice.state(session, 'terminated')).reason, '407 Challenge of Another Server');
    await trunk.answered(gateway.sip);
    assert.deepEqual(credentials(trunk.heard.slice(from)), []);
    assert.deepEqual(stranger.requests('INVITE'), []);
    assert.deepEqual(credentials(stranger.heard), []);
  });

  test('S6: a challenge to our BYE from the far end of a call gets no credentials for another realm', async () => {
    const call = await established();
    trunk.registrar = false;
    const from = trunk.heard.length;
    await alice.hangUp(call.session);
    const bye = await until(() => trunk.heard.slice(from).find((m) => m.method === 'BYE'), { what: 'BYE' });
    trunk.reply(bye, '401 Unauthorized', { headers: ['WWW-Authenticate: Digest realm="evil.example", nonce="n2", qop="auth"'] });
    await trunk.answered(gateway.sip);
    trunk.registrar = true;
    assert.deepEqual(credentials(trunk.heard.slice(from)), []);
  });

  test('S7: strangers who guess a user name are not answered, and no page hears of it', async () => {
    const from = alice.connection.events.length;
    for (const method of ['INVITE', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'PUBLISH', 'OPTIONS', 'REGISTER']) {
      strangers(stranger.request(method, `sip:alice@127.0.0.1:${gateway.sip}`, { headers: { Event: 'presence', 'Refer-To': `<sip:premium@${DOMAIN}>` }, body: 'hello' }));
    }
    await trunk.answered(gateway.sip);
    assert.deepEqual(stranger.heard, []);
    assert.deepEqual(alice.connection.events.slice(from), []);
  });

  test('S7: an out-of-dialog REFER never dials, whoever sends it', async () => {
    const [invites, from] = [trunk.requests('INVITE').length, alice.connection.events.length];
    const refer = (sender) => sender.request('REFER', uri(), { headers: { 'Refer-To': `<sip:premium@${DOMAIN}>` } });
    const answer = await trunk.ask(gateway.sip, refer(trunk));
    assert.ok(answer.status >= 400 && answer.status < 700, answer.start);
    strangers(refer(stranger));
    await trunk.answered(gateway.sip);
    assert.equal(trunk.requests('INVITE').length, invites);
    assert.ok(stranger.heard.every((m) => m.status === undefined || m.status >= 400), 'no 202 for a stranger');
    assert.ok(!alice.connection.events.slice(from).some((e) => e.kind === 'state'));
  });

  test('S7: SUBSCRIBE, PUBLISH and stray NOTIFY get no 2xx', async () => {
    for (const method of ['SUBSCRIBE', 'PUBLISH', 'NOTIFY']) {
      const answer = await trunk.ask(gateway.sip, trunk.request(method, uri(), { headers: { Event: 'presence', 'Subscription-State': 'active' } }));
      assert.ok(answer.status >= 400, `${method}: ${answer.start}`);
    }
  });

  test('S8: line breaks from a page make no header of their own', async () => {
    const evil = 'x\r\nX-Smuggled: yes';
    for (const fields of [
      { uri: `bob@${DOMAIN}\r\nX-Smuggled: yes` },
      { uri: `bob\r\nX-Smuggled: yes@${DOMAIN}` },
      { uri: `bob@${DOMAIN}`, headers: [{ name: 'X-Test', value: evil }] },
      { uri: `bob@${DOMAIN}`, headers: [{ name: evil, value: 'x' }] },
      { uri: `bob@${DOMAIN}`, headers: [{ name: 'X-Test: a\nX-Smuggled', value: 'yes' }] },
      { uri: `bob@${DOMAIN}`, headers: [{ name: 'Via', value: 'SIP/2.0/UDP evil.example;branch=z9hG4bKx' }] },
    ]) {
      const from = trunk.heard.length;
      const session = crypto.randomUUID();
      const { description } = await import('../testbed/caller.mjs');
      const answer = await alice.connection.request('session-create', { account: alice.account, session, sdp: description('actpass'), ...fields });
      if (answer.kind === 'ack') {
        const outcome = await until(() => trunk.heard.slice(from).find((m) => m.method === 'INVITE')
          ?? alice.connection.events.find((e) => e.kind === 'state' && e.session === session && e.state === 'terminated'), { what: 'INVITE or its failure' });
        if (outcome.method) {
          assert.equal(outcome.header('X-Smuggled'), undefined);
          assert.ok(!outcome.all('Via').some((v) => v.includes('evil.example')), outcome.text);
          trunk.reply(outcome, '486 Busy Here');
        }
        await alice.state(session, 'terminated');
      }
      await trunk.answered(gateway.sip);
      assert.ok(!trunk.heard.slice(from).some((m) => /^X-Smuggled/im.test(m.text) || /[^\r]\n/.test(m.text)), JSON.stringify(fields));
    }
  });

  test('S8: contradictory and folded headers from the SIP side are refused or read as one', async () => {
    const call = { To: `<sip:alice@${DOMAIN}>` };
    for (const [headers, what] of [
      [{ 'Content-Length': '9999' }, 'a second Content-Length'],
      [{ CSeq: ['1 OPTIONS', '2 BYE'] }, 'two CSeq'],
      [{ From: ['<sip:a@b>;tag=1', '<sip:c@d>;tag=2'] }, 'two From'],
      [{ 'X-Nul': 'a\0b' }, 'a NUL'],
    ]) {
      strangers(stranger.request('OPTIONS', uri(), { headers: { ...call, ...headers } }));
      trunk.emit(gateway.sip, trunk.request('OPTIONS', uri(), { headers: { ...call, ...headers } }));
      await trunk.answered(gateway.sip);
      assert.ok(await gateway.health(), what);
    }
    const folded = trunk.request('OPTIONS', uri(), { headers: { 'X-Folded': 'one\r\n two\r\n\tthree', Subject: 'x' } });
    assert.equal((await trunk.ask(gateway.sip, folded)).status, 200);
  });

  test('S9: forged BYE, CANCEL, re-INVITE and responses leave a call as it is', async () => {
    const call = await established();
    const from = alice.connection.events.length;
    const invite = call.invite;
    const tag = /tag=([^;>\s]*)/.exec(invite.header('From'))[1];
    const dialog = { From: `${invite.header('To')};tag=trunk`, To: invite.header('From'), 'Call-ID': invite.header('Call-ID') };
    const target = /<([^>]*)>/.exec(invite.header('Contact'))[1];
    const forgeries = [
      ['BYE', { ...dialog, From: `${invite.header('To')};tag=wrong`, CSeq: '2 BYE' }],
      ['BYE', { ...dialog, To: invite.header('From').replace(tag, 'wrong'), CSeq: '2 BYE' }],
      ['BYE', { ...dialog, 'Call-ID': 'guessed', CSeq: '2 BYE' }],
      ['BYE', { ...dialog, To: invite.header('From').replace(/;tag=.*/, ''), CSeq: '2 BYE' }],
      ['CANCEL', { ...dialog, CSeq: '1 CANCEL' }],
      ['CANCEL', { From: invite.header('From'), To: invite.header('To'), 'Call-ID': invite.header('Call-ID'), CSeq: invite.header('CSeq').replace('INVITE', 'CANCEL') }],
      ['INVITE', { ...dialog, From: `${invite.header('To')};tag=wrong`, CSeq: '2 INVITE' }],
      ['UPDATE', { ...dialog, From: `${invite.header('To')};tag=wrong`, CSeq: '2 UPDATE' }],
    ];
    for (const sender of [stranger, trunk]) {
      for (const [method, headers] of forgeries) sender.emit(gateway.sip, sender.request(method, target, { headers, body: method === 'INVITE' ? sender.description() : '' }));
      for (const status of ['200 OK', '486 Busy Here', '603 Decline']) {
        // everything right but the branch
        sender.emit(gateway.sip, [`SIP/2.0 ${status}`, `Via: SIP/2.0/UDP 127.0.0.1:${gateway.sip};branch=${branch()}`, `From: ${invite.header('From')}`,
          `To: ${invite.header('To')};tag=other`, `Call-ID: ${invite.header('Call-ID')}`, `CSeq: ${invite.header('CSeq')}`,
          `Contact: <sip:victim@${STRANGER}:${stranger.port}>`, 'Content-Length: 0', '', ''].join('\r\n'));
      }
    }
    await trunk.answered(gateway.sip);
    assert.deepEqual(alice.connection.events.slice(from).filter((e) => e.kind === 'state'), []);
    assert.ok(!stranger.heard.some((m) => m.method), 'nothing is sent to where a forgery points');
    await end(call);
  });

  test('S9: a BYE with an old CSeq does nothing', async () => {
    const call = await established();
    const invite = call.invite;
    const dialog = { From: `${invite.header('To')};tag=trunk`, To: invite.header('From'), 'Call-ID': invite.header('Call-ID') };
    const target = /<([^>]*)>/.exec(invite.header('Contact'))[1];
    const info = await trunk.ask(gateway.sip, trunk.request('INFO', target, { headers: { ...dialog, CSeq: '5 INFO', 'Content-Type': 'text/plain' }, body: 'x' }));
    assert.ok(info.status >= 200);
    const old = trunk.heard.length;
    trunk.emit(gateway.sip, trunk.request('BYE', target, { headers: { ...dialog, CSeq: '4 BYE' } }));
    const answer = await until(() => trunk.heard.slice(old).find((m) => m.status && m.header('CSeq') === '4 BYE'), { what: 'an answer to the old BYE' });
    assert.equal(answer.status, 500);
    assert.ok(!alice.states(call.session).includes('terminated'));
    await end(call);
  });

  test('S9: who exists cannot be told from the answers', async () => {
    const shape = (message) => message.text.split('\r\n').map((l) => l.split(/[:;]/)[0]).join();
    for (const method of ['OPTIONS', 'INVITE', 'MESSAGE']) {
      const ask = (user) => trunk.ask(gateway.sip, trunk.request(method, `sip:${user}@127.0.0.1:${gateway.sip}`));
      const [known, unknown] = [await ask('alice'), await ask('nobody')];
      assert.equal(known.start, unknown.start, method);
      assert.equal(shape(known), shape(unknown), method);
    }
  });

  test('S10: an INVITE that comes back in many copies makes one call at most, and all of it ends', async () => {
    const from = trunk.heard.length;
    const seen = alice.connection.events.length;
    const session = await alice.call(`bob@${DOMAIN}`);
    const invite = await until(() => trunk.heard.slice(from).find((m) => m.method === 'INVITE'), { what: 'INVITE' });
    const callId = invite.header('Call-ID');
    // a proxy that forwards it back to its own caller, again and again, as a loop with forks does
    const copies = 20;
    for (let copy = 0; copy < copies; copy += 1) {
      const via = [`SIP/2.0/UDP 127.0.0.1:${trunk.port};rport;branch=${branch()}`, ...invite.all('Via')];
      const headers = { Via: via, From: invite.header('From'), To: invite.header('To'), 'Call-ID': callId, CSeq: invite.header('CSeq'), 'Max-Forwards': String(69 - copy), Contact: invite.header('Contact') };
      trunk.emit(gateway.sip, trunk.request('INVITE', uri(), { headers: { ...headers, 'Content-Type': 'application/sdp' }, body: invite.body }));
    }
    const refused = () => new Set(trunk.heard.slice(from).filter((m) => m.status >= 400 && m.header('Call-ID') === callId).map((m) => m.header('Via'))).size;
    await until(() => refused() >= copies - 1, { what: 'all copies but one are refused' });
    assert.ok(alice.connection.events.slice(seen).filter((e) => e.kind === 'incoming').length <= 1);
    assert.ok(trunk.heard.slice(from).filter((m) => m.method === 'INVITE' && m.header('Via') !== invite.header('Via')).length === 0, 'nothing is sent on');
    await alice.hangUp(session).catch(() => {});
    trunk.reply(invite, '487 Request Terminated');
    await alice.state(session, 'terminated');
    for (const incoming of alice.connection.events.slice(seen).filter((e) => e.kind === 'incoming')) {
      await alice.hangUp(incoming.session).catch(() => {});
    }
  });

  test('S10: a request without hops left is not sent on', async () => {
    const from = trunk.heard.length;
    const answer = await trunk.ask(gateway.sip, trunk.request('OPTIONS', uri(), { headers: { 'Max-Forwards': '0' } }));
    assert.ok([200, 483].includes(answer.status), answer.start);
    assert.ok(!trunk.heard.slice(from).some((m) => m.method === 'OPTIONS'), 'nothing is sent on');
  });

  test('and then nothing is left', async () => {
    alice.stop();
    await gateway.nothingLeft({ seconds: 60 });
    await gateway.stop();
  });
});
