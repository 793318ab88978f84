// Lists the members of a room anew, a quarter of a second after the first of any number of changes.

const COLLECT_MS = 250;
const LISTED = 200;

export class Announcer {
  #due = new Map();

  constructor(io, presence) {
    this.io = io;
    this.presence = presence;
  }

  changed(groupId) {
    if (this.#due.has(groupId)) return;
    const announce = async () => {
      this.#due.delete(groupId);
      this.io.to(`group:${groupId}`).emit('room_members_update', await this.members(groupId));
    };
    this.#due.set(groupId, setTimeout(() => announce().catch(console.error), COLLECT_MS));
  }

  async members(groupId) {
    const users = (await this.presence.members(groupId)).sort();
    return {
      groupId,
      onlineMembers: users.slice(0, LISTED),
      memberCount: users.length,
      socketCount: this.io.of('/').adapter.rooms.get(`group:${groupId}`)?.size ?? 0,
      truncated: users.length > LISTED,
      nextCursor: null,
    };
  }
}
