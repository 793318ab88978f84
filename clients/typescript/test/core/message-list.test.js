import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { merged } from '../../dist/core/message-list.js';

const message = (seq, updatedSeq = seq) => ({ id: `m${seq}`, seq, updatedSeq });

test('pages and live messages make one list, each message once in its last state', () => {
  const some = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 20 }), fc.nat(3)).map(([seq, changes]) => message(seq, seq + 20 * changes)),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(fc.array(some, { maxLength: 10 }), (pages) => {
      const list = pages.reduce((all, page) => merged(all, page), []);

      const last = new Map();
      for (const each of pages.flat()) {
        if (!(last.get(each.seq)?.updatedSeq >= each.updatedSeq)) last.set(each.seq, each);
      }
      assert.deepEqual(
        list,
        [...last.values()].sort((a, b) => a.seq - b.seq),
      );
    }),
    { numRuns: 1_000 },
  );
});

test('without news the list stays the same object', () => {
  const list = merged([], [message(1), message(2)]);

  assert.equal(merged(list, [message(2), message(1)]), list);
  assert.equal(merged(list, []), list);
});
