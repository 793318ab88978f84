import { ChatError } from './error.js';
import type { Tokens } from './tokens.js';
import type { Failure } from './wire.js';

export interface HttpRequest {
  method: string;
  url: string;
  /** Sent as JSON, whatever the content type: the server does not look at it. */
  body?: unknown;
}

/** Asks the HTTP API, once more with a new token if the first one is not taken. An empty answer is `undefined`. */
export async function request<T>({ method, url, body }: HttpRequest, tokens: Tokens, timeoutMs: number): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs);
  const ask = async () => {
    const headers = { authorization: `Bearer ${await tokens.current()}` };
    return fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  };
  try {
    let response = await ask();
    if (response.status === 401) {
      tokens.drop();
      response = await ask();
    }
    if (response.status === 204) return undefined as T;
    const answer: unknown = await response.json();
    if (response.ok) return answer as T;
    throw refusal(answer as Failure, response);
  } catch (cause) {
    if (cause instanceof ChatError) throw cause;
    if (signal.aborted) throw new ChatError('TIMEOUT', 'The server did not answer in time.', { cause });
    throw new ChatError('UNREACHABLE', 'The server could not be reached.', { cause });
  }
}

function refusal({ error }: Failure, response: Response): ChatError {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : null;
  return new ChatError(error.code, error.message, { details: error.details, retryAfterMs });
}
