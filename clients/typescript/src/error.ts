import type { Detail, ErrorCode, EventError, SessionClosed } from './wire.js';

/** What goes wrong on the client's side of the line. */
export type ClientErrorCode =
  /** No answer came in time. Whether it was done is open. */
  | 'TIMEOUT'
  /** The connection was lost before the answer. Whether it was done is open. */
  | 'DISCONNECTED'
  /** The server could not be reached, or did not let this page in. */
  | 'UNREACHABLE'
  /** The server ended the session, and this client stays away. */
  | 'EVICTED'
  /** `close` was called, or the room was left. */
  | 'CLOSED'
  /** Too many messages wait to be sent. */
  | 'OUTBOX_FULL'
  /** The outbox's storage failed. */
  | 'STORAGE_FAILED';

export type ChatErrorCode = ErrorCode | ClientErrorCode | SessionClosed['code'];

const PASSING: ReadonlySet<ChatErrorCode> = new Set<ChatErrorCode>([
  'RATE_LIMITED',
  'CONNECTION_LIMIT',
  'SERVICE_UNAVAILABLE',
  'INTERNAL_ERROR',
  'TIMEOUT',
  'DISCONNECTED',
  'UNREACHABLE',
  'OUTBOX_FULL',
]);

const REFUSAL = /^([A-Z]+(?:_[A-Z]+)*): (.*)$/s;

interface Circumstances {
  event?: string | null;
  groupId?: string | null;
  retryAfterMs?: number | null;
  details?: readonly Detail[];
  cause?: unknown;
}

/** The only error that this package rejects with. Decide by `code`; `message` is for a developer. */
export class ChatError extends Error {
  override readonly name = 'ChatError';
  readonly code: ChatErrorCode;
  /** What was asked for: the name of the event. */
  readonly event: string | null;
  readonly groupId: string | null;
  /** After how long trying again can succeed. */
  readonly retryAfterMs: number | null;
  /** The fields that are wrong. */
  readonly details: readonly Detail[];

  constructor(code: ChatErrorCode, message: string, circumstances: Circumstances = {}) {
    super(message, { cause: circumstances.cause });
    this.code = code;
    this.event = circumstances.event ?? null;
    this.groupId = circumstances.groupId ?? null;
    this.retryAfterMs = circumstances.retryAfterMs ?? null;
    this.details = circumstances.details ?? [];
  }

  /** The error object of an acknowledgement or of the event `error`. */
  static fromEvent(error: EventError): ChatError {
    return new ChatError(error.code, error.message, error);
  }

  /** What a `connect_error` says: `CODE: sentence` if the server refused, anything else if it was not reached. */
  static fromConnecting(error: Error): ChatError {
    const [, code, sentence] = REFUSAL.exec(error.message) ?? [];
    if (code === undefined || sentence === undefined) {
      return new ChatError('UNREACHABLE', error.message, { cause: error });
    }
    return new ChatError(code as ErrorCode, sentence);
  }

  /** Whether the same can succeed later. */
  get mayBeRetried(): boolean {
    return PASSING.has(this.code);
  }
}
