// Users, groups and members for a test, and the connections of those users.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { assertError, Client } from './client.js';
import { CODES, request } from './http.js';
import { Server } from './server.js';
import { secondsFromNow, sign } from './token.js';

/** An id that no other test uses. */
export const unique = (name) => `${name}-${randomBytes(6).toString('hex')}`;

export class World {
  #clients = [];

  constructor(server) {
    this.server = server;
    this.url = server.url;
  }

  /** A world on a server of its own. */
  static async start(env) {
    return new World(await Server.start(env));
  }

  /** The world that `CHAT_URL` names, else one on a server of its own. */
  static async fromEnvironment() {
    const { CHAT_URL, CHAT_AUTH__SECRET: secret, CHAT_ADMIN__KEY: adminKey } = process.env;
    if (!CHAT_URL) return World.start();
    const server = { url: CHAT_URL.replace(/\/$/, ''), secret, adminKey, close: async () => {} };
    return secret && adminKey ? new World(server) : new DevWorld(server);
  }

  /** A user with a token: `{id, name, image, token}`. */
  async user(name) {
    const user = { id: unique(name), name, image: `https://images.example/${name}.png` };
    await this.admin('PUT', `/users/${user.id}`, { name: user.name, image: user.image });
    return { ...user, token: this.token(user) };
  }

  async users(...names) {
    return Promise.all(names.map((name) => this.user(name)));
  }

  token({ id, name, image }, { exp = secondsFromNow(3600), ...claims } = {}) {
    return sign({ sub: id, name, picture: image, exp, ...claims }, this.server.secret);
  }

  /** A group with its owner and further members: `{id, name}`. */
  async group(owner, ...members) {
    const group = { id: unique('group'), name: 'A group' };
    await this.admin('PUT', `/groups/${group.id}`, { name: group.name, ownerId: owner.id });
    await Promise.all(members.map((member) => this.addMember(group, member)));
    return group;
  }

  async addMember(group, user, role = 'MEMBER') {
    await this.admin('PUT', `/groups/${group.id}/members/${user.id}`, { role });
  }

  /** A request with the administrator's key that must succeed; returns the body. */
  async admin(method, path, body) {
    const answer = await request(this.url, method, `/api/v1/admin${path}`, { token: this.server.adminKey, body });
    return succeeded(answer, `${method} ${path}`);
  }

  /** A request with the user's token: `{status, body}`. */
  async http(user, method, path, body, headers) {
    return request(this.url, method, `/api/v1${path}`, { token: user?.token, body, headers });
  }

  /** As `http`, where it must succeed; returns the body. */
  async does(user, method, path, body) {
    return succeeded(await this.http(user, method, path, body), `${method} ${path}`);
  }

  /** As `http`, where it must be answered with that status; returns the body, or the error in it. */
  async answers(status, user, method, path, body, headers) {
    const answer = await this.http(user, method, path, body, headers);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    if (status < 400) return answer.body;
    assertError(answer.body.error, CODES[status]);
    return answer.body.error;
  }

  /** A connection that need not succeed. */
  open(options) {
    const client = new Client(this.url, options);
    this.#clients.push(client);
    return client;
  }

  /** A connection of that user, ready and with `session` seen. */
  async connect(user, options) {
    const client = this.open({ token: user.token, name: user.name, ...options });
    await client.greeted();
    return client;
  }

  /** As `connect`, for several users. */
  async connectAll(users, options) {
    return Promise.all(users.map((user) => this.connect(user, options)));
  }

  /** Users, all members of one group and connected: `{group, users, clients}`. */
  async party(...names) {
    const users = await this.users(...names);
    const group = await this.group(...users);
    return { group, users, clients: await this.connectAll(users) };
  }

  /** As `party`, with everybody in the room and the news of that seen. */
  async room(...names) {
    const party = await this.party(...names);
    for (const client of party.clients) await client.ok('join_group', party.group.id);
    const isComplete = ({ memberCount }) => memberCount === names.length;
    await Promise.all(party.clients.map((client) => client.waitFor('room_members_update', isComplete)));
    for (const client of party.clients) client.take();
    return party;
  }

  async close() {
    for (const client of this.#clients) client.close();
    await this.server.close();
  }
}

/** A running `serve --dev`, which has no administrator: everybody acts for himself. */
class DevWorld extends World {
  async user(name) {
    const answer = await request(this.url, 'POST', '/api/v1/dev/login', { body: { name: unique(name) } });
    const { token, user } = succeeded(answer, 'dev login');
    return { ...user, token };
  }

  async group(owner, ...members) {
    const group = await this.does(owner, 'POST', '/groups', { name: unique('group') });
    for (const { id } of members) await this.does(owner, 'POST', `/groups/${group.id}/members`, { userId: id });
    return group;
  }
}

function succeeded({ status, body }, what) {
  assert.ok(status >= 200 && status < 300, `${what}: ${status} ${JSON.stringify(body)}`);
  return body;
}
