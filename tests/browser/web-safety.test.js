// The web client at `/`: what others write is text, and what a browser is told about the page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { Place } from './support/chat.js';

const ATTACKS = [
  '<script>window.hacked = 1</script>',
  '<img src=x onerror="window.hacked = 1">',
  '<svg onload="window.hacked = 1"><a href="javascript:window.hacked = 1">click</a></svg>',
  '"><iframe srcdoc="<script>parent.hacked = 1</script>"></iframe>',
  'javascript:window.hacked = 1',
  '{{constructor.constructor("window.hacked = 1")()}} ${window.hacked = 1}',
  '&lt;b&gt;bold&lt;/b&gt; <b>bold</b> [link](javascript:alert(1))',
];

test('names and messages that try to be more than text stay text', async (t) => {
  const place = await Place.for(t);
  const name = '<img src=x onerror="window.hacked = 1">';
  const mallory = await place.enter(name);
  const ada = await place.enter('ada');
  for (const attack of ATTACKS) await mallory.say(attack);
  await mallory.press('New group');
  await mallory.page.getByRole('dialog').getByLabel('Name').fill(name);
  await mallory.press('Create');
  await mallory.press('Add people');
  await mallory.press('Add ada');
  await mallory.press('Done');
  await mallory.say('<b>here</b>');
  await ada.page.getByText(`You were added to ${name}.`).waitFor();
  await ada.press('Under the hood');
  await mallory.composer.pressSequentially('typing');

  await ada.hears(ATTACKS.at(-1));
  assert.deepEqual(await ada.texts(), ATTACKS);
  assert.equal(await ada.page.locator('.message .by strong').first().textContent(), name);
  const called = ada.page.locator('.name').getByText(name, { exact: true });
  await ada.page.getByRole('link').filter({ has: called }).click();
  await ada.page.getByText(`${name} is typing…`).waitFor();
  for (const { page } of [ada, mallory]) {
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator('#app').locator('img, script, iframe, b, [href^="javascript:"]').count(), 0);
  }
  place.assertCalm();
});

test('the page runs nothing but its own files, whoever writes into it', async (t) => {
  const place = await Place.for(t);
  const { page } = await place.window();
  const refused = [];
  page.on('console', (line) => refused.push(line.text()));

  const outcome = await page.evaluate(() => {
    const tried = (act) => {
      try {
        act();
        return 'done';
      } catch (error) {
        return error.name;
      }
    };
    const script = document.createElement('script');
    return [
      tried(() => (document.body.innerHTML += '<p>text</p>')),
      tried(() => (script.textContent = 'window.hacked = 1')),
      tried(() => document.body.insertAdjacentElement('beforeend', document.createElement('style')).append('* { color: red }')),
    ];
  });

  assert.deepEqual(outcome, ['TypeError', 'TypeError', 'done']);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).color), 'rgb(255, 0, 0)');
  assert.ok(refused.some((line) => line.includes('Content Security Policy')));
});

test('files of the page are kept for ever, and the page itself is asked for again', async (t) => {
  const { server } = await Place.for(t);
  const page = await fetch(`${server.url}/`);
  const html = await page.text();
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  const answers = await Promise.all(files.map((path) => fetch(server.url + path)));
  const about = (name) => answers.map(({ headers }) => headers.get(name));

  assert.equal(page.headers.get('cache-control'), 'no-cache');
  assert.match(page.headers.get('content-security-policy'), /^default-src 'self'; /);
  assert.doesNotMatch(page.headers.get('content-security-policy'), /unsafe/);
  assert.deepEqual(new Set(about('cache-control')), new Set(['public, max-age=31536000, immutable']));
  assert.deepEqual(about('content-type').sort(), ['image/svg+xml', 'text/css', 'text/javascript']);
  assert.deepEqual(new Set(about('x-content-type-options')), new Set(['nosniff']));
  for (const path of ['/assets/none.js', '/assets/', '/assets/..%2findex.html']) {
    assert.equal((await fetch(server.url + path)).status, 404, path);
  }
  // What is in the program is what was built.
  const built = await readFile(new URL('../../web/dist/index.html', import.meta.url), 'utf8');
  assert.equal(html, built, 'the program is older than the page: build it again');
});
