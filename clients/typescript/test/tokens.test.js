// The life of a token: against the real server, and as long as it takes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { secondsFromNow } from '../../../tests/js/support/token.js';
import { eventually } from '../../../tests/js/support/wait.js';
import { next, Stage, statesOf } from './support/stage.js';

const LEEWAY_S = 30;

test('a token is renewed before it ends, on the same connection', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  let asked = 0;
  const token = () => {
    asked += 1;
    return stage.token(anna, { exp: secondsFromNow(4) });
  };
  const client = stage.client(anna, { token });
  const states = statesOf(client);
  await client.connect();

  await eventually(() => asked === 3, 'two renewals');

  assert.deepEqual(states, ['connecting', 'online']);
});

test('a token that has ended is replaced when the server says so', async (t) => {
  const stage = await Stage.for(t);
  const [anna] = await stage.users('anna');
  const exp = secondsFromNow(4 - LEEWAY_S);
  const isOver = () => Date.now() / 1_000 > exp + LEEWAY_S;
  let renewed = 0;
  const token = () => {
    if (!isOver()) return stage.token(anna, { exp });
    renewed += 1;
    return anna.token;
  };
  const client = stage.client(anna, { token });
  const states = statesOf(client);
  // The client does nothing of its own accord.
  const { setTimeout } = globalThis;
  const timers = t.mock.method(globalThis, 'setTimeout', () => setTimeout(() => {}, 1_000_000).unref());
  await client.connect();

  await eventually(() => renewed > 0, 'another token');
  timers.mock.restore();
  await client.groups();

  assert.deepEqual(states, ['connecting', 'online']);
});

test('what goes wrong with a renewal is told', async (t) => {
  const stage = await Stage.for(t);
  const [anna, ben] = await stage.users('anna', 'ben');
  const tokens = [stage.token(anna, { exp: secondsFromNow(3) })];
  const client = await stage.enter(anna, { token: () => tokens.shift() ?? ben.token });

  const error = await next(client, 'error');

  assert.deepEqual([error.code, error.event], ['FORBIDDEN', 'refresh_token']);
});
