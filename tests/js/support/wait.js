// Waiting for a condition, never for a time.

import { setTimeout as pause } from 'node:timers/promises';

/** How long a test waits for something that should come at once. */
export const PATIENCE_MS = 15_000;

/** Asks `probe` until its answer is truthy, and returns it. */
export async function eventually(probe, what, timeoutMs = PATIENCE_MS) {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await pause(25)) {
    const answer = await probe();
    if (answer) return answer;
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
}

/** What `promise` resolves to, or an error once `timeoutMs` have passed. */
export async function within(timeoutMs, promise, what) {
  const timer = new AbortController();
  const late = pause(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
  });
  late.catch(() => {});
  return Promise.race([promise, late]).finally(() => timer.abort());
}
