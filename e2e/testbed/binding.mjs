// A binding at Kamailio for a phone that doesn't register itself, such as SIPp: REGISTER from the port where the phone
// will be, which is free again once this is done.
import { createHash, randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { DOMAIN, PASSWORDS } from './kamailio.mjs';
import { freePorts } from './ports.mjs';
import { until } from './wait.mjs';

/** Binds `user` to a free port of 127.0.0.1; resolves with the port. */
export async function bindContact(user, { proxy }) {
  const port = await freePorts(2);
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(port, '127.0.0.1', resolve));
  const answers = [];
  socket.on('message', (bytes) => answers.push(bytes.toString('utf8')));
  const callId = randomUUID();
  const ask = async (sequence, authorization = []) => {
    socket.send([`REGISTER sip:${DOMAIN} SIP/2.0`, `Via: SIP/2.0/UDP 127.0.0.1:${port};rport;branch=z9hG4bK${randomUUID()}`,
      'Max-Forwards: 70', `From: <sip:${user}@${DOMAIN}>;tag=binding`, `To: <sip:${user}@${DOMAIN}>`, `Call-ID: ${callId}`,
      `CSeq: ${sequence} REGISTER`, `Contact: <sip:${user}@127.0.0.1:${port}>`, 'Expires: 600', ...authorization, 'Content-Length: 0', '', '',
    ].join('\r\n'), proxy.port, '127.0.0.1');
    return until(() => answers.find((a) => a.includes(`CSeq: ${sequence} REGISTER`)), { what: `answer to the REGISTER of ${user}` });
  };
  try {
    const [, nonce] = /nonce="([^"]+)"/.exec(await ask(1));
    const response = md5(`${md5(`${user}:${DOMAIN}:${PASSWORDS[user]}`)}:${nonce}:${md5(`REGISTER:sip:${DOMAIN}`)}`);
    const answer = await ask(2, [`Authorization: Digest username="${user}", realm="${DOMAIN}", nonce="${nonce}", uri="sip:${DOMAIN}", response="${response}"`]);
    if (!answer.startsWith('SIP/2.0 200')) throw new Error(answer);
  } finally {
    await new Promise((resolve) => socket.close(resolve));
  }
  return port;
}

function md5(text) {
  return createHash('md5').update(text).digest('hex');
}
