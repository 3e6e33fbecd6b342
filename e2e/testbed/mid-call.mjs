// What a scripted phone does with and by re-INVITEs, in a call that the page has made.
import { branch, contact, routes } from './scripted-phone.mjs';
import { pause, until } from './wait.mjs';

const MIRRORED = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' };

export class MidCall {
  /** What it answers re-INVITEs with: `agree`, or a status line. */
  policy = 'agree';
  version = 1;
  codec = 0;
  /** The re-INVITEs it was sent, oldest first. */
  offers = [];

  constructor(phone) {
    this.phone = phone;
  }

  asked(request) {
    const seen = this.offers.find((o) => o.cseq === request.cseq);
    if (!seen) this.offers.push(request);
    if (this.pending) this.phone.reply(request, '491 Request Pending');
    else if (this.policy === 'agree') this.phone.reply(request, '200 OK', seen?.answer ?? (request.answer = this.answer(request.body)));
    else this.phone.reply(request, this.policy);
  }

  answer(offer) {
    const [, direction = 'sendrecv'] = /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(offer) ?? [];
    const [, first] = /^m=audio \d+ \S+ (\d+)/m.exec(offer);
    this.codec = Number(first) === 8 ? 8 : 0;
    return this.describe([`a=${MIRRORED[direction]}`]);
  }

  describe(lines) {
    this.version += 1;
    return this.phone.description({ version: this.version, codec: this.codec, lines });
  }

  /** Offers a change; resolves with the final response. After 491 it waits a moment and offers again. */
  async offer({ codec = this.codec, lines = [], again = true } = {}) {
    const before = this.codec;
    this.codec = codec;
    const response = await this.transact(this.describe(lines));
    if (response.status === 491 && again) {
      await pause(300 + Math.random() * 300);
      return this.offer({ codec, lines });
    }
    if (response.status >= 300) this.codec = before;
    return response;
  }

  async transact(body) {
    const { phone } = this;
    const { invite } = phone;
    phone.sequence += 1;
    const request = { branch: branch(), cseq: `${phone.sequence} INVITE` };
    this.pending = request;
    this.dialog = [`From: ${invite.header('To')};tag=${phone.tag}`, `To: ${invite.header('From')}`, `Call-ID: ${invite.header('Call-ID')}`];
    phone.send(`INVITE ${contact(invite)} SIP/2.0`, request.branch, [...this.dialog, `CSeq: ${request.cseq}`, ...routes(invite, false)], body);
    try {
      return await until(() => request.response, { seconds: 15, what: 'an answer to the re-INVITE' });
    } finally {
      this.pending = undefined;
    }
  }

  /** Takes a final response to a re-INVITE of its own; `false` if it is of another request. */
  answered(response) {
    const mine = response.cseq === this.pending?.cseq ? this.pending : this.done?.cseq === response.cseq && this.done;
    if (!mine) return false;
    const { invite } = this.phone;
    const success = response.status < 300;
    this.phone.send(`ACK ${contact(invite)} SIP/2.0`, success ? branch() : mine.branch,
      [...this.dialog, `CSeq: ${parseInt(mine.cseq, 10)} ACK`, ...routes(invite, false)]);
    mine.response = response;
    this.done = mine;
    return true;
  }
}
