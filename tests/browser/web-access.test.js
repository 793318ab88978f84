// The web client at `/`: for everybody, on every screen, in both themes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { PHONE, Place } from './support/chat.js';

const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** What axe finds wrong with what is on the screen. */
async function violations({ page }) {
  // What moves is neither here nor there.
  await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== 'running'));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => ({ id, html, failureSummary })));
}

for (const colorScheme of ['light', 'dark']) {
  for (const [screen, options] of Object.entries({ desk: {}, phone: PHONE })) {
    test(`there is nothing in the way of anybody: ${colorScheme}, ${screen}`, async (t) => {
      const place = await Place.for(t);
      const still = { colorScheme, reducedMotion: 'reduce' };
      const ben = await place.enter('ben', still);
      await ben.say('A question');
      const ada = await place.window({ ...options, ...still });
      const check = async (what) => assert.deepEqual(await violations(ada), [], what);

      await check('signing in');
      await ada.signIn('ada');
      await ada.hears('A question');
      await ada.page.locator('.message').hover();
      await ada.press('Reply to ben');
      await ada.say('An answer');
      await ada.page.getByRole('button', { name: 'Reply to ada' }).last().focus();
      await ada.composer.fill('x'.repeat(3_990));
      await ben.composer.pressSequentially('typing');
      await ada.page.getByText('ben is typing…').waitFor();
      await check('the conversation');
      const isNarrow = screen === 'phone';
      if (isNarrow) await ada.press('People');
      await check('people');
      if (isNarrow) {
        await ada.press('Close');
        await ada.press('All groups');
      }
      await ada.press('Under the hood');
      await ada.page.locator('.traffic summary').first().click();
      await check('under the hood');
      await ada.press('Drop my network');
      await ada.page.getByText('You pulled the cable.').waitFor();
      await check('without a network');
      await ada.press('Plug it in');
      await ada.press('Close');
      await ada.press('New group');
      await check('a dialog');
      place.assertCalm();
    });
  }
}

test('on a phone each screen is as wide as the phone, and one leads to the other', async (t) => {
  const place = await Place.for(t);
  const window = await place.enter('ada', PHONE);
  const { page } = window;
  const isAsWideAsThePhone = async (what) => {
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, what);
    for (const panel of await page.locator('aside').all()) assert.equal((await panel.boundingBox()).width, 390, what);
  };

  await window.say('a'.repeat(300));
  await isAsWideAsThePhone('the conversation');
  assert.equal(await page.getByRole('navigation').isVisible(), false);
  await window.press('People');
  await isAsWideAsThePhone('people');
  await window.press('Close');
  await window.press('All groups');
  await page.getByRole('link', { name: 'Lobby' }).waitFor();
  await isAsWideAsThePhone('groups');
  assert.equal(await window.composer.count(), 0);
  await window.press('Under the hood');
  await isAsWideAsThePhone('under the hood');
  await window.press('Close');
  await page.getByRole('link', { name: 'Lobby' }).click();
  await window.hears('a'.repeat(300));
  await page.goBack();
  await page.getByRole('link', { name: 'Lobby' }).waitFor();
  place.assertCalm();
});

test('a keyboard is enough', async (t) => {
  const place = await Place.for(t);
  const window = await place.window();
  const { page } = window;
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement.textContent);

  await keyboard.type('ada');
  await keyboard.press('Enter');
  await window.isOnline();
  await keyboard.type('first');
  await keyboard.press('Shift+Enter');
  await keyboard.type('line');
  await keyboard.press('Enter');
  await window.hears('first\nline');
  await keyboard.type('second');
  await keyboard.press('Enter');
  await window.hears('second');
  await page.getByRole('log').focus();
  await keyboard.press('ArrowUp');
  assert.match(await focused(), /second/);
  await keyboard.press('ArrowUp');
  assert.match(await focused(), /first/);
  await keyboard.press('Enter');
  await page.getByText('Replying to').waitFor();
  await keyboard.press('Escape');
  await page.getByText('Replying to').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'New group' }).focus();
  await keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'New group');
  place.assertCalm();
});

test('the theme follows the device until one is chosen, and is kept', async (t) => {
  const place = await Place.for(t);
  const window = await place.window({ colorScheme: 'dark' });
  const { page } = window;
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();

  await page.emulateMedia({ colorScheme: 'light' });
  const light = await ground();
  await window.press('Dark theme');
  assert.equal(await ground(), dark);
  await page.reload();

  assert.equal(await ground(), dark);
  assert.notEqual(light, dark);
  place.assertCalm();
});
