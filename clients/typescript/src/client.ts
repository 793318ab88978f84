import type { ManagerOptions, SocketOptions } from 'socket.io-client';

import { LONGEST_MS, within } from './clock.js';
import { type Audience, Connection, type ConnectionStatus } from './connection.js';
import type { Backoff } from './core/backoff.js';
import { deferred } from './deferred.js';
import { ChatError } from './error.js';
import { request } from './http.js';
import type { News, Traffic } from './requests.js';
import { type JoinOptions, Room } from './room.js';
import { type SendFailed, Sender } from './sender.js';
import { inMemory, type OutboxStorage } from './storage.js';
import { Cell, Emitter, type Store } from './store.js';
import { type TokenProvider, Tokens } from './tokens.js';
import type {
  AddedToGroup,
  GroupEntry,
  GroupUpdated,
  List,
  MemberUpdated,
  ReadState,
  RemovedFromGroup,
  Session,
} from './wire.js';

export interface ChatClientOptions {
  token: TokenProvider;
  /** Keeps what is not acknowledged beyond this page, for example `webStorage`. Default: it ends with the page. */
  outbox?: OutboxStorage;
  /** How long to wait between attempts. Default: up to 1 s after a first failure, doubled each time, up to 15 s. */
  backoff?: Backoff;
  /** How long a request waits for its answer. Default 10 s. */
  timeoutMs?: number;
  /** More messages than this do not wait to be sent. Default 1,000. */
  mostPending?: number;
  /** Further options for socket.io-client, for example `transports` or `path`. */
  socket?: Partial<ManagerOptions & SocketOptions>;
}

export interface ChatEvents {
  added_to_group: AddedToGroup;
  removed_from_group: RemovedFromGroup;
  /** Of a room that is joined. */
  group_updated: GroupUpdated;
  member_updated: MemberUpdated;
  /** A message will not be sent. */
  send_failed: SendFailed;
  /** The client has given up: it was sent away, or its tokens are not taken. `connect` begins again. */
  ended: ChatError;
  /** Something failed that nobody waits for. */
  error: ChatError;
  /** Everything that goes over the connection, for tools that show it. Tokens and socket ids are in it. */
  traffic: Traffic;
}

/** What is unread, by group. A group of which nothing was said yet has no entry. */
export type Unread = Readonly<Record<string, ReadState>>;

const TIMEOUT_MS = 10_000;
const JOIN_TIMEOUT_MS = 30_000;
const BACKOFF = { baseMs: 1_000, maxMs: 15_000 };

/** One user's connection to a server, with everything that has to survive its loss. */
export class ChatClient {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #tokens: Tokens;
  readonly #connection: Connection;
  readonly #sender: Sender;
  readonly #rooms = new Map<string, Room>();
  readonly #events = new Emitter<ChatEvents>();
  readonly #unread = new Cell<Unread>({});
  #keepsUnread = false;

  /** `url` is that of the server, without a path. Nothing is sent before `connect`. */
  constructor(url: string, options: ChatClientOptions) {
    const { backoff = BACKOFF, socket = {}, outbox = inMemory, mostPending = 1_000 } = options;
    const timeoutMs = Math.min(options.timeoutMs ?? TIMEOUT_MS, LONGEST_MS);
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#tokens = new Tokens(options.token, timeoutMs);
    const trouble = (error: ChatError) => this.#events.emit('error', error);
    const audience: Audience = {
      opened: () => this.#opened(),
      lost: () => this.#rooms.forEach((room) => room.lost()),
      ended: (error) => this.#events.emit('ended', error),
      heard: (news) => this.#heard(news),
      passed: (traffic) => this.#events.emit('traffic', traffic),
      trouble,
    };
    this.#connection = new Connection(url, { backoff, timeoutMs, socket }, this.#tokens, audience);
    this.#sender = new Sender(
      this.#connection,
      { backoff, storage: outbox, mostPending },
      { sendFailed: (failure) => this.#events.emit('send_failed', failure), trouble },
    );
  }

  get status(): Store<ConnectionStatus> {
    return this.#connection.status;
  }

  /**
   * Complete after a first `groups`. In rooms that are joined only `markRead` changes it: their messages are being
   * looked at.
   */
  get unread(): Store<Unread> {
    return this.#unread;
  }

  /** Calls the listener for each such event, until the returned function is called. */
  on<Name extends keyof ChatEvents>(name: Name, listener: (payload: ChatEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Begins to connect, or tries again at once instead of later. Resolves when there is a session. When that takes too
   * long it rejects, but the client goes on trying.
   */
  async connect(timeoutMs = JOIN_TIMEOUT_MS): Promise<Session> {
    this.#connection.open();
    await this.#connection.online(timeoutMs);
    const { session } = this.#connection;
    if (session === null) throw new ChatError('DISCONNECTED', 'There is no connection.');
    return session;
  }

  /**
   * Joins the room of a group, and stays in it over lost connections. Resolves when nothing is missing any more. A
   * group that is joined already gives the same room, with the listeners added.
   */
  async join(groupId: string, options: JoinOptions = {}): Promise<Room> {
    const { finalError } = this.#connection;
    if (finalError !== null) throw finalError;
    const known = this.#rooms.get(groupId);
    known?.listen(options);
    const room = known ?? this.#enter(groupId, options);
    try {
      await this.#caughtUp(room, options.timeoutMs ?? JOIN_TIMEOUT_MS);
    } catch (error) {
      if (known === undefined) void room.leave();
      throw error;
    }
    return room;
  }

  /** The room of a group that is joined, or is being joined. */
  room(groupId: string): Room | undefined {
    return this.#rooms.get(groupId);
  }

  /** The caller's groups, all of them, with what is unread. */
  async groups(): Promise<GroupEntry[]> {
    this.#keepsUnread = true;
    const before = this.#unread.getSnapshot();
    const groups: GroupEntry[] = [];
    let cursor: string | null = null;
    do {
      const query: string = new URLSearchParams({ limit: '100', ...(cursor === null ? {} : { cursor }) }).toString();
      const page = await this.request<List<GroupEntry>>('GET', `/groups?${query}`);
      groups.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    this.#unread.update((unread) => {
      // What was told meanwhile is newer than what was read.
      const read = groups.filter(({ id }) => unread[id] === before[id]);
      return { ...unread, ...Object.fromEntries(read.map((group) => [group.id, stateOf(group)])) };
    });
    return groups;
  }

  /** Asks the HTTP API as this user: `path` is what follows `/api/v1`, the body is sent as JSON. */
  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const url = new URL(`/api/v1${path}`, this.#url).href;
    return request<T>({ method, url, body }, this.#tokens, this.#timeoutMs);
  }

  /** Brings a new token now, and not shortly before the old one ends: after the user was renamed, for example. */
  async renewToken(): Promise<void> {
    if (this.#connection.isOnline) await this.#connection.renew();
    else this.#tokens.drop();
  }

  /** Ends the connection, for good. What is not acknowledged yet is rejected, and stays in the outbox's storage. */
  close(): void {
    const error = new ChatError('CLOSED', 'The client was closed.');
    this.#connection.close();
    for (const room of [...this.#rooms.values()]) room.close(error);
    this.#sender.close(error);
  }

  #opened(): void {
    for (const room of this.#rooms.values()) room.opened();
    // What has become unread meanwhile was told to nobody.
    if (this.#keepsUnread) this.groups().catch((error: ChatError) => this.#events.emit('error', error));
  }

  #enter(groupId: string, options: JoinOptions): Room {
    const room: Room = new Room(groupId, options, {
      connection: this.#connection,
      sender: this.#sender,
      marked: (id, state) => this.#marked(id, state),
      ended: () => this.#rooms.delete(groupId),
      has: (id) => this.#rooms.has(id),
    });
    this.#rooms.set(groupId, room);
    if (this.#connection.isOnline) room.opened();
    return room;
  }

  #caughtUp(room: Room, timeoutMs: number): Promise<void> {
    const ended = deferred<never>();
    const off = this.on('ended', ended.reject);
    const late = () => new ChatError('TIMEOUT', 'The room was not entered in time.', { groupId: room.groupId });
    return within(timeoutMs, Promise.race([room.caughtUp, ended.promise]), late).finally(off);
  }

  #heard(news: News): void {
    switch (news.name) {
      case 'error':
        return this.#events.emit('error', ChatError.fromEvent(news.payload));
      case 'unread_update':
        return this.#marked(news.payload.groupId, stateOf(news.payload));
      case 'added_to_group':
      case 'group_updated':
      case 'member_updated':
        return this.#events.emit(news.name, news.payload);
      case 'removed_from_group':
        this.#rooms.get(news.payload.groupId)?.heard(news);
        this.#unread.update(({ [news.payload.groupId]: _, ...others }) => others);
        return this.#events.emit(news.name, news.payload);
    }
    if ('groupId' in news.payload && news.payload.groupId !== null) this.#rooms.get(news.payload.groupId)?.heard(news);
  }

  #marked(groupId: string, state: ReadState): void {
    this.#unread.update((unread) => ({ ...unread, [groupId]: state }));
  }
}

function stateOf({ lastReadSeq, unreadCount }: ReadState): ReadState {
  return { lastReadSeq, unreadCount };
}
