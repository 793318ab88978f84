// When a token is renewed, by a clock that may be wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TokenLife } from '../../dist/core/token-life.js';

const AT = Date.parse('2026-11-23T10:00:00.000Z');
const time = (seconds) => new Date(AT + seconds * 1_000).toISOString();

/** A session that began at 5,000 of this client's clock, with a token for so many seconds. */
function lifeOf(seconds) {
  const life = new TokenLife();
  life.began(time(0), time(seconds), 5_000);
  return life;
}

test('a token is renewed a minute before it ends, whatever this clock shows', () => {
  assert.equal(lifeOf(3_600).renewAt, 5_000 + 3_540_000);
});

test('a short one is renewed when a fifth of its life is left', () => {
  assert.equal(lifeOf(100).renewAt, 5_000 + 80_000);
});

test('a new token counts from the same difference of the clocks', () => {
  const life = lifeOf(100);

  life.renewed(time(3_600), 85_000);

  assert.equal(life.renewAt, 5_000 + 3_540_000);
});

test('who gets no better token asks again later, and later still', () => {
  const life = lifeOf(100);

  life.renewed(time(79), 85_000);
  assert.equal(life.renewAt, 85_000 + 2_000);
  life.failed(87_000, 1);
  assert.equal(life.renewAt, 87_000 + 3_000);
});

test('an ended token is not used again, one of which nothing is known is', () => {
  const life = lifeOf(100);
  assert.ok(life.canBeUsed(104_999));
  assert.ok(!life.canBeUsed(105_000));

  life.replaced();

  assert.ok(life.canBeUsed(105_000));
});

test('without a connection nothing is renewed', () => {
  const life = lifeOf(100);

  life.paused();

  assert.equal(life.renewAt, null);
});
