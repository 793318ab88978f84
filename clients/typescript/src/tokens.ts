import { now, within } from './clock.js';
import { TokenLife } from './core/token-life.js';
import { ChatError } from './error.js';
import type { Session, Time } from './wire.js';

/**
 * Brings a token, asking the application's backend for it. Called before the first connection, before the token ends,
 * and when the server does not take it. What it throws counts as "not now, try later", but for a `ChatError` with the
 * code `UNAUTHORIZED`: the user has signed out, and the client stays away.
 */
export type TokenProvider = () => string | Promise<string>;

/** The token of this client, and what is known of its life. */
export class Tokens {
  readonly #provider: TokenProvider;
  readonly #timeoutMs: number;
  readonly #life = new TokenLife();
  #token: string | null = null;
  #asking: Promise<string> | null = null;

  constructor(provider: TokenProvider, timeoutMs: number) {
    this.#provider = provider;
    this.#timeoutMs = timeoutMs;
  }

  /** The token, or a new one if it has ended. */
  async current(): Promise<string> {
    if (this.#token !== null && this.#life.canBeUsed(now())) return this.#token;
    return this.fresh();
  }

  /** A new one. Who asks while another one asks gets the same. */
  fresh(): Promise<string> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** It is not to be used for another connection. */
  drop(): void {
    this.#token = null;
  }

  began({ serverTime, tokenExpiresAt }: Session): void {
    this.#life.began(serverTime, tokenExpiresAt, now());
  }

  renewed(tokenExpiresAt: Time): void {
    this.#life.renewed(tokenExpiresAt, now());
  }

  failed(): void {
    this.#life.failed(now(), Math.random());
  }

  paused(): void {
    this.#life.paused();
  }

  get renewAt(): number | null {
    return this.#life.renewAt;
  }

  async #ask(): Promise<string> {
    const late = () => new ChatError('TIMEOUT', 'The token provider did not answer in time.');
    try {
      const token = await within(this.#timeoutMs, Promise.resolve(this.#provider()), late);
      this.#token = token;
      this.#life.replaced();
      return token;
    } catch (cause) {
      if (cause instanceof ChatError) throw cause;
      throw new ChatError('UNREACHABLE', 'The token provider failed.', { cause });
    }
  }
}
