import type { Time } from '../wire.js';
import { backoffMs } from './backoff.js';

/** A token is renewed so long before it ends, */
const MARGIN_MS = 60_000;
/** or when this part of its life is left, if that is later. */
const MARGIN_PART = 0.2;

const RETRY = { baseMs: 1_000, maxMs: 30_000 };

/**
 * When the token of a connection ends, and when to bring a new one.
 *
 * All times are of this client's clock, which need not be right: the session says what the server's shows.
 */
export class TokenLife {
  /** To be added to the server's time. */
  #skewMs = 0;
  #endsAt: number | null = null;
  #renewAt: number | null = null;
  #failures = 0;

  /** There is another token, of which nothing is known yet. */
  replaced(): void {
    this.#endsAt = null;
  }

  /** A session began with the token. */
  began(serverTime: Time, tokenExpiresAt: Time, now: number): void {
    this.#skewMs = now - Date.parse(serverTime);
    this.renewed(tokenExpiresAt, now);
  }

  /** The server took a new token. */
  renewed(tokenExpiresAt: Time, now: number): void {
    const endsAt = Date.parse(tokenExpiresAt) + this.#skewMs;
    const leftMs = endsAt - now;
    // One that has ended already is in the server's leeway: whoever gave it may have no better one yet.
    if (leftMs <= 0) return this.failed(now, 1);
    this.#failures = 0;
    this.#endsAt = endsAt;
    this.#renewAt = endsAt - Math.min(MARGIN_MS, leftMs * MARGIN_PART);
  }

  /** There was no new token, or the server did not take it. */
  failed(now: number, chance: number): void {
    this.#failures += 1;
    this.#renewAt = now + RETRY.baseMs + backoffMs(RETRY, this.#failures, chance);
  }

  /** The connection is gone, and with it the need to renew. */
  paused(): void {
    this.#renewAt = null;
    this.#failures = 0;
  }

  /** When to bring a new token, or `null`. */
  get renewAt(): number | null {
    return this.#renewAt;
  }

  /** Whether a new connection can be made with it. The server allows for some seconds after its end. */
  canBeUsed(now: number): boolean {
    return this.#endsAt === null || now < this.#endsAt;
  }
}
