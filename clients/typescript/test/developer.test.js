// What tools and pages for developers need: the HTTP API, a token at once, and a view of what goes over the connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { secondsFromNow } from '../../../tests/js/support/token.js';
import { Stage, statesOf } from './support/stage.js';

test('the HTTP API answers as it answers the user, and an empty answer is nothing', async (t) => {
  const stage = await Stage.for(t);
  const [anna, ben] = await stage.users('anna', 'ben');
  const client = stage.client(anna);

  const group = await client.request('POST', '/groups', { name: 'Tea' });
  const member = await client.request('POST', `/groups/${group.id}/members`, { userId: ben.id });
  const removed = await client.request('DELETE', `/groups/${group.id}/members/${ben.id}`);

  assert.deepEqual([group.name, group.role, member.userId, removed], ['Tea', 'OWNER', ben.id, undefined]);
  const refused = { name: 'ChatError', code: 'CONFLICT', mayBeRetried: false };
  await assert.rejects(client.request('DELETE', `/groups/${group.id}/members/${anna.id}`), refused);
});

test('a new token is brought when it is wanted, on the same connection', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const names = ['Anna', 'Anne'];
  const client = await stage.enter(anna, { token: () => stage.token({ ...anna, name: names.shift() }) });
  const states = statesOf(client);

  await client.renewToken();

  assert.deepEqual(states, []);
  assert.equal((await client.request('GET', '/users/me')).name, 'Anne');
});

test('without a connection, the next one begins with a new token', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const lives = [3_600, 60];
  const client = stage.client(anna, { token: () => stage.token(anna, { exp: secondsFromNow(lives.shift()) }) });
  await client.request('GET', '/users/me');

  await client.renewToken();
  const { serverTime, tokenExpiresAt } = await client.connect();

  assert.ok(Date.parse(tokenExpiresAt) - Date.parse(serverTime) <= 60_000);
});

test('what goes over the connection can be looked at, in order', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const group = await stage.group(anna);
  const client = stage.client(anna);
  const seen = [];
  client.on('traffic', ({ kind, event }) => seen.push(`${kind} ${event}`));
  await client.connect();
  const room = await client.join(group.id);

  await room.send('hello');

  const joining = ['sent join_group', 'answered join_group', 'received joined_group_success'];
  assert.deepEqual([seen[0], ...joining], ['received session', ...seen.filter((line) => joining.includes(line))]);
  assert.ok(seen.indexOf('sent send_message') < seen.indexOf('answered send_message'));
  assert.ok(seen.includes('received message_received'));
});
