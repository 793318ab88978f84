// A user's tab that writes in some groups, and whose page may be loaded anew at any time.

import { Storage } from './storage.js';

export class Tab {
  /** By group: the `seq`s that came, in order, over all pages. */
  heard = new Map();
  #outbox = new Storage();
  #cursors = new Map();
  #openClient;
  #client;
  #rooms;

  /** `openClient` makes a client with the outbox that it is given. */
  static async open(openClient, groups) {
    const tab = new Tab();
    tab.#openClient = openClient;
    for (const group of groups) {
      tab.heard.set(group.id, []);
      tab.#cursors.set(group.id, 'start');
    }
    await tab.reload();
    return tab;
  }

  /** Another page takes the place of this one. It knows what that had stored, and nothing else. */
  reload() {
    this.#client?.close();
    const client = this.#openClient(this.#outbox);
    this.#client = client;
    client.connect(Infinity).catch(() => {});
    const joins = [...this.#cursors].map(async ([groupId, after]) => {
      const onMessage = (message) => this.#hear(client, message);
      const room = await client.join(groupId, { after, onMessage, keepMessages: false, timeoutMs: Infinity });
      return [groupId, room];
    });
    this.#rooms = Promise.all(joins).then((rooms) => new Map(rooms));
    return this.#rooms;
  }

  /** Resolves when it is acknowledged, or left in the outbox by a page that is gone. */
  async send(groupId, content, clientMessageId) {
    const rooms = await this.#rooms;
    try {
      await rooms.get(groupId).send({ content, clientMessageId });
    } catch (error) {
      if (error.code !== 'CLOSED') throw error;
      // The page went before it could keep it: the next one writes it anew.
      if (!this.#outbox.known.has(clientMessageId)) await this.send(groupId, content, clientMessageId);
    }
  }

  /** Whether something is not acknowledged yet, by this page or an earlier one. */
  get isBusy() {
    return this.#outbox.kept.size > 0;
  }

  close() {
    this.#client.close();
  }

  #hear(client, { groupId, seq }) {
    this.heard.get(groupId).push(seq);
    // What an application stores in one step with the message.
    this.#cursors.set(groupId, structuredClone(client.room(groupId).cursor));
  }
}
