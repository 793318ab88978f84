// A node dies, Redis goes and comes back: who stays notices as little as can be.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Fleet } from '../support/fleet.js';
import { eventually } from '../support/wait.js';

/** The contract's bounds, and some patience for a busy machine. */
const SLACK_MS = 3_000;
const DEAD_WITHIN_MS = 15_000 + SLACK_MS;
const EXACT_AFTER_RESTART_MS = 10_000 + SLACK_MS;
const EXACT_AFTER_FLUSH_MS = 5_000 + SLACK_MS;
const CROSS_NODE_MS = 2_000 + SLACK_MS;

async function fleetOf(t, size) {
  const fleet = await Fleet.start(size);
  t.after(() => fleet.close());
  return fleet;
}

/** Anna at the first node, Ben at the second, Cleo at the third …, all in one room. */
async function room(fleet, ...names) {
  const [first] = fleet.nodes;
  const users = await first.users(...names);
  const group = await first.group(...users);
  const clients = [];
  for (const [number, user] of users.entries()) {
    clients.push(await fleet.nodes[number % fleet.nodes.length].connect(user));
    await clients.at(-1).ok('join_group', group.id);
  }
  const isComplete = ({ memberCount }) => memberCount === names.length;
  await Promise.all(clients.map((client) => client.waitFor('room_members_update', isComplete)));
  for (const client of clients) client.take();
  return { group, users, clients };
}

const moves = (client) =>
  client.fresh().flatMap(([event, { userName }]) => {
    if (event === 'user_joined_group') return [`+${userName}`];
    return event === 'user_left_group' ? [`-${userName}`] : [];
  });

async function state(node) {
  const answer = await fetch(`${node.url}/readyz`);
  return { code: answer.status, ...(await answer.json()) };
}

const isFull = async (node) => (await state(node)).status === 'ok';

test('users of a killed node leave once, and who came back elsewhere was never away', async (t) => {
  const fleet = await fleetOf(t, 3);
  const { group, users, clients } = await room(fleet, 'anna', 'ben', 'cleo', 'dora', 'emil', 'fred');
  const [annas, bens] = clients;

  // Cleo and Fred are at the third node.
  await fleet.nodes[2].server.kill();
  const back = await fleet.nodes[0].connect(users[2]);
  await back.ok('join_group', group.id);
  await annas.waitFor('user_left_group', undefined, DEAD_WITHIN_MS);
  await bens.waitFor('user_left_group', undefined, DEAD_WITHIN_MS);
  const key = `user:${users[2].id}:sockets:${group.id}`;
  await eventually(async () => (await fleet.redis.lines('SMEMBERS', key)).length === 1, 'the lost socket to go');
  await Promise.all([annas.settle(), bens.settle()]);

  for (const client of [annas, bens]) assert.deepEqual(moves(client), ['-fred']);
  const { memberCount, socketCount } = await annas.ok('get_room_info', { groupId: group.id });
  assert.deepEqual([memberCount, socketCount], [5, 5]);
  const there = await fleet.redis.lines('SMEMBERS', `room:${group.id}:users`);
  assert.deepEqual(there, users.slice(0, 5).map(({ id }) => id).sort());
});

test('while Redis is away everything that can go on does, and in the end all is exact', async (t) => {
  const fleet = await fleetOf(t, 3);
  const { group, users, clients } = await room(fleet, 'anna', 'ben', 'cleo');
  const [annas, bens, cleos] = clients;
  const groupId = group.id;
  const dora = await fleet.nodes[0].user('dora');
  await fleet.nodes[0].addMember(group, dora);

  await fleet.redis.kill();
  const status = await annas.waitFor('service_status');
  await bens.waitFor('service_status');
  const degraded = await state(fleet.nodes[0]);
  const sent = [];
  for (const client of clients) sent.push(await client.ok('send_message', { groupId, content: client.name }));
  for (const client of clients) {
    await client.until(() => client.all('message_received').length === 3, 'the messages of all nodes', CROSS_NODE_MS);
  }
  const doras = await fleet.nodes[0].connect(dora);
  const news = doras.events.map(([event]) => event);
  const joined = await doras.ok('join_group', { groupId, afterSeq: 0 });
  await cleos.ok('leave_group', { groupId });
  await annas.ok('typing_start', { groupId });
  await doras.waitFor('user_typing');
  const frozen = moves(annas);
  await fleet.redis.launch();
  await eventually(async () => (await Promise.all(fleet.nodes.map(isFull))).every(Boolean), 'all to be well', EXACT_AFTER_RESTART_MS);
  await annas.waitFor('user_left_group');
  await bens.until(() => moves(bens).length === 2, 'what has changed');
  await Promise.all([...clients, doras].map((client) => client.settle()));

  assert.equal(status.level, 'degraded');
  assert.ok(status.affected.length > 0 && !Number.isNaN(Date.parse(status.since)));
  assert.deepEqual([degraded.code, degraded.status, degraded.dependencies.redis], [200, 'degraded', 'degraded']);
  assert.deepEqual(news.slice(0, 2), ['session', 'service_status']);
  assert.deepEqual([joined.lastSeq, joined.memberCount], [3, 4]);
  for (const client of [annas, bens, cleos]) {
    const seqs = client.all('message_received').map(({ seq }) => seq);
    assert.deepEqual(seqs, [1, 2, 3]);
  }
  assert.deepEqual(sent.map(({ seq }) => seq), [1, 2, 3]);
  assert.deepEqual(frozen, ['+dora']);
  assert.deepEqual(moves(annas), ['+dora', '-cleo']);
  assert.deepEqual(moves(bens).sort(), ['+dora', '-cleo']);
  assert.deepEqual(moves(doras), ['-cleo']);
  assert.equal(annas.all('service_status').at(-1).level, 'full');
  const there = await fleet.redis.lines('SMEMBERS', `room:${groupId}:users`);
  assert.deepEqual(there, [users[0].id, users[1].id, dora.id].sort());
  const info = await bens.ok('get_room_info', { groupId });
  assert.deepEqual([info.memberCount, info.socketCount], [3, 3]);
});

test('a flush of Redis is seen by nobody', async (t) => {
  const fleet = await fleetOf(t, 2);
  const { group, users, clients } = await room(fleet, 'anna', 'ben', 'cleo', 'dora');

  await fleet.redis.ask('FLUSHALL');
  const isExact = async () => (await fleet.redis.lines('SMEMBERS', `room:${group.id}:users`)).length === 4;
  await eventually(isExact, 'the keys', EXACT_AFTER_FLUSH_MS);
  await eventually(async () => (await Promise.all(fleet.nodes.map(isFull))).every(Boolean), 'all to be well');
  const [annas, bens, cleos, doras] = clients;
  doras.close();
  await Promise.all([annas, bens, cleos].map((client) => client.waitFor('user_left_group')));

  for (const client of [annas, bens, cleos]) assert.deepEqual(moves(client), ['-dora']);
  const keys = await fleet.redis.publicKeys();
  assert.equal(keys.length, 1 + 3 + 3, `${keys}`);
  assert.deepEqual(await fleet.redis.lines('SMEMBERS', `user:${users[0].id}:rooms`), [group.id]);
});

test('a node that starts without Redis serves, and joins the others when it is there', async (t) => {
  const fleet = await fleetOf(t, 1);
  await fleet.redis.kill();
  await fleet.nodes[0].server.stop();
  await fleet.nodes[0].server.launch();
  const { group, users, clients } = await room(fleet, 'anna', 'ben');

  const before = await state(fleet.nodes[0]);
  await fleet.redis.launch();
  await clients[0].waitFor('service_status', ({ level }) => level === 'full', EXACT_AFTER_RESTART_MS);

  assert.equal(before.status, 'degraded');
  assert.deepEqual(moves(clients[0]), []);
  const there = await fleet.redis.lines('SMEMBERS', `room:${group.id}:users`);
  assert.deepEqual(there, users.map(({ id }) => id).sort());
});

test('who moves from a node that stops to another one neither leaves nor joins', async (t) => {
  const fleet = await fleetOf(t, 2);
  const { group, users, clients } = await room(fleet, 'anna', 'ben', 'cleo', 'dora');
  const [annas, bens, , doras] = clients;

  const exit = fleet.nodes[1].server.stop();
  await Promise.all([bens.closed(), doras.closed()]);
  const back = await fleet.nodes[0].connect(users[1]);
  await back.ok('join_group', group.id);
  const ended = await exit;
  await annas.waitFor('user_left_group');
  await annas.settle();

  assert.deepEqual(ended, { code: 0, signal: null });
  assert.deepEqual(moves(annas), ['-dora'], 'ben was there all the time');
  for (const client of [annas, clients[2], back]) client.close();
  await eventually(async () => (await fleet.redis.publicKeys()).length === 0, 'every key to go');
});
