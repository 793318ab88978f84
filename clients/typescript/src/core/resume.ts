import type { GroupMessages, JoinGroup, JoinedGroupSuccess, Message } from '../wire.js';

/** How far a client has come in a group. Store it with the messages to go on from there another time. */
export interface Cursor {
  /** The newest `updatedSeq` that the client has. */
  seq: number;
  /** Which history `seq` belongs to. Unknown if `null`. */
  epoch: string | null;
}

/** What the application is told, in this order. */
export type News =
  | { kind: 'message'; message: Message }
  /** Everything known of the group is void. `older` leads back from the messages that follow. */
  | { kind: 'reset'; older: string | null }
  /** Nothing is missing any more. */
  | { kind: 'caught_up' };

type Phase =
  /** Not in the room. */
  | { name: 'away' }
  /** The join was sent. What comes before its answer belongs to an earlier one. */
  | { name: 'joining' }
  /** The answer promised a page. */
  | { name: 'first_page'; joined: JoinedGroupSuccess }
  /** Some messages are missing. What comes live meanwhile waits; `upTo` was known of when the page was asked for. */
  | { name: 'paging'; upTo: number }
  | { name: 'live' };

/** More live messages than this are not kept while others are missing; they are asked for afterwards. */
export const MOST_WAITING = 1_000;

/**
 * Puts what arrives of one group in order: each message once, by `updatedSeq`, over any number of connections.
 *
 * Invariant: the application has been told everything up to the cursor, and nothing beyond it.
 */
export class Resume {
  readonly #groupId: string;
  readonly #limit: number;
  #cursor: Cursor | null;
  #phase: Phase = { name: 'away' };
  #waiting: Message[] = [];
  /** The newest message that was not kept. */
  #dropped = 0;

  /** Without a cursor, it begins with what comes after the first join. */
  constructor(groupId: string, cursor: Cursor | null, limit = 100) {
    this.#groupId = groupId;
    this.#cursor = cursor;
    this.#limit = limit;
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  get isLive(): boolean {
    return this.#phase.name === 'live';
  }

  /** Whether the room was entered on this connection. */
  get isInRoom(): boolean {
    return this.#phase.name !== 'away' && this.#phase.name !== 'joining';
  }

  /** Begins on a connection, again if need be; returns the argument of `join_group`. */
  join(): JoinGroup {
    this.#phase = { name: 'joining' };
    this.#forget();
    const argument: JoinGroup = { groupId: this.#groupId, limit: this.#limit };
    if (this.#cursor === null) return argument;
    return { ...argument, afterSeq: this.#cursor.seq, epoch: this.#cursor.epoch };
  }

  /** The connection, or the room, is gone. */
  lost(): void {
    this.#phase = { name: 'away' };
    this.#forget();
  }

  /** The join was acknowledged. */
  joined(joined: JoinedGroupSuccess): News[] {
    if (this.#phase.name !== 'joining') return [];
    if (this.#cursor !== null) {
      this.#phase = { name: 'first_page', joined };
      return [];
    }
    this.#cursor = { seq: joined.lastSeq, epoch: joined.epoch };
    this.#phase = { name: 'live' };
    return [{ kind: 'caught_up' }];
  }

  /** `group_messages` came. It counts only as the page that a join promised. */
  pageCame(page: GroupMessages): News[] {
    if (this.#phase.name !== 'first_page') return [];
    const { epoch, lastSeq, reset } = this.#phase.joined;
    if (reset) {
      // The newest page, in the order of `seq`.
      this.#cursor = { seq: lastSeq, epoch };
      const messages = page.messages.map((message): News => ({ kind: 'message', message }));
      return this.#goLive(lastSeq, [{ kind: 'reset', older: page.nextCursor }, ...messages]);
    }
    const before = this.#position;
    this.#cursor = { seq: before, epoch };
    // A later change of one of them comes live, after others that are not in this page.
    const news = this.#tell(page.messages.filter(({ updatedSeq }) => updatedSeq <= lastSeq));
    if (page.hasNextPage && this.#position > before) {
      this.#phase = { name: 'paging', upTo: lastSeq };
      return news;
    }
    return this.#goLive(lastSeq, news);
  }

  /** `message_received` came. */
  liveCame(message: Message): News[] {
    switch (this.#phase.name) {
      case 'away':
      case 'joining':
        return [];
      case 'first_page':
      case 'paging':
        this.#keep(message);
        return [];
      case 'live':
        this.#keep(message);
        return this.#goLive(0, []);
    }
  }

  /** After which `seq` a page has to be fetched now, or `null`. */
  get wants(): number | null {
    return this.#phase.name === 'paging' ? this.#position : null;
  }

  /** The page came that was fetched after that `seq`. */
  fetched(afterSeq: number, page: GroupMessages): News[] {
    if (this.#phase.name !== 'paging' || afterSeq !== this.#position) return [];
    const { upTo } = this.#phase;
    const news = this.#tell(page.messages);
    if (page.hasNextPage && this.#position > afterSeq) return news;
    return this.#goLive(upTo, news);
  }

  /**
   * Tells what waits, as far as nothing is missing. The history was read up to `upTo`: what it does not have up to
   * there does not exist.
   */
  #goLive(upTo: number, news: News[]): News[] {
    const wasLive = this.#phase.name === 'live';
    this.#waiting.sort((a, b) => a.updatedSeq - b.updatedSeq);
    const newest = Math.max(this.#dropped, this.#waiting.at(-1)?.updatedSeq ?? 0);
    let next = this.#waiting[0];
    while (next !== undefined && next.updatedSeq <= Math.max(this.#position + 1, upTo)) {
      news.push(...this.#tell([next]));
      this.#waiting.shift();
      next = this.#waiting[0];
    }
    this.#moveTo(upTo);
    if (newest > this.#position) {
      this.#dropped = 0;
      this.#phase = { name: 'paging', upTo: newest };
      return news;
    }
    this.#forget();
    this.#phase = { name: 'live' };
    if (!wasLive) news.push({ kind: 'caught_up' });
    return news;
  }

  get #position(): number {
    return this.#cursor?.seq ?? 0;
  }

  #tell(messages: readonly Message[]): News[] {
    return messages.flatMap((message): News[] => {
      if (message.updatedSeq <= this.#position) return [];
      this.#moveTo(message.updatedSeq);
      return [{ kind: 'message', message }];
    });
  }

  #moveTo(seq: number): void {
    if (this.#cursor !== null && seq > this.#cursor.seq) this.#cursor = { ...this.#cursor, seq };
  }

  #keep(message: Message): void {
    if (message.updatedSeq <= this.#position) return;
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(message);
    else this.#dropped = Math.max(this.#dropped, message.updatedSeq);
  }

  #forget(): void {
    this.#waiting = [];
    this.#dropped = 0;
  }
}
