import { ChatError } from './error.js';
import type { Answer, ClientToServerEvents, ServerToClientEvents } from './wire.js';

/** The events that a client sends. */
export type Request = keyof ClientToServerEvents;

export type Argument<E extends Request> = Exclude<Parameters<ClientToServerEvents[E]>[0], string>;

type AnswerOf<E extends Request> = Parameters<NonNullable<Parameters<ClientToServerEvents[E]>[1]>>[0];

/** What comes back when it is done. */
export type Data<E extends Request> = Extract<AnswerOf<E>, { ok: true }>['data'];

export type Result<T> = { ok: true; data: T } | { ok: false; error: ChatError };

/** What the server says, by the name of the event. */
export type News = {
  [E in keyof ServerToClientEvents]: { name: E; payload: Parameters<ServerToClientEvents[E]>[0] };
}[keyof ServerToClientEvents];

/** Something that went over the connection: to be looked at, as a developer does, not to be acted upon. */
export interface Traffic {
  kind: 'sent' | 'answered' | 'received';
  event: string;
  payload: unknown;
}

/** What an acknowledgement says. */
export function resultOf<T>(answer: Answer<T>): Result<T> {
  return answer.ok ? answer : { ok: false, error: ChatError.fromEvent(answer.error) };
}

/** No acknowledgement came. */
export function unanswered(event: Request, isConnected: boolean): { ok: false; error: ChatError } {
  const error = isConnected
    ? new ChatError('TIMEOUT', 'The server did not answer in time.', { event })
    : new ChatError('DISCONNECTED', 'There is no connection.', { event });
  return { ok: false, error };
}
