// A room in Vue: each store becomes a ref.

import type { ChatClient, Message, Room, Store } from 'chat-server-client';
import { computed, onScopeDispose, type Ref, readonly, shallowRef } from 'vue';

export function useStore<T>(store: Store<T>): Readonly<Ref<T>> {
  const value = shallowRef(store.getSnapshot());
  onScopeDispose(
    store.subscribe(() => {
      value.value = store.getSnapshot();
    }),
  );
  return value;
}

/** The room of a group, until the component is gone. */
export async function useRoom(client: ChatClient, groupId: string): Promise<Room> {
  onScopeDispose(() => void client.room(groupId)?.leave());
  return client.join(groupId);
}

export function useConversation(room: Room, me: string) {
  const messages = useStore(room.messages);
  const mine = computed(() => messages.value.filter(({ senderId }: Message) => senderId === me));
  return {
    messages,
    mine,
    pending: useStore(room.pending),
    typists: useStore(room.typists),
    presence: readonly(useStore(room.presence)),
    send: (content: string) => room.send(content),
    keystroke: () => room.typing(),
  };
}
