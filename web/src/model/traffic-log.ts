import { signal } from '@preact/signals';
import type { ChatClient, Traffic } from 'chat-server-client';

export interface Entry extends Traffic {
  number: number;
  at: Date;
}

/** Older ones are forgotten. */
const MOST_ENTRIES = 200;

/** Who sees them can speak as the user: they are nothing to look at over somebody's shoulder. */
const SECRETS: ReadonlySet<string> = new Set(['token', 'socketId']);

/** The last of what went over the connection, newest first. */
export class TrafficLog {
  readonly entries = signal<readonly Entry[]>([]);
  #count = 0;

  follow(client: ChatClient): void {
    client.on('traffic', (traffic) => this.#add(traffic));
  }

  clear(): void {
    this.entries.value = [];
  }

  #add(traffic: Traffic): void {
    this.#count += 1;
    const entry = { ...traffic, number: this.#count, at: new Date() };
    this.entries.value = [entry, ...this.entries.value.slice(0, MOST_ENTRIES - 1)];
  }
}

export function printed(payload: unknown): string {
  return JSON.stringify(payload, (key, value) => (SECRETS.has(key) ? '•••' : value), 2);
}
