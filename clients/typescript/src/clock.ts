import { deferred } from './deferred.js';

/** Milliseconds of a clock that never jumps. */
export const now = (): number => performance.now();

/** The longest that a timer of JavaScript can wait. */
export const LONGEST_MS = 2 ** 31 - 1;

/** One timer that can be set again. It may ring early: whoever is woken looks at the clock. */
export class Alarm {
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings then instead of whenever it was to ring before; never, if that is `null` or infinite. */
  set(at: number | null): void {
    clearTimeout(this.#timer);
    if (at === null || at === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(this.#ring, Math.min(Math.max(0, Math.ceil(at - now())), LONGEST_MS));
  }

  stop(): void {
    this.set(null);
  }
}

/** What the promise resolves to, or a rejection when that takes too long. */
export function within<T>(timeoutMs: number, promise: Promise<T>, late: () => Error): Promise<T> {
  const tooLong = deferred<never>();
  const alarm = new Alarm(() => tooLong.reject(late()));
  alarm.set(now() + timeoutMs);
  return Promise.race([promise, tooLong.promise]).finally(() => alarm.stop());
}

/** Resolves after so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.min(ms, LONGEST_MS)));
}
