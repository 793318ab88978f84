// The web client at `/`: reading what was said, now and long ago.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '../js/support/client.js';
import { request } from '../js/support/http.js';
import { eventually } from '../js/support/wait.js';
import { Place, range } from './support/chat.js';

const FAST = { CHAT_LIMITS__MESSAGE_BURST: '0' };
const numbered = (from, to) => range(from, to).map((number) => `number ${number}`);

/** Somebody without a window writes so many messages in the lobby. */
async function write(place, t, name, texts) {
  const { token } = await place.login(name);
  const client = new Client(place.server.url, { token, name });
  t.after(() => client.close());
  await client.greeted();
  await client.ok('join_group', 'lobby');
  for (const content of texts) await client.ok('send_message', { groupId: 'lobby', content });
  return client;
}

test('scrolling back brings the history, and what is read stays in its place', async (t) => {
  const place = await Place.for(t, FAST);
  const writer = await write(place, t, 'cara', numbered(1, 230));
  const ada = await place.enter('ada');
  const log = ada.page.getByRole('log');
  await ada.hears('number 230');
  assert.deepEqual(await ada.texts(), numbered(181, 230));

  // A step back, and the line that is looked at does not move while older ones come above it.
  await log.evaluate((element) => (element.scrollTop = 300));
  const top = () => ada.page.getByText('number 190', { exact: true }).evaluate((line) => line.getBoundingClientRect().top);
  const before = await top();
  await ada.hears('number 131');
  assert.ok(Math.abs((await top()) - before) < 2, 'it moved');

  // What comes meanwhile does not take the reader away, but is told.
  await writer.ok('send_message', { groupId: 'lobby', content: 'news' });
  await ada.page.getByRole('button', { name: '1 new' }).waitFor();
  assert.ok(Math.abs((await top()) - before) < 2, 'it moved');

  while (!(await ada.texts()).includes('number 1')) await log.evaluate((element) => (element.scrollTop = 0));
  assert.deepEqual(await ada.texts(), [...numbered(1, 230), 'news']);
  await ada.page.getByText('Load older messages').waitFor({ state: 'detached' });
  await ada.press('1 new');
  await ada.page.getByText('news', { exact: true }).waitFor();
  await ada.page.getByRole('button', { name: '1 new' }).waitFor({ state: 'detached' });
  place.assertCalm();
});

test('what is unread is marked in the list, in the title and in the log, until it was looked at', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');
  const entry = ben.page.getByRole('link', { name: 'Lobby' });
  await ada.say('seen');
  await ben.hears('seen');
  await entry.getByText('ada: seen').waitFor();

  await ben.page.goto(`${place.server.url}/#/`);
  await ben.page.getByText('Choose a group').waitFor();
  await ada.say('not seen');
  await ada.say('nor this');
  await entry.getByText('2 unread').waitFor();
  await entry.getByText('ada: nor this').waitFor();
  await ben.until(() => document.title === '(2) chat-server');
  await entry.click();
  await ben.hears('nor this');

  const lines = await ben.page.locator('.log li').allTextContents();
  assert.match(lines[lines.indexOf('New') - 1], /seen/);
  assert.match(lines[lines.indexOf('New') + 1], /not seen/);
  await ben.until(() => document.title === 'chat-server');
  await entry.getByText('unread').waitFor({ state: 'detached' });
  place.assertCalm();
});

test('a reply shows what it answers, and leads there, however long ago that was said', async (t) => {
  const place = await Place.for(t, FAST);
  const ada = await place.enter('ada');
  await ada.say('What time is it?');
  const { token } = await place.login('ben');
  const path = '/api/v1/groups/lobby/messages';
  const { body: page } = await request(place.server.url, 'GET', path, { token });
  const writer = await write(place, t, 'ben', numbered(1, 150));
  await writer.ok('send_message', { groupId: 'lobby', content: 'Half past two', replyToId: page.items[0].id });
  const cara = await place.enter('cara');
  await cara.hears('Half past two');
  assert.equal((await cara.texts()).includes('What time is it?'), false);

  await cara.page.locator('.quote').click();
  await cara.hears('What time is it?');
  await cara.until(() => document.activeElement.querySelector('.text')?.textContent === 'What time is it?');

  // And from the keyboard.
  await cara.page.keyboard.press('Enter');
  await cara.page.keyboard.type('Indeed');
  await cara.page.keyboard.press('Enter');
  await ada.page.locator('.message', { hasText: 'Indeed' }).locator('.quote').getByText('What time is it?').waitFor();
  place.assertCalm();
});

test('in a busy room the mark of what is read moves now and then, and comes to the end', async (t) => {
  const count = 60;
  const place = await Place.for(t, FAST);
  const ada = await place.enter('ada');
  const { token } = await place.login('ben');
  await ada.press('Under the hood');

  const path = '/api/v1/groups/lobby/messages';
  const send = (number) => request(place.server.url, 'POST', path, { token, body: { content: `number ${number}` } });
  await Promise.all(range(1, count).map(send));
  await ada.until((all) => document.querySelectorAll('.message').length === all, count);
  const { token: adas } = await place.login('ada');
  const isAllRead = async () => {
    const { body } = await request(place.server.url, 'GET', '/api/v1/groups', { token: adas });
    return body.items[0].unreadCount === 0;
  };
  await eventually(isAllRead, 'everything to be read');

  const marks = await ada.page.locator('.traffic .sent code', { hasText: 'mark_read' }).count();
  assert.ok(marks < count / 2, `${marks} marks`);
  place.assertCalm();
});
