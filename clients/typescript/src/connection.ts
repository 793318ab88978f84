import { io, type ManagerOptions, type SocketOptions, type Socket } from 'socket.io-client';

import { Alarm, now, pause, within } from './clock.js';
import type { Backoff } from './core/backoff.js';
import { ReconnectPolicy, type Step } from './core/reconnect.js';
import { type Deferred, deferred } from './deferred.js';
import { ChatError } from './error.js';
import { Renewal } from './renewal.js';
import {
  type Argument,
  type Data,
  type News,
  type Request,
  type Result,
  resultOf,
  type Traffic,
  unanswered,
} from './requests.js';
import { Cell, type Store } from './store.js';
import type { Tokens } from './tokens.js';
import type { Answer, ServiceStatus, Session } from './wire.js';

export type ConnectionState =
  /** Nobody has asked for a connection yet. */
  | 'idle'
  | 'connecting'
  | 'online'
  /** It was lost or refused, and will be tried again. */
  | 'waiting'
  /** It will not be tried again: see `error`. */
  | 'ended'
  /** `close` was called. */
  | 'closed';

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** The session that is, or was last. */
  readonly session: Session | null;
  /** `null` while all is well. */
  readonly degraded: ServiceStatus | null;
  /** Why there is no connection. */
  readonly error: ChatError | null;
}

/** Who is told what happens. */
export interface Audience {
  /** A new connection: the server knows nothing of earlier ones. */
  opened(): void;
  lost(): void;
  /** It will not be tried again. */
  ended(error: ChatError): void;
  heard(news: News): void;
  /** Something was sent, answered or received. */
  passed(traffic: Traffic): void;
  /** Something failed that nobody waits for. */
  trouble(error: ChatError): void;
}

export interface ConnectionOptions {
  backoff: Backoff;
  timeoutMs: number;
  socket: Partial<ManagerOptions & SocketOptions>;
}

/** When the server does not say when to try again. */
const RETRY_MS = 1_000;

/**
 * Keeps one connection to the server, one socket after another.
 *
 * socket.io-client could reconnect by itself, but not after a refusal, and not when the server says; so here the policy
 * alone decides, and each attempt has a socket of its own, which knows nothing of the one before.
 */
export class Connection {
  readonly #url: string;
  readonly #options: ConnectionOptions;
  readonly #tokens: Tokens;
  readonly #audience: Audience;
  readonly #status = new Cell<ConnectionStatus>({ state: 'idle', session: null, degraded: null, error: null });
  readonly #deadline = new Alarm(() => this.#tookTooLong());
  readonly #retry = new Alarm(() => this.#connect());
  readonly #renewal: Renewal;
  readonly #waiting = new Set<Deferred<void>>();
  #policy: ReconnectPolicy;
  #socket: Socket | null = null;
  // WebSocket if it can be had, without the detour over long polling.
  #transports = ['websocket', 'polling'];
  #attempts = 0;

  constructor(url: string, options: ConnectionOptions, tokens: Tokens, audience: Audience) {
    this.#url = url;
    this.#options = options;
    this.#tokens = tokens;
    this.#audience = audience;
    this.#policy = new ReconnectPolicy(options.backoff);
    this.#renewal = new Renewal(
      tokens,
      (token, done) => this.ask('refresh_token', { token }, done),
      (error) => audience.trouble(error),
    );
  }

  get status(): Store<ConnectionStatus> {
    return this.#status;
  }

  get isOnline(): boolean {
    return this.#state === 'online';
  }

  get session(): Session | null {
    return this.#status.getSnapshot().session;
  }

  /** Begins, or tries again now instead of later. */
  open(): void {
    if (this.#state === 'connecting' || this.isOnline || this.#state === 'closed') return;
    if (this.#state !== 'waiting') this.#policy = new ReconnectPolicy(this.#options.backoff);
    this.#connect();
  }

  /** Brings the present connection a new token now. */
  renew(): Promise<void> {
    return this.#renewal.renew();
  }

  /** For good. */
  close(): void {
    const wasOnline = this.isOnline;
    const error = new ChatError('CLOSED', 'The client was closed.');
    this.#become('closed', error);
    this.#stop();
    if (wasOnline) this.#audience.lost();
    this.#rejectWaiting(error);
  }

  /** Why there will be no connection, or `null` if there can be one. */
  get finalError(): ChatError | null {
    const { state, error } = this.#status.getSnapshot();
    return state === 'ended' || state === 'closed' ? error : null;
  }

  /** Returns when there is a connection. */
  online(timeoutMs: number): Promise<void> {
    if (this.isOnline) return Promise.resolve();
    if (this.finalError !== null) return Promise.reject(this.finalError);
    const waiting = deferred<void>();
    this.#waiting.add(waiting);
    const late = () => new ChatError('TIMEOUT', 'There was no connection in time.', { cause: this.#error });
    return within(timeoutMs, waiting.promise, late).finally(() => this.#waiting.delete(waiting));
  }

  /** Sends without waiting for an answer, if there is a connection. */
  tell<E extends Request>(event: E, argument: Argument<E>): void {
    if (!this.isOnline) return;
    this.#audience.passed({ kind: 'sent', event, payload: argument });
    this.#socket?.emit(event, argument);
  }

  /**
   * Sends over the present connection. `done` is called once; with an answer, while that is handled: before whatever
   * the server sent after it.
   */
  ask<E extends Request>(event: E, argument: Argument<E>, done: (result: Result<Data<E>>) => void, timeoutMs?: number) {
    const socket = this.#socket;
    if (socket === null || !this.isOnline) {
      queueMicrotask(() => done(unanswered(event, false)));
      return;
    }
    const patienceMs = timeoutMs ?? this.#options.timeoutMs;
    this.#audience.passed({ kind: 'sent', event, payload: argument });
    socket.timeout(patienceMs).emit(event, argument, (failure: Error | null, answer: Answer<Data<E>>) => {
      if (!failure) this.#audience.passed({ kind: 'answered', event, payload: answer });
      done(failure ? unanswered(event, socket.connected) : resultOf(answer));
    });
  }

  /**
   * Sends what may be sent twice, over as many connections as it takes. `answered` is called while the answer is
   * handled, as with `ask`.
   */
  async call<E extends Request>(
    event: E,
    argument: Argument<E>,
    answered: (data: Data<E>) => void = () => {},
  ): Promise<Data<E>> {
    const deadline = now() + this.#options.timeoutMs;
    for (;;) {
      await this.online(deadline - now());
      const leftMs = Math.max(1, deadline - now());
      const result = await new Promise<Result<Data<E>>>((done) => {
        const both = (answer: Result<Data<E>>) => {
          if (answer.ok) answered(answer.data);
          done(answer);
        };
        this.ask(event, argument, both, leftMs);
      });
      if (result.ok) return result.data;
      const { error } = result;
      const waitMs = error.code === 'DISCONNECTED' ? 0 : (error.retryAfterMs ?? RETRY_MS);
      if (!error.mayBeRetried || now() + waitMs >= deadline) throw error;
      await pause(waitMs);
    }
  }

  #connect(): void {
    this.#stop();
    const attempt = this.#attempts;
    const isCurrent = () => attempt === this.#attempts;
    this.#deadline.set(now() + this.#options.timeoutMs);
    this.#become('connecting', this.#error);
    // Whoever heard it may have closed the client.
    if (!isCurrent()) return;
    this.#tokens.current().then(
      (token) => isCurrent() && this.#openSocket(token),
      (error: ChatError) => isCurrent() && this.#failed(error),
    );
  }

  #openSocket(token: string): void {
    const socket: Socket = io(this.#url, {
      transports: [...this.#transports],
      tryAllTransports: true,
      ...this.#options.socket,
      auth: { token },
      forceNew: true,
      autoConnect: false,
      reconnection: false,
    });
    this.#socket = socket;
    socket.onAny((name, payload) => this.#heard({ name, payload } as News));
    socket.on('connect_error', (error) => this.#failed(ChatError.fromConnecting(error)));
    socket.on('disconnect', (reason) => this.#lost(reason === 'io server disconnect'));
    socket.connect();
  }

  #heard(news: News): void {
    this.#audience.passed({ kind: 'received', event: news.name, payload: news.payload });
    switch (news.name) {
      case 'session':
        this.#opened(news.payload);
        break;
      case 'session_closed':
        this.#policy.closing(news.payload, now());
        if (news.payload.code === 'AUTH_EXPIRED') this.#tokens.drop();
        break;
      case 'auth_expired':
        void this.#renewal.renew();
        break;
      case 'service_status':
        this.#change({ degraded: news.payload.level === 'full' ? null : news.payload });
        break;
    }
    this.#audience.heard(news);
  }

  #opened(session: Session): void {
    this.#deadline.stop();
    this.#policy.opened(now());
    this.#renewal.begin(session);
    this.#change({ state: 'online', session, degraded: null, error: null });
    this.#audience.opened();
    for (const { resolve } of this.#waiting) resolve();
  }

  #lost(forGood: boolean): void {
    const wasOnline = this.isOnline;
    const step = this.#policy.lost(now(), Math.random(), forGood);
    this.#take(step, new ChatError('DISCONNECTED', 'The connection was lost.'));
    if (wasOnline) this.#audience.lost();
    if (step.kind === 'stay_away') this.#audience.ended(step.error);
  }

  #tookTooLong(): void {
    // Some networks swallow one of them without a word.
    this.#transports.reverse();
    this.#failed(new ChatError('TIMEOUT', 'No session began in time.'));
  }

  #failed(error: ChatError): void {
    const step = this.#policy.failed(error, Math.random());
    this.#take(step, error);
    if (step.kind === 'stay_away') this.#audience.ended(step.error);
  }

  #take(step: Step, error: ChatError): void {
    this.#stop();
    // What follows may make somebody call `open` or `close`, so it comes last.
    if (step.kind === 'stay_away') {
      this.#tokens.drop();
      this.#rejectWaiting(step.error);
      this.#become('ended', step.error);
    } else {
      if (step.withNewToken) this.#tokens.drop();
      this.#retry.set(now() + step.afterMs);
      this.#become('waiting', error);
    }
  }

  /** Lets go of everything that belongs to the present attempt. */
  #stop(): void {
    this.#attempts += 1;
    this.#deadline.stop();
    this.#retry.stop();
    this.#renewal.end();
    const socket = this.#socket;
    this.#socket = null;
    socket?.offAny().off();
    socket?.disconnect();
  }

  get #state(): ConnectionState {
    return this.#status.getSnapshot().state;
  }

  get #error(): ChatError | null {
    return this.#status.getSnapshot().error;
  }

  #become(state: ConnectionState, error: ChatError | null): void {
    this.#change({ state, error });
  }

  #change(change: Partial<ConnectionStatus>): void {
    this.#status.update((status) => ({ ...status, ...change }));
  }

  #rejectWaiting(error: ChatError): void {
    for (const { reject } of this.#waiting) reject(error);
  }
}
