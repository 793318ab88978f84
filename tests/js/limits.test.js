// The limits at their defaults, unless said otherwise, and the answers past them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { assertError } from './support/client.js';
import { World } from './support/provision.js';

const MESSAGE_BURST = 10;
const MESSAGES_PER_SECOND = 5;
const TYPING_BURST = 5;
const EVENT_BURST = 200;
const ROOMS_PER_SOCKET = 100;
const EVENT_BYTES = 64 * 1024;

const world = await World.start();
after(() => world.close());

const times = (howMany, act) => Promise.all(Array.from({ length: howMany }, (_, index) => act(index)));

test('ten messages may be sent at once, then five a second', async () => {
  const { group, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;
  const ATTEMPTS = 40;

  const startedAt = Date.now();
  const answers = await times(ATTEMPTS, (number) =>
    annas.emitAck('send_message', { groupId: group.id, content: `number ${number}` }),
  );
  const seconds = (Date.now() - startedAt) / 1000;

  const sent = answers.filter(({ ok }) => ok);
  const refused = answers.filter(({ ok }) => !ok);
  assert.ok(answers.slice(0, MESSAGE_BURST).every(({ ok }) => ok));
  assert.ok(sent.length <= MESSAGE_BURST + MESSAGES_PER_SECOND * seconds + 1, `${sent.length} in ${seconds} s`);
  assert.ok(refused.length > 0);
  for (const { error } of refused) {
    assertError(error, 'RATE_LIMITED');
    assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 10_000);
    assert.equal(error.groupId ?? group.id, group.id);
  }
  await bens.waitFor('message_received', ({ seq }) => seq === sent.length);
  assert.deepEqual(bens.all('message_received').map(({ id }) => id), sent.map(({ data }) => data.id));
});

test('the limit is per user: another tab shares it, another user does not', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;
  const otherTab = await world.connect(users[0]);
  await otherTab.ok('join_group', group.id);
  const message = { groupId: group.id, content: 'x' };

  await times(MESSAGE_BURST, () => annas.ok('send_message', message));
  const fromOtherTab = await times(20, () => otherTab.emitAck('send_message', message));
  const byAnother = await times(MESSAGE_BURST, () => bens.emitAck('send_message', message));

  assert.ok(fromOtherTab.some(({ error }) => error?.code === 'RATE_LIMITED'));
  assert.ok(byAnother.every(({ ok }) => ok));
});

test('messages posted over HTTP count too', async () => {
  const [anna] = await world.users('anna');
  const group = await world.group(anna);

  const answers = await times(40, (number) =>
    world.http(anna, 'POST', `/groups/${group.id}/messages`, { content: `number ${number}` }),
  );

  assert.ok(answers.filter(({ status }) => status === 201).length >= MESSAGE_BURST);
  const refused = answers.filter(({ status }) => status !== 201);
  assert.ok(refused.length > 0);
  for (const { status, body } of refused) {
    assert.equal(status, 429);
    assertError(body.error, 'RATE_LIMITED');
  }
});

test('too many typing events are dropped silently without a callback', async () => {
  const { group, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;

  for (let round = 0; round < 20; round += 1) annas.emit('typing_start', { groupId: group.id });
  await annas.settle();
  await bens.waitFor('user_typing');
  await bens.settle();

  assert.deepEqual(annas.all('error'), []);
  assert.equal(bens.all('user_typing').length, 1);
});

test('too many typing events are refused to who asked for an answer', async () => {
  const { group, clients } = await world.room('anna');

  const answers = await times(20, () => clients[0].emitAck('typing_start', { groupId: group.id }));

  assert.ok(answers.slice(0, TYPING_BURST).every(({ ok }) => ok));
  const refused = answers.filter(({ ok }) => !ok);
  assert.ok(refused.length > 0);
  for (const { error } of refused) {
    assertError(error, 'RATE_LIMITED');
    assert.ok(error.retryAfterMs > 0);
  }
});

test('a socket is in at most a hundred rooms', async () => {
  const anna = await world.user('anna');
  const groups = await times(ROOMS_PER_SOCKET + 1, () => world.group(anna));
  const client = await world.connect(anna);
  const last = groups.at(-1).id;

  await times(ROOMS_PER_SOCKET, (index) => client.ok('join_group', groups[index].id));
  const error = await client.fails('FORBIDDEN', 'join_group', last);
  await client.ok('join_group', groups[0].id);
  await client.ok('leave_group', groups[0].id);
  await client.ok('join_group', last);

  assert.equal(error.event, 'join_group');
  await (await world.connect(anna)).ok('join_group', groups[0].id);
});

test('a flood of events is refused, and then ends the connection, but not for ever', async () => {
  const { group, users, clients } = await world.room('flooder', 'witness');
  const [flooder, witness] = clients;
  const FLOOD = EVENT_BURST + 400;

  for (let number = 0; number < FLOOD; number += 1) flooder.emit('refresh_token', { token: flooder.token });
  const error = await flooder.waitFor('error');
  const farewell = await flooder.waitFor('session_closed');
  await flooder.closed();

  assertError(error, 'RATE_LIMITED');
  assert.deepEqual([farewell.code, farewell.reconnect], ['RATE_LIMITED', true]);
  assert.match(flooder.closedBecause, /^transport/);
  await (await world.connect(users[0])).ok('join_group', group.id);
  await witness.ok('send_message', { groupId: group.id, content: 'still here' });
});

for (const transports of [['websocket'], ['polling']]) {
  test(`an event that is too large does no harm over ${transports[0]}`, async () => {
    const { group, users, clients } = await world.room('anna', 'witness');
    const client = await world.connect(users[0], { transports });
    await client.ok('join_group', group.id);

    for (const bytes of [EVENT_BYTES + 1, 300_000]) {
      const huge = { groupId: group.id, content: 'x'.repeat(bytes) };
      const answer = await client.emitAck('send_message', huge).catch(() => null);

      if (answer !== null) assertError(answer.error, 'PAYLOAD_TOO_LARGE');
      else assert.equal(client.socket.connected, false);
      if (!client.socket.connected) break;
    }

    const next = await world.connect(users[0], { transports });
    await next.ok('join_group', group.id);
    await next.ok('send_message', { groupId: group.id, content: 'small again' });
    await clients[1].waitFor('message_received', ({ content }) => content === 'small again');
    assert.equal(clients[1].all('message_received').length, 1);
  });
}

test('where it is set so, a new connection takes the place of the oldest', async (t) => {
  const other = await World.start({
    CHAT_LIMITS__CONNECTIONS_PER_USER: '2',
    CHAT_LIMITS__CONNECTIONS_EVICT_OLDEST: 'true',
  });
  t.after(() => other.close());
  const anna = await other.user('anna');
  const oldest = await other.connect(anna, { reconnection: true });
  const older = await other.connect(anna);

  const newest = await other.connect(anna);
  const farewell = await oldest.waitFor('session_closed');
  await oldest.closed();

  assert.deepEqual([farewell.code, farewell.reconnect], ['EVICTED', false]);
  assert.equal(oldest.closedBecause, 'io server disconnect');
  await older.settle();
  await newest.settle();
});
