// The HTTP side: every path, its status, and which role may do what.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { assertError } from './support/client.js';
import { request } from './support/http.js';
import { unique, World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

const world = await World.start(NO_LIMITS);
after(() => world.close());

/** A group with one member of each role, and a user who is none. */
async function staff() {
  const names = ['owner', 'admin', 'moderator', 'member', 'stranger'];
  const [owner, admin, moderator, member, stranger] = await world.users(...names);
  const group = await world.group(owner, member);
  await world.addMember(group, admin, 'ADMIN');
  await world.addMember(group, moderator, 'MODERATOR');
  return { group, path: `/groups/${group.id}`, owner, admin, moderator, member, stranger };
}

const onFrom = ({ nextCursor }) => `&cursor=${encodeURIComponent(nextCursor)}`;

const pathsOf = (path, userId) => [
  ['GET', path],
  ['PATCH', path, { name: 'New' }],
  ['DELETE', path],
  ['GET', `${path}/members`],
  ['POST', `${path}/members`, { userId }],
  ['PATCH', `${path}/members/${userId}`, { role: 'MEMBER' }],
  ['DELETE', `${path}/members/${userId}`],
  ['POST', `${path}/owner`, { userId }],
  ['GET', `${path}/messages`],
  ['POST', `${path}/messages`, { content: 'x' }],
  ['POST', `${path}/read`, { seq: 1 }],
];

test('every path wants a valid token', async () => {
  const { path, member } = await staff();
  const ownPaths = [['GET', '/users/me'], ['GET', '/groups'], ['POST', '/groups', { name: 'x' }]];

  for (const route of [...ownPaths, ...pathsOf(path, member.id)]) {
    for (const user of [undefined, { token: 'garbage' }, { token: world.token(member, { exp: 1 }) }]) {
      await world.answers(401, user, ...route);
    }
  }
});

test('a group is not found by who is no member, whether it exists or not', async () => {
  const { group, path, member, stranger } = await staff();
  const nowhere = unique('nothing');

  for (const [index, route] of pathsOf(path, member.id).entries()) {
    const hidden = await world.answers(404, stranger, ...route);
    const absent = await world.answers(404, stranger, ...pathsOf(`/groups/${nowhere}`, member.id)[index]);
    assert.equal(hidden.message.replaceAll(group.id, nowhere), absent.message);
  }
});

test('one sees oneself, also when the token is the first that the server hears of one', async () => {
  const known = await world.user('anna');
  const unknown = { id: unique('unknown'), name: 'Unknown', image: 'https://images.example/u.png' };

  for (const user of [known, { ...unknown, token: world.token(unknown) }]) {
    const { id, name, image } = await world.answers(200, user, 'GET', '/users/me');
    assert.deepEqual({ id, name, image }, { id: user.id, name: user.name, image: user.image });
  }
});

test('who makes a group owns it, changes it and deletes it', async () => {
  const anna = await world.user('anna');

  const draft = { name: 'Climbers', description: 'On rocks', isPrivate: true };
  const made = await world.answers(201, anna, 'POST', '/groups', draft);
  const path = `/groups/${made.id}`;
  const { role } = (await world.answers(200, anna, 'GET', '/groups')).items[0];
  await world.does(anna, 'PATCH', path, { name: 'Boulderers' });
  const changed = await world.answers(200, anna, 'GET', path);
  await world.does(anna, 'DELETE', path);

  assert.deepEqual({ name: made.name, description: made.description, isPrivate: made.isPrivate }, draft);
  assert.equal(role, 'OWNER');
  assert.deepEqual([changed.id, changed.name, changed.description], [made.id, 'Boulderers', 'On rocks']);
  await world.answers(404, anna, 'GET', path);
  assert.deepEqual((await world.answers(200, anna, 'GET', '/groups')).items, []);
});

test('the list of groups says what is new in each, page by page', async () => {
  const [anna, ben] = await world.users('anna', 'ben');
  const groups = [];
  for (let number = 1; number <= 3; number += 1) groups.push(await world.group(anna, ben));
  const [{ id }] = groups;
  await world.answers(201, anna, 'POST', `/groups/${id}/messages`, { content: 'one' });
  const last = await world.answers(201, anna, 'POST', `/groups/${id}/messages`, { content: 'two' });
  const marked = await world.does(ben, 'POST', `/groups/${id}/read`, { seq: 1 });

  const first = await world.answers(200, ben, 'GET', '/groups?limit=2');
  const rest = await world.answers(200, ben, 'GET', `/groups?limit=2${onFrom(first)}`);

  const items = [...first.items, ...rest.items];
  assert.deepEqual([first.items.length, rest.items.length, rest.nextCursor], [2, 1, null]);
  assert.deepEqual(items.map((item) => item.id).sort(), groups.map((group) => group.id).sort());
  const busy = items.find((item) => item.id === id);
  assert.deepEqual(marked, { lastReadSeq: 1, unreadCount: 1 });
  assert.deepEqual({ lastReadSeq: busy.lastReadSeq, unreadCount: busy.unreadCount }, marked);
  assert.deepEqual([busy.role, busy.lastSeq], ['MEMBER', 2]);
  assert.equal(busy.lastMessage.id, last.id);
  assert.equal(items.find((item) => item.id !== id).lastMessage, null);
});

test('members change a group from ADMIN upwards, and only its owner deletes it', async () => {
  const { path, owner, admin, moderator, member } = await staff();

  for (const user of [moderator, member]) await world.answers(403, user, 'PATCH', path, { name: 'Mine' });
  for (const user of [admin, moderator, member]) await world.answers(403, user, 'DELETE', path);
  for (const user of [admin, owner]) await world.does(user, 'PATCH', path, { name: user.name });
  await world.does(owner, 'DELETE', path);
});

test('members are listed with their role, and whether they are in the room', async () => {
  const { group, path, owner, admin, moderator, member } = await staff();
  await (await world.connect(admin)).ok('join_group', group.id);

  const listed = [];
  let cursor = '';
  do {
    const page = await world.answers(200, member, 'GET', `${path}/members?limit=3${cursor}`);
    listed.push(...page.items);
    cursor = page.nextCursor === null ? null : onFrom(page);
  } while (cursor !== null && listed.length < 10);

  const byId = (a, b) => (a.userId < b.userId ? -1 : 1);
  const expected = [[owner, 'OWNER'], [admin, 'ADMIN'], [moderator, 'MODERATOR'], [member, 'MEMBER']];
  assert.deepEqual(
    listed.map(({ userId, role, inRoom }) => ({ userId, role, inRoom })).sort(byId),
    expected.map(([{ id }, role]) => ({ userId: id, role, inRoom: id === admin.id })).sort(byId),
  );
});

test('who adds, promotes or removes stands above both roles', async () => {
  const { path, owner, admin, moderator, member } = await staff();
  const newcomers = await world.users('one', 'two', 'three');
  const [one, two, three] = newcomers.map(({ id }) => id);
  const members = `${path}/members`;

  for (const user of [moderator, member]) await world.answers(403, user, 'POST', members, { userId: one });
  await world.answers(403, admin, 'POST', members, { userId: one, role: 'ADMIN' });
  await world.answers(403, owner, 'POST', members, { userId: one, role: 'OWNER' });
  await world.answers(201, admin, 'POST', members, { userId: one });
  await world.answers(201, admin, 'POST', members, { userId: two, role: 'MODERATOR' });
  await world.answers(201, owner, 'POST', members, { userId: three, role: 'ADMIN' });
  await world.answers(409, admin, 'POST', members, { userId: one });

  await world.answers(403, moderator, 'PATCH', `${members}/${one}`, { role: 'MODERATOR' });
  await world.answers(403, admin, 'PATCH', `${members}/${one}`, { role: 'ADMIN' });
  await world.answers(403, admin, 'PATCH', `${members}/${three}`, { role: 'MEMBER' });
  await world.does(admin, 'PATCH', `${members}/${one}`, { role: 'MODERATOR' });
  await world.answers(403, moderator, 'DELETE', `${members}/${member.id}`);
  await world.answers(403, admin, 'DELETE', `${members}/${three}`);
  await world.answers(403, admin, 'DELETE', `${members}/${owner.id}`);
  await world.does(admin, 'DELETE', `${members}/${one}`);
  await world.does(owner, 'DELETE', `${members}/${three}`);
});

test('anybody may go, but the owner passes the group on first', async () => {
  const { path, owner, admin, member } = await staff();

  await world.does(member, 'DELETE', `${path}/members/${member.id}`);
  const { status } = await world.http(owner, 'DELETE', `${path}/members/${owner.id}`);
  await world.answers(403, admin, 'POST', `${path}/owner`, { userId: admin.id });
  await world.does(owner, 'POST', `${path}/owner`, { userId: admin.id });

  assert.ok([403, 409, 422].includes(status), `${status}`);
  await world.answers(404, member, 'GET', path);
  await world.answers(403, owner, 'DELETE', path);
  await world.does(owner, 'DELETE', `${path}/members/${owner.id}`);
  await world.does(admin, 'DELETE', path);
});

test('messages are posted once however often they are sent, and read in pages', async () => {
  const { path, owner, member } = await staff();
  const messages = `${path}/messages`;
  const byField = { content: 'by field', clientMessageId: unique('retry') };
  const byHeader = [{ content: 'by header' }, { 'idempotency-key': unique('retry') }];

  const first = await world.answers(201, member, 'POST', messages, byField);
  const again = await world.answers(200, member, 'POST', messages, byField);
  const second = await world.answers(201, member, 'POST', messages, ...byHeader);
  const secondAgain = await world.answers(200, member, 'POST', messages, ...byHeader);
  const third = await world.answers(201, owner, 'POST', messages, { content: 'plain', replyToId: first.id });

  assert.deepEqual([again, secondAgain], [first, second]);
  assert.deepEqual([first.seq, second.seq, third.seq], [1, 2, 3]);
  assert.equal(third.replyTo.id, first.id);
  assert.deepEqual((await world.answers(200, owner, 'GET', messages)).items, [first, second, third]);
  const newest = await world.answers(200, owner, 'GET', `${messages}?limit=2`);
  const older = await world.answers(200, owner, 'GET', `${messages}?limit=2${onFrom(newest)}`);
  const after = await world.answers(200, owner, 'GET', `${messages}?limit=1&afterSeq=1`);
  assert.deepEqual([newest.items, newest.hasNextPage], [[second, third], true]);
  assert.deepEqual(older, { items: [first], hasNextPage: false, nextCursor: null });
  assert.deepEqual(after, { items: [second], hasNextPage: true, nextCursor: null });
});

test('a wrong request is refused for what is wrong with it', async () => {
  const { path, owner, member } = await staff();
  const bodies = {
    '/groups': [{}, { name: null }, { name: 1 }, { name: 'x', isPrivate: 'yes' }],
    [`${path}/members`]: [{}, { userId: 1 }, { userId: 'no id' }, { userId: member.id, role: 'KING' }],
    [`${path}/messages`]: [
      {},
      { content: '' },
      { content: 1 },
      { content: 'x'.repeat(4_001) },
      { content: 'x', type: 'SYSTEM' },
    ],
    [`${path}/read`]: [{}, { seq: 'x' }, { seq: -1 }, { seq: null }],
    [`${path}/owner`]: [{}, { userId: 7 }],
  };

  for (const [target, wrong] of Object.entries(bodies)) {
    for (const body of ['no json', '{"half":', '']) await world.answers(400, owner, 'POST', target, body);
    for (const body of wrong) {
      const { details } = await world.answers(422, owner, 'POST', target, body);
      assert.ok(details.every((detail) => typeof detail.field === 'string' && typeof detail.message === 'string'));
    }
  }
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'cursor=%00', 'afterSeq=-1', 'afterSeq=1&cursor=x']) {
    const { status, body } = await world.http(owner, 'GET', `${path}/messages?${query}`);
    assert.ok([400, 422].includes(status), `${query}: ${status}`);
    assertError(body.error, 'VALIDATION_ERROR');
  }
  await world.answers(413, owner, 'POST', `${path}/messages`, { content: 'x'.repeat(200_000) });
  await world.answers(404, owner, 'GET', '/no/such/path');
});

test('the process says that it lives and that it can serve', async () => {
  for (const path of ['/healthz', '/readyz']) {
    assert.equal((await request(world.url, 'GET', path)).status, 200);
  }
});
