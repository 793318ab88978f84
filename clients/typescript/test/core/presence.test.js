// Who is in a room and who types there, from what the server tells.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  entered,
  listed,
  NOBODY,
  outdated,
  startedTyping,
  stoppedTyping,
  userJoined,
  userLeft,
} from '../../dist/core/presence.js';

const list = (onlineMembers, more = {}) =>
  listed({
    groupId: 'g',
    onlineMembers,
    memberCount: onlineMembers.length,
    socketCount: 9,
    truncated: false,
    nextCursor: null,
    ...more,
  });
const moved = (userId, memberCount) => ({ groupId: 'g', userId, userName: userId, memberCount });

test('a list is the present state, until the connection is lost', () => {
  const presence = list(['ada', 'ben']);

  assert.deepEqual([NOBODY.isCurrent, presence.isCurrent, outdated(presence).isCurrent], [false, true, false]);
  assert.deepEqual(outdated(presence).online, ['ada', 'ben']);
});

test('the counts are there before the first list', () => {
  const presence = entered(NOBODY, {
    groupId: 'g',
    memberCount: 3,
    socketCount: 4,
    lastSeq: 0,
    epoch: 'e',
    reset: false,
    typing: [],
  });

  assert.deepEqual([presence.memberCount, presence.socketCount, presence.isCurrent], [3, 4, false]);
});

test('who comes has a place in the order, and who leaves has none', () => {
  const presence = userJoined(userJoined(list(['ada', 'cid']), moved('ben', 3)), moved('dora', 4));

  assert.deepEqual(presence.online, ['ada', 'ben', 'cid', 'dora']);
  assert.equal(presence.memberCount, 4);
  assert.deepEqual(userLeft(presence, moved('ada', 3)).online, ['ben', 'cid', 'dora']);
  assert.deepEqual(userJoined(presence, moved('ben', 4)).online, presence.online);
});

test('a list that is cut has no place beyond its end', () => {
  const presence = list(['ada', 'cid'], { truncated: true, memberCount: 300 });

  assert.deepEqual(userJoined(presence, moved('zoe', 301)).online, ['ada', 'cid']);
  assert.equal(userJoined(presence, moved('zoe', 301)).memberCount, 301);
  assert.deepEqual(userJoined(presence, moved('ben', 301)).online, ['ada', 'ben', 'cid']);
});

test('typists are there in the order in which they began, each once', () => {
  const typing = (userId) => ({ groupId: 'g', userId, userName: userId });
  const both = startedTyping(startedTyping([], typing('ben')), typing('ada'));

  assert.deepEqual(
    both.map(({ userId }) => userId),
    ['ben', 'ada'],
  );
  assert.equal(startedTyping(both, typing('ben')), both);
  assert.deepEqual(stoppedTyping(both, { userId: 'ben' }), [{ userId: 'ada', userName: 'ada' }]);
  assert.equal(stoppedTyping(both, { userId: 'cid' }), both);
});
