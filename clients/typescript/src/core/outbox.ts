import type { ChatError } from '../error.js';
import type { SendableType } from '../wire.js';
import { type Backoff, backoffMs } from './backoff.js';

/** A message that is not acknowledged yet. It is plain data, to be stored as JSON. */
export interface PendingMessage {
  clientMessageId: string;
  groupId: string;
  content: string;
  type: SendableType;
  replyToId: string | null;
  /** Smaller ones are sent first. */
  order: number;
}

interface Entry {
  message: PendingMessage;
  isStored: boolean;
  isInFlight: boolean;
  failures: number;
  notBefore: number;
}

/** An error without end that says nothing about the message: so often, and then it counts as the message's own. */
export const MOST_INTERNAL_ERRORS = 5;

/**
 * Messages until they are acknowledged, in order within each group.
 *
 * Invariant: of each group at most one message is on its way, the first. So none overtakes another, whatever is refused
 * or lost; and one that may have been stored is sent again under the same `clientMessageId`, which is safe.
 */
export class Outbox {
  readonly #backoff: Backoff;
  readonly #groups = new Map<string, Entry[]>();
  readonly #open = new Set<string>();
  /** The server limits messages by user, not by group. Once it says so, they go one after the other. */
  #pausedUntil = 0;
  #isPaced = false;

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** Puts it behind those of its group. It is not sent before `stored`. */
  add(message: PendingMessage): void {
    if (this.of(message.groupId).some(({ clientMessageId }) => clientMessageId === message.clientMessageId)) return;
    const entry = { message, isStored: false, isInFlight: false, failures: 0, notBefore: 0 };
    const group = this.#groups.get(message.groupId) ?? [];
    const later = group.findIndex((other) => other.message.order > message.order);
    group.splice(later < 0 ? group.length : later, 0, entry);
    this.#groups.set(message.groupId, group);
  }

  /** It survives this page from now on. */
  stored(message: PendingMessage): void {
    const entry = this.#find(message);
    if (entry) entry.isStored = true;
  }

  /** The room was entered on this connection. */
  open(groupId: string): void {
    this.#open.add(groupId);
  }

  /** The room was left, or lost with the connection. */
  shut(groupId: string): void {
    this.#open.delete(groupId);
  }

  /** What is to be sent now. It is on its way from here on, until it is `remove`d or `refused`. */
  next(now: number): PendingMessage[] {
    return this.#ready()
      .filter((entry) => this.#dueAt(entry) <= now)
      .map((entry) => {
        entry.isInFlight = true;
        return entry.message;
      });
  }

  /** When `next` has something, unless something else happens first. */
  get dueAt(): number | null {
    const times = this.#ready().map((entry) => this.#dueAt(entry));
    return times.length === 0 ? null : Math.min(...times);
  }

  /** It is acknowledged, or given up: the next one of its group can go. Returns whether it was there. */
  remove(message: PendingMessage): boolean {
    if (!this.#find(message)) return false;
    const group = this.#groups.get(message.groupId)?.filter((entry) => entry.message !== message) ?? [];
    if (group.length > 0) this.#groups.set(message.groupId, group);
    else this.#groups.delete(message.groupId);
    if (this.#groups.size === 0) this.#isPaced = false;
    return true;
  }

  /** It was refused, or no answer came. Returns whether it stays, to be sent again. */
  refused(message: PendingMessage, error: ChatError, now: number, chance: number): boolean {
    const entry = this.#find(message);
    if (!entry) return false;
    entry.isInFlight = false;
    if (!error.mayBeRetried) return false;
    // The connection is to blame, and will be another one.
    if (error.code === 'DISCONNECTED') return true;
    entry.failures += 1;
    if (error.code === 'INTERNAL_ERROR' && entry.failures >= MOST_INTERNAL_ERRORS) return false;
    const asked = error.retryAfterMs ?? 0;
    if (error.code === 'RATE_LIMITED') {
      this.#pausedUntil = Math.max(this.#pausedUntil, now + asked);
      this.#isPaced = true;
    } else entry.notBefore = now + Math.max(asked, backoffMs(this.#backoff, entry.failures, chance));
    return true;
  }

  /** Those of a group, in order. */
  of(groupId: string): PendingMessage[] {
    return (this.#groups.get(groupId) ?? []).map(({ message }) => message);
  }

  get size(): number {
    return [...this.#groups.values()].reduce((sum, entries) => sum + entries.length, 0);
  }

  /** The first one of each group that could go, if it is due. */
  #ready(): Entry[] {
    const firsts = [...this.#open]
      .map((groupId) => this.#groups.get(groupId)?.[0])
      .filter((entry) => entry !== undefined);
    const ready = firsts.filter((entry) => entry.isStored && !entry.isInFlight);
    if (!this.#isPaced) return ready;
    if (firsts.some((entry) => entry.isInFlight)) return [];
    return ready.sort((a, b) => this.#dueAt(a) - this.#dueAt(b) || a.message.order - b.message.order).slice(0, 1);
  }

  #dueAt(entry: Entry): number {
    return Math.max(entry.notBefore, this.#pausedUntil);
  }

  #find(message: PendingMessage): Entry | undefined {
    return this.#groups.get(message.groupId)?.find((entry) => entry.message === message);
  }
}
