import { effect, signal, untracked } from '@preact/signals';
import {
  ChatClient,
  type GroupEntry,
  type Message,
  type OutboxStorage,
  type RoomEnd,
  type SendFailed,
  type User,
  webStorage,
} from 'chat-server-client';

import * as api from './api';
import { Cable } from './cable';
import { Conversation, type ConversationAudience } from './conversation';
import { type Login, logIn } from './login';
import { goTo, openGroup } from './place';
import { TrafficLog } from './traffic-log';

/** How long a token holds for which somebody wants to see the end. */
export const BRIEF_TOKEN_S = 10;

const GONE: Record<RoomEnd['reason'], string | null> = {
  LEFT: null,
  CLOSED: null,
  REMOVED: 'You are no longer a member of that group.',
  BANNED: 'You are no longer a member of that group.',
  GROUP_DELETED: 'That group was deleted.',
  REFUSED: 'You are not a member of that group.',
};

/** Everything of a user who has signed in. */
export class Workspace {
  readonly user: User;
  readonly client: ChatClient;
  readonly cable = new Cable();
  readonly traffic = new TrafficLog();
  readonly groups = signal<readonly GroupEntry[] | null>(null);
  readonly conversation = signal<Conversation | null>(null);
  /** What was begun to be written, by group. */
  readonly drafts = new Map<string, string>();
  readonly failed = signal<readonly SendFailed[]>([]);
  /** What the user should know, in a sentence. */
  readonly notice = signal<string | null>(null);
  readonly #conversations = new Map<string, Conversation>();
  readonly #audience: ConversationAudience = {
    heard: (message) => this.#heard(message),
    ended: (conversation, end) => this.#ended(conversation, end),
    overflowed: () => {
      this.notice.value = 'Too many messages wait to be sent.';
    },
  };
  readonly #stop: (() => void)[] = [];
  #wantsBriefToken = false;
  #wantsGroups = false;
  #readingGroups: Promise<void> | null = null;

  constructor(login: Login) {
    this.user = login.user;
    let first: string | null = login.token;
    const token = async () => {
      const known = first;
      first = null;
      const ttlSeconds = this.#wantsBriefToken ? BRIEF_TOKEN_S : undefined;
      this.#wantsBriefToken = false;
      return known ?? (await logIn(login.user.name, ttlSeconds)).token;
    };
    const outbox = webStorage(localStorage, `chat-server:outbox:${login.user.id}`);
    this.client = new ChatClient(location.origin, { token, outbox, socket: { transports: this.cable.transports } });
    this.traffic.follow(this.client);
    this.#listen();
    this.client.connect().then(
      () => this.#sendLeftovers(outbox),
      () => {},
    );
    void this.readGroups();
  }

  /** Ends everything; the page goes back to the beginning. */
  close(): void {
    for (const stop of this.#stop) stop();
    this.client.close();
  }

  /** Resolves when the list is at least as new as the call. */
  readGroups(): Promise<void> {
    this.#wantsGroups = true;
    this.#readingGroups ??= this.#readUntilCurrent();
    return this.#readingGroups;
  }

  async #readUntilCurrent(): Promise<void> {
    try {
      while (this.#wantsGroups) {
        this.#wantsGroups = false;
        this.groups.value = await this.client.groups();
      }
    } catch {
      // The next connection asks again.
    } finally {
      this.#readingGroups = null;
    }
  }

  /** Makes a group, and opens it. */
  async createGroup(name: string): Promise<void> {
    const { id } = await api.createGroup(this.client, name);
    await this.readGroups();
    goTo(id);
  }

  /** Sends it again under the same id, so it cannot be there twice. */
  retry(failure: SendFailed): void {
    this.discard(failure);
    const { clientMessageId, content, type, replyToId } = failure.message;
    const draft = { clientMessageId, content, type, ...(replyToId === null ? {} : { replyToId }) };
    this.client
      .room(failure.message.groupId)
      ?.send(draft)
      .catch(() => {});
  }

  discard(failure: SendFailed): void {
    this.failed.value = this.failed.value.filter((other) => other !== failure);
  }

  pullCable(): void {
    this.cable.pull();
  }

  plugInCable(): void {
    this.cable.plugIn();
    this.client.connect().catch(() => {});
  }

  /** Takes a token that ends soon: the client has to bring another one in time. */
  async expireToken(): Promise<void> {
    this.#wantsBriefToken = true;
    await this.client.renewToken();
  }

  #listen(): void {
    const { client } = this;
    const again = () => void this.readGroups();
    const online = () => client.connect().catch(() => {});
    addEventListener('online', online);
    this.#stop.push(
      () => removeEventListener('online', online),
      client.on('added_to_group', ({ name }) => {
        this.notice.value = `You were added to ${name}.`;
        again();
      }),
      client.on('removed_from_group', again),
      client.on('group_updated', again),
      client.on('member_updated', ({ groupId }) => void this.#conversations.get(groupId)?.readMembers()),
      client.on('send_failed', (failure) => {
        this.failed.value = [...this.failed.value, failure];
      }),
      client.unread.subscribe(() => this.#comparePreviews()),
      client.status.subscribe(() => this.groups.value === null && this.#isOnline && again()),
      effect(() => {
        const groupId = openGroup.value;
        untracked(() => this.#open(groupId));
      }),
    );
  }

  get #isOnline(): boolean {
    return this.client.status.getSnapshot().state === 'online';
  }

  /** Something new came in a group that is not open: the list shows its last message. */
  #comparePreviews(): void {
    const unread = this.client.unread.getSnapshot();
    const differs = ({ id, unreadCount }: GroupEntry) =>
      id !== openGroup.peek() && unread[id] !== undefined && unread[id].unreadCount !== unreadCount;
    if (this.groups.value?.some(differs)) void this.readGroups();
  }

  #open(groupId: string | null): void {
    const before = this.conversation.peek();
    if (before?.groupId === groupId) return;
    this.conversation.value = groupId === null ? null : this.#conversationOf(groupId);
    if (before) this.#retire(before);
  }

  #retire(conversation: Conversation): void {
    conversation.retire(() => this.#conversations.delete(conversation.groupId));
  }

  /** What an earlier page could not send goes now, whatever group is open. */
  async #sendLeftovers(outbox: OutboxStorage): Promise<void> {
    const messages = await outbox.load();
    for (const groupId of new Set(messages.map((message) => message.groupId))) {
      if (!this.#conversations.has(groupId)) this.#retire(this.#conversationOf(groupId));
    }
  }

  #conversationOf(groupId: string): Conversation {
    const known = this.#conversations.get(groupId);
    known?.stay();
    const conversation = known ?? new Conversation(this.client, groupId, this.#audience);
    this.#conversations.set(groupId, conversation);
    return conversation;
  }

  /** The list of groups is not read anew for what is said in a room that is open. */
  #heard(message: Message): void {
    const entry = (group: GroupEntry) => (group.id === message.groupId ? { ...group, lastMessage: message } : group);
    this.groups.value = this.groups.value?.map(entry) ?? null;
  }

  #ended(conversation: Conversation, { reason }: RoomEnd): void {
    if (this.#conversations.get(conversation.groupId) === conversation) {
      this.#conversations.delete(conversation.groupId);
    }
    const words = GONE[reason];
    if (words !== null) this.notice.value = words;
    if (this.conversation.peek() !== conversation || reason === 'CLOSED') return;
    this.conversation.value = null;
    goTo(null);
  }
}
