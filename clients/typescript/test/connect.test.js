// Connecting, tokens, and coming back: against the real server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChatError } from 'chat-server-client';

import { next, online, Stage, statesOf, until } from './support/stage.js';

for (const transports of [undefined, ['websocket'], ['polling']]) {
  test(`a client connects over ${transports ?? 'what there is'}, and says so`, async (t) => {
    const stage = await Stage.for(t);
    const [anna] = await stage.users('anna');
    const client = stage.client(anna, transports ? { socket: { transports } } : {});
    const states = statesOf(client);

    const session = await client.connect();
    client.close();

    assert.deepEqual([session.userId, session.limits.messageBurst], [anna.id, 10]);
    assert.deepEqual(states, ['connecting', 'online', 'closed']);
  });
}

test('a token that is refused is replaced, once', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const given = [];
  const tokens = ['nonsense', anna.token, 'nonsense', 'nonsense'];
  const token = () => given[given.push(tokens.shift()) - 1];

  const first = await stage.enter(anna, { token });
  assert.equal(first.status.getSnapshot().session.userId, anna.id);
  const second = stage.client(anna, { token });
  const ended = next(second, 'ended');

  await assert.rejects(second.connect(), { code: 'UNAUTHORIZED', mayBeRetried: false });
  assert.equal((await ended).code, 'UNAUTHORIZED');
  assert.equal(second.status.getSnapshot().state, 'ended');
  assert.equal(given.length, 4);
});

test('who has given up can begin again', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  let token = 'nonsense';
  const client = stage.client(anna, { token: () => token });
  await assert.rejects(client.connect(), { code: 'UNAUTHORIZED' });

  token = anna.token;

  assert.equal((await client.connect()).userId, anna.id);
});

test('a provider that fails is asked again, unless the user has signed out', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  let failures = 2;
  const stumbling = () => {
    failures -= 1;
    if (failures >= 0) throw new Error('the backend is away');
    return anna.token;
  };
  const signedOut = () => Promise.reject(new ChatError('UNAUTHORIZED', 'signed out'));

  await stage.enter(anna, { token: stumbling });

  await assert.rejects(stage.client(anna, { token: signedOut }).connect(), { message: 'signed out' });
});

test('who is sent away stays away, and comes back where he was when he wants to', async (t) => {
  const stage = await Stage.for(t);
  const { group, users, people } = await stage.roomOf(['anna', 'ben']);
  const [annas, bens] = people;
  const ended = next(annas.client, 'ended');

  await stage.admin('DELETE', `/users/${users[0].id}/sessions`);
  assert.equal((await ended).code, 'EVICTED');
  await bens.room.send('while anna is away');
  await annas.client.connect();

  await until(annas.room.messages, (messages) => messages.length === 1);
  assert.equal(annas.client.room(group.id), annas.room);
});

test('who finds no place waits for one', async (t) => {
  const stage = await Stage.for(t, { CHAT_LIMITS__CONNECTIONS_PER_USER: '1' });
  const [anna] = await stage.users('anna');
  const first = await stage.enter(anna);
  const second = stage.client(anna);
  const connected = second.connect();
  await until(second.status, ({ error }) => error?.code === 'CONNECTION_LIMIT');

  first.close();

  assert.equal((await connected).userId, anna.id);
});

for (const how of ['stop', 'kill']) {
  test(`after ${how === 'stop' ? 'a stop' : 'a kill'} of the server, clients come back by themselves`, async (t) => {
    const stage = await Stage.for(t, { CHAT_SHUTDOWN__GRACE_MS: '1000' });
    const { people } = await stage.roomOf(['anna', 'ben']);
    const [annas, bens] = people;

    await stage.server[how]();
    await until(annas.client.status, (status) => !online(status));
    await stage.server.launch();

    const sent = await annas.room.send('still here');
    await until(bens.room.messages, (messages) => messages.at(-1)?.id === sent.id);
  });
}

test('a server that is not there is waited for', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  await stage.server.kill();
  const client = stage.client(anna);

  await assert.rejects(client.connect(50), { code: 'TIMEOUT', mayBeRetried: true });
  const { error } = await until(client.status, ({ state }) => state === 'waiting');
  assert.equal(error.code, 'UNREACHABLE');
  await stage.server.launch();

  await client.connect();
});

test('a closed client is over: what waits is rejected', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  await stage.server.kill();
  const client = stage.client(anna);
  const waiting = [client.connect(), client.join('g')];

  client.close();

  for (const each of [...waiting, client.connect(), client.join('g')]) {
    await assert.rejects(each, { code: 'CLOSED', mayBeRetried: false });
  }
});

test('who closes a client while it begins to connect is not connected after all', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  let asked = 0;
  const client = stage.client(anna, { token: () => (asked += 1) });
  client.status.subscribe(() => client.status.getSnapshot().state === 'connecting' && client.close());

  await assert.rejects(client.connect(), { code: 'CLOSED' });

  assert.equal(asked, 0);
});
