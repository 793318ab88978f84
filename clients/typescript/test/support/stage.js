// A server with clients of this package, and everything that a test wants to know about them.

import { ChatClient } from 'chat-server-client';

import { World } from '../../../../tests/js/support/provision.js';
import { PATIENCE_MS, within } from '../../../../tests/js/support/wait.js';

/** Does not wait long, so that tests do not either. */
export const BACKOFF = { baseMs: 100, maxMs: 500 };

export class Stage extends World {
  #chatClients = [];

  /** A stage for one test, on a server of its own. */
  static async for(t, env) {
    const { server } = await World.start(env);
    const stage = new Stage(server);
    t.after(() => stage.close());
    return stage;
  }

  /** A client of that user, who does not connect yet. */
  client(user, options = {}) {
    const client = new ChatClient(options.url ?? this.url, {
      token: () => this.token(user),
      backoff: BACKOFF,
      ...options,
    });
    this.#chatClients.push(client);
    return client;
  }

  /** A connected client of that user. */
  async enter(user, options) {
    const client = this.client(user, options);
    await client.connect();
    return client;
  }

  /** The user in the room of that group: the room, with `heard`, the `seq`s that came so far, and the client. */
  async join(client, group, options = {}) {
    const heard = [];
    const room = await client.join(group.id, { onMessage: (message) => heard.push(message.seq), ...options });
    return { client, room, heard };
  }

  /** Several users in one room: `{group, users, people}`. */
  async roomOf(names, clientOptions, joinOptions) {
    const users = await this.users(...names);
    const group = await this.group(...users);
    const people = [];
    for (const user of users) people.push(await this.join(await this.enter(user, clientOptions), group, joinOptions));
    return { group, users, people };
  }

  async close() {
    for (const client of this.#chatClients) client.close();
    await super.close();
  }
}

/** Every state that the client's connection is in from now on. */
export function statesOf(client) {
  const states = [];
  client.status.subscribe(() => {
    const { state } = client.status.getSnapshot();
    if (states.at(-1) !== state) states.push(state);
  });
  return states;
}

/** Waits until the store's value is as wanted, and returns it. */
export function until(store, isWanted, what = isWanted.toString()) {
  let off;
  const there = new Promise((resolve) => {
    const look = () => isWanted(store.getSnapshot()) && resolve(store.getSnapshot());
    off = store.subscribe(look);
    look();
  });
  return within(PATIENCE_MS, there, what).finally(off);
}

/** Waits for the next such event of a client or a room, and returns its payload. */
export function next(source, name) {
  let off;
  const there = new Promise((resolve) => {
    off = source.on(name, resolve);
  });
  return within(PATIENCE_MS, there, name).finally(off);
}

export const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
export const online = ({ state }) => state === 'online';
