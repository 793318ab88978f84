// When a client comes back, and when it stays away.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backoffMs } from '../../dist/core/backoff.js';
import { ReconnectPolicy, STABLE_MS } from '../../dist/core/reconnect.js';
import { ChatError } from '../../dist/error.js';

const BACKOFF = { baseMs: 1_000, maxMs: 15_000 };
const UNREACHABLE = new ChatError('UNREACHABLE', '');
const UNAUTHORIZED = new ChatError('UNAUTHORIZED', '');

const after = (afterMs, withNewToken = false) => ({ kind: 'connect', afterMs, withNewToken });
const farewell = (code, reconnect, reconnectInMs = null) => ({ code, message: '', reconnect, reconnectInMs });

test('waits grow with each failure up to a limit, and any part of one can be taken', () => {
  const longest = [1, 2, 3, 4, 5, 6, 60].map((failures) => backoffMs(BACKOFF, failures, 1));

  assert.deepEqual(longest, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  assert.equal(backoffMs(BACKOFF, 3, 0.25), 1_000);
});

test('a connection that is lost without a word is made again', () => {
  const policy = new ReconnectPolicy(BACKOFF);
  policy.opened(0);

  assert.deepEqual(policy.lost(STABLE_MS, 1, false), after(1_000));
  assert.deepEqual(policy.failed(UNREACHABLE, 1), after(2_000));
  policy.opened(10_000);
  assert.deepEqual(policy.lost(10_000 + STABLE_MS, 1, false), after(1_000));
});

test('a server that lets in and throws out at once is left more and more alone', () => {
  const policy = new ReconnectPolicy(BACKOFF);
  const waits = [0, 10_000, 20_000].map((at) => {
    policy.opened(at);
    policy.closing(farewell('RATE_LIMITED', true), at + 1);
    return policy.lost(at + 2, 1, false).afterMs;
  });

  assert.deepEqual(waits, [1_000, 2_000, 4_000]);
});

test('a server that stops says when to come back', () => {
  const policy = new ReconnectPolicy(BACKOFF);
  policy.opened(0);
  policy.closing(farewell('SERVER_SHUTDOWN', true, 2_500), 10_000);

  assert.deepEqual(policy.lost(10_200, 1, false), after(2_300));
  assert.deepEqual(policy.failed(UNREACHABLE, 1), after(1_000));
});

test('what was said of an earlier connection does not count for the next', () => {
  const policy = new ReconnectPolicy(BACKOFF);
  policy.opened(0);
  policy.closing(farewell('SERVER_SHUTDOWN', true, 2_500), 0);
  policy.lost(0, 1, false);
  policy.opened(3_000);

  assert.deepEqual(policy.lost(3_000 + STABLE_MS, 1, false), after(1_000));
});

test('who is sent away stays away, with or without a word', () => {
  for (const said of [farewell('EVICTED', false), null]) {
    const policy = new ReconnectPolicy(BACKOFF);
    policy.opened(0);
    if (said) policy.closing(said, 1);

    const step = policy.lost(2, 1, true);

    assert.equal(step.kind, 'stay_away');
    assert.equal(step.error.code, 'EVICTED');
  }
});

test('who was told to stay away does so even if the transport ends instead', () => {
  const policy = new ReconnectPolicy(BACKOFF);
  policy.opened(0);
  policy.closing(farewell('EVICTED', false), 1);

  assert.equal(policy.lost(2, 1, false).kind, 'stay_away');
});

test('an expired session comes back with a new token', () => {
  const policy = new ReconnectPolicy(BACKOFF);
  policy.opened(0);
  policy.closing(farewell('AUTH_EXPIRED', true), STABLE_MS);

  assert.deepEqual(policy.lost(STABLE_MS, 0.5, false), after(500, true));
});

test('a token that is refused is replaced once, and then the client gives up', () => {
  const policy = new ReconnectPolicy(BACKOFF);

  assert.deepEqual(policy.failed(UNAUTHORIZED, 1), after(0, true));
  assert.deepEqual(policy.failed(UNREACHABLE, 1), after(1_000));
  assert.deepEqual(policy.failed(UNAUTHORIZED, 1), { kind: 'stay_away', error: UNAUTHORIZED });
});

test('a session in between makes it a first refusal again', () => {
  const policy = new ReconnectPolicy(BACKOFF);
  policy.failed(UNAUTHORIZED, 1);
  policy.opened(0);
  policy.lost(STABLE_MS, 0, false);

  assert.deepEqual(policy.failed(UNAUTHORIZED, 1), after(0, true));
});

test('refusals that pass are waited for', () => {
  for (const message of [
    'SERVICE_UNAVAILABLE: The server stops.',
    'CONNECTION_LIMIT: the user has too many connections',
    'RATE_LIMITED: there were too many attempts to sign in',
    'Invalid namespace',
    'websocket error',
  ]) {
    const policy = new ReconnectPolicy(BACKOFF);

    assert.deepEqual(policy.failed(ChatError.fromConnecting(new Error(message)), 1), after(1_000), message);
  }
});
