import { Alarm, now } from './clock.js';
import type { Connection } from './connection.js';
import type { Backoff } from './core/backoff.js';
import { Outbox, type PendingMessage } from './core/outbox.js';
import { type Deferred, deferred } from './deferred.js';
import { ChatError } from './error.js';
import type { OutboxStorage } from './storage.js';
import { Cell } from './store.js';
import type { Message, SendMessage } from './wire.js';

export interface SenderOptions {
  backoff: Backoff;
  storage: OutboxStorage;
  mostPending: number;
}

export interface SendFailed {
  message: PendingMessage;
  error: ChatError;
}

/** Who is told what nobody may be waiting for. */
export interface SenderAudience {
  /** A message will not be sent. */
  sendFailed(failure: SendFailed): void;
  trouble(error: ChatError): void;
}

/** Sends what is in the outbox, and stores it until it is acknowledged. */
export class Sender {
  readonly #connection: Connection;
  readonly #options: SenderOptions;
  readonly #audience: SenderAudience;
  readonly #outbox: Outbox;
  readonly #alarm = new Alarm(() => this.#pump());
  readonly #promised = new Map<string, Deferred<Message>>();
  readonly #pending = new Map<string, Cell<readonly PendingMessage[]>>();
  #isLoaded = false;
  #lastOrder = 0;

  constructor(connection: Connection, options: SenderOptions, audience: SenderAudience) {
    this.#connection = connection;
    this.#options = options;
    this.#audience = audience;
    this.#outbox = new Outbox(options.backoff);
    void this.#load();
  }

  /** What of a group is not acknowledged yet. */
  pending(groupId: string): Cell<readonly PendingMessage[]> {
    const cell = this.#pending.get(groupId) ?? new Cell(this.#outbox.of(groupId));
    this.#pending.set(groupId, cell);
    return cell;
  }

  /** Sends it when it can be sent. The same `clientMessageId` twice is the same message. */
  send(what: Omit<PendingMessage, 'order'>, timeoutMs: number): Promise<Message> {
    const { groupId } = what;
    const known = this.#promised.get(keyOf(what));
    if (known) return known.promise;
    if (this.#outbox.size >= this.#options.mostPending) {
      return Promise.reject(new ChatError('OUTBOX_FULL', 'Too many messages wait to be sent.', { groupId }));
    }
    // Behind those of an earlier page.
    this.#lastOrder = Math.max(this.#lastOrder + 1, Date.now());
    const message = { ...what, order: this.#lastOrder };
    this.#outbox.add(message);
    this.#changed(groupId);
    void this.#store(message);
    return this.#promise(message, timeoutMs);
  }

  /** The room was entered: its messages can go. */
  open(groupId: string): void {
    this.#outbox.open(groupId);
    this.#pump();
  }

  /** The room was left or lost: they have to wait. */
  shut(groupId: string): void {
    this.#outbox.shut(groupId);
  }

  /** They cannot be sent any more. */
  reject(groupId: string, error: ChatError): void {
    for (const message of this.#outbox.of(groupId)) this.#giveUp(message, error);
  }

  /** Nobody waits for an answer any more. What is stored stays so. */
  close(error: ChatError): void {
    this.#alarm.stop();
    for (const { reject } of this.#promised.values()) reject(error);
    this.#promised.clear();
  }

  async #load(): Promise<void> {
    try {
      // Not at once, so that whoever made the client can listen to what goes wrong.
      const messages = await Promise.resolve().then(() => this.#options.storage.load());
      for (const message of messages) {
        this.#lastOrder = Math.max(this.#lastOrder, message.order);
        this.#outbox.add(message);
        this.#outbox.stored(message);
        this.#changed(message.groupId);
      }
    } catch (cause) {
      this.#audience.trouble(new ChatError('STORAGE_FAILED', 'The outbox could not be loaded.', { cause }));
    }
    this.#isLoaded = true;
    this.#pump();
  }

  async #store(message: PendingMessage): Promise<void> {
    try {
      await this.#options.storage.put(message);
    } catch (cause) {
      return this.#giveUp(message, storageFailed(message, cause));
    }
    this.#outbox.stored(message);
    this.#pump();
  }

  #promise(message: PendingMessage, timeoutMs: number): Promise<Message> {
    const { groupId } = message;
    const late = () => new ChatError('TIMEOUT', 'The message could not be sent in time.', { groupId });
    const alarm = new Alarm(() => this.#giveUp(message, late()));
    alarm.set(now() + timeoutMs);
    const promised = deferred<Message>();
    this.#promised.set(keyOf(message), promised);
    // Whoever does not look at it hears `send_failed`.
    promised.promise.then(
      () => alarm.stop(),
      () => alarm.stop(),
    );
    return promised.promise;
  }

  #pump(): void {
    if (!this.#isLoaded) return;
    for (const message of this.#outbox.next(now())) this.#transmit(message);
    this.#alarm.set(this.#outbox.dueAt);
  }

  #transmit(message: PendingMessage): void {
    const { order: _, ...argument } = message;
    // The server ends a connection that brings far too much, again and again.
    if (sizeBytes(argument) > (this.#connection.session?.limits.eventBytes ?? Number.POSITIVE_INFINITY)) {
      const { groupId } = message;
      return this.#giveUp(message, new ChatError('PAYLOAD_TOO_LARGE', 'The message is too large.', { groupId }));
    }
    this.#connection.ask('send_message', argument, (result) => {
      if (result.ok) this.#acknowledged(message, result.data);
      else if (!this.#outbox.refused(message, result.error, now(), Math.random())) this.#giveUp(message, result.error);
      this.#pump();
    });
  }

  #acknowledged(message: PendingMessage, stored: Message): void {
    if (this.#remove(message)) this.#settle(message)?.resolve(stored);
  }

  #giveUp(message: PendingMessage, error: ChatError): void {
    if (!this.#remove(message)) return;
    this.#settle(message)?.reject(error);
    this.#audience.sendFailed({ message, error });
  }

  #settle(message: PendingMessage): Deferred<Message> | undefined {
    const promised = this.#promised.get(keyOf(message));
    this.#promised.delete(keyOf(message));
    return promised;
  }

  #remove(message: PendingMessage): boolean {
    if (!this.#outbox.remove(message)) return false;
    this.#changed(message.groupId);
    // Storage that keeps it makes a later page send it again: that is no harm.
    Promise.resolve()
      .then(() => this.#options.storage.remove(message))
      .catch((cause: unknown) => this.#audience.trouble(storageFailed(message, cause)));
    return true;
  }

  #changed(groupId: string): void {
    this.#pending.get(groupId)?.set(this.#outbox.of(groupId));
  }
}

function keyOf({ groupId, clientMessageId }: Omit<PendingMessage, 'order'>): string {
  return `${groupId} ${clientMessageId}`;
}

function sizeBytes(argument: SendMessage): number {
  return new TextEncoder().encode(JSON.stringify(['send_message', argument])).length;
}

function storageFailed({ groupId }: PendingMessage, cause: unknown): ChatError {
  return new ChatError('STORAGE_FAILED', 'The storage of the outbox failed.', { groupId, cause });
}
