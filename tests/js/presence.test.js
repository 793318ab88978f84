// The members' update: batched, listed in part, and all that is left of the announcements in a large room.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

async function worldOf(t, rooms) {
  const settings = Object.entries(rooms).map(([name, value]) => [`CHAT_ROOMS__${name}`, String(value)]);
  const world = await World.start({ ...NO_LIMITS, ...Object.fromEntries(settings) });
  t.after(() => world.close());
  return world;
}

const idsOf = (users) => users.map(({ id }) => id).sort();
const countOf = (wanted) => ({ memberCount }) => memberCount === wanted;

test('many changes at once make one update, after the joins that it sums up', async (t) => {
  const world = await worldOf(t, { MEMBERS_UPDATE_INTERVAL_MS: 2_000 });
  const { group, users, clients } = await world.party('anna', 'ben', 'cleo', 'dora', 'emil');
  const [annas, bens, ...others] = clients;

  await annas.ok('join_group', group.id);
  await Promise.all(others.map((client) => client.ok('join_group', group.id)));
  await bens.ok('join_group', group.id);
  await bens.ok('leave_group', group.id);
  const present = [annas, ...others];
  await Promise.all(present.map((client) => client.waitFor('room_members_update')));
  await Promise.all(clients.map((client) => client.settle()));

  for (const client of present) {
    const updates = client.all('room_members_update');
    assert.equal(updates.length, 1);
    assert.deepEqual(updates[0].onlineMembers, idsOf(users.filter((_, index) => index !== 1)));
    assert.deepEqual([updates[0].memberCount, updates[0].socketCount], [4, 4]);
  }
  const names = annas.fresh().map(([event]) => event);
  assert.deepEqual(names.slice(0, 1), ['joined_group_success']);
  assert.deepEqual(names.slice(-2), ['user_left_group', 'room_members_update']);
  assert.equal(annas.all('user_joined_group').length, 4);
  assert.deepEqual(bens.all('room_members_update'), []);
});

test('a long list of members is cut, sorted, counted exactly and read on with a cursor', async (t) => {
  const world = await worldOf(t, { ONLINE_MEMBERS_LISTED: 3 });
  const names = Array.from({ length: 8 }, (_, number) => `user${number}`);
  const { group, users, clients } = await world.room(...names);
  const tab = await world.connect(users[0]);
  await tab.ok('join_group', group.id);
  const groupId = group.id;

  const told = await clients[1].waitFor('room_members_update', ({ socketCount }) => socketCount === 9);
  const pages = [];
  let cursor;
  do {
    pages.push(await clients[1].ok('get_room_info', { groupId, cursor }));
    cursor = pages.at(-1).nextCursor;
  } while (cursor !== null && pages.length < 10);

  const [first] = pages;
  assert.deepEqual({ ...told, nextCursor: null }, { ...first, nextCursor: null });
  assert.equal(typeof told.nextCursor, 'string');
  assert.deepEqual([first.onlineMembers.length, first.truncated], [3, true]);
  assert.deepEqual(pages.flatMap(({ onlineMembers }) => onlineMembers), idsOf(users));
  for (const { memberCount, socketCount } of pages) assert.deepEqual([memberCount, socketCount], [8, 9]);
  const two = await clients[1].ok('get_room_info', { groupId, limit: 2 });
  assert.deepEqual([two.onlineMembers, two.truncated], [idsOf(users).slice(0, 2), true]);
});

test('in a large room single joins, leaves and typing are no longer announced, until it is small again', async (t) => {
  const LARGE = 4;
  const world = await worldOf(t, { LARGE });
  const names = ['anna', 'ben', 'cleo', 'dora', 'emil', 'fred'];
  const { group, clients } = await world.party(...names);
  const [annas, bens, cleos, doras, emils, freds] = clients;
  const here = { groupId: group.id };
  const silent = ['user_joined_group', 'user_left_group', 'user_typing', 'user_stopped_typing'];
  const told = async (client) => {
    await client.settle();
    return client.take().filter(([event]) => silent.includes(event));
  };
  // Whoever is in the room has seen its newest count, and the announcements before that are done with.
  const everybodySees = async (inRoom) => {
    await Promise.all(inRoom.map((client) => client.waitFor('room_members_update', countOf(inRoom.length))));
  };

  const four = [annas, bens, cleos, doras];
  for (const client of four) await client.ok('join_group', here);
  await everybodySees(four);
  assert.equal(annas.all('user_joined_group').length, 3);
  await annas.ok('typing_start', here);
  await Promise.all([bens, cleos, doras].map((client) => client.waitFor('user_typing')));
  for (const client of four) client.take();

  await emils.ok('join_group', here);
  await everybodySees([...four, emils]);
  for (const client of [bens, cleos, doras]) assert.equal(client.all('user_stopped_typing').length, 1);
  for (const client of [...four, emils]) client.take();

  await freds.ok('join_group', here);
  await everybodySees([...four, emils, freds]);
  await bens.ok('typing_start', here);
  await bens.ok('typing_stop', here);
  await freds.ok('leave_group', here);
  await everybodySees([...four, emils]);
  for (const client of [...four, emils]) assert.deepEqual(await told(client), []);

  // Four are not yet fewer than nine tenths of the bound.
  await emils.ok('leave_group', here);
  await everybodySees(four);
  await bens.ok('typing_start', here);
  await bens.ok('typing_stop', here);
  for (const client of four) assert.deepEqual(await told(client), []);

  const three = [annas, bens, cleos];
  await doras.ok('leave_group', here);
  await everybodySees(three);
  for (const client of clients) client.take();

  await doras.ok('join_group', here);
  await bens.ok('typing_start', here);
  for (const client of [annas, cleos]) {
    await client.waitFor('user_joined_group');
    await client.waitFor('user_typing');
  }
});

test('messages go on in a large room', async (t) => {
  const world = await worldOf(t, { LARGE: 1 });
  const { group, clients } = await world.room('anna', 'ben', 'cleo');

  const message = await clients[0].ok('send_message', { groupId: group.id, content: 'to all' });

  for (const client of clients) assert.deepEqual(await client.waitFor('message_received'), message);
});
