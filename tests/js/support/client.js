// The official client, with a memory of everything that it received.

import assert from 'node:assert/strict';
import { io } from 'socket.io-client';

import { assertAnswered, assertEvent } from './documents.js';
import { PATIENCE_MS } from './wait.js';

export class Client {
  /** Everything received, in order, as `[event, payload]`. */
  events = [];
  #seen = 0;
  #watchers = new Set();

  /** Opens a connection without waiting for it. Further options are those of socket.io-client. */
  constructor(url, { token, name = 'client', ...options } = {}) {
    this.token = token;
    this.name = name;
    this.socket = io(url, {
      auth: token === undefined ? undefined : { token },
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      ...options,
    });
    this.socket.onAny((...received) => {
      assertEvent(...received);
      this.events.push(received);
      this.#look();
    });
    this.socket.on('connect', () => this.#look());
    this.socket.on('disconnect', (reason) => {
      this.closedBecause = reason;
      this.#look();
    });
    this.socket.on('connect_error', (error) => {
      this.refusal = error.message;
      this.#look();
    });
  }

  /** Waits until the server has said `session`, and returns that. */
  async greeted() {
    await this.until(() => this.refusal !== undefined || this.find('session'), 'a session');
    assert.equal(this.refusal, undefined);
    const session = this.find('session');
    this.take();
    return session;
  }

  /** Waits until the connection is refused, and says with which message. */
  async refused() {
    await this.until(() => this.refusal !== undefined, 'connect_error');
    return this.refusal;
  }

  /** Waits until the connection is closed, and says why in the client's words. */
  async closed(timeoutMs) {
    await this.until(() => !this.socket.connected, 'the end of the connection', timeoutMs);
    return this.closedBecause;
  }

  /** Sends without a callback. */
  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Sends, and returns the answer: `{ok, data}` or `{ok, error}`. */
  async emitAck(event, ...args) {
    const answer = await this.socket.timeout(PATIENCE_MS).emitWithAck(event, ...args);
    assertAnswered(event, args[0], answer);
    return answer;
  }

  /** Sends what must succeed, and returns the answer's data. */
  async ok(event, ...args) {
    const answer = await this.emitAck(event, ...args);
    assert.equal(answer.ok, true, `${event}: ${JSON.stringify(answer)}`);
    return answer.data;
  }

  /** Sends what must be refused with one of the codes, and returns the error. */
  async fails(codes, event, ...args) {
    const answer = await this.emitAck(event, ...args);
    assertError(answer.error, codes, `${event}: ${JSON.stringify(answer)}`);
    assert.equal(answer.ok, false);
    return answer.error;
  }

  /** The payload of the first event of that name since the last `take`. */
  find(event, predicate = () => true) {
    return this.fresh().find(([name, payload]) => name === event && predicate(payload))?.[1];
  }

  /** The payloads of all events of that name since the last `take`. */
  all(event) {
    return this.fresh().flatMap(([name, payload]) => (name === event ? [payload] : []));
  }

  /** As `find`, but waits for it. */
  async waitFor(event, predicate, timeoutMs) {
    await this.until(() => this.find(event, predicate) !== undefined, event, timeoutMs);
    return this.find(event, predicate);
  }

  /** Waits until the condition holds; it is looked at after everything that arrives. */
  until(condition, what, timeoutMs = PATIENCE_MS) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`${this.name} waited ${timeoutMs} ms in vain for ${what}`));
      }, timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** What has arrived since the last `take`. */
  fresh() {
    return this.events.slice(this.#seen);
  }

  /** As `fresh`, and from now on it counts as seen. */
  take() {
    const fresh = this.fresh();
    this.#seen = this.events.length;
    return fresh;
  }

  /**
   * A sentinel: its answer comes after everything that the server had sent to this client before.
   * Refreshing a token with itself has no other effect, wherever the client is.
   */
  async settle() {
    await this.ok('refresh_token', { token: this.token });
  }

  close() {
    this.socket.disconnect();
  }

  /** After all that hear of it, whatever their order. */
  #look() {
    queueMicrotask(() => {
      for (const look of [...this.#watchers]) look();
    });
  }
}

/** Shorter than the life of a typing indicator, so that its expiry is not taken for its end. */
const EXPECTED_WITHIN_MS = 5_000;

// `unread_update` follows messages by up to a second, wherever the user is by then: it has tests of its own.
const isAsserted = ([event]) => event !== 'unread_update';

/**
 * Asserts that since the last time each client got exactly these events in this order, and nothing else:
 * `[[client, [[event, payload], …]], …]`.
 */
export async function expectExactly(expected) {
  // Who waits in vain is told by the comparison below, with the difference.
  await Promise.allSettled(
    expected.map(([client, events]) =>
      client.until(() => client.fresh().filter(isAsserted).length >= events.length, 'its events', EXPECTED_WITHIN_MS),
    ),
  );
  await Promise.all(expected.map(([client]) => client.settle()));
  const rows = expected.map(([client, events]) => [client.name, client.take().filter(isAsserted), events]);
  for (const [name, actual, wanted] of rows) assert.deepEqual({ [name]: actual }, { [name]: wanted });
}

/** Asserts the shape of an error object and that its code is one of those. */
export function assertError(error, codes, context = JSON.stringify(error)) {
  assert.ok([codes].flat().includes(error?.code), `wanted ${codes}; ${context}`);
  assert.equal(typeof error.message, 'string', context);
  assert.notEqual(error.message, '', context);
}
