import { ChatError } from '../error.js';
import type { SessionClosed } from '../wire.js';
import { type Backoff, backoffMs } from './backoff.js';

/** What to do next about a connection that is not there. */
export type Step =
  { kind: 'connect'; afterMs: number; withNewToken: boolean } | { kind: 'stay_away'; error: ChatError };

/** A connection that holds this long was a good one: the next failure is a first one. */
export const STABLE_MS = 5_000;

/**
 * Decides when to connect again, and when not to. Times are milliseconds of one clock, `chance` is from 0 to 1.
 *
 * The server says why it ends a connection, so a loss without a word is the network's: come back.
 */
export class ReconnectPolicy {
  readonly #backoff: Backoff;
  #failures = 0;
  #tokensRefused = 0;
  #openSince: number | null = null;
  #farewell: { said: SessionClosed; at: number } | null = null;

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** `session` came. */
  opened(now: number): void {
    this.#openSince = now;
    this.#tokensRefused = 0;
    this.#farewell = null;
  }

  /** `session_closed` came: the connection is about to end. */
  closing(said: SessionClosed, now: number): void {
    this.#farewell = { said, at: now };
  }

  /** The connection is gone; `forGood` if the server sent a Socket.IO disconnect. */
  lost(now: number, chance: number, forGood: boolean): Step {
    const farewell = this.#farewell;
    this.#farewell = null;
    if (this.#openSince !== null && now - this.#openSince >= STABLE_MS) this.#failures = 0;
    this.#openSince = null;
    if (forGood || farewell?.said.reconnect === false) {
      const { code, message } = farewell?.said ?? { code: 'EVICTED' as const, message: 'The session was ended.' };
      return { kind: 'stay_away', error: new ChatError(code, message) };
    }
    if (farewell?.said.reconnectInMs != null) {
      const afterMs = Math.max(0, farewell.at + farewell.said.reconnectInMs - now);
      return { kind: 'connect', afterMs, withNewToken: false };
    }
    return this.#again(chance, farewell?.said.code === 'AUTH_EXPIRED');
  }

  /** `connect_error` came, no connection could be made in time, or there was no token to make one with. */
  failed(error: ChatError, chance: number): Step {
    if (error.code !== 'UNAUTHORIZED') return this.#again(chance, false);
    this.#tokensRefused += 1;
    if (this.#tokensRefused > 1) return { kind: 'stay_away', error };
    return { kind: 'connect', afterMs: 0, withNewToken: true };
  }

  #again(chance: number, withNewToken: boolean): Step {
    this.#failures += 1;
    return { kind: 'connect', afterMs: backoffMs(this.#backoff, this.#failures, chance), withNewToken };
  }
}
