// A room in React: the stores are what useSyncExternalStore takes.

import { type ChatClient, ChatError, type Room, type Store } from 'chat-server-client';
import { type FormEvent, useEffect, useState, useSyncExternalStore } from 'react';

export function useStore<T>({ subscribe, getSnapshot }: Store<T>): T {
  return useSyncExternalStore(subscribe, getSnapshot, getSnapshot);
}

/** The room of a group while the component is there; `null` until it is entered. */
export function useRoom(client: ChatClient, groupId: string): Room | null {
  const [room, setRoom] = useState<Room | null>(null);
  useEffect(() => {
    client.join(groupId).then(setRoom, (error: unknown) => {
      // The component went before the room was entered.
      if (!(error instanceof ChatError && error.code === 'CLOSED')) console.error(error);
    });
    return () => {
      setRoom(null);
      void client.room(groupId)?.leave();
    };
  }, [client, groupId]);
  return room;
}

export function RoomView({ room }: { room: Room }) {
  const messages = useStore(room.messages);
  const pending = useStore(room.pending);
  const typists = useStore(room.typists);
  const { memberCount } = useStore(room.presence);
  const [draft, setDraft] = useState('');

  const send = (event: FormEvent) => {
    event.preventDefault();
    void room.send(draft);
    setDraft('');
  };

  return (
    <section>
      <p>{memberCount} in the room</p>
      <ul>
        {messages.map(({ id, user, content }) => (
          <li key={id}>
            {user?.name ?? 'System'}: {content}
          </li>
        ))}
        {pending.map(({ clientMessageId, content }) => (
          <li key={clientMessageId}>… {content}</li>
        ))}
      </ul>
      <p>{typists.map(({ userName }) => `${userName} types`).join(', ')}</p>
      <form onSubmit={send}>
        <input
          value={draft}
          onChange={(event) => {
            setDraft(event.currentTarget.value);
            room.typing();
          }}
        />
      </form>
    </section>
  );
}
