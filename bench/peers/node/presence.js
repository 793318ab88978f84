// Who is in which room, in the four key families of docs/protocol.md.

export class Presence {
  constructor(redis) {
    this.redis = redis;
  }

  /** Returns whether this is the user's first socket in the room, and how many users are there. */
  async join(groupId, userId, socketId) {
    const sockets = `user:${userId}:sockets:${groupId}`;
    const [added, count, , , members] = await this.#atOnce((redis) =>
      redis
        .sadd(sockets, socketId)
        .scard(sockets)
        .sadd(`room:${groupId}:users`, userId)
        .sadd(`user:${userId}:rooms`, groupId)
        .scard(`room:${groupId}:users`),
    );
    return { isFirst: added === 1 && count === 1, memberCount: members };
  }

  /** Returns whether this was the user's last socket in the room, and how many users are there. */
  async leave(groupId, userId, socketId) {
    const sockets = `user:${userId}:sockets:${groupId}`;
    const [removed, count] = await this.#atOnce((redis) => redis.srem(sockets, socketId).scard(sockets));
    if (count > 0) return { isLast: false, memberCount: await this.redis.scard(`room:${groupId}:users`) };
    const [, , members] = await this.#atOnce((redis) =>
      redis
        .srem(`room:${groupId}:users`, userId)
        .srem(`user:${userId}:rooms`, groupId)
        .scard(`room:${groupId}:users`),
    );
    return { isLast: removed === 1, memberCount: members };
  }

  async members(groupId) {
    return this.redis.smembers(`room:${groupId}:users`);
  }

  async #atOnce(commands) {
    const answers = await commands(this.redis.multi()).exec();
    return answers.map(([error, answer]) => {
      if (error) throw error;
      return answer;
    });
  }
}
