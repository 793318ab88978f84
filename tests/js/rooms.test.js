// What existing clients rely on, with exact recipients: who gets which event, and that nobody else does.
// Runs against the server that CHAT_URL names, where it is set.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { expectExactly } from './support/client.js';
import { unique, World } from './support/provision.js';

const WAYS = {
  websocket: ['websocket'],
  'polling with upgrade': ['polling', 'websocket'],
  'polling only': ['polling'],
};

const world = await World.fromEnvironment();
after(() => world.close());

for (const [way, transports] of Object.entries(WAYS)) {
  describe(`over ${way}`, () => {
    const scene = async () => {
      const users = await world.users('anna', 'ben', 'cleo');
      const stranger = await world.user('stranger');
      const group = await world.group(...users);
      const clients = await world.connectAll([...users, stranger], { transports });
      return { group, users, clients, told: events(group) };
    };

    test('three users join, look around, write, type, leave, rejoin and disconnect', async () => {
      const { group, users, clients, told } = await scene();
      const [anna, ben, cleo] = users;
      const [annas, bens, cleos, stranger] = clients;
      const here = { groupId: group.id };

      const { epoch } = await annas.ok('join_group', group.id);
      const joined = (counts, lastSeq) => told.joined({ ...counts, lastSeq, epoch });
      await expectExactly([
        [annas, [joined(count(1), 0), told.inRoom([anna], 1)]],
        [bens, []],
        [cleos, []],
        [stranger, []],
      ]);

      await bens.ok('join_group', here);
      await expectExactly([
        [annas, [told.userJoined(ben, 2), told.inRoom([anna, ben], 2)]],
        [bens, [joined(count(2), 0), told.inRoom([anna, ben], 2)]],
        [cleos, []],
        [stranger, []],
      ]);

      await cleos.ok('join_group', group.id);
      await expectExactly([
        [annas, [told.userJoined(cleo, 3), told.inRoom(users, 3)]],
        [bens, [told.userJoined(cleo, 3), told.inRoom(users, 3)]],
        [cleos, [joined(count(3), 0), told.inRoom(users, 3)]],
        [stranger, []],
      ]);

      assert.deepEqual(['room_members_update', await bens.ok('get_room_info', here)], told.inRoom(users, 3));
      await expectExactly([[annas, []], [bens, [told.inRoom(users, 3)]], [cleos, []], [stranger, []]]);

      for (const [author, seq] of [[annas, 1], [bens, 2], [cleos, 3]]) {
        const message = await author.ok('send_message', { ...here, content: `number ${seq}` });
        const received = [['message_received', message]];
        assert.deepEqual([message.seq, message.user.name], [seq, users[seq - 1].name]);
        await expectExactly([[annas, received], [bens, received], [cleos, received], [stranger, []]]);
      }

      await annas.ok('typing_start', here);
      await expectExactly([[annas, []], [bens, [told.typing(anna)]], [cleos, [told.typing(anna)]], [stranger, []]]);
      await bens.ok('typing_start', here);
      await expectExactly([[annas, [told.typing(ben)]], [bens, []], [cleos, [told.typing(ben)]], [stranger, []]]);
      await annas.ok('typing_stop', here);
      await expectExactly([[annas, []], [bens, [told.stopped(anna)]], [cleos, [told.stopped(anna)]], [stranger, []]]);
      await bens.ok('typing_stop', here);
      await expectExactly([[annas, [told.stopped(ben)]], [bens, []], [cleos, [told.stopped(ben)]], [stranger, []]]);

      assert.deepEqual(await bens.ok('leave_group', group.id), { ...here, ...count(2) });
      await expectExactly([
        [annas, [told.userLeft(ben, 2), told.inRoom([anna, cleo], 2)]],
        [bens, [told.left(count(2))]],
        [cleos, [told.userLeft(ben, 2), told.inRoom([anna, cleo], 2)]],
        [stranger, []],
      ]);

      await bens.ok('join_group', here);
      await expectExactly([
        [annas, [told.userJoined(ben, 3), told.inRoom(users, 3)]],
        [bens, [joined(count(3), 3), told.inRoom(users, 3)]],
        [cleos, [told.userJoined(ben, 3), told.inRoom(users, 3)]],
        [stranger, []],
      ]);

      cleos.close();
      await expectExactly([
        [annas, [told.userLeft(cleo, 2), told.inRoom([anna, ben], 2)]],
        [bens, [told.userLeft(cleo, 2), told.inRoom([anna, ben], 2)]],
        [stranger, []],
      ]);

      const used = annas.socket.io.engine.transport.name;
      assert.equal(used, transports.at(-1));
    });

    test('only the first tab of a user joins and only the last one leaves', async () => {
      const { group, users, clients, told } = await scene();
      const [anna, ben] = users;
      const [annas, bens] = clients;
      const second = await world.connect(anna, { transports, name: 'the second tab' });
      const here = { groupId: group.id };
      const { epoch } = await annas.ok('join_group', here);
      await bens.ok('join_group', here);
      await Promise.all([annas, bens].map((client) => client.waitFor('room_members_update', isOf(2))));
      for (const client of [annas, bens]) client.take();

      await second.ok('join_group', here);
      await expectExactly([
        [annas, [told.inRoom([anna, ben], 3)]],
        [second, [told.joined({ memberCount: 2, socketCount: 3, lastSeq: 0, epoch }), told.inRoom([anna, ben], 3)]],
        [bens, [told.inRoom([anna, ben], 3)]],
      ]);

      const message = await second.ok('send_message', { ...here, content: 'to every tab' });
      const received = [['message_received', message]];
      await expectExactly([[annas, received], [second, received], [bens, received]]);

      await second.ok('typing_start', here);
      await expectExactly([[annas, []], [second, []], [bens, [told.typing(anna)]]]);
      await second.ok('typing_stop', here);
      await expectExactly([[annas, []], [second, []], [bens, [told.stopped(anna)]]]);

      await annas.ok('leave_group', here);
      await expectExactly([
        [annas, [told.left({ memberCount: 2, socketCount: 2 })]],
        [second, [told.inRoom([anna, ben], 2)]],
        [bens, [told.inRoom([anna, ben], 2)]],
      ]);

      second.close();
      await expectExactly([[annas, []], [bens, [told.userLeft(anna, 1), told.inRoom([ben], 1)]]]);
    });

    test('joining twice and leaving where one is not are harmless and tell nobody', async () => {
      const { group, users, clients, told } = await scene();
      const [anna, ben] = users;
      const [annas, bens, cleos] = clients;
      const here = { groupId: group.id };
      const { epoch } = await annas.ok('join_group', here);
      await expectExactly([[annas, [told.joined({ ...count(1), lastSeq: 0, epoch }), told.inRoom([anna], 1)]]]);

      await annas.ok('join_group', here);
      await cleos.ok('leave_group', here);
      await expectExactly([
        [annas, [told.joined({ ...count(1), lastSeq: 0, epoch })]],
        [cleos, [told.left(count(1))]],
      ]);

      // Had either of the two caused a members' update, it would come before this one.
      await bens.ok('join_group', here);
      await expectExactly([[annas, [told.userJoined(ben, 2), told.inRoom([anna, ben], 2)]], [cleos, []]]);
    });

    test('a room is closed to others, whether its group exists or not', async () => {
      const { group, clients, told } = await scene();
      const [annas, , , stranger] = clients;
      await annas.ok('join_group', group.id);
      await annas.waitFor('room_members_update');
      annas.take();

      for (const groupId of [group.id, unique('nothing')]) {
        await stranger.fails('FORBIDDEN', 'join_group', groupId);
        await stranger.fails('FORBIDDEN', 'send_message', { groupId, content: 'let me in' });
        await stranger.fails('FORBIDDEN', 'typing_start', { groupId });
        await stranger.fails('FORBIDDEN', 'get_room_info', { groupId });
        await stranger.fails('FORBIDDEN', 'get_group_messages', { groupId });
        const nobody = { groupId, ...count(0) };
        assert.deepEqual(await stranger.ok('leave_group', groupId), nobody);
        await expectExactly([[annas, []], [stranger, [['left_group_success', nobody]]]]);
      }

      await annas.ok('typing_start', { groupId: group.id });
      await annas.ok('send_message', { groupId: group.id, content: 'among us' });
      await expectExactly([[stranger, []]]);
      assert.deepEqual(annas.all('user_typing').concat(annas.all('user_joined_group')), []);
    });
  });
}

const count = (users) => ({ memberCount: users, socketCount: users });
const isOf = (users) => ({ memberCount }) => memberCount === users;

/** The events of one group, as they must be on the wire. */
function events({ id: groupId }) {
  return {
    joined: (rest) => ['joined_group_success', { groupId, reset: false, typing: [], ...rest }],
    left: (counts) => ['left_group_success', { groupId, ...counts }],
    userJoined: ({ id, name }, memberCount) => [
      'user_joined_group',
      { groupId, userId: id, userName: name, memberCount },
    ],
    userLeft: ({ id, name }, memberCount) => ['user_left_group', { groupId, userId: id, userName: name, memberCount }],
    typing: ({ id, name }) => ['user_typing', { groupId, userId: id, userName: name }],
    stopped: ({ id }) => ['user_stopped_typing', { groupId, userId: id }],
    inRoom: (users, socketCount) => [
      'room_members_update',
      {
        groupId,
        onlineMembers: users.map(({ id }) => id).sort(),
        memberCount: users.length,
        socketCount,
        truncated: false,
        nextCursor: null,
      },
    ],
  };
}
