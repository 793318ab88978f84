import { Alarm, now } from './clock.js';
import type { Connection } from './connection.js';
import { backoffMs } from './core/backoff.js';
import { type Cursor, type News, Resume } from './core/resume.js';
import type { ChatError } from './error.js';
import type { Result } from './requests.js';
import type { GroupMessages, JoinedGroupSuccess, Message } from './wire.js';

/** Who is told what comes of it. */
export interface StayAudience {
  /** The room was entered on this connection. */
  entered(joined: JoinedGroupSuccess): void;
  told(news: readonly News[]): void;
  /** It cannot be entered, and will not be tried again. */
  refused(error: ChatError): void;
}

const RETRY = { baseMs: 1_000, maxMs: 10_000 };

/** Enters a room on each connection, and fetches what is missing since the last one. */
export class Stay {
  readonly #connection: Connection;
  readonly #groupId: string;
  readonly #audience: StayAudience;
  readonly #resume: Resume;
  readonly #retry = new Alarm(() => (this.#resume.isInRoom ? this.#fetch() : this.#join()));
  /** Answers to earlier joins, and to what was asked after them, do not count. */
  #joins = 0;
  #failures = 0;
  #isFetching = false;

  constructor(connection: Connection, groupId: string, cursor: Cursor | null, audience: StayAudience) {
    this.#connection = connection;
    this.#groupId = groupId;
    this.#audience = audience;
    this.#resume = new Resume(groupId, cursor);
  }

  get cursor(): Cursor | null {
    return this.#resume.cursor;
  }

  get isInRoom(): boolean {
    return this.#resume.isInRoom;
  }

  /** A connection is there. */
  begin(): void {
    this.#failures = 0;
    this.#join();
  }

  /** The connection is gone, or the room. */
  end(): void {
    this.#joins += 1;
    this.#retry.stop();
    this.#resume.lost();
  }

  liveCame(message: Message): void {
    this.#tell(this.#resume.liveCame(message));
  }

  pageCame(page: GroupMessages): void {
    this.#tell(this.#resume.pageCame(page));
  }

  #join(): void {
    this.#joins += 1;
    this.#isFetching = false;
    const entered = (joined: JoinedGroupSuccess) => {
      this.#audience.entered(joined);
      this.#tell(this.#resume.joined(joined));
    };
    this.#connection.ask('join_group', this.#resume.join(), this.#ifCurrent(entered));
  }

  /** Reads what is missing, a page at a time. */
  #fetch(): void {
    const afterSeq = this.#resume.wants;
    if (afterSeq === null || this.#isFetching) return;
    this.#isFetching = true;
    const fetched = (page: GroupMessages) => this.#tell(this.#resume.fetched(afterSeq, page));
    const argument = { groupId: this.#groupId, afterSeq, limit: 100 };
    this.#connection.ask('get_group_messages', argument, this.#ifCurrent(fetched));
  }

  #ifCurrent<T>(done: (data: T) => void): (result: Result<T>) => void {
    const join = this.#joins;
    return (result) => {
      if (join !== this.#joins) return;
      this.#isFetching = false;
      if (!result.ok) return this.#refused(result.error);
      this.#failures = 0;
      done(result.data);
    };
  }

  #tell(news: readonly News[]): void {
    this.#audience.told(news);
    this.#fetch();
  }

  #refused(error: ChatError): void {
    // Then `begin` is called again.
    if (error.code === 'DISCONNECTED') return;
    if (!error.mayBeRetried) return this.#audience.refused(error);
    this.#failures += 1;
    const waitMs = Math.max(error.retryAfterMs ?? 0, backoffMs(RETRY, this.#failures, Math.random()));
    this.#retry.set(now() + waitMs);
  }
}
