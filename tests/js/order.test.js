// Order under load: of what one socket sends, and of what a room receives.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

const SOCKETS = 50;

const world = await World.start(NO_LIMITS);
after(() => world.close());

const range = (length) => Array.from({ length }, (_, index) => index);
const users = await world.users(...range(SOCKETS).map((number) => `user${number}`));

test('a thousand pairs of join and send, fired without waiting, all succeed in order', async () => {
  const PAIRS = 1_000 / SOCKETS;
  const GROUPS = 10;
  // Each socket writes into two groups in turn; so each group has ten writers.
  const groupOf = (socket, pair) => (socket + (pair % 2)) % GROUPS;
  const groups = await Promise.all(
    range(GROUPS).map((group) =>
      world.group(...users.filter((_, socket) => [0, 1].some((pair) => groupOf(socket, pair) === group))),
    ),
  );
  const clients = await world.connectAll(users);

  const answers = clients.map((client, socket) =>
    range(PAIRS).map((pair) => {
      const groupId = groups[groupOf(socket, pair)].id;
      const joined = client.ok('join_group', groupId);
      const sent = client.ok('send_message', { groupId, content: `${socket}: ${pair}` });
      return Promise.all([joined, sent]);
    }),
  );

  for (const [socket, pairs] of answers.entries()) {
    const messages = (await Promise.all(pairs)).map(([, message]) => message);
    assert.deepEqual(messages.map(({ content }) => content), range(PAIRS).map((pair) => `${socket}: ${pair}`));
    for (const group of groups) assertRising(messages.filter(({ groupId }) => groupId === group.id));
  }
  for (const [socket, group] of groups.entries()) {
    const { messages } = await clients[socket].ok('get_group_messages', { groupId: group.id, limit: 100 });
    assert.deepEqual(messages.map(({ seq }) => seq), range(1_000 / GROUPS).map((index) => index + 1));
  }
});

test('fifty concurrent senders make one gapless order, and every socket sees that one', async () => {
  const EACH = 10;
  const TOTAL = SOCKETS * EACH;
  const group = await world.group(...users);
  const clients = await world.connectAll(users);
  await Promise.all(clients.map((client) => client.ok('join_group', group.id)));

  const acks = await Promise.all(
    clients.flatMap((client, socket) =>
      range(EACH).map((number) => client.ok('send_message', { groupId: group.id, content: `${socket}: ${number}` })),
    ),
  );

  const stored = acks.sort((one, other) => one.seq - other.seq);
  assert.deepEqual(stored.map(({ seq }) => seq), range(TOTAL).map((index) => index + 1));
  for (const client of clients) {
    await client.waitFor('message_received', ({ seq }) => seq === TOTAL);
    assert.deepEqual(client.all('message_received'), stored);
  }
  for (const user of users) assertRising(stored.filter(({ senderId }) => senderId === user.id));
});

test('leaving and joining in between does not break the order of one socket', async () => {
  const [anna] = users;
  const group = await world.group(anna);
  const client = await world.connect(anna);
  const here = { groupId: group.id };

  const answers = await Promise.all(
    range(50).flatMap((round) => [
      client.emitAck('join_group', here),
      client.emitAck('send_message', { ...here, content: `inside ${round}` }),
      client.emitAck('leave_group', here),
      client.emitAck('send_message', { ...here, content: `outside ${round}` }),
    ]),
  );

  const outcomes = answers.map(({ ok, error }) => error?.code ?? ok);
  assert.deepEqual(outcomes, range(50).flatMap(() => [true, true, true, 'FORBIDDEN']));
});

/** Asserts that these messages of one sender have the order in which he numbered them, in content and in seq. */
function assertRising(messages) {
  const numbers = messages.map(({ content }) => Number(content.split(': ')[1]));
  assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other));
  const seqs = messages.map(({ seq }) => seq);
  assert.deepEqual(seqs, [...seqs].sort((one, other) => one - other));
}
