// Whatever a client sends: a coded answer, no harm to anybody else, and the next good event works.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { assertError } from './support/client.js';
import { request } from './support/http.js';
import { unique, World } from './support/provision.js';
import { RawPolling } from './support/raw.js';
import { randomEvents } from './support/random.js';
import { NO_LIMITS } from './support/server.js';

const HUGE = 'x'.repeat(10_000);
const INVALID = 'VALIDATION_ERROR';
const WITNESS_ROUNDS = 20;

const world = await World.start(NO_LIMITS);
after(() => world.close());

/** No ids of a group. */
const NO_IDS = [null, 7, true, [], {}, ['a'], '', ' ', 'a b', 'a/b', 'ü', '{x}', 'x'.repeat(65), HUGE];
const NO_COUNTS = [-1, 0.5, '1', true, [], {}, 1e300];
const NO_LIMITS_OF_A_PAGE = [...NO_COUNTS, 0];

const withEach = (base, field, values) => values.map((value) => ({ ...base, [field]: value }));
const without = (base, field) => Object.fromEntries(Object.entries(base).filter(([name]) => name !== field));

/** Arguments that each event must refuse as wrong, given a group that the caller is in. */
function wrongArguments({ groupId, token }) {
  const here = { groupId };
  const noGroups = [{}, ...withEach({}, 'groupId', NO_IDS)];
  const message = { groupId, content: 'hello' };
  return {
    join_group: [
      ...noGroups,
      ...NO_IDS,
      ...withEach(here, 'afterSeq', NO_COUNTS),
      ...withEach({ ...here, afterSeq: 0 }, 'limit', NO_LIMITS_OF_A_PAGE),
      ...withEach({ ...here, afterSeq: 0 }, 'epoch', [true, {}, []]),
    ],
    leave_group: [...noGroups, ...NO_IDS],
    send_message: [
      ...withEach(message, 'groupId', NO_IDS),
      without(message, 'groupId'),
      without(message, 'content'),
      ...withEach(message, 'content', [null, 7, true, [], {}, '', HUGE]),
      ...withEach(message, 'type', [7, true, [], {}, '', 'text', 'SYSTEM', HUGE]),
      ...withEach(message, 'replyToId', [7, true, [], {}, '', 'x', unique('message'), HUGE]),
      ...withEach(message, 'clientMessageId', [7, true, [], {}, '', 'a b', HUGE]),
      ...withEach(message, 'attachmentIds', [7, true, {}, 'x', ['x'], [null]]),
    ],
    typing_start: noGroups,
    typing_stop: noGroups,
    get_room_info: [
      ...noGroups,
      ...withEach(here, 'limit', NO_LIMITS_OF_A_PAGE),
      ...withEach(here, 'cursor', [7, true, [], {}]),
    ],
    get_group_messages: [
      ...noGroups,
      ...withEach(here, 'limit', [...NO_LIMITS_OF_A_PAGE, 101]),
      ...withEach(here, 'cursor', [7, true, [], {}, '', 'x', HUGE]),
      ...withEach(here, 'afterSeq', NO_COUNTS),
    ],
    mark_read: [
      ...withEach({ ...here, seq: 1 }, 'groupId', NO_IDS),
      here,
      ...withEach(here, 'seq', [null, ...NO_COUNTS]),
    ],
    refresh_token: [{}, token, ...withEach({}, 'token', [null, 7, true, [], {}])],
  };
}

/** No event takes one of these. */
const NO_ARGUMENTS = [null, 7, true, [], [[]]];
const EVENTS = Object.keys(wrongArguments({}));

for (const event of EVENTS) {
  test(`${event} refuses what is missing, null, of the wrong type, empty or huge, and goes on`, async () => {
    const { group, users, clients } = await world.room('anna', 'ben');
    const [annas, bens] = clients;
    const scene = { groupId: group.id, token: users[0].token };
    await annas.ok('send_message', goodArguments(scene).send_message);
    await bens.waitFor('message_received');
    bens.take();

    for (const argument of [...wrongArguments(scene)[event], ...NO_ARGUMENTS]) {
      const error = await annas.fails(INVALID, event, argument);
      assert.equal(error.event, event);
      annas.emit(event, argument);
      await annas.waitFor('error', ({ code }) => code === INVALID);
      await annas.ok('get_room_info', { groupId: group.id });
      annas.take();
    }
    await annas.fails(INVALID, event);
    await annas.fails(INVALID, event, goodArguments(scene)[event], 'one too many');

    await bens.settle();
    assert.deepEqual(bens.fresh(), []);

    await annas.ok(event, goodArguments(scene)[event]);
  });
}

function goodArguments({ groupId, token }) {
  const here = { groupId };
  return {
    join_group: here,
    leave_group: here,
    send_message: { groupId, content: 'hello' },
    typing_start: here,
    typing_stop: here,
    get_room_info: here,
    get_group_messages: here,
    mark_read: { groupId, seq: 1 },
    refresh_token: { token },
  };
}

test('a group of others is refused in the same words as one that does not exist', async () => {
  const { group } = await world.room('anna');
  const [stranger] = (await world.room('stranger')).clients;
  const absent = unique('nothing');

  for (const event of EVENTS.filter((name) => !['leave_group', 'refresh_token'].includes(name))) {
    const [real, none] = await Promise.all(
      [group.id, absent].map((groupId) => stranger.fails('FORBIDDEN', event, goodArguments({ groupId })[event])),
    );
    assert.equal(real.message.replaceAll(group.id, absent), none.message);
    stranger.emit(event, goodArguments({ groupId: group.id })[event]);
    await stranger.waitFor('error', (error) => error.code === 'FORBIDDEN' && error.event === event);
  }
});

test('an unknown event is refused, with and without a callback', async () => {
  const { group, clients } = await world.room('anna');
  const [annas] = clients;

  for (const event of ['no_such_event', 'error', 'session', 'message_received', '', 'constructor', HUGE]) {
    await annas.fails(INVALID, event, { groupId: group.id });
    await annas.fails(INVALID, event);
    annas.emit(event, { groupId: group.id });
    assertError(await annas.waitFor('error'), INVALID);
    annas.take();
  }
  await annas.ok('send_message', { groupId: group.id, content: 'still fine' });
});

test('binary data is refused, and harms nobody', async () => {
  const { group, users, clients } = await world.room('anna', 'witness');
  const [, witness] = clients;
  const bytes = Buffer.from([0, 1, 2, 255]);
  const attempts = [
    ['send_message', { groupId: group.id, content: bytes }],
    ['send_message', { groupId: group.id, content: 'x', attachmentIds: [bytes] }],
    ['join_group', bytes],
    ['get_room_info', { groupId: bytes }],
  ];

  for (const [event, argument] of attempts) {
    const client = await world.connect(users[0]);
    await client.ok('join_group', group.id);
    // Either way will do: an answer, or the end of this one connection.
    const answer = await client.emitAck(event, argument).catch(() => null);
    if (answer === null) assert.equal(client.socket.connected, false);
    else assertError(answer.error, INVALID);
  }
  await assertUnharmed(witness, group);
});

test('bytes that are no protocol, and nesting without end, end at most their own connection', async () => {
  const { group, users, clients } = await world.room('anna', 'witness');
  const nested = (depth) => `421["send_message",${'['.repeat(depth)}${']'.repeat(depth)}]`;
  const bodies = [
    Buffer.from([0x34, 0x32, 0x5b, 0x22, 0xff, 0xfe, 0xc3, 0x28, 0x22, 0x5d]),
    '42["send_message",{"groupId":"\\ud800"}]',
    '42["send_message"',
    '42{"not":"an array"}',
    '42[]',
    '42[7,{}]',
    '4299999999999999999999["join_group","x"]',
    '451-["send_message",{"_placeholder":true,"num":0}]',
    '4599999999-["send_message",{}]',
    '49["?"]',
    '\x1e\x1e\x1e',
    'é',
    nested(1_000),
    nested(30_000),
    nested(1_000_000),
  ];
  const before = await world.server.residentKib();

  for (const body of bodies.flatMap((one) => [one, one, one])) {
    const raw = await RawPolling.open(world.url, users[0].token);
    await raw.post(body);
  }

  const growthKib = (await world.server.residentKib()) - before;
  assert.ok(growthKib < 64 * 1024, `grew by ${growthKib} KiB`);
  await assertUnharmed(clients[1], group);
});

test('ten thousand random events end neither the process nor the session of anybody', async () => {
  const { group, users, clients } = await world.room('anna', 'witness');
  const [annas, witness] = clients;
  const foreign = await world.group(await world.user('stranger'));
  const ids = [group.id, foreign.id, users[0].id, users[1].id, users[0].token, users[1].token];
  const AT_ONCE = 100;
  const SEED = 4_711;
  const codes = new Set(['VALIDATION_ERROR', 'FORBIDDEN', 'UNAUTHORIZED', 'NOT_FOUND']);

  const events = randomEvents(SEED, 10_000, EVENTS, ids);
  for (let start = 0; start < events.length; start += AT_ONCE) {
    const batch = events.slice(start, start + AT_ONCE);
    const answers = await Promise.all(batch.map(([event, ...args]) => annas.emitAck(event, ...args)));
    for (const [index, { ok, error }] of answers.entries()) {
      assert.ok(ok === true || codes.has(error?.code), `${JSON.stringify(batch[index])}: ${JSON.stringify(error)}`);
    }
    annas.take();
  }

  await annas.ok('join_group', group.id);
  await annas.ok('send_message', { groupId: group.id, content: 'after all that' });
  await witness.waitFor('message_received', ({ content }) => content === 'after all that');
  await assertUnharmed(witness, group);
});

/** Asserts that this client, who is in the room, was never cut off and can still chat, and that the server is ready. */
async function assertUnharmed(witness, group) {
  assert.equal(witness.closedBecause, undefined);
  for (let round = 1; round <= WITNESS_ROUNDS; round += 1) {
    const message = await witness.ok('send_message', { groupId: group.id, content: `round ${round}` });
    await witness.waitFor('message_received', ({ id }) => id === message.id);
  }
  assert.equal((await request(world.url, 'GET', '/readyz')).status, 200);
}
