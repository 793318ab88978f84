/** A value that changes. What `getSnapshot` returns is never changed itself: it is replaced, or stays the same object. */
export interface Store<T> {
  getSnapshot: () => T;
  /** Calls the listener after each change, until the returned function is called. */
  subscribe: (listener: () => void) => () => void;
}

/** The side of a store that changes it. */
export class Cell<T> implements Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  // Bound, because both are handed on as they are: to `useSyncExternalStore`, for example.
  readonly getSnapshot = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    // The same function may subscribe twice, and each subscription ends by itself.
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) guarded(listener);
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }
}

type Listener<T> = (payload: T) => void;

/** Events by name, with the type of each. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Calls the listener for each such event, until the returned function is called. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const own = (payload: Events[Name]) => listener(payload);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(own as Listener<never>));
    return () => listeners.delete(own as Listener<never>);
  }

  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    const listeners = (this.#listeners.get(name) ?? []) as Iterable<Listener<Events[Name]>>;
    for (const listener of [...listeners]) guarded(() => listener(payload));
  }
}

/** What a listener throws is reported as uncaught, and does not keep others from hearing. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
