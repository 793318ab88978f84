// Typing indicators: a key with a time to live for each, and a timer that tells of its end.

const TTL_SECONDS = 10;
const RENEW_MS = 3_000;

export class Typing {
  /** By group, then by user. */
  #rooms = new Map();

  constructor(redis) {
    this.redis = redis;
  }

  /** Returns whether that is to be announced. */
  async start(groupId, user, expired) {
    await this.redis.set(`typing:${groupId}:${user.id}`, '1', 'EX', TTL_SECONDS);
    if (!this.#rooms.has(groupId)) this.#rooms.set(groupId, new Map());
    const typists = this.#rooms.get(groupId);
    const before = typists.get(user.id);
    clearTimeout(before?.timer);
    const now = Date.now();
    const isNews = !before || now - before.announced >= RENEW_MS;
    const timer = setTimeout(() => this.#forget(groupId, user.id) && expired(), TTL_SECONDS * 1000);
    typists.set(user.id, { userName: user.name, timer, announced: isNews ? now : before.announced });
    return isNews;
  }

  /** Returns whether the user was typing. */
  async stop(groupId, userId) {
    this.#forget(groupId, userId);
    return (await this.redis.del(`typing:${groupId}:${userId}`)) === 1;
  }

  inRoom(groupId) {
    return [...(this.#rooms.get(groupId) ?? [])].map(([userId, { userName }]) => ({ userId, userName }));
  }

  #forget(groupId, userId) {
    const typists = this.#rooms.get(groupId);
    const typist = typists?.get(userId);
    if (!typist) return false;
    clearTimeout(typist.timer);
    typists.delete(userId);
    if (typists.size === 0) this.#rooms.delete(groupId);
    return true;
  }
}
