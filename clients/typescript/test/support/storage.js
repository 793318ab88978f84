/** An outbox that survives its page. Each call may take a moment, as with IndexedDB. */
export class Storage {
  kept = new Map();
  /** The ids of all that were ever in it. */
  known = new Set();
  isBroken = false;

  async load() {
    return [...this.kept.values()].reverse();
  }

  async put(message) {
    await Promise.resolve();
    if (this.isBroken) throw new Error('the disk is full');
    this.known.add(message.clientMessageId);
    this.kept.set(message.clientMessageId, structuredClone(message));
  }

  async remove({ clientMessageId }) {
    this.kept.delete(clientMessageId);
  }
}
