// Several servers behave as one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Fleet } from '../support/fleet.js';
import { eventually } from '../support/wait.js';

let fleet;
before(async () => (fleet = await Fleet.start(3)));
after(() => fleet.close());

/** Users of one group, each connected to another node and in the room. */
async function room(...names) {
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

test('joins and leaves are told once, wherever the sockets are', async () => {
  const { group, users, clients } = await room('anna', 'ben', 'cleo');
  const [annas, , cleos] = clients;
  const tab = await fleet.nodes[2].connect(users[1]);

  const joined = await tab.ok('join_group', group.id);
  await clients[1].ok('leave_group', group.id);
  await annas.waitFor('room_members_update', ({ socketCount }) => socketCount === 3);
  const quiet = [...annas.take(), ...cleos.take()].map(([event]) => event);
  tab.close();
  const left = await annas.waitFor('user_left_group');
  await cleos.waitFor('user_left_group');

  assert.deepEqual([joined.memberCount, joined.socketCount], [3, 4]);
  assert.deepEqual(new Set(quiet), new Set(['room_members_update']), 'ben was there all the time');
  assert.deepEqual(left, { groupId: group.id, userId: users[1].id, userName: 'ben', memberCount: 2 });
});

test('whoever has joined is there for whoever asks, on every node', async () => {
  const { group, users, clients } = await room('anna', 'ben', 'cleo');

  for (const client of clients) {
    const info = await client.ok('get_room_info', { groupId: group.id });
    assert.deepEqual(info.onlineMembers, users.map(({ id }) => id).sort());
    assert.deepEqual([info.memberCount, info.socketCount], [3, 3]);
  }
});

test('the keys in Redis are those of the contract, and none is left behind', async () => {
  const { group, users, clients } = await room('anna', 'ben');
  const { redis } = fleet;
  const [anna] = users;

  const there = await redis.lines('SMEMBERS', `room:${group.id}:users`);
  const rooms = await redis.lines('SMEMBERS', `user:${anna.id}:rooms`);
  const sockets = await redis.lines('SMEMBERS', `user:${anna.id}:sockets:${group.id}`);
  await clients[0].ok('typing_start', { groupId: group.id });
  const typing = `typing:${group.id}:${anna.id}`;
  const ttl = Number(await eventually(() => redis.ask('PTTL', typing), 'a time to live'));
  for (const client of clients) client.close();

  assert.deepEqual(there, users.map(({ id }) => id).sort());
  assert.deepEqual(rooms, [group.id]);
  assert.deepEqual(sockets, [clients[0].session?.socketId ?? sockets[0]]);
  assert.ok(ttl > 0 && ttl <= 10_000, `${ttl}`);
  await eventually(
    async () => !(await redis.publicKeys()).some((key) => key.includes(group.id)),
    'the keys of the room to go',
  );
});

test('messages of all nodes arrive everywhere in one order', async () => {
  const { group, clients } = await room('anna', 'ben', 'cleo');
  const groupId = group.id;

  await Promise.all(
    clients.flatMap((client, who) =>
      Array.from({ length: 3 }, (_, number) => client.ok('send_message', { groupId, content: `${who} ${number}` })),
    ),
  );

  for (const client of clients) {
    await client.until(() => client.all('message_received').length === 9, 'nine messages');
    assert.deepEqual(client.all('message_received').map(({ seq }) => seq), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

test('a message that is too large to travel arrives too', async () => {
  const { group, clients } = await room('anna', 'ben');
  const content = '😀'.repeat(4_000);

  await clients[0].ok('send_message', { groupId: group.id, content });

  const { content: heard } = await clients[1].waitFor('message_received');
  assert.equal(heard, content);
});

test('typing is seen on other nodes, and ends there', async () => {
  const { group, users, clients } = await room('anna', 'ben');
  const groupId = group.id;

  await clients[0].ok('typing_start', { groupId });
  const started = await clients[1].waitFor('user_typing');
  const late = await fleet.nodes[2].connect(users[1]);
  const joined = await late.ok('join_group', groupId);
  await clients[0].ok('send_message', { groupId, content: 'done' });
  await clients[1].waitFor('user_stopped_typing');

  assert.deepEqual(started, { groupId, userId: users[0].id, userName: 'anna' });
  assert.deepEqual(joined.typing, [{ userId: users[0].id, userName: 'anna' }]);
  await clients[1].settle();
  assert.equal(clients[1].all('user_stopped_typing').length, 1);
});

test('who is removed at one node is out at all of them', async () => {
  const { group, users, clients } = await room('anna', 'ben', 'cleo');
  const [annas, bens, cleos] = clients;

  await fleet.nodes[2].admin('DELETE', `/groups/${group.id}/members/${users[1].id}`);
  const removed = await bens.waitFor('removed_from_group', undefined, 1_000);
  await annas.waitFor('user_left_group', undefined, 1_000);
  await cleos.waitFor('user_left_group', undefined, 1_000);

  assert.deepEqual(removed, { groupId: group.id, reason: 'REMOVED' });
  await bens.fails('FORBIDDEN', 'send_message', { groupId: group.id, content: 'still here?' });
});

test('ending the sessions of a user ends them on all nodes', async () => {
  const [first] = fleet.nodes;
  const [anna] = await first.users('anna');
  const clients = await Promise.all(fleet.nodes.map((node) => node.connect(anna)));

  await first.admin('DELETE', `/users/${anna.id}/sessions`);

  await Promise.all(clients.map((client) => client.closed(1_000)));
  for (const client of clients) assert.equal(client.find('session_closed').code, 'EVICTED');
});

test('what is not read is told on the node where its reader is', async () => {
  const [first, second] = fleet.nodes;
  const [anna, ben] = await first.users('anna', 'ben');
  const group = await first.group(anna, ben);
  const annas = await first.connect(anna);
  const bens = await second.connect(ben);
  await annas.ok('join_group', group.id);

  await annas.ok('send_message', { groupId: group.id, content: 'hello' });

  const told = await bens.waitFor('unread_update');
  assert.deepEqual(told, { groupId: group.id, lastReadSeq: 0, unreadCount: 1 });
});

test('the limits of a user hold over all nodes', async () => {
  const { group, users, clients } = await room('anna', 'ben');
  const tab = await fleet.nodes[1].connect(users[0]);
  await tab.ok('join_group', group.id);
  const say = (client, number) => client.emitAck('send_message', { groupId: group.id, content: `${number}` });

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, number) => say(number % 2 ? tab : clients[0], number)),
  );

  const sent = answers.filter(({ ok }) => ok).length;
  assert.ok(sent >= 10 && sent <= 14, `${sent} of 20 messages passed`);
  assert.ok(answers.every(({ ok, error }) => ok || error.code === 'RATE_LIMITED'));
});

test('the connections of a user are counted over all nodes', async () => {
  const [first] = fleet.nodes;
  const [anna] = await first.users('anna');
  const clients = [];
  for (let number = 0; number < 10; number += 1) {
    clients.push(await fleet.nodes[number % 3].connect(anna));
  }

  const refusals = await Promise.all(
    fleet.nodes.map((node) => node.open({ token: anna.token, name: 'anna' }).refused()),
  );
  clients[0].close();
  const again = await eventually(async () => {
    const client = fleet.nodes[1].open({ token: anna.token, name: 'anna' });
    return client.greeted().catch(() => null);
  }, 'a place to become free');

  for (const refusal of refusals) assert.match(refusal, /^CONNECTION_LIMIT: /);
  assert.equal(again.userId, anna.id);
});
