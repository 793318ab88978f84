// The web client at `/`: two people talk, over any trouble with the network or the server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Proxy } from '../../clients/typescript/test/support/proxy.js';
import { request } from '../js/support/http.js';
import { Redis } from '../js/support/redis.js';
import { browser, open } from './support/browser.js';
import { Place, range, Window } from './support/chat.js';

test('from `make run` to a chat between two windows', async (t) => {
  const { server } = await Place.for(t);
  const begun = Date.now();

  // 1. Open the address that `make run` prints, in two browsers.
  const ada = new Window(await open(await browser(t), server.url));
  const ben = new Window(await open(await browser(t), server.url));
  // 2. Choose a name in each of them.
  await ada.signIn('ada');
  await ben.signIn('ben');
  // 3. Write. Both are in the lobby.
  await ada.send('Hello, Ben!');
  await ben.hears('Hello, Ben!');
  await ben.send('Hello, Ada!');
  await ada.hears('Hello, Ada!');

  t.diagnostic(`${((Date.now() - begun) / 1_000).toFixed(1)} s from the first page to the second message`);
  assert.deepEqual(await ada.texts(), await ben.texts());
  assert.deepEqual([...ada.complaints, ...ben.complaints], []);
});

test('each sees the other come, type and go', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');
  const people = (title) => ada.page.locator('.panel section').filter({ hasText: title }).locator('.name');
  const typing = (window) => window.page.locator('.typing');

  await people('Here').getByText('ben').waitFor();
  await ben.composer.pressSequentially('I am about');
  await typing(ada).getByText('ben is typing…').waitFor();
  await ada.composer.pressSequentially('So am I');
  await typing(ben).getByText('ada is typing…').waitFor();
  await ben.send('I am about to go');
  await ada.hears('I am about to go');
  await typing(ada).getByText('is typing').waitFor({ state: 'detached' });
  await ada.composer.fill('');
  await typing(ben).getByText('is typing').waitFor({ state: 'detached' });
  await ben.press('Sign out');
  await ben.page.getByLabel('Your name').waitFor();
  await people('Away').getByText('ben').waitFor();

  assert.deepEqual(await people('Here').allTextContents(), ['ada']);
  place.assertCalm();
});

test('whoever loses the network comes back without a gap', async (t) => {
  const place = await Place.for(t, { CHAT_LIMITS__MESSAGE_BURST: '0' });
  const proxy = await Proxy.start(place.server.port);
  t.after(() => proxy.close());
  const ada = await place.enter('ada');
  const ben = await place.enter('ben', { url: proxy.url });
  await ada.say('before');
  await ben.hears('before');

  await ben.page.context().setOffline(true);
  proxy.cut();
  await ben.page.getByText('There is no connection.').waitFor();
  await ada.press('Under the hood');
  await ada.press('Send 100 at once');
  await ada.hears('Message 100 of 100');
  await ben.send('from afar');
  await ben.page.getByText('Sending…').waitFor();
  await ben.page.context().setOffline(false);
  await ben.hears('from afar');
  await ben.hears('Message 100 of 100');

  const wanted = ['before', ...range(1, 100).map((number) => `Message ${number} of 100`), 'from afar'];
  assert.deepEqual(await ben.texts(), wanted);
  await ada.hears('from afar');
  assert.deepEqual(await ada.texts(), wanted);
  await ben.page.getByText('There is no connection.').waitFor({ state: 'detached' });
  place.assertCalm();
});

test('what is written while the server is away is shown at once, and sent once when it is back', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');
  await ada.say('before');

  await place.server.stop();
  await ada.page.getByText('There is no connection.').waitFor();
  await ada.send('first');
  await ada.send('second');
  await ada.page.locator('.pending').nth(1).waitFor();
  assert.deepEqual(await ada.texts('.pending'), ['first', 'second']);
  await place.server.launch();
  await ada.hears('second');
  await ben.hears('second');

  for (const window of [ada, ben]) assert.deepEqual(await window.texts(), ['before', 'first', 'second']);
  place.assertCalm();
});

test('what was not sent yet is sent after the page was loaded anew', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');

  await ada.press('Under the hood');
  await ada.press('Drop my network');
  await ada.send('kept');
  await ada.page.getByText('Sending…').waitFor();
  await ada.page.goto(`${place.server.url}/#/`);
  await ada.page.reload();
  await ben.hears('kept');

  // Though the group is not open.
  await ada.page.getByText('Choose a group').waitFor();
  await ada.page.getByRole('link', { name: 'Lobby' }).click();
  await ada.hears('kept');
  for (const window of [ada, ben]) assert.deepEqual(await window.texts(), ['kept']);
  place.assertCalm();
});

test('what the server refuses says why, and can be tried again or dropped', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const failed = ada.page.locator('.failed');

  // Nothing is left of it at the server.
  await ada.send('\u0001');
  await failed.getByText('Not sent.').waitFor();
  await ada.press('Try again');
  await failed.getByText('Not sent.').waitFor();
  await ada.press('Discard');
  await failed.waitFor({ state: 'detached' });
  await ada.say('fine');

  assert.deepEqual(await ada.texts(), ['fine']);
  place.assertCalm();
});

test('what does not work is said above everything, until it does again', async (t) => {
  const redis = await Redis.start();
  t.after(() => redis.close());
  const place = await Place.for(t, {}, { redis });
  const ada = await place.enter('ada');
  const banner = ada.page.locator('.banner');

  await redis.kill();
  await banner.getByText('The service is degraded').waitFor();
  await ada.say('all the same');
  await redis.launch();
  await banner.getByText('The service is degraded').waitFor({ state: 'detached' });

  place.assertCalm();
});

test('whoever is sent away stays away until he wants to come back', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');
  const { url, adminKey: token } = place.server;

  await request(url, 'DELETE', '/api/v1/admin/users/ada/sessions', { token });
  await ada.page.getByRole('button', { name: 'Connect again' }).waitFor();
  await ada.page.getByText('Not connected').waitFor();
  await ben.say('Where are you?');
  await ada.press('Connect again');
  await ada.hears('Where are you?');

  assert.deepEqual(await ada.texts(), ['Where are you?']);
  place.assertCalm();
});
