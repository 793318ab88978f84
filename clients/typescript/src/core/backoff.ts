/** How long to wait between attempts that fail. */
export interface Backoff {
  /** The longest wait after a first failure. It doubles with each further one. */
  baseMs: number;
  /** The longest wait of all. */
  maxMs: number;
}

/** Anything from nothing to the bound, so that those who failed together do not come back together. */
export function backoffMs({ baseMs, maxMs }: Backoff, failures: number, chance: number): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.max(0, failures - 1));
  return bound * chance;
}
