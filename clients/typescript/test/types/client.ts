// The client, in the hands of somebody who makes mistakes.

import { ChatClient, ChatError, type Message, type OutboxStorage, type Store, webStorage } from 'chat-server-client';

// @ts-expect-error A client needs tokens.
new ChatClient('http://127.0.0.1:8001', {});
const client = new ChatClient('http://127.0.0.1:8001', {
  token: async () => 'token',
  outbox: webStorage(localStorage, 'outbox:ada'),
  socket: { transports: ['websocket'] },
});

const off: () => void = client.on('added_to_group', ({ name, by }) => console.log(name, by?.length));
off();
client.on('send_failed', ({ message, error }) => console.log(message.content, error.mayBeRetried));
// @ts-expect-error There is no such event.
client.on('message', () => {});

const room = await client.join('g', {
  after: { seq: 7, epoch: null },
  onMessage: (message) => console.log(message.seq),
});
await client.join('g', { after: 'start' });
// @ts-expect-error There is no such place.
await client.join('g', { after: 'end' });
room.on('end', ({ reason, error }) => console.log(reason === 'BANNED', error.code));

const message: Message = await room.send(
  { content: 'Hello', type: 'IMAGE', clientMessageId: 'c-1' },
  { timeoutMs: 5_000 },
);
// @ts-expect-error `SYSTEM` is the server's own.
await room.send({ content: 'Hello', type: 'SYSTEM' });
// @ts-expect-error There has to be a text.
await room.send({ replyToId: message.id });

const { lastReadSeq } = await room.markRead(message.seq);
const messages: Store<readonly Message[]> = room.messages;
// @ts-expect-error A snapshot is not to be changed.
messages.getSnapshot().push(message);
// @ts-expect-error What a room hears from its client is not for others.
room.lost();
// @ts-expect-error Stores are changed by their owner.
client.unread.set({});
console.log(lastReadSeq, client.unread.getSnapshot()['g']?.unreadCount);
// @ts-expect-error Perhaps nothing is known of that group.
console.log(client.unread.getSnapshot()['g'].unreadCount);

export const indexedDb: OutboxStorage = { load: async () => [], put: async () => {}, remove: () => {} };

try {
  await client.connect();
} catch (error) {
  if (error instanceof ChatError && error.code === 'UNAUTHORIZED') console.log(error.retryAfterMs);
  // @ts-expect-error There is no such code.
  if (error instanceof ChatError && error.code === 'NO_SUCH_CODE') console.log(error);
}
