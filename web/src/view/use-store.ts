import type { Store } from 'chat-server-client';
import { useSyncExternalStore } from 'preact/compat';

/** The value of a store of the typed client, for as long as the component is there. */
export function useStore<T>({ subscribe, getSnapshot }: Store<T>): T {
  return useSyncExternalStore(subscribe, getSnapshot);
}
