import type { Connection } from './connection.js';
import type { Message } from './wire.js';

export interface OlderPage {
  /** Oldest first. */
  messages: readonly Message[];
  hasMore: boolean;
}

/** Reads a group's history back from a place. */
export class History {
  readonly #connection: Connection;
  readonly #groupId: string;
  /** Newer ones come live, or have come. */
  #upTo: number;
  #cursor: string | null;
  #hasMore: boolean;
  #reading: Promise<OlderPage> | null = null;

  /** From the newest message on if there is no cursor yet. */
  constructor(connection: Connection, groupId: string, upTo: number, cursor: string | null = null) {
    this.#connection = connection;
    this.#groupId = groupId;
    this.#upTo = upTo;
    this.#cursor = cursor;
    this.#hasMore = upTo > 0;
  }

  /** The next older messages; who asks while another one asks gets the same. */
  older(limit: number): Promise<OlderPage> {
    this.#reading ??= this.#read(limit).finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(limit: number): Promise<OlderPage> {
    let messages: Message[] = [];
    while (this.#hasMore && messages.length === 0) {
      const argument = { groupId: this.#groupId, limit, cursor: this.#cursor };
      const page = await this.#connection.call('get_group_messages', argument);
      this.#cursor = page.nextCursor;
      this.#hasMore = page.nextCursor !== null;
      messages = page.messages.filter(({ seq }) => seq <= this.#upTo);
    }
    return { messages, hasMore: this.#hasMore };
  }
}
