import { Alarm, now } from './clock.js';
import type { Connection } from './connection.js';
import { TypingThrottle } from './core/typing-throttle.js';
import type { Session } from './wire.js';

/** Tells a room that this user types, and that he does not any more. */
export class Typing {
  readonly #connection: Connection;
  readonly #groupId: string;
  readonly #alarm = new Alarm(() => this.#look());
  #throttle: TypingThrottle | null = null;

  constructor(connection: Connection, groupId: string) {
    this.#connection = connection;
    this.#groupId = groupId;
  }

  /** The room was entered. */
  began({ typing, limits }: Session): void {
    this.#throttle = new TypingThrottle(typing, limits);
  }

  key(): void {
    if (this.#throttle?.key(now())) this.#connection.tell('typing_start', { groupId: this.#groupId });
    this.#look();
  }

  stop(): void {
    if (this.#throttle?.stop(now())) this.#connection.tell('typing_stop', { groupId: this.#groupId });
    this.#alarm.stop();
  }

  /** A message ends it at the server. */
  sent(): void {
    this.#throttle?.ended();
    this.#alarm.stop();
  }

  /** The room was left or lost, and so is the indicator. */
  lost(): void {
    this.#throttle = null;
    this.#alarm.stop();
  }

  #look(): void {
    const stopsAt = this.#throttle?.stopsAt ?? null;
    if (stopsAt !== null && stopsAt <= now()) this.stop();
    else this.#alarm.set(stopsAt);
  }
}
