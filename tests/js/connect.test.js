// Connecting: who is let in, what is said first, and how a token is renewed.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { World } from './support/provision.js';
import { secondsFromNow, sign } from './support/token.js';
import { PATIENCE_MS } from './support/wait.js';

const RFC3339_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ALLOWED_CONNECTIONS = 10;

const world = await World.start();
after(() => world.close());

test('the first event is the session, with limits and timings as data', async () => {
  const anna = await world.user('anna');
  const exp = secondsFromNow(600);
  const client = world.open({ token: world.token(anna, { exp }) });

  const session = await client.greeted();

  assert.equal(client.events[0][0], 'session');
  const fields = ['limits', 'serverTime', 'socketId', 'tokenExpiresAt', 'typing', 'userId', 'userName'];
  assert.deepEqual(Object.keys(session).sort(), fields);
  assert.equal(session.userId, anna.id);
  assert.equal(session.userName, anna.name);
  assert.equal(session.socketId, client.socket.id);
  assert.match(session.serverTime, RFC3339_MS);
  assert.equal(session.tokenExpiresAt, new Date(exp * 1000).toISOString());
  assert.deepEqual(Object.keys(session.typing).sort(), ['renewMs', 'ttlMs']);
  assert.equal(session.typing.ttlMs, 10_000);
  assert.ok(session.typing.renewMs > 0 && session.typing.renewMs < session.typing.ttlMs);
  assert.notDeepEqual(session.limits, {});
});

test('the token may come in the Authorization header, and auth.token wins over it', async () => {
  const [anna, ben] = await world.users('anna', 'ben');
  const extraHeaders = { Authorization: `Bearer ${anna.token}` };

  const byHeader = await world.open({ extraHeaders }).greeted();
  const byBoth = await world.open({ extraHeaders, token: ben.token }).greeted();

  assert.equal(byHeader.userId, anna.id);
  assert.equal(byBoth.userId, ben.id);
});

test('a token in the query is not looked at', async () => {
  const { token } = await world.user('anna');

  const refusal = await world.open({ query: { token, auth: token } }).refused();

  assert.match(refusal, /^UNAUTHORIZED: ./);
});

test('the first valid token creates the user, and a later one refreshes his name', async () => {
  const id = 'first-seen-by-token';
  const named = (name) => world.open({ token: world.token({ id, name }) }).greeted();

  const first = await named('Early');
  const second = await named('Late');

  assert.deepEqual([first.userId, first.userName], [id, 'Early']);
  assert.deepEqual([second.userId, second.userName], [id, 'Late']);
});

test('a token without sub names its user in userId, and a nameless user is called by his id', async () => {
  const token = sign({ userId: 'by-user-id', exp: secondsFromNow(60) }, world.server.secret);

  const session = await world.open({ token }).greeted();

  assert.deepEqual([session.userId, session.userName], ['by-user-id', 'by-user-id']);
});

const exp = secondsFromNow(3600);
const signed = (claims, header) => sign(claims, world.server.secret, header);
const WRONG_TOKENS = {
  'no token': undefined,
  'an empty token': '',
  garbage: 'garbage',
  'a token of three dots': '...',
  'a token that is a number': 17,
  'a token that is an object': { token: 'x' },
  'an expired token': signed({ sub: 'anna', exp: secondsFromNow(-60) }),
  'a token with another secret': sign({ sub: 'anna', exp }, 'another secret, also of 32 bytes or more'),
  'an unsigned token': signed({ sub: 'anna', exp }, { alg: 'none', typ: 'JWT' }),
  'a token that names another algorithm': signed({ sub: 'anna', exp }, { alg: 'HS384', typ: 'JWT' }),
  'a token that never expires': signed({ sub: 'anna' }),
  'a token without a user': signed({ exp }),
  'a user id with a space': signed({ sub: 'anna b', exp }),
  'a user id of 65 characters': signed({ sub: 'a'.repeat(65), exp }),
  'an empty user id': signed({ sub: '', exp }),
};

for (const [what, token] of Object.entries(WRONG_TOKENS)) {
  test(`${what} is refused, over both transports`, async () => {
    for (const transports of [['websocket'], ['polling']]) {
      const client = world.open({ token, transports });

      const refusal = await client.refused();

      assert.match(refusal, /^UNAUTHORIZED: ./);
      assert.deepEqual(client.events, []);
    }
  });
}

test('an event sent right after connect is never lost', async () => {
  const names = Array.from({ length: 40 }, (_, number) => `user${number}`);
  const users = await world.users(...names);
  const group = await world.group(...users);

  const clients = users.map(({ token }) => world.open({ token }));
  const answers = clients.map(async (client) => {
    await new Promise((resolve) => client.socket.once('connect', resolve));
    const joined = client.ok('join_group', group.id);
    const sent = client.ok('send_message', { groupId: group.id, content: 'at once' });
    return [await joined, await sent];
  });

  for (const [joined, sent] of await Promise.all(answers)) {
    assert.equal(joined.groupId, group.id);
    assert.equal(sent.content, 'at once');
  }
  for (const client of clients) assert.equal(client.events[0][0], 'session');
});

test('the eleventh connection of a user is refused until another one ends', async () => {
  const [anna, ben] = await world.users('anna', 'ben');
  const tabs = await world.connectAll(Array(ALLOWED_CONNECTIONS).fill(anna));

  assert.match(await world.open({ token: anna.token }).refused(), /^CONNECTION_LIMIT: ./);
  await world.connect(ben);
  for (const tab of tabs) await tab.settle();

  tabs[0].close();
  // The server learns of the end a moment later than this client.
  const deadline = Date.now() + PATIENCE_MS;
  let next;
  do {
    next = world.open({ token: anna.token });
    await next.until(() => next.refusal ?? next.find('session'), 'an answer');
  } while (next.refusal && Date.now() < deadline);
  assert.equal(next.find('session')?.userId, anna.id);
});

test('refresh_token takes a token of the same user only', async () => {
  const [anna, ben] = await world.users('anna', 'ben');
  const client = await world.connect(anna);
  const later = secondsFromNow(7200);

  const data = await client.ok('refresh_token', { token: world.token(anna, { exp: later }) });
  await client.fails('FORBIDDEN', 'refresh_token', { token: ben.token });
  await client.fails('UNAUTHORIZED', 'refresh_token', { token: 'garbage' });
  await client.fails('UNAUTHORIZED', 'refresh_token', { token: world.token(anna, { exp: secondsFromNow(-60) }) });

  assert.deepEqual(data, { tokenExpiresAt: new Date(later * 1000).toISOString() });
  await client.settle();
  assert.ok(client.socket.connected);
});

test('who renews his expired token stays, and who does not is closed after a grace time', async () => {
  const anna = await world.user('anna');
  // Within the leeway of 30 s a token still opens a connection; it ends with the leeway.
  const token = world.token(anna, { exp: secondsFromNow(-26) });
  const [renewing, idle] = await world.connectAll([{ ...anna, token }, { ...anna, token }]);

  const { disconnectInMs } = await renewing.waitFor('auth_expired');
  assert.ok(disconnectInMs > 0 && disconnectInMs <= 30_000);
  await idle.waitFor('auth_expired');
  await renewing.ok('refresh_token', { token: anna.token });
  const farewell = await idle.waitFor('session_closed', undefined, 30_000 + PATIENCE_MS);
  await idle.closed();

  assert.deepEqual([farewell.code, farewell.reconnect], ['AUTH_EXPIRED', true]);
  assert.match(idle.closedBecause, /^transport/);
  renewing.token = anna.token;
  await renewing.settle();
});
