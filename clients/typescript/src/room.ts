import { Attendance } from './attendance.js';
import { pause } from './clock.js';
import type { Connection } from './connection.js';
import { merged } from './core/message-list.js';
import type { PendingMessage } from './core/outbox.js';
import type { Presence, Typists } from './core/presence.js';
import type { Cursor, News as Progress } from './core/resume.js';
import { deferred } from './deferred.js';
import { ChatError } from './error.js';
import { History, type OlderPage } from './history.js';
import { randomId } from './id.js';
import type { News, Result } from './requests.js';
import type { Sender } from './sender.js';
import { Stay } from './stay.js';
import { Cell, Emitter, type Store } from './store.js';
import { Typing } from './typing.js';
import type {
  JoinedGroupSuccess,
  LeftGroupSuccess,
  Message,
  ReadState,
  RemovedFromGroup,
  RoomMembersUpdate,
  SendableType,
} from './wire.js';

/** Why a room is over. `error` says it for those who still want something of it. */
export interface RoomEnd {
  reason: 'LEFT' | 'REFUSED' | 'CLOSED' | RemovedFromGroup['reason'];
  error: ChatError;
}

export interface RoomEvents {
  /** Each message once, in order. Later changes of one come as the same `id` with a higher `updatedSeq`. */
  message: Message;
  /** The server was set back to a backup: drop what you have of this group. The newest messages follow. */
  reset: undefined;
  /** Nothing comes any more. */
  end: RoomEnd;
}

export interface JoinOptions {
  /** Where you have come to. `start` brings the whole history; without it, it begins with what comes from now on. */
  after?: Cursor | 'start';
  /** Whether `messages` keeps what comes. Default `true`. */
  keepMessages?: boolean;
  /** How long the promise waits. Default 30 s. */
  timeoutMs?: number;
  onMessage?: (message: Message) => void;
  onReset?: () => void;
  onEnd?: (end: RoomEnd) => void;
}

export interface Draft {
  content: string;
  /** Default `TEXT`. */
  type?: SendableType;
  replyToId?: string;
  /** Your own name for it. Sent again under the same, it is the same message. */
  clientMessageId?: string;
}

/** What a room needs of the client that it belongs to. */
export interface Surroundings {
  connection: Connection;
  sender: Sender;
  /** The caller's mark has moved. */
  marked(groupId: string, state: ReadState): void;
  /** This one is over, and another one may take its place. */
  ended(room: Room): void;
  /** Whether there is a room for that group. */
  has(groupId: string): boolean;
}

/** When the server does not say when to try again. */
const RETRY_MS = 1_000;

/** One group whose room this client is in, over any number of connections. */
export class Room {
  readonly groupId: string;
  readonly #surroundings: Surroundings;
  readonly #events = new Emitter<RoomEvents>();
  readonly #messages = new Cell<readonly Message[]>([]);
  readonly #keepsMessages: boolean;
  readonly #attendance = new Attendance();
  readonly #typing: Typing;
  readonly #stay: Stay;
  readonly #caughtUp = deferred<void>();
  #history: History | null = null;
  /** What the application has been told of so far. */
  #cursor: Cursor | null;
  #end: RoomEnd | null = null;

  /** For the client alone: use `ChatClient.join`. */
  constructor(groupId: string, options: JoinOptions, surroundings: Surroundings) {
    this.groupId = groupId;
    this.#surroundings = surroundings;
    this.#keepsMessages = options.keepMessages ?? true;
    this.#typing = new Typing(surroundings.connection, groupId);
    this.#cursor = options.after === 'start' ? { seq: 0, epoch: null } : (options.after ?? null);
    if (this.#cursor !== null) this.#history = new History(surroundings.connection, groupId, this.#cursor.seq);
    this.#stay = new Stay(surroundings.connection, groupId, this.#cursor, {
      entered: (joined) => this.#entered(joined),
      told: (news) => this.#tell(news),
      refused: (error) => this.#expel('REFUSED', error),
    });
    this.listen(options);
    // Whoever does not wait for it hears `end`.
    this.#caughtUp.promise.catch(() => {});
  }

  // What can be watched.

  /** What has come, and what `older` has brought, by `seq`. */
  get messages(): Store<readonly Message[]> {
    return this.#messages;
  }

  get presence(): Store<Presence> {
    return this.#attendance.presence;
  }

  /** Who types, this user aside. */
  get typists(): Store<Typists> {
    return this.#attendance.typists;
  }

  /** Own messages that are not acknowledged yet. */
  get pending(): Store<readonly PendingMessage[]> {
    return this.#surroundings.sender.pending(this.groupId);
  }

  /** How far the application has been told. Kept, it is where to go on with `after`. */
  get cursor(): Cursor | null {
    return this.#cursor;
  }

  /** Calls the listener for each such event, until the returned function is called. */
  on<Name extends keyof RoomEvents>(name: Name, listener: (payload: RoomEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  // What can be done.

  /** Resolves when the message is stored, however long that takes; a lost connection or a busy server delays it. */
  send(draft: string | Draft, options: { timeoutMs?: number } = {}): Promise<Message> {
    const {
      content,
      type = 'TEXT',
      replyToId = null,
      clientMessageId = randomId(),
    } = typeof draft === 'string' ? { content: draft } : draft;
    if (this.#end !== null) return Promise.reject(this.#end.error);
    this.#typing.sent();
    const message = { clientMessageId, groupId: this.groupId, content, type, replyToId };
    return this.#surroundings.sender.send(message, options.timeoutMs ?? Number.POSITIVE_INFINITY);
  }

  /** Call it at each keystroke. It ends by itself, with a message, or with `stopTyping`. */
  typing(): void {
    this.#typing.key();
  }

  stopTyping(): void {
    this.#typing.stop();
  }

  /** The next page of older messages, from what came first back to the beginning of the group. */
  async older(limit = 50): Promise<OlderPage> {
    this.#assertThere();
    const history = this.#history;
    if (history === null) return { messages: [], hasMore: false };
    const page = await history.older(limit);
    // The group was reset meanwhile.
    if (history !== this.#history) return this.older(limit);
    this.#store(page.messages);
    return page;
  }

  /** A page of who is in the room, where `presence` is truncated. */
  async members(page: { cursor?: string | null; limit?: number } = {}): Promise<RoomMembersUpdate> {
    this.#assertThere();
    const argument = { groupId: this.groupId, ...page };
    return this.#surroundings.connection.call('get_room_info', argument, (answer) => this.#attendance.asked(answer));
  }

  /** Everything up to `seq` has been read; up to the newest message, without it. */
  async markRead(seq = this.#cursor?.seq ?? 0): Promise<ReadState> {
    this.#assertThere();
    const state = await this.#surroundings.connection.call('mark_read', { groupId: this.groupId, seq });
    this.#surroundings.marked(this.groupId, state);
    return state;
  }

  /** Leaves the room. What waits to be sent goes when it is joined again. */
  async leave(): Promise<void> {
    const isOver = this.#end !== null;
    this.#finish('LEFT', new ChatError('CLOSED', 'The room was left.', { groupId: this.groupId }));
    if (!isOver) await this.#sayGoodbye();
  }

  // What happens to it; for the client alone.

  /** @internal */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** @internal */
  listen({ onMessage, onReset, onEnd }: JoinOptions): void {
    if (onMessage) this.on('message', onMessage);
    if (onReset) this.on('reset', onReset);
    if (onEnd) this.on('end', onEnd);
  }

  /** A connection is there. @internal */
  opened(): void {
    this.#stay.begin();
  }

  /** The connection is gone. @internal */
  lost(): void {
    this.#stay.end();
    this.#attendance.lost();
    this.#typing.lost();
    this.#surroundings.sender.shut(this.groupId);
  }

  /** Something of this group came. @internal */
  heard(news: News): void {
    if (news.name === 'removed_from_group') {
      const error = new ChatError('FORBIDDEN', 'The user was removed from the group.', { groupId: this.groupId });
      return this.#expel(news.payload.reason, error);
    }
    if (!this.#stay.isInRoom) return;
    if (news.name === 'message_received') this.#stay.liveCame(news.payload);
    else if (news.name === 'group_messages') this.#stay.pageCame(news.payload);
    else this.#attendance.heard(news);
  }

  /** The client was closed. @internal */
  close(error: ChatError): void {
    this.#finish('CLOSED', error);
  }

  #entered(joined: JoinedGroupSuccess): void {
    const { connection, sender } = this.#surroundings;
    this.#attendance.entered(joined);
    if (connection.session !== null) this.#typing.began(connection.session);
    this.#history ??= new History(connection, this.groupId, joined.lastSeq);
    sender.open(this.groupId);
  }

  #tell(news: readonly Progress[]): void {
    const messages = news.flatMap((item) => (item.kind === 'message' ? [item.message] : []));
    const reset = news.find((item) => item.kind === 'reset');
    const { connection } = this.#surroundings;
    if (reset) {
      this.#messages.set([]);
      // The page that follows leads back from its first message.
      const first = messages[0]?.seq ?? 1;
      this.#history = new History(connection, this.groupId, reset.older === null ? 0 : first - 1, reset.older);
    }
    this.#store(messages);
    const { epoch = null } = this.#stay.cursor ?? {};
    for (const item of news) {
      if (this.#end !== null) return;
      if (item.kind === 'message') {
        // Until all of a reset is told, the old place stays: whoever goes on from there is reset again.
        if (!reset) this.#cursor = { seq: item.message.updatedSeq, epoch };
        this.#events.emit('message', item.message);
      } else if (item.kind === 'reset') {
        this.#events.emit('reset', undefined);
      }
    }
    this.#cursor = this.#stay.cursor;
    if (news.some(({ kind }) => kind === 'caught_up')) this.#caughtUp.resolve();
  }

  #store(messages: readonly Message[]): void {
    if (this.#keepsMessages) this.#messages.update((list) => merged(list, messages));
  }

  /** It ends, and so does what waits to be sent. */
  #expel(reason: RoomEnd['reason'], error: ChatError): void {
    this.#finish(reason, error);
    this.#surroundings.sender.reject(this.groupId, error);
  }

  #finish(reason: RoomEnd['reason'], error: ChatError): void {
    if (this.#end !== null) return;
    this.lost();
    this.#end = { reason, error };
    this.#surroundings.ended(this);
    this.#caughtUp.reject(error);
    this.#events.emit('end', this.#end);
  }

  /** Until the server has heard it, or has no reason to: the connection is gone, or the group was joined again. */
  async #sayGoodbye(): Promise<void> {
    const { connection } = this.#surroundings;
    while (!this.#surroundings.has(this.groupId)) {
      const result = await new Promise<Result<LeftGroupSuccess>>((done) =>
        connection.ask('leave_group', { groupId: this.groupId }, done),
      );
      if (result.ok || result.error.code === 'DISCONNECTED' || !result.error.mayBeRetried) return;
      await pause(result.error.retryAfterMs ?? RETRY_MS);
    }
  }

  #assertThere(): void {
    if (this.#end !== null) throw this.#end.error;
  }
}
