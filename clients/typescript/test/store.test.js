// Stores and storages, without a server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { webStorage } from 'chat-server-client';

import { Cell, Emitter } from '../dist/store.js';

test('a store says that it has changed, and only then', () => {
  const cell = new Cell(1);
  let calls = 0;
  const { getSnapshot, subscribe } = cell;
  const off = subscribe(() => (calls += 1));

  cell.set(1);
  cell.set(2);
  cell.update((value) => value + 1);
  off();
  cell.set(4);

  assert.deepEqual([calls, getSnapshot()], [2, 4]);
});

test('a listener that subscribes twice is called twice, and leaves one by one', () => {
  const emitter = new Emitter();
  let calls = 0;
  const listener = () => (calls += 1);
  const offs = [emitter.on('x', listener), emitter.on('x', listener)];

  emitter.emit('x');
  offs[0]();
  emitter.emit('x');
  offs[1]();
  emitter.emit('x');

  assert.equal(calls, 3);
});

test('a listener that throws keeps nobody from hearing, and is reported', (t) => {
  const reports = [];
  t.mock.method(globalThis, 'queueMicrotask', (report) => reports.push(report));
  const emitter = new Emitter();
  let calls = 0;
  emitter.on('x', () => {
    throw new Error('of the application');
  });
  emitter.on('x', () => (calls += 1));

  emitter.emit('x');

  assert.equal(calls, 1);
  assert.throws(reports[0], { message: 'of the application' });
});

/** As browsers have it. */
class FakeStorage {
  #items = new Map();
  get length() {
    return this.#items.size;
  }
  key = (index) => [...this.#items.keys()][index] ?? null;
  getItem = (key) => this.#items.get(key) ?? null;
  setItem = (key, value) => void this.#items.set(key, String(value));
  removeItem = (key) => void this.#items.delete(key);
}

test('an outbox in the storage of a browser keeps each message until it is removed', () => {
  const storage = new FakeStorage();
  storage.setItem('of somebody else', 'x');
  const message = (clientMessageId) => ({
    clientMessageId,
    groupId: 'g',
    content: 'x',
    type: 'TEXT',
    replyToId: null,
    order: 1,
  });
  const [adas, bens] = [webStorage(storage, 'outbox:ada'), webStorage(storage, 'outbox:ben')];

  adas.put(message('c-1'));
  adas.put(message('c-2'));
  bens.put(message('c-1'));
  adas.remove(message('c-1'));

  assert.deepEqual(adas.load(), [message('c-2')]);
  assert.deepEqual(bens.load(), [message('c-1')]);
});
