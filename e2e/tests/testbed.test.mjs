// The testbed judged without the gateway: phones call each other through the proxy, and each hears the other's tone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startBaresip } from '../testbed/baresip.mjs';
import { MICROPHONE_HZ, sound, startChromium } from '../testbed/chromium.mjs';
import { startKamailio } from '../testbed/kamailio.mjs';
import { judgeTone } from '../testbed/tone.mjs';
import { pause } from '../testbed/wait.mjs';

let proxy;
before(async () => { proxy = await startKamailio(); });
after(() => proxy?.stop());

for (const [codec, transport] of [['PCMU', 'udp'], ['opus', 'tcp'], ['G722', 'tls']]) {
  test(`two phones hear each other with ${codec} over ${transport}`, async () => {
    const bob = await startBaresip('bob', { proxy, transport, codecs: [codec], tone: 880, name: `bob-${codec}` });
    const carol = await startBaresip('carol', { proxy, transport, codecs: [codec], tone: 440, name: `carol-${codec}` });
    try {
      await carol.dial(bob.uri);
      await bob.rings();
      await bob.accept();
      await carol.established();
      await pause(2500);
      await carol.hangUp();
      await bob.closed();
      await carol.closed();
      for (const [phone, frequency] of [[bob, 440], [carol, 880]]) {
        const tone = judgeTone(phone.heard(), frequency);
        assert.ok(Math.abs(tone.frequency - frequency) <= 2, `${frequency} Hz heard as ${JSON.stringify(tone)}`);
        assert.ok(tone.duration > 1.8 && tone.purity > 0.9 && tone.level > -18, JSON.stringify(tone));
      }
    } finally {
      await Promise.all([bob.stop(), carol.stop()]);
    }
  });
}

test('a page hears its own fake microphone through two peer connections', async () => {
  const browser = await startChromium();
  try {
    const page = await browser.open();
    const tone = judgeTone(sound(await page.run('loop', 3)), MICROPHONE_HZ);
    assert.ok(Math.abs(tone.frequency - MICROPHONE_HZ) <= 2, JSON.stringify(tone));
    assert.ok(tone.duration > 2.5 && tone.purity > 0.9 && tone.level > -18, JSON.stringify(tone));
  } finally {
    await browser.stop();
  }
});
