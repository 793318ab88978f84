import type { SessionLimits, TypingTimes } from '../wire.js';

type Limits = Pick<SessionLimits, 'typingBurst' | 'typingPerSecond'>;

/**
 * Turns keystrokes into as few `typing_start` and `typing_stop` as show the truth.
 *
 * Invariant: a start leaves enough of the server's limit for its stop, so that no indicator stays behind.
 */
export class TypingThrottle {
  readonly #renewMs: number;
  /** Whoever does not touch a key for so long has stopped. That is before the indicator ends by itself. */
  readonly #idleMs: number;
  readonly #burst: number;
  readonly #perMs: number;
  #allowance: number;
  #allowanceAt = 0;
  /** Since when others were told last, while they are shown it. */
  #toldAt: number | null = null;
  #keyAt = 0;

  constructor(times: TypingTimes, limits: Limits) {
    this.#renewMs = times.renewMs;
    this.#idleMs = Math.max(0, Math.min(times.ttlMs / 2, times.ttlMs - times.renewMs));
    const isLimited = limits.typingBurst > 0 && limits.typingPerSecond > 0;
    this.#burst = isLimited ? limits.typingBurst : Number.POSITIVE_INFINITY;
    this.#perMs = isLimited ? limits.typingPerSecond / 1_000 : 0;
    this.#allowance = this.#burst;
  }

  /** A key was pressed. Returns whether to send `typing_start`. */
  key(now: number): boolean {
    this.#keyAt = now;
    if (this.#toldAt !== null && now - this.#toldAt < this.#renewMs) return false;
    if (!this.#spend(now, Math.min(2, this.#burst))) return false;
    this.#toldAt = now;
    return true;
  }

  /** The user has stopped. Returns whether to send `typing_stop`. */
  stop(now: number): boolean {
    if (this.#toldAt === null) return false;
    this.#toldAt = null;
    this.#spend(now, 1);
    return true;
  }

  /** The server has ended it: a message was sent, or the connection is gone. */
  ended(): void {
    this.#toldAt = null;
  }

  /** When the user will have stopped, if no key is pressed before. */
  get stopsAt(): number | null {
    return this.#toldAt === null ? null : this.#keyAt + this.#idleMs;
  }

  /** Spends one event, if so many are there. */
  #spend(now: number, needed: number): boolean {
    this.#allowance = Math.min(this.#burst, this.#allowance + (now - this.#allowanceAt) * this.#perMs);
    this.#allowanceAt = now;
    if (this.#allowance < needed) return false;
    this.#allowance -= 1;
    return true;
  }
}
