// The order of one group over any number of connections: against a server that does its worst, and by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { MOST_WAITING, Resume } from '../../dist/core/resume.js';

const LIMIT = 3;

/** A group at a server, as the protocol describes it: changes take a `seq` too. */
class Group {
  epoch = 'first';
  lastSeq = 0;
  messages = [];

  append() {
    this.lastSeq += 1;
    return this.#put({ id: `m${this.lastSeq}-${this.epoch}`, seq: this.lastSeq, updatedSeq: this.lastSeq });
  }

  change(which) {
    if (this.messages.length === 0) return undefined;
    this.lastSeq += 1;
    return this.#put({ ...this.messages[which % this.messages.length], updatedSeq: this.lastSeq });
  }

  /** A backup from so many events ago takes its place. */
  restore(ago) {
    this.epoch += '+';
    this.lastSeq = Math.max(0, this.lastSeq - ago);
    this.messages = this.messages
      .filter(({ seq }) => seq <= this.lastSeq)
      .map((message) => ({ ...message, updatedSeq: Math.min(message.updatedSeq, this.lastSeq) }));
    const taken = new Set();
    // Two changes cannot have the same number.
    for (const message of this.messages) {
      if (taken.has(message.updatedSeq)) message.updatedSeq = message.seq;
      taken.add(message.updatedSeq);
    }
  }

  /** Those created up to `upTo`, in their present state. */
  after(seq, limit, upTo = this.lastSeq) {
    const all = this.messages.filter((message) => message.updatedSeq > seq && message.seq <= upTo);
    all.sort((a, b) => a.updatedSeq - b.updatedSeq);
    return { messages: all.slice(0, limit), hasNextPage: all.length > limit, nextCursor: null };
  }

  newest(limit) {
    const messages = this.messages.slice(-limit);
    const hasNextPage = messages.length < this.messages.length;
    return { messages, hasNextPage, nextCursor: hasNextPage ? 'older' : null };
  }

  #put(message) {
    this.messages = [...this.messages.filter(({ id }) => id !== message.id), message].sort((a, b) => a.seq - b.seq);
    return message;
  }
}

/** A client and its connection to the group; both directions are queues that something may happen in between. */
class World {
  group = new Group();
  told = new Map();
  lastUpdate = 0;
  /** Everything from here on has to be told. */
  from = 1;
  #resume;
  #toServer = [];
  #toClient = [];
  #isConnected = false;
  #isInRoom = false;
  #isFetching = false;
  #attempts = 0;
  /** What a join that is being worked off holds back. */
  #joining = null;

  constructor(cursor) {
    this.#resume = new Resume('g', cursor, LIMIT);
  }

  get isLive() {
    return this.#resume.isLive;
  }

  get cursor() {
    return this.#resume.cursor;
  }

  append() {
    this.#publish(this.group.append());
  }

  change(which) {
    const message = this.group.change(which);
    if (message) this.#publish(message);
  }

  restore(ago) {
    this.cut();
    this.group.restore(ago);
  }

  connect() {
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#join();
  }

  /** No answer to the join came in time. */
  joinAgain() {
    if (this.#isConnected && !this.#resume.isInRoom) this.#join();
  }

  cut() {
    this.#isConnected = false;
    this.#isInRoom = false;
    this.#isFetching = false;
    this.#joining = null;
    this.#toServer = [];
    this.#toClient = [];
    this.#resume.lost();
  }

  /** What the server promises never to do. */
  loseLive() {
    const place = this.#toClient.findIndex(({ live }) => live);
    if (place >= 0) this.#toClient.splice(place, 1);
  }

  serverWorks() {
    if (this.#joining) return this.#finishJoin();
    const request = this.#toServer.shift();
    if (request?.join) this.#beginJoin(request);
    else if (request?.fetch !== undefined) {
      const page = this.group.after(request.fetch, LIMIT);
      this.#toClient.push({ fetched: request.fetch, page }, { event: page });
    }
  }

  serverRefuses() {
    if (this.#toServer[0]?.fetch === undefined) return;
    this.#toServer.shift();
    this.#toClient.push({ refused: true });
  }

  clientHears() {
    const packet = this.#toClient.shift();
    if (packet === undefined) return;
    if (packet.joined) {
      if (packet.attempt === this.#attempts) this.#tell(this.#resume.joined(packet.joined));
    } else if (packet.live) this.#tell(this.#resume.liveCame(packet.live));
    else if (packet.event) this.#tell(this.#resume.pageCame(packet.event));
    else this.#isFetching = false;
    if (packet.page) this.#tell(this.#resume.fetched(packet.fetched, packet.page));
    if (this.#resume.wants !== null && !this.#isFetching) {
      this.#isFetching = true;
      this.#toServer.push({ fetch: this.#resume.wants });
    }
  }

  settle() {
    this.connect();
    const run = () => {
      while (this.#toServer.length + this.#toClient.length > 0 || this.#joining) {
        this.serverWorks();
        this.clientHears();
      }
    };
    run();
    // Shows a loss that nothing has shown so far.
    this.append();
    run();
  }

  #join() {
    this.#attempts += 1;
    this.#isFetching = false;
    this.#toServer.push({ join: this.#resume.join(), attempt: this.#attempts });
  }

  #beginJoin({ join: argument, attempt }) {
    const { lastSeq, epoch } = this.group;
    const isForeign = argument.epoch != null && argument.epoch !== epoch;
    const reset = isForeign || argument.afterSeq > lastSeq;
    this.#joining = { argument, attempt, joined: { groupId: 'g', lastSeq, epoch, reset, typing: [] }, live: [] };
    this.#isInRoom = true;
  }

  /** The page is read a moment after `lastSeq`: it may show changes that come live as well. */
  #finishJoin() {
    const { argument, attempt, joined, live } = this.#joining;
    this.#joining = null;
    this.#toClient.push({ joined, attempt });
    if (joined.reset) this.#toClient.push({ event: this.group.newest(LIMIT) });
    else if (argument.afterSeq != null)
      this.#toClient.push({ event: this.group.after(argument.afterSeq, LIMIT, joined.lastSeq) });
    this.#toClient.push(...live);
  }

  #publish(message) {
    if (!this.#isInRoom) return;
    (this.#joining?.live ?? this.#toClient).push({ live: message });
  }

  #tell(news) {
    const isReset = news[0]?.kind === 'reset';
    if (isReset) {
      this.told.clear();
      this.lastUpdate = 0;
      this.from = news.find(({ kind }) => kind === 'message')?.message.seq ?? this.cursor.seq + 1;
    }
    for (const { kind, message } of news) {
      if (kind !== 'message') continue;
      if (!isReset) assert.ok(message.updatedSeq > this.lastUpdate, 'in order, and once');
      this.lastUpdate = Math.max(this.lastUpdate, message.updatedSeq);
      this.told.set(message.id, message);
    }
    if (isReset) this.lastUpdate = this.cursor.seq;
  }
}

const op = fc.oneof(
  { weight: 6, arbitrary: fc.constant(['append']) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('change'), fc.nat(9)) },
  { weight: 3, arbitrary: fc.constant(['connect']) },
  { weight: 1, arbitrary: fc.constant(['joinAgain']) },
  { weight: 2, arbitrary: fc.constant(['cut']) },
  { weight: 1, arbitrary: fc.constant(['loseLive']) },
  { weight: 8, arbitrary: fc.constant(['serverWorks']) },
  { weight: 1, arbitrary: fc.constant(['serverRefuses']) },
  { weight: 8, arbitrary: fc.constant(['clientHears']) },
);
const LONG = { maxLength: 120, size: 'max' };
const restore = fc.tuple(fc.constant('restore'), fc.nat(5));

function run(ops, cursor) {
  const world = new World(cursor);
  for (const [name, ...args] of ops) world[name](...args);
  world.settle();
  return world;
}

test('whatever happens, the whole group is told in order, and in its last state', () => {
  fc.assert(
    fc.property(fc.array(op, LONG), (ops) => {
      const world = run(ops, { seq: 0, epoch: null });

      assert.deepEqual(
        [...world.told.values()].sort((a, b) => a.seq - b.seq),
        world.group.messages,
      );
      assert.ok(world.isLive);
      assert.deepEqual(world.cursor, { seq: world.group.lastSeq, epoch: world.group.epoch });
    }),
    { numRuns: 2_000 },
  );
});

test('whoever begins now is told what comes after the first join', () => {
  fc.assert(
    fc.property(fc.nat(5), fc.array(op, LONG), (before, ops) => {
      const world = new World(null);
      for (let number = 0; number < before; number += 1) world.append();
      world.connect();
      world.serverWorks();
      const from = world.group.lastSeq;
      world.serverWorks();
      world.clientHears();
      for (const [name, ...args] of ops) world[name](...args);
      world.settle();

      const expected = world.group.messages.filter(({ updatedSeq }) => updatedSeq > from);
      assert.deepEqual(
        [...world.told.values()].sort((a, b) => a.seq - b.seq),
        expected,
      );
    }),
    { numRuns: 1_000 },
  );
});

test('after a backup was restored, nothing of the other history is left', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 20, arbitrary: op }, { weight: 1, arbitrary: restore }), LONG), (ops) => {
      const world = run(ops, { seq: 0, epoch: 'first' });

      // Older messages than those of the newest page are told if they change.
      const expected = world.group.messages.filter(({ id, seq }) => seq >= world.from || world.told.has(id));
      assert.deepEqual(
        [...world.told.values()].sort((a, b) => a.seq - b.seq),
        expected,
      );
      assert.equal(world.cursor.epoch, world.group.epoch);
    }),
    { numRuns: 2_000 },
  );
});

const message = (seq) => ({ id: `m${seq}`, seq, updatedSeq: seq });
const page = (messages, hasNextPage = false) => ({ groupId: 'g', messages, hasNextPage, nextCursor: null });
const joined = (lastSeq) => ({ groupId: 'g', lastSeq, epoch: 'e', reset: false, typing: [] });
const seqs = (news) => news.flatMap((item) => (item.kind === 'message' ? [item.message.seq] : []));

function paging() {
  const resume = new Resume('g', { seq: 0, epoch: 'e' });
  resume.join();
  resume.joined(joined(2));
  resume.pageCame(page([message(1)], true));
  return resume;
}

test('what comes live while pages are read waits for them', () => {
  const resume = paging();

  assert.deepEqual(resume.liveCame(message(3)), []);
  assert.equal(resume.wants, 1);
  const news = resume.fetched(1, page([message(2), message(3)]));

  assert.deepEqual(seqs(news), [2, 3]);
  assert.equal(news.at(-1).kind, 'caught_up');
  assert.equal(resume.wants, null);
});

test('a page that somebody else asked for is none that counts', () => {
  const resume = paging();

  assert.deepEqual(resume.pageCame(page([message(7)])), []);
  assert.deepEqual(resume.fetched(0, page([message(7)])), []);
  assert.equal(resume.wants, 1);
});

test('more than can wait is asked for afterwards', () => {
  const resume = paging();
  const last = MOST_WAITING + 5;
  for (let seq = 3; seq <= last; seq += 1) resume.liveCame(message(seq));

  assert.equal(seqs(resume.fetched(1, page([message(2)]))).at(-1), MOST_WAITING + 2);
  assert.equal(resume.wants, MOST_WAITING + 2);
  const rest = [3, 4, 5].map((more) => message(MOST_WAITING + more));

  assert.deepEqual(
    seqs(resume.fetched(MOST_WAITING + 2, page(rest))),
    [3, 4, 5].map((more) => MOST_WAITING + more),
  );
  assert.ok(resume.isLive);
});

test('what comes out of order is put in order', () => {
  const resume = paging();
  resume.fetched(1, page([message(2)]));

  assert.deepEqual(resume.liveCame(message(4)), []);
  assert.deepEqual(resume.liveCame(message(3)), []);

  assert.deepEqual(seqs(resume.fetched(2, page([]))), [3, 4]);
});

test('the place is behind everything that was there, also if the last of it is no message', () => {
  const resume = new Resume('g', { seq: 0, epoch: 'e' });
  resume.join();
  resume.joined(joined(5));

  resume.pageCame(page([message(1)]));

  assert.deepEqual(resume.cursor, { seq: 5, epoch: 'e' });
  assert.deepEqual(seqs(resume.liveCame(message(6))), [6]);
});

test('a server that promises more and sends nothing does not keep a client asking', () => {
  const resume = paging();

  const news = resume.fetched(1, page([], true));

  assert.equal(resume.wants, null);
  assert.deepEqual(news, [{ kind: 'caught_up' }]);
});
