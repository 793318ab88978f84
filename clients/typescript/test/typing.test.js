// What of keystrokes is sent, and when nobody strikes a key any more.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../../../tests/js/support/wait.js';
import { Typing } from '../dist/typing.js';

const SESSION = { typing: { ttlMs: 100, renewMs: 30 }, limits: { typingBurst: 0, typingPerSecond: 0 } };

function typingInto(told) {
  return new Typing({ tell: (event, { groupId }) => told.push(`${event} ${groupId}`) }, 'g');
}

test('who touches no key any more stops typing', async () => {
  const told = [];
  const typing = typingInto(told);
  typing.began(SESSION);

  typing.key();
  await eventually(() => told.length === 2, 'the end');

  assert.deepEqual(told, ['typing_start g', 'typing_stop g']);
});

test('what ends by a message or with the connection needs no event', () => {
  const told = [];
  const typing = typingInto(told);
  typing.key();
  typing.began(SESSION);

  typing.key();
  typing.sent();
  typing.stop();
  typing.key();
  typing.lost();
  typing.stop();
  typing.key();

  assert.deepEqual(told, ['typing_start g', 'typing_start g']);
});
