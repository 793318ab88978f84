// Messages until they are acknowledged: against a server and a network that do their worst, and by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { MOST_INTERNAL_ERRORS, Outbox } from '../../dist/core/outbox.js';
import { ChatError } from '../../dist/error.js';

const BACKOFF = { baseMs: 100, maxMs: 1_000 };
const GROUPS = ['g', 'h', 'i'];

let lastOrder = 0;
function message(groupId = 'g', order = (lastOrder += 1)) {
  return { clientMessageId: `c${order}`, groupId, content: 'x', type: 'TEXT', replyToId: null, order };
}

const failed = (code, retryAfterMs = null) => new ChatError(code, '', { retryAfterMs });

/** Everything that can become of a message that was sent; whether the server has stored it. */
const FATES = {
  acknowledged: { isStored: true },
  refused: { error: failed('VALIDATION_ERROR'), isStored: false },
  limited: { error: failed('RATE_LIMITED', 300), isStored: false },
  unavailable: { error: failed('SERVICE_UNAVAILABLE', 1_000), isStored: false },
  lostBefore: { error: failed('DISCONNECTED'), isStored: false },
  lostAfter: { error: failed('DISCONNECTED'), isStored: true },
  lateBefore: { error: failed('TIMEOUT'), isStored: false },
  lateAfter: { error: failed('TIMEOUT'), isStored: true },
};

class World {
  now = 0;
  outbox = new Outbox(BACKOFF);
  added = [];
  stored = [];
  refused = new Set();
  onTheWay = [];

  add(which) {
    const added = message(GROUPS[which]);
    this.added.push(added);
    this.outbox.add(added);
  }

  storageWorks() {
    const waiting = this.added.find((candidate) => !candidate.isPut);
    if (!waiting) return;
    waiting.isPut = true;
    this.outbox.stored(waiting);
  }

  open(which) {
    this.outbox.open(GROUPS[which]);
  }

  shut(which) {
    this.outbox.shut(GROUPS[which]);
  }

  pump() {
    const next = this.outbox.next(this.now);
    for (const sent of next) assert.ok(sent.isPut, 'stored before it is sent');
    this.onTheWay.push(...next);
    const groups = this.onTheWay.map(({ groupId }) => groupId);
    assert.equal(new Set(groups).size, groups.length, 'one of each group');
  }

  answer(which, fate) {
    if (this.onTheWay.length === 0) return;
    const [sent] = this.onTheWay.splice(which % this.onTheWay.length, 1);
    const { error, isStored } = FATES[fate];
    // The server knows it again.
    if (isStored && !this.stored.includes(sent)) this.stored.push(sent);
    if (error === undefined) return assert.ok(this.outbox.remove(sent));
    if (this.outbox.refused(sent, error, this.now, 1)) return;
    this.refused.add(sent);
    this.outbox.remove(sent);
  }

  wait(ms) {
    this.now += ms;
  }

  settle() {
    for (const waiting of this.added) if (!waiting.isPut) this.storageWorks();
    GROUPS.forEach((_, which) => this.open(which));
    while (this.onTheWay.length > 0 || this.outbox.dueAt !== null) {
      while (this.onTheWay.length > 0) this.answer(0, 'acknowledged');
      this.now = Math.max(this.now, this.outbox.dueAt ?? 0);
      this.pump();
    }
  }
}

const which = fc.nat(2);
const op = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('add'), which) },
  { weight: 4, arbitrary: fc.constant(['storageWorks']) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('open'), which) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('shut'), which) },
  { weight: 4, arbitrary: fc.constant(['pump']) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('answer'), which, fc.constantFrom(...Object.keys(FATES))) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('wait'), fc.nat(1_000)) },
);

test('whatever happens, each message is stored once or refused, in order in its group', () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 150, size: 'max' }), (ops) => {
      const world = new World();
      for (const [name, ...args] of ops) world[name](...args);
      world.settle();

      for (const groupId of GROUPS) {
        const ofGroup = (list) => list.filter((candidate) => candidate.groupId === groupId);
        const expected = ofGroup(world.added).filter((it) => !world.refused.has(it) || world.stored.includes(it));
        assert.deepEqual(ofGroup(world.stored), expected);
        assert.deepEqual(world.outbox.of(groupId), []);
      }
      assert.equal(world.outbox.size, 0);
    }),
    { numRuns: 2_000 },
  );
});

/** An outbox with these messages in it, stored, and all rooms open. */
function outboxWith(...messages) {
  const outbox = new Outbox(BACKOFF);
  for (const each of messages) {
    outbox.add(each);
    outbox.stored(each);
  }
  GROUPS.forEach((groupId) => outbox.open(groupId));
  return outbox;
}

test('what an earlier page left goes first', () => {
  const [left, fresh] = [message(), message()];
  const outbox = outboxWith(fresh);

  outbox.add(left);
  outbox.stored(left);

  assert.deepEqual(outbox.next(0), [left]);
});

test('the same message is there once', () => {
  const once = message();
  const outbox = outboxWith(once, { ...once, order: once.order + 1 });

  assert.equal(outbox.size, 1);
});

test('the server says when to try again, and a backoff says it after other failures', () => {
  const [first, second] = [message('g'), message('h')];
  const outbox = outboxWith(first, second);
  outbox.next(0);

  outbox.refused(first, failed('SERVICE_UNAVAILABLE', 5_000), 0, 1);
  outbox.refused(second, failed('TIMEOUT'), 0, 1);

  assert.equal(outbox.dueAt, 100);
  assert.deepEqual(outbox.next(99), []);
  assert.deepEqual(outbox.next(100), [second]);
  assert.equal(outbox.dueAt, 5_000);
});

test('a limit counts for all groups, and then they go one after the other', () => {
  const all = GROUPS.map((groupId) => message(groupId));
  const outbox = outboxWith(...all);
  assert.equal(outbox.next(0).length, 3);

  for (const each of all) outbox.refused(each, failed('RATE_LIMITED', 200), 0, 1);

  assert.equal(outbox.dueAt, 200);
  assert.deepEqual(outbox.next(200), [all[0]]);
  assert.equal(outbox.dueAt, null);
  outbox.remove(all[0]);
  assert.deepEqual(outbox.next(200), [all[1]]);
});

test('what is never answered but with an internal error is given up', () => {
  const bad = message();
  const outbox = outboxWith(bad);
  const results = Array.from({ length: MOST_INTERNAL_ERRORS }, () =>
    outbox.refused(bad, failed('INTERNAL_ERROR'), 0, 0),
  );

  assert.deepEqual(results, [...Array(MOST_INTERNAL_ERRORS - 1).fill(true), false]);
});

test('what is wrong with the message itself is final, and a lost connection costs no time', () => {
  const [bad, good] = [message('g'), message('h')];
  const outbox = outboxWith(bad, good);
  outbox.next(0);

  assert.ok(!outbox.refused(bad, failed('FORBIDDEN'), 0, 1));
  assert.ok(outbox.refused(good, failed('DISCONNECTED'), 0, 1));
  outbox.remove(bad);

  assert.deepEqual(outbox.next(0), [good]);
});
