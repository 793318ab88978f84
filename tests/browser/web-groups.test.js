// The web client at `/`: groups come and go, and so do their members.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Place } from './support/chat.js';

async function makeGroup(window, name) {
  await window.press('New group');
  await window.page.getByRole('dialog').getByLabel('Name').fill(name);
  await window.press('Create');
  await window.page.getByRole('heading', { name, level: 2 }).waitFor();
}

async function add(window, name) {
  await window.press('Add people');
  await window.press(`Add ${name}`);
  await window.page.getByText('Nobody else has signed in yet.').waitFor();
  await window.press('Done');
}

test('who makes a group adds others to it, and they are told', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');

  await makeGroup(ada, 'Tea');
  await add(ada, 'ben');
  await ada.say('Tea?');
  await ben.page.getByText('You were added to Tea.').waitFor();
  await ben.page.getByRole('link', { name: 'Tea' }).click();
  await ben.hears('Tea?');

  assert.deepEqual(await ben.texts(), ['Tea?']);
  place.assertCalm();
});

test('a member leaves, and the owner deletes', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const [ben, cara] = [await place.enter('ben'), await place.enter('cara')];
  await makeGroup(ada, 'Tea');
  await ada.press('Add people');
  for (const name of ['ben', 'cara']) await ada.press(`Add ${name}`);
  await ada.press('Done');
  for (const window of [ben, cara]) {
    await window.page.getByRole('link', { name: 'Tea' }).click();
    await window.page.getByRole('heading', { name: 'Tea', level: 2 }).waitFor();
  }

  await ben.press('Leave group');
  await ben.press('Leave');
  await ben.page.getByText('Choose a group').waitFor();
  await ada.press('Delete group');
  await ada.press('Delete');
  await ada.page.getByText('Choose a group').waitFor();
  await cara.page.getByText('That group was deleted.').waitFor();

  for (const window of [ada, ben, cara]) {
    await window.page.getByRole('link', { name: 'Tea' }).waitFor({ state: 'detached' });
  }
  place.assertCalm();
});

test('the address of a group leads there, and that of a foreign one does not', async (t) => {
  const place = await Place.for(t);
  const ada = await place.enter('ada');
  const ben = await place.enter('ben');
  await makeGroup(ada, 'Tea');
  const address = ada.page.url();

  await ada.page.reload();
  await ada.page.getByRole('heading', { name: 'Tea', level: 2 }).waitFor();
  await ada.page.goBack();
  await ada.page.getByRole('heading', { name: 'Lobby', level: 2 }).waitFor();
  await ben.page.goto(address);
  await ben.page.getByText('You are not a member of that group.').waitFor();

  place.assertCalm();
});
