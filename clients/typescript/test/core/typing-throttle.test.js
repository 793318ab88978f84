// How few events show that somebody types, and that no indicator is left behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { TypingThrottle } from '../../dist/core/typing-throttle.js';

const TIMES = { ttlMs: 10_000, renewMs: 3_000 };
const LIMITS = { typingBurst: 5, typingPerSecond: 1 };
const NO_LIMITS = { typingBurst: 0, typingPerSecond: 0 };

test('a first key starts it, and further ones renew it as often as others hear of it', () => {
  const throttle = new TypingThrottle(TIMES, LIMITS);
  const keys = [0, 1_000, 2_999, 3_000, 5_999, 6_000];

  assert.deepEqual(
    keys.map((at) => throttle.key(at)),
    [true, false, false, true, false, true],
  );
});

test('who touches no key for a while has stopped, before the server says so', () => {
  const throttle = new TypingThrottle(TIMES, LIMITS);
  throttle.key(0);
  throttle.key(2_999);

  assert.equal(throttle.stopsAt, 7_999);
  assert.ok(throttle.stop(7_999));
  assert.equal(throttle.stopsAt, null);
  assert.ok(!throttle.stop(8_000));
});

test('a message ends it without an event', () => {
  const throttle = new TypingThrottle(TIMES, LIMITS);
  throttle.key(0);

  throttle.ended();

  assert.equal(throttle.stopsAt, null);
  assert.ok(!throttle.stop(1));
  assert.ok(throttle.key(2));
});

test('without a limit every change is told', () => {
  const throttle = new TypingThrottle(TIMES, NO_LIMITS);

  for (let at = 0; at < 100; at += 1) assert.ok(throttle.key(at) && throttle.stop(at));
});

test('the server drops nothing of it, and what is shown last is the truth', () => {
  const step = fc.tuple(fc.constantFrom('key', 'key', 'key', 'stop', 'ended'), fc.nat(1_500));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const throttle = new TypingThrottle(TIMES, LIMITS);
      let [now, allowance, isShown] = [0, LIMITS.typingBurst, false];
      const send = (shows) => {
        assert.ok(allowance >= 1, 'within the limit');
        allowance -= 1;
        isShown = shows;
      };
      const wait = (ms) => {
        now += ms;
        allowance = Math.min(LIMITS.typingBurst, allowance + (ms / 1_000) * LIMITS.typingPerSecond);
      };
      for (const [name, ms] of steps) {
        wait(ms);
        if (throttle.stopsAt !== null && throttle.stopsAt <= now && throttle.stop(now)) send(false);
        if (name === 'key' && throttle.key(now)) send(true);
        if (name === 'stop' && throttle.stop(now)) send(false);
        if (name === 'ended') {
          throttle.ended();
          isShown = false;
        }
        assert.equal(isShown, throttle.stopsAt !== null);
        assert.ok(!isShown || throttle.stopsAt - now <= TIMES.ttlMs / 2);
      }
    }),
    { numRuns: 1_000 },
  );
});
