// The web client at `/`: the panel in which whoever is curious makes trouble and watches what comes of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Place, range } from './support/chat.js';

test('a hundred messages at once, and the network dropped in the middle: each comes once, in order', async (t) => {
  const place = await Place.for(t, { CHAT_LIMITS__MESSAGE_BURST: '0' });
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');

  await ada.press('Under the hood');
  await ada.press('Send 100 at once');
  await ben.hears('Message 10 of 100');
  await ada.press('Drop my network');
  await ada.page.getByText('You pulled the cable.').waitFor();
  await ada.press('Plug it in');
  await ben.hears('Message 100 of 100');
  await ada.hears('Message 100 of 100');

  const wanted = range(1, 100).map((number) => `Message ${number} of 100`);
  assert.deepEqual(await ben.texts(), wanted);
  assert.deepEqual(await ada.texts(), wanted);
  place.assertCalm();
});

test('a token that is about to expire is replaced on the same connection', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const events = (name) => ada.page.locator('.traffic code', { hasText: name });

  await ada.press('Under the hood');
  await ada.press('Expire my token in 10 s');
  // The brief one was sent and taken; then one that lasts.
  await events('refresh_token').nth(3).waitFor();

  assert.equal(await events('session_closed').count(), 0);
  assert.equal(await events(/^session$/).count(), 1);
  await ada.page.locator('.traffic summary', { hasText: 'refresh_token' }).nth(1).click();
  const shown = await ada.page.locator('.traffic pre').textContent();
  assert.deepEqual(JSON.parse(shown), { token: '•••' }, 'what is secret is not shown');
  place.assertCalm();
});
