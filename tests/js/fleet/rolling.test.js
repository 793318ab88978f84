// Nodes behind a load balancer are restarted one after the other, with clients that know nothing of `reconnectInMs`.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Fleet } from '../support/fleet.js';
import { Haproxy } from '../support/haproxy.js';
import { World } from '../support/provision.js';
import { eventually } from '../support/wait.js';

const EXIT_MS = 10_000;
const TRANSPORTS = [['websocket'], ['polling', 'websocket'], ['polling']];
const MESSAGES_BETWEEN = 10;

test('stock clients come back to other nodes, miss nothing, and nobody is said to have left', async (t) => {
  const fleet = await Fleet.start(3);
  t.after(() => fleet.close());
  const servers = fleet.nodes.map(({ server }) => server);
  const balancer = await Haproxy.start(servers);
  const { secret, adminKey } = servers[0];
  const world = new World({ url: balancer.url, secret, adminKey, close: () => balancer.close() });
  t.after(() => world.close());
  const names = ['anna', 'ben', 'cleo', 'dora', 'emil', 'fred'];
  const users = await world.users(...names);
  const group = await world.group(...users);
  const people = users.map((user, number) => new Person(world, group, user, TRANSPORTS[number % TRANSPORTS.length]));
  const everybody = ({ memberCount }) => memberCount === names.length;
  await Promise.all(people.map(({ client }) => client.waitFor('room_members_update', everybody)));
  for (const { client } of people) client.take();

  let sent = 0;
  const say = async () => {
    sent += 1;
    const message = { content: `number ${sent}`, clientMessageId: `message-${sent}` };
    // Whoever is told that it did not work sends it again.
    await eventually(async () => {
      const answer = await world.http(users[0], 'POST', `/groups/${group.id}/messages`, message);
      return answer.status === 201 || answer.status === 200;
    }, 'a message to be stored');
  };
  for (const [number, server] of servers.entries()) {
    const stopped = server.stop(EXIT_MS);
    for (let message = 0; message < MESSAGES_BETWEEN; message += 1) await say();
    assert.deepEqual(await stopped, { code: 0, signal: null });
    await server.launch();
    await balancer.up(number);
    await say();
    await Promise.all(people.map((person) => person.hears(sent)));
  }

  const numbers = Array.from({ length: sent }, (_, index) => index + 1);
  for (const { client, heard } of people) {
    assert.deepEqual({ [client.name]: heard }, { [client.name]: numbers });
    assert.deepEqual(client.all('user_left_group'), [], client.name);
    assert.deepEqual(client.all('user_joined_group'), [], client.name);
  }
  const sessions = people.map(({ client }) => client.all('session').length);
  assert.ok(sessions.reduce((sum, count) => sum + count) >= people.length, `${sessions} times back`);
});

/** Somebody who resumes whenever there is a new session. */
class Person {
  /** The `seq` of every message, as they came. */
  heard = [];

  constructor(world, group, { token, name }, transports) {
    this.client = world.open({ token, name, transports, reconnection: true });
    const { socket } = this.client;
    socket.on('session', () => {
      socket.emit('join_group', { groupId: group.id, afterSeq: this.heard.at(-1) ?? 0, limit: 100 });
    });
    socket.on('group_messages', ({ messages, hasNextPage }) => {
      assert.equal(hasNextPage, false);
      this.heard.push(...messages.map(({ seq }) => seq));
    });
    socket.on('message_received', ({ seq }) => this.heard.push(seq));
  }

  async hears(seq) {
    await this.client.until(() => this.heard.at(-1) === seq, `message ${seq}`);
  }
}
