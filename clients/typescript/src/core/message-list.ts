import type { Message } from '../wire.js';

/**
 * The list with these messages in it: each once, in its last state, by `seq`. What is there already stays the same
 * object, for those who compare.
 */
export function merged(list: readonly Message[], messages: readonly Message[]): readonly Message[] {
  const fresh = messages.filter((message) => isNews(find(list, message.seq), message));
  if (fresh.length === 0) return list;
  const last = list.at(-1)?.seq ?? 0;
  // By far the most frequent: something new at the end.
  if (fresh.every((message, index) => message.seq > (fresh[index - 1]?.seq ?? last))) return [...list, ...fresh];
  const bySeq = new Map(list.map((message) => [message.seq, message]));
  for (const message of fresh) {
    if (isNews(bySeq.get(message.seq), message)) bySeq.set(message.seq, message);
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

function isNews(known: Message | undefined, message: Message): boolean {
  return known === undefined || message.updatedSeq > known.updatedSeq;
}

function find(list: readonly Message[], seq: number): Message | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.seq ?? Number.POSITIVE_INFINITY) < seq) low = middle + 1;
    else high = middle;
  }
  const candidate = list[low];
  return candidate?.seq === seq ? candidate : undefined;
}
