// Part 1 of docs/protocol.md: signing in, rooms, messages, typing, history. Deliberately absent, so that nothing here costs
// what it need not: limits, unread counts, new tokens, repairs after an outage.

import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';

import { Announcer } from './announcer.js';
import { Presence } from './presence.js';
import { Refusal, Store } from './store.js';
import { Typing } from './typing.js';

const { REDIS_URL, DATABASE_URL, SECRET } = process.env;

const roomOf = (groupId) => `group:${groupId}`;

/** A Socket.IO server that is not attached to anything yet. */
export function createChat() {
  const redis = new Redis(REDIS_URL);
  const io = new Server({ adapter: createAdapter(redis.duplicate(), redis.duplicate()) });
  const store = new Store(DATABASE_URL);
  const presence = new Presence(redis);
  const typing = new Typing(redis);
  const announcer = new Announcer(io, presence);

  io.use((socket, next) => {
    try {
      const claims = jwt.verify(socket.handshake.auth.token, SECRET, { algorithms: ['HS256'] });
      socket.data.user = { id: claims.sub, name: claims.name ?? claims.sub, image: claims.picture ?? null };
      socket.data.tokenExpiresAt = new Date(claims.exp * 1000);
      next();
    } catch (error) {
      next(new Error(`UNAUTHORIZED: ${error.message}`));
    }
  });

  io.on('connection', (socket) => {
    const { user, tokenExpiresAt } = socket.data;
    socket.join(`user:${user.id}`);
    socket.emit('session', {
      userId: user.id,
      userName: user.name,
      socketId: socket.id,
      serverTime: new Date(),
      tokenExpiresAt,
      limits: {},
      typing: { ttlMs: 10_000, renewMs: 3_000 },
    });

    /** The room but the user's own sockets. */
    const others = (groupId) => socket.to(roomOf(groupId)).except(`user:${user.id}`);

    const stopTyping = async (groupId) => {
      if (await typing.stop(groupId, user.id)) {
        others(groupId).emit('user_stopped_typing', { groupId, userId: user.id });
      }
    };

    const leave = async (groupId) => {
      const { isLast, memberCount } = await presence.leave(groupId, user.id, socket.id);
      if (isLast) {
        await stopTyping(groupId);
        socket.to(roomOf(groupId)).emit('user_left_group', { groupId, userId: user.id, userName: user.name, memberCount });
      }
      announcer.changed(groupId);
      return memberCount;
    };

    /** Answers an event with what its handler returns, also as the event `success`, or with the refusal that it throws. */
    const on = (event, handler, success) =>
      socket.on(event, async (argument, ack) => {
        try {
          const data = await handler(typeof argument === 'string' ? { groupId: argument } : argument);
          ack?.({ ok: true, data: data ?? {} });
          if (success) socket.emit(success, data);
        } catch (error) {
          const code = error instanceof Refusal ? error.code : 'INTERNAL_ERROR';
          const refusal = { code, message: error.message, event };
          if (ack) ack({ ok: false, error: refusal });
          else socket.emit('error', refusal);
        }
      });

    const insist = (groupId) => {
      if (!socket.rooms.has(roomOf(groupId))) throw new Refusal('FORBIDDEN', 'You are not in the room.');
    };

    on('join_group', async ({ groupId, afterSeq, limit }) => {
      const { lastSeq, epoch } = await store.membership(groupId, user.id);
      const wasInside = socket.rooms.has(roomOf(groupId));
      const { isFirst, memberCount } = await presence.join(groupId, user.id, socket.id);
      socket.join(roomOf(groupId));
      if (isFirst) {
        others(groupId).emit('user_joined_group', { groupId, userId: user.id, userName: user.name, memberCount });
      }
      if (!wasInside) announcer.changed(groupId);
      if (afterSeq !== undefined) {
        const missed = await store.messagesAfter(groupId, afterSeq, limit);
        // After the answer to the join.
        process.nextTick(() => socket.emit('group_messages', missed));
      }
      return {
        groupId,
        memberCount,
        socketCount: io.of('/').adapter.rooms.get(roomOf(groupId))?.size ?? 1,
        lastSeq,
        epoch,
        reset: false,
        typing: typing.inRoom(groupId),
      };
    }, 'joined_group_success');

    on('leave_group', async ({ groupId }) => {
      socket.leave(roomOf(groupId));
      return { groupId, memberCount: await leave(groupId), socketCount: 0 };
    }, 'left_group_success');

    on('send_message', async ({ groupId, content, type = 'TEXT', replyToId = null, clientMessageId = null }) => {
      const text = String(content).replace(/\r\n/g, '\n').trim();
      if (text.length === 0 || text.length > 4_000) throw new Refusal('VALIDATION_ERROR', 'The content is not valid.');
      insist(groupId);
      await store.membership(groupId, user.id);
      const { message, isNew } = await store.append({ groupId, user, content: text, type, replyToId, clientMessageId });
      if (isNew) io.to(roomOf(groupId)).emit('message_received', message);
      await stopTyping(groupId);
      return message;
    });

    on('typing_start', async ({ groupId }) => {
      insist(groupId);
      const expired = () => others(groupId).emit('user_stopped_typing', { groupId, userId: user.id });
      if (await typing.start(groupId, user, expired)) {
        others(groupId).emit('user_typing', { groupId, userId: user.id, userName: user.name });
      }
    });

    on('typing_stop', async ({ groupId }) => {
      insist(groupId);
      await stopTyping(groupId);
    });

    on('get_room_info', async ({ groupId }) => {
      await store.membership(groupId, user.id);
      return announcer.members(groupId);
    }, 'room_members_update');

    on('get_group_messages', async ({ groupId, afterSeq, limit, cursor }) => {
      await store.membership(groupId, user.id);
      if (afterSeq === undefined) return store.messagesBefore(groupId, cursor, limit);
      return store.messagesAfter(groupId, afterSeq, limit);
    }, 'group_messages');

    socket.on('disconnecting', () => {
      const groups = [...socket.rooms].filter((room) => room.startsWith('group:'));
      Promise.all(groups.map((room) => leave(room.slice('group:'.length)))).catch(console.error);
    });
  });

  return io;
}
