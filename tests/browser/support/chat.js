// The web client of a development server, as its users have it before them.

import assert from 'node:assert/strict';

import { Server } from '../../js/support/server.js';
import { browser, open } from './browser.js';

export const PATIENCE_MS = 30_000;

const DESK = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** What the browser itself says while a server or the network is away. */
const isOurs = (complaint) => !/^Failed to load resource|^WebSocket connection to/.test(complaint);

/** A development server with people in front of it, each in a window with a session of its own. */
export class Place {
  windows = [];
  #browser;

  static async for(t, env, shared) {
    const place = new Place();
    place.server = await Server.start(env, ['--dev'], shared);
    t.after(() => place.server.close());
    place.#browser = await browser(t);
    return place;
  }

  /** A window of somebody who has not signed in; `url` is that of a network in between. */
  async window({ url = this.server.url, ...options } = {}) {
    const window = new Window(await open(this.#browser, url, { ...DESK, ...options }));
    window.page.setDefaultTimeout(PATIENCE_MS);
    this.windows.push(window);
    return window;
  }

  /** Somebody who has signed in and is in the lobby. */
  async enter(name, options) {
    const window = await this.window(options);
    await window.signIn(name);
    await window.isOnline();
    return window;
  }

  /** To be called at the end: nothing went wrong in any window. */
  assertCalm() {
    for (const { complaints } of this.windows) assert.deepEqual(complaints.filter(isOurs), []);
  }

  /** A user who has no window: `{token, user}`. */
  async login(name) {
    const body = JSON.stringify({ name });
    const answer = await fetch(`${this.server.url}/api/v1/dev/login`, { method: 'POST', body });
    return answer.json();
  }
}

export class Window {
  constructor({ page, complaints }) {
    this.page = page;
    this.complaints = complaints;
  }

  async signIn(name) {
    await this.page.getByLabel('Your name').fill(name);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.getByRole('log').waitFor();
  }

  /** Waits until the room is entered. */
  async isOnline() {
    await this.page.getByText(/^[1-9]\d* here$/).waitFor();
  }

  get composer() {
    return this.page.getByLabel('Message', { exact: true });
  }

  async send(text) {
    await this.composer.fill(text);
    await this.page.getByRole('button', { name: 'Send', exact: true }).click();
  }

  /** Sends it, and waits until it is stored. */
  async say(text) {
    await this.send(text);
    await this.hears(text);
  }

  /** Waits for a stored message with exactly this text. */
  async hears(text) {
    const line = this.page.locator('.message:not(.pending)').filter({ has: this.page.getByText(text, { exact: true }) });
    await line.first().waitFor();
  }

  /** The texts of all messages that are shown, in order. */
  texts(which = '.message') {
    return this.page.locator(`${which} .text`).allTextContents();
  }

  async until(wanted, argument) {
    await this.page.waitForFunction(wanted, argument, { timeout: PATIENCE_MS });
  }

  async press(name, role = 'button') {
    await this.page.getByRole(role, { name, exact: true }).click();
  }
}

export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
