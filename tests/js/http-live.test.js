// What changes over HTTP, and who of the connected clients is told.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

const world = await World.start(NO_LIMITS);
after(() => world.close());

/** What is left of an event when only these fields of it count. */
const pick = (payload, ...fields) => Object.fromEntries(fields.map((field) => [field, payload[field]]));

test('a changed group is told to its room', async () => {
  const { group, users, clients } = await world.room('owner', 'member');
  const outside = await world.connect(users[1]);

  await world.does(users[0], 'PATCH', `/groups/${group.id}`, { name: 'New name', description: 'New words' });

  for (const client of clients) {
    const told = await client.waitFor('group_updated');
    const expected = { groupId: group.id, name: 'New name', description: 'New words' };
    assert.deepEqual(pick(told, 'groupId', 'name', 'description'), expected);
  }
  await outside.settle();
  assert.deepEqual(outside.all('group_updated'), []);
});

test('a changed role is told to the room, and counts at once', async () => {
  const { group, users, clients } = await world.room('owner', 'member');
  const [owner, member] = users;
  const path = `/groups/${group.id}`;

  await world.does(owner, 'PATCH', `${path}/members/${member.id}`, { role: 'ADMIN' });

  for (const client of clients) {
    const told = await client.waitFor('member_updated');
    assert.deepEqual(pick(told, 'groupId', 'userId', 'role'), { groupId: group.id, userId: member.id, role: 'ADMIN' });
  }
  await world.does(member, 'PATCH', path, { name: 'By the new administrator' });
});

test('a new owner and the old one are told to the room', async () => {
  const { group, users, clients } = await world.room('owner', 'member');
  const [owner, member] = users;

  await world.does(owner, 'POST', `/groups/${group.id}/owner`, { userId: member.id });

  for (const client of clients) {
    await client.waitFor('member_updated', ({ userId, role }) => userId === member.id && role === 'OWNER');
    await client.waitFor('member_updated', ({ userId, role }) => userId === owner.id && role === 'ADMIN');
  }
});

test('who is added is told in every tab, and can join at once', async () => {
  const { group, users } = await world.room('owner');
  const ben = await world.user('ben');
  const tabs = await world.connectAll([ben, ben]);
  await tabs[0].fails('FORBIDDEN', 'join_group', group.id);

  await world.does(users[0], 'POST', `/groups/${group.id}/members`, { userId: ben.id, role: 'MODERATOR' });

  for (const tab of tabs) {
    const told = await tab.waitFor('added_to_group');
    assert.deepEqual(pick(told, 'groupId', 'name', 'role'), { groupId: group.id, name: group.name, role: 'MODERATOR' });
    assert.ok('by' in told);
  }
  await tabs[0].ok('join_group', group.id);
});

test('who is removed leaves the room with every tab, and hears no more of it', async () => {
  const { group, users, clients } = await world.room('owner', 'member');
  const [owner, member] = users;
  const [owners, members] = clients;
  const [secondTab, outside] = await world.connectAll([member, member]);
  await secondTab.ok('join_group', group.id);
  const here = { groupId: group.id };

  await world.does(owner, 'DELETE', `/groups/${group.id}/members/${member.id}`);
  const left = await owners.waitFor('user_left_group');
  await owners.ok('send_message', { ...here, content: 'among us' });

  assert.deepEqual(left, { ...here, userId: member.id, userName: member.name, memberCount: 1 });
  for (const tab of [members, secondTab, outside]) {
    assert.deepEqual(await tab.waitFor('removed_from_group'), { ...here, reason: 'REMOVED' });
    await tab.fails('FORBIDDEN', 'join_group', group.id);
    await tab.fails('FORBIDDEN', 'send_message', { ...here, content: 'still here?' });
    await tab.fails('FORBIDDEN', 'get_group_messages', here);
    assert.deepEqual(tab.all('message_received'), []);
    assert.deepEqual(tab.all('user_left_group'), []);
    assert.equal(tab.all('removed_from_group').length, 1);
  }
  await owners.settle();
  assert.equal(owners.all('user_left_group').length, 1);
});

test('who goes by himself is gone from the room too', async () => {
  const { group, users, clients } = await world.room('owner', 'member');
  const [owners, members] = clients;

  await world.does(users[1], 'DELETE', `/groups/${group.id}/members/${users[1].id}`);

  assert.equal((await members.waitFor('removed_from_group')).groupId, group.id);
  assert.equal((await owners.waitFor('user_left_group')).userId, users[1].id);
});

test('a deleted group is told to all its members, and nothing of it works any more', async () => {
  const { group, users, clients } = await world.room('owner', 'member');
  const here = { groupId: group.id };

  await world.does(users[0], 'DELETE', `/groups/${group.id}`);

  for (const client of clients) {
    assert.deepEqual(await client.waitFor('removed_from_group'), { ...here, reason: 'GROUP_DELETED' });
    await client.fails('FORBIDDEN', 'join_group', here);
    await client.fails('FORBIDDEN', 'send_message', { ...here, content: 'x' });
    await client.fails('FORBIDDEN', 'get_group_messages', here);
  }
});

test('a message posted over HTTP reaches the room once, and its author need not be there', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const cleo = await world.user('cleo');
  await world.addMember(group, cleo);
  const path = `/groups/${group.id}/messages`;
  const body = { content: 'by post', clientMessageId: 'post-1' };

  const posted = await world.does(cleo, 'POST', path, body);
  await world.does(cleo, 'POST', path, body);
  const next = await world.does(users[0], 'POST', path, { content: 'next' });

  for (const client of clients) {
    await client.waitFor('message_received', ({ id }) => id === next.id);
    assert.deepEqual(client.all('message_received'), [posted, next]);
  }
});

test('a message sent over Socket.IO and again over HTTP is one', async () => {
  const { group, users, clients } = await world.room('anna');
  const message = { content: 'both ways', clientMessageId: 'both-1' };

  const sent = await clients[0].ok('send_message', { groupId: group.id, ...message });
  const answer = await world.http(users[0], 'POST', `/groups/${group.id}/messages`, message);

  assert.deepEqual(answer, { status: 200, body: sent });
});

test('reading over HTTP is told to the tabs of the reader', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const groupId = group.id;
  await clients[0].ok('send_message', { groupId, content: 'one' });
  await clients[0].ok('send_message', { groupId, content: 'two' });

  const marked = await world.does(users[1], 'POST', `/groups/${groupId}/read`, { seq: 1 });

  assert.deepEqual(marked, { lastReadSeq: 1, unreadCount: 1 });
  assert.deepEqual(await clients[1].waitFor('unread_update'), { groupId, ...marked });
});
