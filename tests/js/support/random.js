// Random events from a seed: the same seed, the same events.

const FIELDS = [
  'groupId', 'content', 'type', 'replyToId', 'clientMessageId', 'attachmentIds',
  'limit', 'cursor', 'afterSeq', 'epoch', 'seq', 'token', 'messageId', '__proto__', 'constructor',
];
const WORDS = [
  '', ' ', 'TEXT', 'hello', '\u0000', '\r\n', '👋🏽', 'null', "'; --", '../..', '%s', '{}', 'x'.repeat(5_000),
];
const NUMBERS = [0, 1, -1, 2, 50, 100, 101, 0.5, 1e21, -1e300, 2 ** 53, 2 ** 63];
const UNKNOWN_EVENTS = ['no_such_event', 'edit_message', 'error', 'session', '__proto__', '', 'JOIN_GROUP'];
const DEEPEST = 4;

/** So many events as `[name, ...arguments]`; `ids` are real ids and tokens to mix in. */
export function randomEvents(seed, howMany, names, ids) {
  const random = mulberry32(seed);
  const below = (bound) => Math.floor(random() * bound);
  const oneOf = (list) => list[below(list.length)];
  const several = (most, make) => Array.from({ length: below(most + 1) }, make);

  const value = (depth) => {
    const kinds = [
      () => null,
      () => random() < 0.5,
      () => oneOf(NUMBERS),
      () => oneOf(WORDS),
      () => oneOf(ids),
      () => several(3, () => value(depth + 1)),
      () => object(depth + 1),
    ];
    return oneOf(depth < DEEPEST ? kinds : kinds.slice(0, 5))();
  };
  const object = (depth) => Object.fromEntries(several(5, () => [oneOf(FIELDS), value(depth)]));
  // Half of the arguments are nearly right, so that they get beyond the parser.
  const argument = () => {
    const nearly = { groupId: oneOf(ids), content: oneOf(WORDS), seq: oneOf(NUMBERS), ...object(1) };
    return random() < 0.5 ? nearly : value(0);
  };

  return Array.from({ length: howMany }, () => {
    const name = random() < 0.9 ? oneOf(names) : oneOf(UNKNOWN_EVENTS);
    const args = random() < 0.9 ? [argument()] : several(3, argument);
    return [name, ...args];
  });
}

function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
