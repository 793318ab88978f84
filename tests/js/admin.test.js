// What another backend does with the administrator's key.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { assertError } from './support/client.js';
import { request } from './support/http.js';
import { unique, World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

const world = await World.start(NO_LIMITS);
after(() => world.close());

test('only the key opens these paths', async () => {
  const anna = await world.user('anna');
  const group = await world.group(anna);
  const { adminKey } = world.server;
  const paths = [
    ['PUT', '/users/x', { name: 'X' }],
    ['PUT', `/groups/${group.id}`, { name: 'X', ownerId: anna.id }],
    ['PUT', `/groups/${group.id}/members/${anna.id}`, { role: 'MEMBER' }],
    ['DELETE', `/groups/${group.id}/members/${anna.id}`],
    ['POST', `/groups/${group.id}/messages`, { content: 'x' }],
    ['DELETE', `/users/${anna.id}/sessions`],
  ];

  for (const [method, path, body] of paths) {
    for (const token of [undefined, '', anna.token, adminKey.slice(1), `${adminKey}x`]) {
      const answer = await request(world.url, method, `/api/v1/admin${path}`, { token, body });

      assert.equal(answer.status, 401, `${method} ${path}`);
      assertError(answer.body.error, 'UNAUTHORIZED');
    }
  }
});

test('the key is no token of a user', async () => {
  const answer = await world.http({ token: world.server.adminKey }, 'GET', '/users/me');

  assert.equal(answer.status, 401);
});

test('users, groups and members are put in place, again and again with the same result', async () => {
  const [owner, ben] = await world.users('owner', 'ben');
  const groupId = unique('group');
  const put = async () => {
    await world.admin('PUT', `/users/${ben.id}`, { name: 'Benjamin', image: null });
    await world.admin('PUT', `/groups/${groupId}`, { name: 'Team', ownerId: owner.id });
    await world.admin('PUT', `/groups/${groupId}/members/${ben.id}`, { role: 'MODERATOR' });
    const { body } = await world.http(owner, 'GET', `/groups/${groupId}/members`);
    return body.items.map(({ userId, role }) => [userId, role]).sort();
  };

  const once = await put();
  const twice = await put();

  assert.deepEqual(once, [[ben.id, 'MODERATOR'], [owner.id, 'OWNER']].sort());
  assert.deepEqual(twice, once);
});

test('a member taken out is out of the room at once, and may be taken out again', async () => {
  const { group, users, clients } = await world.room('owner', 'ben');
  const path = `/groups/${group.id}/members/${users[1].id}`;

  await world.admin('DELETE', path);
  const told = await clients[1].waitFor('removed_from_group');
  await clients[0].waitFor('user_left_group', ({ userId }) => userId === users[1].id);
  await world.admin('DELETE', path);

  assert.deepEqual(told, { groupId: group.id, reason: 'REMOVED' });
});

test('a message is written in the name of a member, once', async () => {
  const { group, users, clients } = await world.room('owner', 'ben');
  const path = `/groups/${group.id}/messages`;
  const body = { senderId: users[1].id, content: 'from elsewhere', type: 'TEXT', clientMessageId: 'import-1' };

  const first = await world.admin('POST', path, body);
  const again = await world.admin('POST', path, body);

  assert.deepEqual(again, first);
  assert.deepEqual([first.senderId, first.type, first.user.id], [users[1].id, 'TEXT', users[1].id]);
  assert.deepEqual(await clients[0].waitFor('message_received'), first);
  const { messages } = await clients[0].ok('get_group_messages', { groupId: group.id });
  assert.deepEqual(messages, [first]);
});

test('a message without a sender is one of the system', async () => {
  const { group, clients } = await world.room('owner');

  const body = { content: 'maintenance at noon', type: 'SYSTEM' };
  const message = await world.admin('POST', `/groups/${group.id}/messages`, body);

  assert.deepEqual([message.senderId, message.type], [null, 'SYSTEM']);
  assert.deepEqual(await clients[0].waitFor('message_received'), message);
});

test('ending the sessions of a user closes every one of them for good, and nobody else', async () => {
  const { users, clients } = await world.room('anna', 'ben');
  const [anna] = users;
  const [annas, bens] = clients;
  const phone = await world.connect(anna, { transports: ['polling'], reconnection: true });

  await world.admin('DELETE', `/users/${anna.id}/sessions`);

  for (const client of [annas, phone]) {
    const farewell = await client.waitFor('session_closed');
    await client.closed();
    assert.deepEqual([farewell.code, farewell.reconnect], ['EVICTED', false]);
    assert.equal(client.closedBecause, 'io server disconnect');
  }
  await bens.waitFor('user_left_group', ({ userId }) => userId === anna.id);
  await bens.settle();
  await world.admin('DELETE', `/users/${anna.id}/sessions`);
});
