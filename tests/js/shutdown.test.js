// The end of the process, the orderly one and the other, and what a client keeps.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

const GRACE_MS = 5_000;
const SPREAD_MS = 0.6 * GRACE_MS;
const EXIT_MS = 10_000;
const RECONNECT = { reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 500 };

/** A world for this test alone: its server does not survive. */
async function worldOf(t, env) {
  const world = await World.start(env);
  t.after(() => world.close());
  return world;
}

test('SIGTERM says goodbye to every client, closes the transports and ends with 0', async (t) => {
  const world = await worldOf(t, { CHAT_SHUTDOWN__GRACE_MS: String(GRACE_MS) });
  const names = Array.from({ length: 20 }, (_, number) => `user${number}`);
  const { clients: websockets } = await world.room(...names.slice(0, 10));
  const polling = await world.connectAll(await world.users(...names.slice(10)), { transports: ['polling'] });
  const all = [...websockets, ...polling];

  const startedAt = Date.now();
  const exit = world.server.stop(EXIT_MS);
  await Promise.all(all.map((client) => client.closed(EXIT_MS)));

  for (const client of websockets) assert.equal(client.all('session_closed').length, 1);
  // A client that polls too late can no longer be told.
  for (const client of polling) assert.ok(client.all('session_closed').length <= 1);
  const farewells = all.flatMap((client) => client.all('session_closed'));
  for (const { code, message, reconnect, reconnectInMs } of farewells) {
    assert.deepEqual([code, typeof message, reconnect], ['SERVER_SHUTDOWN', 'string', true]);
    assert.ok(reconnectInMs >= 0 && reconnectInMs <= SPREAD_MS, `${reconnectInMs}`);
  }
  assert.ok(new Set(farewells.map(({ reconnectInMs }) => reconnectInMs)).size > 1);
  for (const { closedBecause } of all) assert.match(closedBecause, /^transport/);
  assert.deepEqual(await exit, { code: 0, signal: null });
  assert.ok(Date.now() - startedAt < EXIT_MS);
});

for (const transports of [['websocket'], ['polling', 'websocket'], ['polling']]) {
  test(`a stock client over ${transports.join(' and ')} comes back by itself and goes on`, async (t) => {
    const world = await worldOf(t);
    const [anna, ben] = await world.users('anna', 'ben');
    const group = await world.group(anna, ben);
    const client = await world.connect(anna, { transports, ...RECONNECT });
    const { epoch } = await client.ok('join_group', group.id);
    const before = await client.ok('send_message', { groupId: group.id, content: 'before' });
    client.take();

    await world.server.stop(EXIT_MS);
    await world.server.launch();
    await world.does(ben, 'POST', `/groups/${group.id}/messages`, { content: 'meanwhile' });
    const session = await client.waitFor('session');
    const joined = await client.ok('join_group', { groupId: group.id, afterSeq: before.seq, epoch });
    const { messages } = await client.waitFor('group_messages');

    assert.equal(session.socketId, client.socket.id);
    assert.deepEqual([joined.reset, joined.lastSeq], [false, 2]);
    assert.deepEqual(messages.map(({ content }) => content), ['meanwhile']);
  });
}

test('what was being sent at SIGTERM is answered or can be sent again, and is stored once', async (t) => {
  await endWhileSending(t, (server) => server.stop(EXIT_MS));
});

test('after kill -9 in the middle of sending, every acknowledged message is there, once', async (t) => {
  await endWhileSending(t, (server) => server.kill());
});

/** Ends the server under load, starts it again on the same file, and compares history and answers. */
async function endWhileSending(t, end) {
  const SENDERS = 8;
  const ACKS_BEFORE_THE_END = 200;
  const world = await worldOf(t, NO_LIMITS);
  const users = await world.users(...Array.from({ length: SENDERS }, (_, number) => `sender${number}`));
  const group = await world.group(...users);
  const groupId = group.id;
  const acked = new Map();
  const unanswered = [];
  let announce;
  const enough = new Promise((resolve) => (announce = resolve));

  const clients = await world.connectAll(users);
  const senders = clients.map(async (client, sender) => {
    await client.ok('join_group', groupId);
    for (let number = 1; client.socket.connected; number += 1) {
      const message = { groupId, content: `${sender}: ${number}`, clientMessageId: `${sender}-${number}` };
      const answer = await client.emitAck('send_message', message).catch(() => null);
      if (answer?.ok) acked.set(answer.data.id, answer.data);
      else unanswered.push({ sender, message });
      if (acked.size >= ACKS_BEFORE_THE_END) announce();
    }
  });
  await Promise.race([enough, Promise.all(senders)]);
  await end(world.server);
  await Promise.all(senders);
  await world.server.launch();

  const again = await world.connectAll(users);
  await Promise.all(again.map((client) => client.ok('join_group', groupId)));
  for (const { sender, message } of unanswered) await again[sender].ok('send_message', message);

  const history = await wholeHistory(again[0], groupId);
  assert.ok(acked.size >= ACKS_BEFORE_THE_END);
  assert.deepEqual(history.map(({ seq }) => seq), history.map((_, index) => index + 1));
  const stored = new Map(history.map((message) => [message.id, message]));
  for (const [id, message] of acked) assert.deepEqual(stored.get(id), message);
  const keys = history.map(({ clientMessageId }) => clientMessageId);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(keys.length, acked.size + unanswered.length);
}

async function wholeHistory(client, groupId) {
  const messages = [];
  let page;
  do {
    page = await client.ok('get_group_messages', { groupId, afterSeq: messages.at(-1)?.seq ?? 0, limit: 100 });
    messages.push(...page.messages);
  } while (page.hasNextPage);
  return messages;
}
