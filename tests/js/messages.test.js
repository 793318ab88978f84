// Sending: what a message looks like, what is accepted, and that sending again is safe.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { assertError } from './support/client.js';
import { unique, World } from './support/provision.js';
import { NO_LIMITS } from './support/server.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RFC3339_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const LONGEST = 4_000;

const world = await World.start(NO_LIMITS);
after(() => world.close());

test('the answer, the broadcast and the history carry the same message, with every field', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const [anna] = users;
  const [annas, bens] = clients;
  const groupId = group.id;

  const first = await annas.ok('send_message', { groupId, content: 'hello', somethingUnknown: 1 });
  const second = await annas.ok('send_message', { groupId, content: 'again', type: 'FILE', clientMessageId: 'c-1' });

  const user = { id: anna.id, name: anna.name, image: anna.image };
  const { id, createdAt } = first;
  assert.match(id, UUID_V7);
  assert.match(createdAt, RFC3339_MS);
  assert.deepEqual(first, {
    id, groupId, seq: 1, updatedSeq: 1, senderId: anna.id, content: 'hello', type: 'TEXT',
    replyToId: null, clientMessageId: null, createdAt, editedAt: null, deletedAt: null,
    user, replyTo: null, attachments: [], reactions: [],
  });
  assert.deepEqual([second.seq, second.type, second.clientMessageId], [2, 'FILE', 'c-1']);
  for (const client of [annas, bens]) {
    await client.waitFor('message_received', ({ seq }) => seq === 2);
    assert.deepEqual(client.all('message_received'), [first, second]);
  }
  const { messages } = await bens.ok('get_group_messages', { groupId });
  assert.deepEqual(messages, [first, second]);
});

const CLEANED = {
  '  spaces around \n\t ': 'spaces around',
  'one\r\ntwo\nthree\r\n\r\nfour': 'one\ntwo\nthree\n\nfour',
  'a\u0000b\u0007c\u001bd\u007fe\u009ff': 'abcdef',
  'tab\tand\nnewline stay': 'tab\tand\nnewline stay',
  '\u00a0\u3000wide spaces\u2003': 'wide spaces',
  '\u0000 \u0001 inside out \u0002 \u0003': 'inside out',
  '<b>&amp;</b> $1 \' " \\ %s {{x}}': '<b>&amp;</b> $1 \' " \\ %s {{x}}',
  'à 👩‍👩‍👧 ﷽ \u202e': 'à 👩‍👩‍👧 ﷽ \u202e',
};

test('content is trimmed and freed of control characters, and otherwise left alone', async () => {
  const { group, clients } = await world.room('anna');
  for (const [raw, clean] of Object.entries(CLEANED)) {
    const { content } = await clients[0].ok('send_message', { groupId: group.id, content: raw });

    assert.equal(content, clean);
  }
});

test('content has 1 to 4,000 characters, counted as Unicode scalars after cleaning', async () => {
  const { group, clients } = await world.room('anna');
  const [annas] = clients;
  const message = (content) => ({ groupId: group.id, content });

  for (const one of ['x', 'é', '😀']) {
    const longest = one.repeat(LONGEST);
    assert.equal((await annas.ok('send_message', message(longest))).content, longest);
    assert.equal((await annas.ok('send_message', message(` \r\n${longest}\u0000 `))).content, longest);
    await annas.fails('VALIDATION_ERROR', 'send_message', message(longest + one));
  }
  for (const nothing of ['', ' ', '\n\t\r\n', '\u0000\u0001', ' \u0007 ']) {
    await annas.fails('VALIDATION_ERROR', 'send_message', message(nothing));
  }
});

test('clients send five types, and SYSTEM is not among them', async () => {
  const { group, clients } = await world.room('anna');
  const [annas] = clients;

  for (const type of ['TEXT', 'IMAGE', 'VIDEO', 'AUDIO', 'FILE']) {
    assert.equal((await annas.ok('send_message', { groupId: group.id, content: 'x', type })).type, type);
  }
  for (const type of ['SYSTEM', 'text', 'OTHER', '']) {
    await annas.fails('VALIDATION_ERROR', 'send_message', { groupId: group.id, content: 'x', type });
  }
});

test('attachments are refused until files exist', async () => {
  const { group, clients } = await world.room('anna');
  const message = { groupId: group.id, content: 'x' };

  const { attachments } = await clients[0].ok('send_message', { ...message, attachmentIds: [] });
  await clients[0].fails('VALIDATION_ERROR', 'send_message', { ...message, attachmentIds: [unique('file')] });

  assert.deepEqual(attachments, []);
});

test('a reply quotes a message of the same group, and no other', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const [anna, ben] = users;
  const [annas, bens] = clients;
  const elsewhere = await world.group(anna);
  await annas.ok('join_group', elsewhere.id);
  const foreign = await annas.ok('send_message', { groupId: elsewhere.id, content: 'a secret' });
  const question = await annas.ok('send_message', { groupId: group.id, content: 'why?' });
  const reply = { groupId: group.id, content: 'because' };

  const answer = await bens.ok('send_message', { ...reply, replyToId: question.id });
  const toAnother = await annas.fails('VALIDATION_ERROR', 'send_message', { ...reply, replyToId: foreign.id });
  const absent = foreign.id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  const toNothing = await annas.fails('VALIDATION_ERROR', 'send_message', { ...reply, replyToId: absent });

  assert.equal(answer.replyToId, question.id);
  assert.equal(answer.user.id, ben.id);
  assert.deepEqual(answer.replyTo, { id: question.id, content: 'why?', user: { id: anna.id, name: anna.name } });
  assert.deepEqual(await annas.waitFor('message_received', ({ id }) => id === answer.id), answer);
  assert.equal(toAnother.message.replaceAll(foreign.id, ''), toNothing.message.replaceAll(absent, ''));
});

test('sending needs this very socket in the room', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const otherTab = await world.connect(users[0]);
  const message = { groupId: group.id, content: 'x' };

  await otherTab.fails('FORBIDDEN', 'send_message', message);
  await clients[0].ok('leave_group', group.id);
  await clients[0].fails('FORBIDDEN', 'send_message', message);

  const { messages } = await clients[1].ok('get_group_messages', { groupId: group.id });
  assert.deepEqual(messages, []);
});

test('who left hears of no message any more', async () => {
  const { group, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;

  await bens.ok('leave_group', group.id);
  for (let number = 1; number <= 5; number += 1) {
    await annas.ok('send_message', { groupId: group.id, content: `number ${number}` });
  }
  await bens.waitFor('unread_update');
  await bens.settle();

  assert.deepEqual(bens.all('message_received'), []);
});

test('a message sent again with its clientMessageId is stored and told once', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;
  const message = { groupId: group.id, content: 'once', clientMessageId: unique('retry') };
  const otherTab = await world.connect(users[0]);
  await otherTab.ok('join_group', group.id);

  const first = await annas.emitAck('send_message', message);
  const again = await annas.emitAck('send_message', { ...message, content: 'changed' });
  const fromOtherTab = await otherTab.emitAck('send_message', message);
  const byAnother = await bens.emitAck('send_message', message);

  assert.equal(first.ok, true);
  assert.notEqual(first.duplicate, true);
  assert.deepEqual(again, { ok: true, data: first.data, duplicate: true });
  assert.deepEqual(fromOtherTab, again);
  assert.equal(byAnother.ok, true);
  assert.notEqual(byAnother.duplicate, true);
  await bens.waitFor('message_received', ({ seq }) => seq === 2);
  assert.deepEqual(bens.all('message_received'), [first.data, byAnother.data]);
});

test('the same message from two sockets at the same moment is stored and told once', async () => {
  const { group, users, clients } = await world.room('anna', 'ben');
  const [annas, bens] = clients;
  const otherTab = await world.connect(users[0]);
  await otherTab.ok('join_group', group.id);
  const ROUNDS = 20;

  for (let round = 1; round <= ROUNDS; round += 1) {
    const message = { groupId: group.id, content: `round ${round}`, clientMessageId: `round-${round}` };
    const answers = await Promise.all([annas, otherTab].map((tab) => tab.emitAck('send_message', message)));

    assert.deepEqual(answers.map(({ ok }) => ok), [true, true]);
    assert.equal(answers.filter(({ duplicate }) => duplicate === true).length, 1);
    assert.deepEqual(answers[0].data, answers[1].data);
  }

  await bens.waitFor('message_received', ({ seq }) => seq === ROUNDS);
  const seqs = bens.all('message_received').map(({ seq }) => seq);
  assert.deepEqual(seqs, Array.from({ length: ROUNDS }, (_, index) => index + 1));
});

test('a clientMessageId has 1 to 64 printable ASCII characters without a space', async () => {
  const { group, clients } = await world.room('anna');
  const [annas] = clients;
  const message = (clientMessageId) => ({ groupId: group.id, content: 'x', clientMessageId });

  for (const id of ['!', '~', 'a:b/c?d=e&f#"\'\\{}', 'x'.repeat(64)]) {
    assert.equal((await annas.ok('send_message', message(id))).clientMessageId, id);
  }
  for (const id of ['', 'x'.repeat(65), 'a b', 'tab\t', 'line\n', 'ü', '😀', '\u007f']) {
    await annas.fails('VALIDATION_ERROR', 'send_message', message(id));
  }
});

test('a refused message without a callback arrives as an error event', async () => {
  const { group, clients } = await world.room('anna');
  const [annas] = clients;

  annas.emit('send_message', { groupId: group.id, content: '' });
  const error = await annas.waitFor('error');

  assertError(error, 'VALIDATION_ERROR');
  assert.equal(error.event, 'send_message');
  assert.ok(error.details.some(({ field }) => field === 'content'));
  assert.deepEqual(annas.all('message_received'), []);
});
