// Who is told that somebody types, and that every such notice ends, once.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';
import { PATIENCE_MS } from './support/wait.js';

const TTL_MS = 10_000;
const RENEW_MS = 3_000;
const TOLERANCE_MS = 500;

const world = await World.start(NO_LIMITS);
after(() => world.close());

const TYPING_EVENTS = ['user_typing', 'user_stopped_typing'];

/** Waits until this client is told the end of it, and sooner than by expiry. */
const end = (client) => client.waitFor('user_stopped_typing', undefined, TTL_MS / 2);

/** The names of the typing events that this client got since the last `take`. */
async function heard(client) {
  await client.settle();
  return client.fresh().flatMap(([event]) => (TYPING_EVENTS.includes(event) ? [event] : []));
}

/** Anna (in two tabs) and Ben in a room, Anna typing in her first tab, and Ben aware of it. */
async function annaTypes() {
  const { group, users, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;
  const argument = { groupId: group.id };
  const secondTab = await world.connect(users[0], { name: 'the second tab' });
  await secondTab.ok('join_group', group.id);
  await annas.ok('typing_start', argument);
  await bens.waitFor('user_typing');
  return { group, argument, message: { ...argument, content: 'done' }, users, annas, secondTab, bens };
}

const STOPS = {
  'stopping it': ({ annas, argument }) => annas.ok('typing_stop', argument),
  'stopping it in another tab': ({ secondTab, argument }) => secondTab.ok('typing_stop', argument),
  'sending the message': ({ annas, message }) => annas.ok('send_message', message),
  'sending from another tab': ({ secondTab, message }) => secondTab.ok('send_message', message),
  'leaving the room with every tab': async ({ annas, secondTab, argument }) => {
    await secondTab.ok('leave_group', argument);
    await annas.ok('leave_group', argument);
  },
  'the end of the connection that typed': ({ annas }) => annas.close(),
};

for (const [how, stop] of Object.entries(STOPS)) {
  test(`typing ends by ${how}, and is told to have ended once`, async () => {
    const scene = await annaTypes();
    const { group, users, secondTab, bens } = scene;
    const [anna] = users;

    await stop(scene);
    const stopped = await end(bens);

    assert.deepEqual(bens.all('user_typing'), [{ groupId: group.id, userId: anna.id, userName: anna.name }]);
    assert.deepEqual(stopped, { groupId: group.id, userId: anna.id });
    assert.deepEqual(await heard(bens), TYPING_EVENTS);
    assert.deepEqual(await heard(secondTab), []);
  });
}

test('leaving the room with one of two tabs does not end typing, closing an idle tab neither', async () => {
  const { annas, secondTab, bens, argument, users } = await annaTypes();
  const thirdTab = await world.connect(users[0]);
  await thirdTab.ok('join_group', argument);

  await annas.ok('leave_group', argument);
  thirdTab.close();
  await bens.waitFor('room_members_update', ({ socketCount }) => socketCount === 2);

  assert.deepEqual(await heard(bens), ['user_typing']);
  await secondTab.ok('typing_stop', argument);
  await end(bens);
});

test('stopping without having started announces nothing', async () => {
  const { group, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;

  await annas.ok('typing_stop', { groupId: group.id });
  await annas.ok('send_message', { groupId: group.id, content: 'just this' });
  await annas.ok('typing_stop', { groupId: group.id });
  await bens.waitFor('message_received');

  assert.deepEqual(await heard(bens), []);
});

test('who joins later sees who is typing, and is told the end of it', async () => {
  const { group, users, annas, argument } = await annaTypes();
  const [anna] = users;
  const cleo = await world.user('cleo');
  await world.addMember(group, cleo);
  const cleos = await world.connect(cleo);

  const { typing } = await cleos.ok('join_group', argument);
  await annas.ok('typing_stop', argument);
  await end(cleos);

  assert.deepEqual(typing, [{ userId: anna.id, userName: anna.name }]);
  assert.deepEqual(await heard(cleos), ['user_stopped_typing']);
});

test('typing is told in its own room only', async () => {
  const { users, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;
  const other = await world.group(...users);
  await annas.ok('join_group', other.id);

  await annas.ok('typing_start', { groupId: other.id });
  await annas.ok('typing_stop', { groupId: other.id });

  assert.deepEqual(await heard(bens), []);
});

test('typing needs membership and this very socket in the room', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const [stranger, otherTab] = await world.connectAll([await world.user('stranger'), users[0]]);

  for (const event of ['typing_start', 'typing_stop']) {
    await stranger.fails('FORBIDDEN', event, { groupId: group.id });
    await otherTab.fails('FORBIDDEN', event, { groupId: group.id });
  }

  assert.deepEqual(await heard(clients[1]), []);
});

test('typing that is never stopped ends ten seconds after the last start, and that is told', async () => {
  const { annas, bens, argument } = await annaTypes();

  await annas.ok('typing_start', argument);
  const renewedAt = Date.now();
  await bens.waitFor('user_stopped_typing', undefined, TTL_MS + PATIENCE_MS);

  assert.ok(Date.now() - renewedAt > TTL_MS - TOLERANCE_MS);
  assert.equal((await heard(bens)).filter((event) => event === 'user_stopped_typing').length, 1);
});

test('typing that goes on is announced again, at most every three seconds', async () => {
  const { annas, bens, argument } = await annaTypes();
  const startedAt = Date.now();
  const isRenewed = () => bens.all('user_typing').length > 1;

  // Each answer starts the next event: as fast as the server can.
  while (!isRenewed() && Date.now() < startedAt + PATIENCE_MS) await annas.ok('typing_start', argument);
  const renewedAfterMs = Date.now() - startedAt;
  await annas.ok('typing_stop', argument);
  await end(bens);

  assert.ok(renewedAfterMs > RENEW_MS - TOLERANCE_MS, `announced again after ${renewedAfterMs} ms`);
  assert.deepEqual(await heard(bens), ['user_typing', 'user_typing', 'user_stopped_typing']);
});
