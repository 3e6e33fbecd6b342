// The usual stage: Kamailio, the gateway behind it, Chromium; and the usual end: nothing is left.
import assert from 'node:assert/strict';
import { startChromium } from './chromium.mjs';
import { startGateway } from './gateway.mjs';
import { startKamailio } from './kamailio.mjs';

/** Starts all three. `gateway` holds further options of startGateway, `chromium` of startChromium; `proxy` is a Kamailio that runs already. */
export async function startStage({ transport = 'udp', gateway = {}, chromium = {}, browser = true, proxy } = {}) {
  const stage = new Stage();
  try {
    stage.proxy = proxy ?? (await startKamailio());
    stage.browser = browser ? await startChromium(chromium) : undefined;
    stage.gateway = await startGateway({ proxy: stage.proxy, transport, origin: stage.browser?.origin, ...gateway });
    return stage;
  } catch (error) {
    await stage.abandon();
    throw error;
  }
}

class Stage {
  pages = [];
  phones = [];

  /** A page connected as `user`. */
  async connect(user, { dialect = 'v2', secure = false } = {}) {
    const page = await this.browser.open();
    this.pages.push(page);
    return page.connect(user, { url: secure ? this.gateway.secureUrl : this.gateway.url, dialect });
  }

  /** The same, with its account registered. */
  async registered(user = 'alice', options = {}) {
    const page = await this.connect(user, options);
    assert.equal((await page.register()).state, 'registered');
    return page;
  }

  /** Keeps a phone until the scene ends. */
  cast(phone) {
    this.phones.push(phone);
    return phone;
  }

  /** Between tests: pages close, phones leave. */
  async clear() {
    await Promise.all(this.pages.splice(0).map((page) => page.close()));
    await Promise.all(this.phones.splice(0).map((phone) => phone.stop()));
  }

  /** After the last test: the ledger must come to zero, then the daemon must end well. */
  async nothingLeft() {
    await this.clear();
    await this.gateway.nothingLeft();
    await this.gateway.stop();
  }

  async abandon() {
    await this.clear().catch(() => {});
    await this.gateway?.program.stop();
    await this.browser?.stop();
    await this.proxy?.stop();
  }
}
