// Groups, members and messages in PostgreSQL, in the tables of migrations/postgres.

import { randomUUID } from 'node:crypto';

import pg from 'pg';

// Sequence numbers fit into a double.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const CONNECTIONS = 20;
const PAGE = 50;

/** What a client is told, and nothing broke. */
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const MESSAGE = `
  select m.id, m.group_id, m.seq, m.updated_seq, m.sender_id, m.content, m.kind, m.reply_to, m.client_message_id,
         m.created_at, m.edited_at, m.deleted_at, u.name as sender_name, u.image as sender_image
    from messages m left join users u on u.id = m.sender_id`;

export class Store {
  constructor(url) {
    this.pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  }

  /** What a member needs to know of the group; nobody else gets it. */
  async membership(groupId, userId) {
    const row = await this.#one('membership',
      `select g.last_seq, g.epoch from group_members m join groups g on g.id = m.group_id
        where m.group_id = $1 and m.user_id = $2`,
      [groupId, userId]);
    if (!row) throw new Refusal('FORBIDDEN', 'You are not a member of this group.');
    return { lastSeq: row.last_seq, epoch: row.epoch };
  }

  /** Stores a message with the next number of its group; one that is there already is not stored again. */
  async append({ groupId, user, content, type, replyToId, clientMessageId }) {
    try {
      const row = await this.#one('append',
        `with numbered as (update groups set last_seq = last_seq + 1 where id = $1 returning last_seq)
         insert into messages (group_id, seq, updated_seq, id, sender_id, kind, reply_to, client_message_id, created_at, content)
         select $1, last_seq, last_seq, $2, $3, $4, $5, $6, now(), $7 from numbered
         returning seq, id, created_at`,
        [groupId, randomUUID(), user.id, type, replyToId, clientMessageId, content]);
      const message = await this.#toMessage({
        ...row,
        group_id: groupId,
        updated_seq: row.seq,
        sender_id: user.id,
        content,
        kind: type,
        reply_to: replyToId,
        client_message_id: clientMessageId,
        edited_at: null,
        deleted_at: null,
        sender_name: user.name,
        sender_image: user.image,
      });
      return { message, isNew: true };
    } catch (error) {
      if (error.constraint !== 'messages_once') throw error;
      const row = await this.#one('known',
        `${MESSAGE} where m.group_id || ' ' || coalesce(m.sender_id, '') || ' ' || m.client_message_id = $1`,
        [`${groupId} ${user.id} ${clientMessageId}`]);
      return { message: await this.#toMessage(row), isNew: false };
    }
  }

  async messagesAfter(groupId, seq, limit = PAGE) {
    const rows = await this.#all('after', `${MESSAGE} where m.group_id = $1 and m.seq > $2 order by m.seq limit $3`,
      [groupId, seq, limit + 1]);
    return this.#page(groupId, rows.slice(0, limit), rows.length > limit, null);
  }

  async messagesBefore(groupId, cursor, limit = PAGE) {
    const before = cursor ? Number(cursor) : Number.MAX_SAFE_INTEGER;
    const rows = await this.#all('before', `${MESSAGE} where m.group_id = $1 and m.seq < $2 order by m.seq desc limit $3`,
      [groupId, before, limit + 1]);
    const page = rows.slice(0, limit).reverse();
    const isMore = rows.length > limit;
    return this.#page(groupId, page, isMore, isMore ? String(page[0].seq) : null);
  }

  async #page(groupId, rows, hasNextPage, nextCursor) {
    const messages = await Promise.all(rows.map((row) => this.#toMessage(row)));
    return { groupId, messages, hasNextPage, nextCursor };
  }

  async #toMessage(row) {
    return {
      id: row.id,
      groupId: row.group_id,
      seq: row.seq,
      updatedSeq: row.updated_seq,
      senderId: row.sender_id,
      content: row.content,
      type: row.kind,
      replyToId: row.reply_to,
      clientMessageId: row.client_message_id,
      createdAt: row.created_at,
      editedAt: row.edited_at,
      deletedAt: row.deleted_at,
      user: row.sender_id && { id: row.sender_id, name: row.sender_name, image: row.sender_image },
      replyTo: row.reply_to && (await this.#quoted(row.reply_to)),
      attachments: [],
      reactions: [],
    };
  }

  async #quoted(id) {
    const row = await this.#one('quoted',
      'select m.id, m.content, u.id as user_id, u.name from messages m join users u on u.id = m.sender_id where m.id = $1',
      [id]);
    return row && { id: row.id, content: row.content, user: { id: row.user_id, name: row.name } };
  }

  async #one(name, text, values) {
    return (await this.#all(name, text, values))[0];
  }

  /** Prepared statements, by name. */
  async #all(name, text, values) {
    return (await this.pool.query({ name, text, values })).rows;
  }
}
