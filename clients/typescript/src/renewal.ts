import { Alarm, now } from './clock.js';
import type { ChatError } from './error.js';
import type { Data, Result } from './requests.js';
import type { Tokens } from './tokens.js';
import type { Session } from './wire.js';

/** Sends `refresh_token` over the present connection. */
export type Refresh = (token: string, done: (result: Result<Data<'refresh_token'>>) => void) => void;

/** Brings a connection new tokens before the old ones end. */
export class Renewal {
  readonly #tokens: Tokens;
  readonly #refresh: Refresh;
  readonly #trouble: (error: ChatError) => void;
  readonly #alarm = new Alarm(() => this.#look());
  /** What belongs to an earlier connection does not count. */
  #connections = 0;
  #isRenewing = false;

  constructor(tokens: Tokens, refresh: Refresh, trouble: (error: ChatError) => void) {
    this.#tokens = tokens;
    this.#refresh = refresh;
    this.#trouble = trouble;
  }

  /** A session began. */
  begin(session: Session): void {
    this.#tokens.began(session);
    this.#look();
  }

  /** The connection is gone. */
  end(): void {
    this.#connections += 1;
    this.#isRenewing = false;
    this.#tokens.paused();
    this.#alarm.stop();
  }

  /** Does it now: the token has ended. */
  async renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    const connection = this.#connections;
    const result = await this.#tokens.fresh().then(
      (token) => new Promise<Result<Data<'refresh_token'>>>((done) => this.#refresh(token, done)),
      (error: ChatError) => ({ ok: false as const, error }),
    );
    if (connection !== this.#connections) return;
    this.#isRenewing = false;
    if (result.ok) this.#tokens.renewed(result.data.tokenExpiresAt);
    else this.#failed(result.error);
    this.#look();
  }

  #failed(error: ChatError): void {
    this.#tokens.failed();
    if (!error.mayBeRetried) this.#tokens.drop();
    this.#trouble(error);
  }

  #look(): void {
    const { renewAt } = this.#tokens;
    if (renewAt !== null && renewAt <= now()) void this.renew();
    else this.#alarm.set(renewAt);
  }
}
