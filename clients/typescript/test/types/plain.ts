// The maps of events, in the hands of somebody who uses socket.io-client alone.

import type { ClientToServerEvents, GroupMessages, Message, ServerToClientEvents } from 'chat-server-client';
import { io, type Socket } from 'socket.io-client';

const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io('http://127.0.0.1:8001', {
  auth: { token: 't' },
});

socket.on('message_received', ({ id, seq, user, replyTo }) => {
  const name: string | undefined = user?.name;
  const quoted: string | undefined = replyTo?.content;
  console.log(id.toUpperCase(), seq + 1, name, quoted);
  // @ts-expect-error The server's own messages have no user.
  console.log(user.name);
});
socket.on('session', ({ limits, typing }) => console.log(limits.messageChars + typing.ttlMs));
socket.on('removed_from_group', ({ reason }) => {
  // @ts-expect-error There is no such reason.
  console.log(reason === 'LEFT');
});
// @ts-expect-error There is no such event.
socket.on('message', () => {});

const joined = await socket.emitWithAck('join_group', { groupId: 'g', afterSeq: 7, epoch: 'e' });
if (joined.ok) {
  const { lastSeq, reset }: { lastSeq: number; reset: boolean } = joined.data;
  console.log(lastSeq, reset);
  // @ts-expect-error There is no error if it is done.
  console.log(joined.error);
} else {
  const code: 'FORBIDDEN' | string = joined.error.code;
  console.log(code, joined.error.retryAfterMs);
}

const sent = await socket.timeout(5_000).emitWithAck('send_message', { groupId: 'g', content: 'Hello' });
if (sent.ok) {
  const message: Message = sent.data;
  console.log(message, sent.duplicate === true);
}
socket.emit('join_group', 'g', (answer) => console.log(answer.ok));
socket.timeout(5_000).emit('get_group_messages', { groupId: 'g' }, (error, answer) => {
  const failure: Error = error;
  const page: GroupMessages | null = answer.ok ? answer.data : null;
  console.log(failure, page?.nextCursor);
});
socket.emit('typing_start', { groupId: 'g' });

// @ts-expect-error The group is missing.
socket.emit('send_message', { content: 'Hello' }, () => {});
// @ts-expect-error `SYSTEM` is the server's own.
socket.emit('send_message', { groupId: 'g', content: 'Hello', type: 'SYSTEM' }, () => {});
// @ts-expect-error A typing event needs an object.
socket.emit('typing_start', 'g');
// @ts-expect-error There is no such event.
socket.emit('edit_message', { messageId: 'm', content: 'x' });
