// Reading back: pages, catching up while joining, and what is unread.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

const world = await World.start(NO_LIMITS);
after(() => world.close());

const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
const seqs = (messages) => messages.map(({ seq }) => seq);

/** Lets that client, who is in the room, send so many messages; returns them. */
async function write(client, group, howMany) {
  const contents = range(1, howMany).map((number) => `number ${number}`);
  return Promise.all(contents.map((content) => client.ok('send_message', { groupId: group.id, content })));
}

test('pages lead from the newest message back to the first', async () => {
  const { group, clients } = await world.room('anna', 'ben');
  const groupId = group.id;
  const written = await write(clients[0], group, 7);
  const bens = clients[1];

  const pages = [];
  let cursor;
  do {
    const page = await bens.ok('get_group_messages', { groupId, limit: 3, cursor });
    pages.push(page);
    cursor = page.nextCursor;
  } while (cursor !== null && pages.length < 5);

  assert.deepEqual(pages.map(({ messages }) => seqs(messages)), [[5, 6, 7], [2, 3, 4], [1]]);
  assert.deepEqual(pages.map(({ hasNextPage }) => hasNextPage), [true, true, false]);
  assert.deepEqual(pages.flatMap(({ messages }) => messages).sort((a, b) => a.seq - b.seq), written);
  assert.deepEqual(Object.keys(pages[0]).sort(), ['groupId', 'hasNextPage', 'messages', 'nextCursor']);
  await bens.settle();
  assert.deepEqual(bens.all('group_messages'), pages);
});

test('a cursor keeps its place while new messages come in', async () => {
  const { group, clients } = await world.room('anna');
  const groupId = group.id;
  await write(clients[0], group, 4);

  const { nextCursor } = await clients[0].ok('get_group_messages', { groupId, limit: 2 });
  await write(clients[0], group, 3);
  const older = await clients[0].ok('get_group_messages', { groupId, limit: 2, cursor: nextCursor });

  assert.deepEqual(seqs(older.messages), [1, 2]);
});

test('afterSeq leads from a known message on to the newest', async () => {
  const { group, clients } = await world.room('anna');
  const [annas] = clients;
  await write(annas, group, 6);
  const after = async (afterSeq, limit) => {
    const page = await annas.ok('get_group_messages', { groupId: group.id, limit, afterSeq });
    assert.equal(page.nextCursor, null);
    return [seqs(page.messages), page.hasNextPage];
  };

  assert.deepEqual(await after(0, 4), [[1, 2, 3, 4], true]);
  assert.deepEqual(await after(4, 4), [[5, 6], false]);
  assert.deepEqual(await after(2, 4), [[3, 4, 5, 6], false]);
  assert.deepEqual(await after(6), [[], false]);
  assert.deepEqual(await after(1_000_000), [[], false]);
});

test('a page has 50 messages unless told otherwise, and at most 100', async () => {
  const { group, clients } = await world.room('anna');
  await write(clients[0], group, 101);
  const page = async (limit) => {
    const { messages } = await clients[0].ok('get_group_messages', { groupId: group.id, limit });
    return seqs(messages);
  };

  assert.deepEqual(await page(), range(52, 101));
  assert.deepEqual(await page(100), range(2, 101));
  assert.deepEqual(await page(1), [101]);
});

test('a page that cannot be is refused', async () => {
  const { group, clients } = await world.room('anna');
  await write(clients[0], group, 3);
  const groupId = group.id;
  const { nextCursor } = await clients[0].ok('get_group_messages', { groupId, limit: 1 });

  for (const wrong of [{ limit: 0 }, { limit: 101 }, { limit: -1 }, { cursor: 'no such cursor' }, { afterSeq: -1 }]) {
    await clients[0].fails('VALIDATION_ERROR', 'get_group_messages', { groupId, ...wrong });
  }
  await clients[0].fails('VALIDATION_ERROR', 'get_group_messages', { groupId, cursor: nextCursor, afterSeq: 1 });
});

test('a member reads what was said before he came, without being in the room', async () => {
  const { group, clients } = await world.room('anna');
  const written = await write(clients[0], group, 3);
  const ben = await world.user('ben');
  await world.addMember(group, ben);

  const { messages } = await (await world.connect(ben)).ok('get_group_messages', { groupId: group.id });

  assert.deepEqual(messages, written);
});

test('joining with afterSeq brings the answer, the success, the missed messages, then live ones', async () => {
  const { group, users, clients } = await world.room('anna');
  const TOTAL = 90;
  const second = await world.connect(users[0]);
  await write(clients[0], group, 10);

  const sending = write(clients[0], group, TOTAL - 10);
  const order = [];
  second.socket.onAny((event) => order.push(event));
  second.socket.emit('join_group', { groupId: group.id, afterSeq: 5, limit: 100 }, () => order.push('ack'));
  await sending;
  const joined = await second.waitFor('joined_group_success');
  const missed = await second.waitFor('group_messages');
  if (joined.lastSeq < TOTAL) await second.waitFor('message_received', ({ seq }) => seq === TOTAL);
  await second.settle();

  assert.equal(joined.reset, false);
  const firsts = ['ack', 'joined_group_success', 'group_messages', 'message_received'];
  const seen = firsts.map((event) => order.indexOf(event)).filter((index) => index >= 0);
  assert.deepEqual([...seen].sort((a, b) => a - b), seen);
  assert.ok(seen.length >= 3);
  assert.deepEqual(seqs(missed.messages), range(6, joined.lastSeq));
  assert.equal(missed.hasNextPage, false);
  assert.deepEqual(seqs(second.all('message_received')), range(joined.lastSeq + 1, TOTAL));
});

test('who missed more than a page reads on with afterSeq', async () => {
  const { group, users, clients } = await world.room('anna');
  await write(clients[0], group, 8);
  const second = await world.connect(users[0]);

  const { lastSeq } = await second.ok('join_group', { groupId: group.id, afterSeq: 2, limit: 4 });
  const first = await second.waitFor('group_messages');
  const rest = await second.ok('get_group_messages', { groupId: group.id, afterSeq: 6 });

  assert.equal(lastSeq, 8);
  assert.deepEqual([seqs(first.messages), first.hasNextPage, first.nextCursor], [[3, 4, 5, 6], true, null]);
  assert.deepEqual([seqs(rest.messages), rest.hasNextPage], [[7, 8], false]);
});

test('who missed nothing is told so, and who did not ask gets no page', async () => {
  const { group, users, clients } = await world.room('anna');
  await write(clients[0], group, 2);
  const [asking, silent] = await world.connectAll([users[0], users[0]]);

  await asking.ok('join_group', { groupId: group.id, afterSeq: 2 });
  const page = await asking.waitFor('group_messages');
  await silent.ok('join_group', { groupId: group.id });
  await silent.settle();

  assert.deepEqual(page, { groupId: group.id, messages: [], hasNextPage: false, nextCursor: null });
  assert.deepEqual(silent.all('group_messages'), []);
});

test('a client that knows more than the group, or another epoch, starts afresh', async () => {
  const { group, users, clients } = await world.room('anna');
  const groupId = group.id;
  await write(clients[0], group, 5);
  const { epoch } = await clients[0].ok('join_group', groupId);
  const another = typeof epoch === 'number' ? epoch + 1 : `${epoch.slice(0, -1)}${epoch.endsWith('0') ? '1' : '0'}`;
  const join = async (argument) => {
    const client = await world.connect(users[0]);
    const { reset } = await client.ok('join_group', { groupId, limit: 3, ...argument });
    const { messages, hasNextPage } = await client.waitFor('group_messages');
    return { reset, seqs: seqs(messages), hasNextPage };
  };

  const afresh = { reset: true, seqs: [3, 4, 5], hasNextPage: true };
  assert.deepEqual(await join({ afterSeq: 6 }), afresh);
  assert.deepEqual(await join({ afterSeq: 6, epoch }), afresh);
  assert.deepEqual(await join({ afterSeq: 4, epoch: another }), afresh);
  assert.deepEqual(await join({ afterSeq: 4, epoch }), { reset: false, seqs: [5], hasNextPage: false });
});

test('marking as read tells every tab, moves forwards only, and never past the end', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const groupId = group.id;
  const [annas, bens] = clients;
  const bensPhone = await world.connect(users[1]);
  await write(annas, group, 4);
  await write(bens, group, 1);

  const steps = [
    [{ groupId, seq: 1 }, { lastReadSeq: 1, unreadCount: 3 }],
    [{ groupId, seq: 3 }, { lastReadSeq: 3, unreadCount: 1 }],
    [{ groupId, seq: 2 }, { lastReadSeq: 3, unreadCount: 1 }],
    [{ groupId, seq: 1_000 }, { lastReadSeq: 5, unreadCount: 0 }],
  ];
  for (const [argument, expected] of steps) {
    assert.deepEqual(await bens.ok('mark_read', argument), expected);
  }

  const isFinal = ({ lastReadSeq }) => lastReadSeq === 5;
  for (const client of [bens, bensPhone]) {
    assert.deepEqual(await client.waitFor('unread_update', isFinal), { groupId, lastReadSeq: 5, unreadCount: 0 });
  }
  await annas.settle();
  assert.deepEqual(annas.all('unread_update'), []);
});

test('members who are connected but not in the room are told what is unread, in batches', async () => {
  const { group, clients } = await world.party('anna', 'ben', 'cleo');
  const groupId = group.id;
  const [annas, bens, cleos] = clients;
  await annas.ok('join_group', groupId);
  await cleos.ok('join_group', groupId);
  await write(annas, group, 2);
  await bens.ok('mark_read', { groupId, seq: 1 });
  const MORE = 30;

  await write(annas, group, MORE);
  const isLast = ({ unreadCount }) => unreadCount === MORE + 1;
  const last = await bens.waitFor('unread_update', isLast);
  await cleos.settle();

  assert.deepEqual(last, { groupId, lastReadSeq: 1, unreadCount: MORE + 1 });
  assert.ok(bens.all('unread_update').length < MORE / 2);
  assert.deepEqual(cleos.all('unread_update'), []);
});

test('reading and marking need membership', async () => {
  const { group } = await world.room('anna');
  const stranger = await world.connect(await world.user('stranger'));

  await stranger.fails('FORBIDDEN', 'get_group_messages', { groupId: group.id });
  await stranger.fails('FORBIDDEN', 'mark_read', { groupId: group.id, seq: 1 });
});
