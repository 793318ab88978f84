// What a room tells, over any number of connections: against the real server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { BINARY, NO_LIMITS } from '../../../tests/js/support/server.js';
import { eventually } from '../../../tests/js/support/wait.js';
import { Proxy } from './support/proxy.js';
import { next, online, range, Stage, until } from './support/stage.js';

const contents = (messages) => messages.map(({ content }) => content);

async function write(room, from, to) {
  return Promise.all(range(from, to).map((number) => room.send(`number ${number}`)));
}

/** Two users in a room, the first of them behind a network that can fail. */
async function behindProxy(t) {
  const stage = await Stage.for(t, NO_LIMITS);
  const proxy = await Proxy.start(stage.server.port);
  t.after(() => proxy.close());
  const [anna, ben] = await stage.users('anna', 'ben');
  const group = await stage.group(anna, ben);
  const annas = await stage.join(await stage.enter(anna, { url: proxy.url }), group);
  const bens = await stage.join(await stage.enter(ben), group);
  return { stage, proxy, group, users: [anna, ben], annas, bens };
}

test('the whole history comes page by page, while new messages come in', async (t) => {
  const stage = await Stage.for(t, NO_LIMITS);
  const { group, users, people } = await stage.roomOf(['anna']);
  await write(people[0].room, 1, 230);
  const second = await stage.enter(users[0]);

  const [reader] = await Promise.all([stage.join(second, group, { after: 'start' }), write(people[0].room, 231, 260)]);
  await until(reader.room.messages, (messages) => messages.length === 260);

  assert.deepEqual(reader.heard, range(1, 260));
  assert.equal(reader.room.cursor.seq, 260);
});

test('what was missed while the network was away comes once, in order', async (t) => {
  const { proxy, annas, bens } = await behindProxy(t);
  await write(bens.room, 1, 3);
  await until(annas.room.messages, (messages) => messages.length === 3);

  for (const round of [1, 2, 3]) {
    proxy.cut();
    await write(bens.room, 150 * round, 150 * round + 149);
    await until(annas.room.messages, (messages) => messages.length === 3 + 150 * round);
  }

  assert.deepEqual(annas.heard, range(1, 453));
});

test('another page goes on where the last one was', async (t) => {
  const stage = await Stage.for(t, NO_LIMITS);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [annas, bens] = people;
  await write(bens.room, 1, 2);
  await until(annas.room.messages, (messages) => messages.length === 2);
  const after = structuredClone(annas.room.cursor);
  annas.client.close();
  await write(bens.room, 3, 5);

  const again = await stage.join(await stage.enter(users[0]), group, { after });

  assert.deepEqual(again.heard, [3, 4, 5]);
});

test('older pages lead back to the beginning, and repeat nothing that came live', async (t) => {
  const stage = await Stage.for(t, NO_LIMITS);
  const { group, users, people } = await stage.roomOf(['anna']);
  await write(people[0].room, 1, 7);
  const { room, heard } = await stage.join(await stage.enter(users[0]), group);
  await write(people[0].room, 8, 12);
  await until(room.messages, (messages) => messages.length === 5);

  const pages = [await room.older(3), await room.older(3), await room.older(3), await room.older(3)];

  assert.deepEqual(
    pages.flatMap(({ messages }) => messages.map(({ seq }) => seq)).sort((a, b) => a - b),
    range(1, 7),
  );
  assert.equal(pages.at(-1).hasMore, false);
  assert.deepEqual(heard, range(8, 12));
  assert.deepEqual(
    room.messages.getSnapshot().map(({ seq }) => seq),
    range(1, 12),
  );
});

test('when a backup was restored, the room begins anew', async (t) => {
  const stage = await Stage.for(t, NO_LIMITS);
  const { people } = await stage.roomOf(['anna', 'ben']);
  const [annas, bens] = people;
  await write(bens.room, 1, 120);
  await until(annas.room.messages, (messages) => messages.length === 120);
  const reset = next(annas.room, 'reset');

  await stage.server.stop();
  await migrate(stage.server, '--new-epoch');
  await stage.server.launch();
  await reset;
  const messages = await until(annas.room.messages, (list) => list.length > 0);
  const { messages: older } = await annas.room.older();

  assert.deepEqual(
    messages.map(({ seq }) => seq),
    range(21, 120),
  );
  assert.deepEqual(
    older.map(({ seq }) => seq),
    range(1, 20),
  );
  const sent = await bens.room.send('on we go');
  await until(annas.room.messages, (list) => list.at(-1).id === sent.id);
});

async function migrate(server, ...flags) {
  const env = { ...process.env, CHAT_DATABASE__URL: server.databaseUrl, CHAT_AUTH__SECRET: server.secret };
  delete env.CHAT_SERVER_BIN;
  await promisify(execFile)(BINARY, ['migrate', ...flags], { cwd: server.folder, env });
}

test('an older page that was asked for before a backup was restored is not of the other history', async (t) => {
  const stage = await Stage.for(t, NO_LIMITS);
  const { group, users, people } = await stage.roomOf(['anna']);
  await write(people[0].room, 1, 120);
  const { client, room } = await stage.join(await stage.enter(users[0]), group);
  await room.older(50);
  await stage.server.stop();
  await until(client.status, (status) => !online(status));

  const older = room.older(50);
  await migrate(stage.server, '--new-epoch');
  await stage.server.launch();

  assert.deepEqual(
    (await older).messages.map(({ seq }) => seq),
    range(1, 20),
  );
  assert.deepEqual(
    room.messages.getSnapshot().map(({ seq }) => seq),
    range(1, 120),
  );
});

test('a group of others cannot be joined', async (t) => {
  const stage = await Stage.for(t);
  const [anna, ben] = await stage.users('anna', 'ben');
  const group = await stage.group(anna);
  const client = await stage.enter(ben);
  const ends = [];

  await assert.rejects(client.join(group.id, { onEnd: (end) => ends.push(end.reason) }), { code: 'FORBIDDEN' });

  assert.deepEqual(ends, ['REFUSED']);
  assert.equal(client.room(group.id), undefined);
});

test('who is removed hears it, can do nothing more, and can be added again', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [, ben] = users;
  const [, bens] = people;
  const [end, removed] = [next(bens.room, 'end'), next(bens.client, 'removed_from_group')];

  await stage.admin('DELETE', `/groups/${group.id}/members/${ben.id}`);
  assert.equal((await end).reason, 'REMOVED');
  assert.deepEqual(await removed, { groupId: group.id, reason: 'REMOVED' });
  await assert.rejects(bens.room.send('too late'), { code: 'FORBIDDEN' });
  const added = next(bens.client, 'added_to_group');
  await stage.does(users[0], 'POST', `/groups/${group.id}/members`, { userId: ben.id });
  assert.equal((await added).by, users[0].id);

  const again = await bens.client.join(group.id);
  assert.notEqual(again, bens.room);
  await again.send('back again');
});

test('who was removed while away hears it on return, and what waits to be sent is rejected', async (t) => {
  const stage = await Stage.for(t);
  const [anna, ben] = await stage.users('anna', 'ben');
  const group = await stage.group(ben, anna);
  const { client, room } = await stage.join(
    await stage.enter(anna, { backoff: { baseMs: 60_000, maxMs: 60_000 } }),
    group,
  );
  await stage.server.kill();
  await until(client.status, ({ state }) => state === 'waiting');
  await stage.server.launch();
  const [end, unsent] = [next(room, 'end'), assert.rejects(room.send('unsent'), { code: 'FORBIDDEN' })];

  await stage.admin('DELETE', `/groups/${group.id}/members/${anna.id}`);
  await client.connect();

  assert.equal((await end).reason, 'REFUSED');
  await unsent;
});

test('who leaves is gone for the others, and can come again at once', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [annas, bens] = people;
  const { presence } = annas.room;
  const both = users.map(({ id }) => id).sort();
  await until(presence, ({ online: ids }) => ids.length === 2);

  await bens.room.leave();
  await until(presence, ({ online: ids }) => ids.length === 1);
  const givenUp = assert.rejects(bens.client.join(group.id), { code: 'CLOSED' });
  void bens.client.room(group.id).leave();
  const third = await bens.client.join(group.id);

  await givenUp;
  assert.deepEqual((await until(presence, ({ online: ids }) => ids.length === 2)).online, both);
  await annas.room.send('hello');
  await until(third.messages, (messages) => messages.length === 1);
  assert.deepEqual(bens.heard, []);
});

test('a group that is joined already is the same room', async (t) => {
  const stage = await Stage.for(t);
  const { group, people } = await stage.roomOf(['anna']);
  const [{ client, room, heard }] = people;

  const again = await stage.join(client, group);
  await room.send('hello');
  await eventually(() => again.heard.length === 1, 'the message');

  assert.equal(again.room, room);
  assert.deepEqual([heard, again.heard], [[1], [1]]);
});

test('who is there is known, and known to be old while the connection is away', async (t) => {
  const { proxy, stage, users, annas, bens } = await behindProxy(t);
  const { presence } = annas.room;
  const present = await until(presence, ({ online: ids }) => ids.length === 2);
  assert.deepEqual([present.memberCount, present.socketCount, present.isCurrent], [2, 2, true]);

  await stage.server.kill();
  const old = await until(presence, ({ isCurrent }) => !isCurrent);
  assert.deepEqual(old.online, present.online);
  bens.client.close();
  await stage.server.launch();

  const alone = await until(presence, ({ isCurrent }) => isCurrent);
  assert.deepEqual(alone.online, [users[0].id]);
  assert.ok(proxy.size > 0);
});

test('a page of a long list is no news of the room', async (t) => {
  const stage = await Stage.for(t, { CHAT_ROOMS__ONLINE_MEMBERS_LISTED: '2' });
  const { users, people } = await stage.roomOf(['anna', 'ben', 'cid']);
  const [{ room }] = people;
  const ids = users.map(({ id }) => id).sort();
  const { nextCursor, isTruncated } = await until(
    room.presence,
    ({ memberCount, isCurrent }) => isCurrent && memberCount === 3,
  );
  const seen = [];
  room.presence.subscribe(() => seen.push(room.presence.getSnapshot().online));

  const page = await room.members({ cursor: nextCursor });
  await room.members();
  await room.markRead(0);

  assert.ok(isTruncated);
  assert.deepEqual(page.onlineMembers, ids.slice(2));
  assert.deepEqual(seen, []);
  assert.deepEqual(room.presence.getSnapshot().online, ids.slice(0, 2));
});

test('others see who types, and that it ends', async (t) => {
  const stage = await Stage.for(t);
  const { users, people } = await stage.roomOf(['anna', 'ben']);
  const [annas, bens] = people.map(({ room }) => room);
  const anna = { userId: users[0].id, userName: 'anna' };
  const isShown = (typists) => typists.length === 1;
  const isOver = (typists) => typists.length === 0;
  const endings = {
    stop: () => annas.stopTyping(),
    message: () => annas.send('done'),
    leaving: () => annas.leave(),
  };

  for (const end of Object.values(endings)) {
    annas.typing();
    annas.typing();
    assert.deepEqual(await until(bens.typists, isShown), [anna]);
    await end();
    await until(bens.typists, isOver);
  }
});

test('what is unread is known after asking, and kept up', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [{ room: annas }] = people;
  const bens = await stage.enter(users[1]);
  people[1].client.close();
  const { unread } = bens;
  const unreadOf = (count) => until(unread, (all) => all[group.id]?.unreadCount === count);

  await annas.send('one');
  const [entry] = await bens.groups();
  assert.deepEqual([entry.id, entry.unreadCount, entry.lastMessage.content], [group.id, 1, 'one']);
  await unreadOf(1);
  await annas.send('two');
  await unreadOf(2);
  const room = await bens.join(group.id, { after: 'start' });
  assert.deepEqual(contents(room.messages.getSnapshot()), ['one', 'two']);
  assert.deepEqual(await room.markRead(1), { lastReadSeq: 1, unreadCount: 1 });
  await room.markRead();

  await unreadOf(0);
});

test('what became unread while the connection was away is known after it', async (t) => {
  const stage = await Stage.for(t);
  const [anna, ben] = await stage.users('anna', 'ben');
  const group = await stage.group(anna, ben);
  const client = await stage.enter(ben, { backoff: { baseMs: 60_000, maxMs: 60_000 } });
  await client.groups();
  await stage.server.kill();
  await until(client.status, ({ state }) => state === 'waiting');
  await stage.server.launch();

  await stage.does(anna, 'POST', `/groups/${group.id}/messages`, { content: 'meanwhile' });
  await client.connect();

  await until(client.unread, (all) => all[group.id].unreadCount === 1);
});

test('changes of the group are told', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [, { client }] = people;
  const [updated, promoted] = [next(client, 'group_updated'), next(client, 'member_updated')];

  await stage.does(users[0], 'PATCH', `/groups/${group.id}`, { name: 'Gophers' });
  await stage.does(users[0], 'PATCH', `/groups/${group.id}/members/${users[1].id}`, { role: 'MODERATOR' });

  assert.equal((await updated).name, 'Gophers');
  assert.deepEqual(await promoted, { groupId: group.id, userId: users[1].id, role: 'MODERATOR' });
});

test('a room that cannot be entered in time is given up', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const client = stage.client(anna);

  await assert.rejects(client.join('g', { timeoutMs: 20 }), { code: 'TIMEOUT', groupId: 'g' });

  assert.equal(client.room('g'), undefined);
});
