import type { PendingMessage } from './core/outbox.js';

/**
 * Keeps messages that are not acknowledged yet, so that they survive the page. Each user needs one of his own: whatever
 * is in it is sent as the user who signs in.
 */
export interface OutboxStorage {
  load(): readonly PendingMessage[] | Promise<readonly PendingMessage[]>;
  /** The message is sent when this has returned. */
  put(message: PendingMessage): void | Promise<void>;
  /** Harmless for one that is not there. */
  remove(message: PendingMessage): void | Promise<void>;
}

/**
 * An outbox in `localStorage` or `sessionStorage`, under keys that begin with `prefix`: name the user in it. Tabs may
 * share one: what two of them send is stored once.
 */
export function webStorage(storage: Storage, prefix: string): OutboxStorage {
  const keyOf = ({ groupId, clientMessageId }: PendingMessage) => `${prefix}:${groupId}:${clientMessageId}`;
  return {
    load() {
      const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
      return keys
        .filter((key) => key.startsWith(`${prefix}:`))
        .map((key) => JSON.parse(storage.getItem(key) ?? '') as PendingMessage);
    },
    put: (message) => storage.setItem(keyOf(message), JSON.stringify(message)),
    remove: (message) => storage.removeItem(keyOf(message)),
  };
}

/** What is in it ends with the page. */
export const inMemory: OutboxStorage = { load: () => [], put: () => {}, remove: () => {} };
