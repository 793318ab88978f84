// Requests to the HTTP side.

import { assertResponse } from './documents.js';

/** The code that goes with each status of a refusal. */
export const CODES = {
  400: 'VALIDATION_ERROR',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  422: 'VALIDATION_ERROR',
  429: 'RATE_LIMITED',
};

/** Sends one request. `body` is sent as JSON, a string or bytes as they are. */
export async function request(url, method, path, { token, body, headers = {} } = {}) {
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const answer = await fetch(url + path, {
    method,
    headers: {
      // The server may have been restarted, or have closed a connection after a refusal.
      connection: 'close',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: isRaw ? body : JSON.stringify(body),
  });
  const [status, received] = [answer.status, parsed(await answer.text())];
  if (path.startsWith('/api/')) assertResponse(method, path, status, received);
  return { status, body: received };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
