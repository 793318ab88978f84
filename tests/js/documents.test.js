// The documents and what holds the traffic against them: examples are what they describe, and nothing else passes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertAnswered, assertEvent, assertResponse, asyncapi } from './support/documents.js';

// Examples are no traffic.
delete process.env.TEST_SEEN;

const { messages } = asyncapi.components;
const [sent, received] = ['send', 'receive'].map((action) =>
  Object.keys(asyncapi.operations).filter((event) => asyncapi.operations[event].action === action),
);
const example = (message) => structuredClone(messages[message].examples[0].payload);

for (const event of sent) {
  test(`${event}: the example passes, and not with a field more or less`, () => {
    const payload = example(event);
    assertEvent(event, payload);

    assert.throws(() => assertEvent(event, { ...payload, more: 1 }), /"unevaluatedProperty":"more"/);
    for (const field of Object.keys(payload)) {
      const { [field]: _, ...less } = payload;
      assert.throws(() => assertEvent(event, less), new RegExp(`"missingProperty":"${field}"`));
    }
    assert.throws(() => assertEvent(event, payload, payload), /with 2 arguments/);
  });
}

for (const event of received) {
  test(`${event}: the examples of argument and answer pass, and not with a field more`, () => {
    const [argument, answer] = [example(event), example(`${event}_ack`)];
    assertAnswered(event, argument, answer);
    for (const { payload } of messages.refused.examples) assertAnswered(event, argument, payload);

    const more = { ...answer, data: { ...answer.data, more: 1 } };
    assert.throws(() => assertAnswered(event, argument, more), /"unevaluatedProperty":"more"/);
    assert.throws(() => assertAnswered(event, {}, answer), /the server accepted .* must have required property/);
  });
}

test('what is in no document does not pass', () => {
  const answer = example('typing_start_ack');

  assert.throws(() => assertEvent('nonsense', {}), /in no document/);
  assert.throws(() => assertEvent('join_group', 'tea'), /in no document/);
  assert.throws(() => assertAnswered('session', {}, answer), /in no document/);
  assert.throws(() => assertAnswered('typing_start', { groupId: 'tea' }, { ok: false }), /must have required/);
  assert.throws(() => assertAnswered('typing_start', { groupId: 'tea' }, undefined), /must be object/);
  assert.throws(() => assertResponse('GET', '/api/v1/nonsense', 200, {}), /in no document/);
  assert.throws(() => assertResponse('GET', '/api/v1/users/me', 200, { id: 'ada', name: 'Ada' }), /image/);
  assert.throws(() => assertResponse('GET', '/api/v1/users/me', 401, {}), /must have required property 'error'/);
  assert.throws(() => assertResponse('DELETE', '/api/v1/groups/tea', 204, {}), /and a body/);
});
