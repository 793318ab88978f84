import { batch, signal } from '@preact/signals';
import { type ChatClient, ChatError, type Message, type Room, type RoomEnd } from 'chat-server-client';

import { type ListedMember, membersOf } from './api';

/** So long after one mark there is no other: the server takes so many events of a socket. */
const MARK_PAUSE_MS = 250;

export interface ConversationAudience {
  /** Something was said while the room was open. */
  heard(message: Message): void;
  /** Nothing comes of this group any more. */
  ended(conversation: Conversation, end: RoomEnd): void;
  /** A message could not even be kept, to be sent later. */
  overflowed(): void;
}

/** One group whose room is open: what the page shows of it, beyond what the room itself knows. */
export class Conversation {
  readonly groupId: string;
  readonly room: Room;
  /** Whether the newest messages are there. */
  readonly isReady = signal(false);
  readonly hasOlder = signal(false);
  readonly isReadingOlder = signal(false);
  readonly members = signal<readonly ListedMember[]>([]);
  readonly replyTo = signal<Message | null>(null);
  /** Up to where everything was read when it was opened: what came after it is new. */
  readonly readBefore = signal<number | null>(null);
  /** Whether the mark was moved just now, and stays there for a moment. */
  readonly isMarking = signal(false);
  readonly #client: ChatClient;
  readonly #audience: ConversationAudience;
  /** Who was looked for among the members already. */
  readonly #strangers = new Set<string>();
  #stopRetiring: (() => void) | null = null;

  constructor(client: ChatClient, groupId: string, audience: ConversationAudience) {
    this.#client = client;
    this.#audience = audience;
    this.groupId = groupId;
    // Without a connection it is entered later: what is written until then waits.
    const entered = client.join(groupId, {
      timeoutMs: Number.POSITIVE_INFINITY,
      onMessage: (message) => audience.heard(message),
      onReset: () => this.#begin(),
      onEnd: (end) => audience.ended(this, end),
    });
    const room = client.room(groupId);
    if (room === undefined) throw new Error('a group that is being joined has a room');
    this.room = room;
    // Otherwise it has ended, and `onEnd` has said so.
    entered.then(
      () => this.#begin(),
      () => {},
    );
    room.presence.subscribe(() => this.#lookForStrangers());
  }

  async #begin(): Promise<void> {
    void this.readMembers();
    const unread = this.#client.unread.getSnapshot()[this.groupId];
    await this.readOlder();
    batch(() => {
      if (unread !== undefined && unread.unreadCount > 0) this.readBefore.value ??= unread.lastReadSeq;
      this.isReady.value = true;
    });
  }

  /** Brings the next older messages, and says whether that went well. */
  async readOlder(): Promise<boolean> {
    this.isReadingOlder.value = true;
    try {
      const { hasMore } = await this.room.older();
      this.hasOlder.value = hasMore;
      return true;
    } catch {
      // Scrolling back asks again.
      this.hasOlder.value = true;
      return false;
    } finally {
      this.isReadingOlder.value = false;
    }
  }

  async readMembers(): Promise<void> {
    try {
      this.members.value = await membersOf(this.#client, this.groupId);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
    }
  }

  /** What cannot be sent is told by the client as `send_failed`. */
  send(content: string): void {
    const replyToId = this.replyTo.value?.id;
    this.replyTo.value = null;
    const draft = { content, ...(replyToId === undefined ? {} : { replyToId }) };
    this.room.send(draft).catch((error: ChatError) => {
      if (error.code === 'OUTBOX_FULL') this.#audience.overflowed();
    });
  }

  /** The user has seen everything that there is. */
  markRead(): void {
    const seq = this.room.cursor?.seq ?? 0;
    const known = this.#client.unread.getSnapshot()[this.groupId]?.lastReadSeq ?? 0;
    const { state } = this.#client.status.getSnapshot();
    if (seq <= known || state !== 'online' || this.isMarking.value) return;
    this.isMarking.value = true;
    // What does not work now is tried again with the next message, or the next connection.
    const settled = this.room.markRead(seq).catch(() => {});
    void settled.then(() => setTimeout(() => (this.isMarking.value = false), MARK_PAUSE_MS));
  }

  /** The user looks at another one: leaves the room, but not before everything is sent. */
  retire(left: () => void): void {
    const { pending } = this.room;
    const look = () => {
      if (pending.getSnapshot().length > 0) return;
      this.stay();
      left();
      void this.room.leave();
    };
    this.#stopRetiring = pending.subscribe(look);
    look();
  }

  /** The user is back before it was left. */
  stay(): void {
    this.#stopRetiring?.();
    this.#stopRetiring = null;
  }

  /** Somebody is here who was no member when the members were read. */
  #lookForStrangers(): void {
    if (!this.isReady.value) return;
    const known = new Set(this.members.value.map(({ userId }) => userId));
    const { online } = this.room.presence.getSnapshot();
    const strangers = online.filter((id) => !known.has(id) && !this.#strangers.has(id));
    if (strangers.length === 0) return;
    for (const id of strangers) this.#strangers.add(id);
    void this.readMembers();
  }
}
