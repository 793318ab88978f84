import type { Message, PendingMessage, SendFailed } from 'chat-server-client';

/** One line of a conversation. `key` stays the same while a message is on its way and when it has come. */
export type Row =
  | { kind: 'day'; key: string; time: string }
  | { kind: 'new'; key: string }
  | { kind: 'message'; key: string; message: Message; isFollowUp: boolean }
  | { kind: 'pending'; key: string; message: PendingMessage; failure: SendFailed | null };

export interface Lines {
  messages: readonly Message[];
  pending: readonly PendingMessage[];
  failed: readonly SendFailed[];
  /** What came after it is new; `null` if nothing is. */
  readBefore: number | null;
  me: string;
}

/** Messages of one person that lie no further apart are shown together. */
const TOGETHER_MS = 5 * 60_000;

export function rowsOf({ messages, pending, failed, readBefore, me }: Lines): Row[] {
  const rows: Row[] = [];
  const stored = new Set<string>();
  let before: Message | undefined;
  let newIsMarked = readBefore === null;
  for (const message of messages) {
    const isMine = message.senderId === me;
    if (isMine && message.clientMessageId !== null) stored.add(message.clientMessageId);
    const startsDay = before === undefined || !isSameDay(before, message);
    if (startsDay) rows.push({ kind: 'day', key: `day ${message.seq}`, time: message.createdAt });
    const startsNew = !newIsMarked && !isMine && message.seq > (readBefore ?? 0);
    if (startsNew) {
      newIsMarked = true;
      rows.push({ kind: 'new', key: 'new' });
    }
    const isFollowUp = !startsDay && !startsNew && before !== undefined && belongTogether(before, message);
    const key = (isMine && message.clientMessageId) || message.id;
    rows.push({ kind: 'message', key, message, isFollowUp });
    before = message;
  }
  const waiting = pending.filter(({ clientMessageId }) => !stored.has(clientMessageId));
  const line = (message: PendingMessage, failure: SendFailed | null): Row => {
    return { kind: 'pending', key: message.clientMessageId, message, failure };
  };
  return [
    ...rows,
    ...failed.map((failure) => line(failure.message, failure)),
    ...waiting.map((message) => line(message, null)),
  ];
}

function isSameDay(a: Message, b: Message): boolean {
  return new Date(a.createdAt).toDateString() === new Date(b.createdAt).toDateString();
}

function belongTogether(a: Message, b: Message): boolean {
  return a.senderId === b.senderId && Date.parse(b.createdAt) - Date.parse(a.createdAt) < TOGETHER_MS;
}
