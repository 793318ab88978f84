// Messages that are sent once, whatever happens: against the real server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NO_LIMITS } from '../../../tests/js/support/server.js';
import { eventually } from '../../../tests/js/support/wait.js';
import { Proxy } from './support/proxy.js';
import { next, online, range, Stage, until } from './support/stage.js';
import { Storage } from './support/storage.js';

async function historyOf(stage, user, group) {
  const { items } = await stage.does(user, 'GET', `/groups/${group.id}/messages?limit=100`);
  return items.map(({ content }) => content);
}

test('a message is acknowledged as it is stored', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [annas, bens] = people;

  const first = await annas.room.send('  hello ');
  const draft = { content: 'again', type: 'FILE', replyToId: first.id, clientMessageId: 'c-2' };
  const second = await annas.room.send(draft);

  assert.deepEqual([first.content, first.senderId, first.seq, first.groupId], ['hello', users[0].id, 1, group.id]);
  assert.deepEqual([second.type, second.clientMessageId, second.replyTo.id], ['FILE', 'c-2', first.id]);
  assert.deepEqual(await until(bens.room.messages, (messages) => messages.length === 2), [first, second]);
  assert.deepEqual(annas.room.pending.getSnapshot(), []);
});

test('more than the limits allow goes as fast as they allow, in order', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna']);
  const [{ room, heard }] = people;
  const wanted = range(1, 25).map((number) => `number ${number}`);

  await Promise.all(wanted.map((content) => room.send(content)));

  assert.deepEqual(await historyOf(stage, users[0], group), wanted);
  await eventually(() => heard.length === 25, 'all of them');
});

test('the same message from two tabs is one message', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const secondTab = await stage.join(await stage.enter(users[0]), group);
  const draft = { content: 'once', clientMessageId: 'c-1' };

  const [first, same, third] = await Promise.all([
    people[0].room.send(draft),
    people[0].room.send(draft),
    secondTab.room.send(draft),
  ]);

  assert.deepEqual([same, third], [first, first]);
  assert.deepEqual(await historyOf(stage, users[0], group), ['once']);
});

test('an answer that is lost does not double the message', async (t) => {
  const stage = await Stage.for(t, NO_LIMITS);
  const proxy = await Proxy.start(stage.server.port);
  t.after(() => proxy.close());
  const { group, users, people } = await stage.roomOf(['anna', 'ben'], { url: proxy.url });
  const direct = await stage.join(await stage.enter(users[1]), group);
  const wanted = range(1, 5).map((number) => `number ${number}`);

  for (const content of wanted) {
    proxy.mute();
    const sent = people[0].room.send(content);
    await until(direct.room.messages, (messages) => messages.at(-1)?.content === content);
    proxy.cut();
    await sent;
  }

  assert.deepEqual(await historyOf(stage, users[0], group), wanted);
  await eventually(() => people[1].heard.length === 5, 'all of them');
  assert.deepEqual(people[1].heard, range(1, 5));
});

test('what is wrong with a message is said, and the next one goes', async (t) => {
  const stage = await Stage.for(t);
  const { people } = await stage.roomOf(['anna']);
  const [{ client, room }] = people;
  const { socketId } = client.status.getSnapshot().session;
  const failed = next(client, 'send_failed');

  const sends = [
    room.send(' '),
    room.send({ content: 'x', replyToId: 'nonsense' }),
    room.send('x'.repeat(200_000)),
    room.send('fine'),
  ];

  await assert.rejects(sends[0], ({ code, details, mayBeRetried }) => {
    return code === 'VALIDATION_ERROR' && details[0].field === 'content' && !mayBeRetried;
  });
  await assert.rejects(sends[1], { code: 'VALIDATION_ERROR' });
  await assert.rejects(sends[2], { code: 'PAYLOAD_TOO_LARGE' });
  assert.equal((await sends[3]).content, 'fine');
  assert.equal((await failed).message.content, ' ');
  assert.equal(client.status.getSnapshot().session.socketId, socketId);
});

test('what is written without a connection is shown as pending, and goes when there is one', async (t) => {
  const stage = await Stage.for(t);
  const { people } = await stage.roomOf(['anna', 'ben']);
  const [annas, bens] = people;
  await stage.server.kill();
  await until(annas.client.status, (status) => !online(status));

  const sends = [annas.room.send('one'), annas.room.send('two')];
  assert.deepEqual(
    annas.room.pending.getSnapshot().map(({ content }) => content),
    ['one', 'two'],
  );
  await stage.server.launch();

  await Promise.all(sends);
  assert.deepEqual(annas.room.pending.getSnapshot(), []);
  await until(bens.room.messages, (messages) => messages.map(({ content }) => content).join() === 'one,two');
});

test('what a page left unsent goes with the next one, before what that writes', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [anna] = users;
  const outbox = new Storage();
  const page = await stage.join(await stage.enter(anna, { outbox }), group);
  await page.room.send('sent');
  await stage.server.kill();
  await until(page.client.status, (status) => !online(status));
  const unsent = ['one', 'two'].map((content) => page.room.send(content));
  await eventually(() => outbox.kept.size === 2, 'both to be stored');
  page.client.close();
  for (const each of unsent) await assert.rejects(each, { code: 'CLOSED' });
  await stage.server.launch();

  const nextPage = await stage.join(await stage.enter(anna, { outbox }), group);
  await nextPage.room.send('three');

  assert.deepEqual(await historyOf(stage, anna, group), ['sent', 'one', 'two', 'three']);
  await eventually(() => outbox.kept.size === 0, 'nothing to be kept');
  await eventually(() => people[1].heard.length === 4, 'all of them');
});

test('what cannot be stored is not sent', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const group = await stage.group(anna);
  const outbox = new Storage();
  const { room } = await stage.join(await stage.enter(anna, { outbox }), group);

  outbox.isBroken = true;
  await assert.rejects(
    room.send('lost'),
    ({ code, cause }) => code === 'STORAGE_FAILED' && cause.message === 'the disk is full',
  );
  outbox.isBroken = false;
  await room.send('kept');

  assert.deepEqual(await historyOf(stage, anna, group), ['kept']);
});

test('an outbox that cannot be loaded is told, and new messages go', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const group = await stage.group(anna);
  const outbox = new Storage();
  outbox.load = () => Promise.reject(new Error('the disk is broken'));
  const client = stage.client(anna, { outbox });
  const error = next(client, 'error');
  await client.connect();

  const { room } = await stage.join(client, group);
  await room.send('new');

  assert.equal((await error).code, 'STORAGE_FAILED');
});

test('who does not want to wait for ever can say so, and there is a limit to what waits', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const group = await stage.group(anna);
  const { client, room } = await stage.join(await stage.enter(anna, { mostPending: 2 }), group);
  await stage.server.kill();
  await until(client.status, (status) => !online(status));

  await assert.rejects(room.send('in vain', { timeoutMs: 20 }), { code: 'TIMEOUT' });
  assert.deepEqual(room.pending.getSnapshot(), []);
  const [first, second] = [room.send('one'), room.send('two')];
  await assert.rejects(room.send('three'), { code: 'OUTBOX_FULL' });
  await stage.server.launch();

  await Promise.all([first, second]);
});
