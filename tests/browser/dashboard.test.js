// The administrator's page at /admin.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Fleet } from '../js/support/fleet.js';
import { World } from '../js/support/provision.js';
import { NO_LIMITS } from '../js/support/server.js';
import { browser, open } from './support/browser.js';

const PATIENCE_MS = 30_000;

/** A node that cannot be reached is a complaint of the browser's own. */
const isOurs = (complaint) => !complaint.startsWith('Failed to load resource');

async function signIn(t, world, options) {
  const opened = await open(await browser(t), `${world.url}/admin`, options);
  opened.page.setDefaultTimeout(PATIENCE_MS);
  await opened.page.fill('#key', world.server.adminKey);
  await opened.page.click('#sign-in button');
  await opened.page.waitForSelector('#nodes tbody tr');
  return opened;
}

async function worldOf(t, env) {
  const world = await World.start(env);
  t.after(() => world.close());
  return world;
}

/** What the cells of a table hold, row by row. */
const rows = (page, table) =>
  page.$$eval(`${table} tbody tr`, (lines) =>
    lines.map((line) => [...line.children].map((cell) => cell.textContent)),
  );

const until = (page, wanted, argument) => page.waitForFunction(wanted, argument, { timeout: PATIENCE_MS });

/** Whether each chart has points that are neither empty nor part of the frame. */
const arePainted = () =>
  [...document.querySelectorAll('#charts canvas')].every((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let coloured = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [red, green, blue, alpha] = data.subarray(at, at + 4);
      if (alpha > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) coloured += 1;
    }
    return coloured > 50;
  });

test('without the key nothing is shown, and a wrong one is refused', async (t) => {
  const world = await worldOf(t);
  const { page, complaints } = await open(await browser(t), `${world.url}/admin`);

  await page.fill('#key', 'a key that is long enough and wrong');
  await page.click('#sign-in button');
  await until(page, () => document.getElementById('refusal').textContent !== '');

  assert.match(await page.textContent('#refusal'), /key/i);
  assert.equal(await page.isVisible('#board'), false);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.deepEqual(complaints.filter(isOurs), []);
});

test('nodes, charts, rooms, sessions and the way of a message are shown', async (t) => {
  const world = await worldOf(t);
  const [ada, ben] = await world.users('ada', 'ben');
  const group = await world.group(ada, ben);
  const clients = [await world.connect(ada), await world.connect(ben)];
  for (const client of clients) await client.ok('join_group', group.id);
  const message = await clients[0].ok('send_message', { groupId: group.id, content: '<b>hello</b>' });
  const { page, complaints } = await signIn(t, world);

  const [node] = await rows(page, '#nodes');
  await until(page, () => document.querySelectorAll('#rooms tbody button').length === 1);
  await page.click('#rooms tbody button');
  await until(page, () => document.querySelectorAll('#room button').length === 2);
  await page.click(`#room button:has-text("${ben.id}")`);
  await until(page, () => document.querySelectorAll('#sessions tbody tr').length === 1);
  await page.fill('#message', message.id);
  await page.click('#message-form button');
  await until(page, () => document.querySelectorAll('#trace tbody tr').length === 1);

  assert.equal(node[3], '2', 'connections');
  assert.equal(node[6], 'fine');
  const [room] = await rows(page, '#rooms');
  assert.deepEqual([room[0], room[1], room[2]], [group.id, '2', '2']);
  const [trace] = await rows(page, '#trace');
  assert.equal(trace[2], '2', 'sockets');
  await until(page, () => document.querySelector('#tiles dd')?.textContent === '2');
  // A line has two ends: there has to be something to show for a while.
  const talking = setInterval(() => clients[0].ok('send_message', { groupId: group.id, content: 'x' }), 500);
  t.after(() => clearInterval(talking));
  await until(page, arePainted);
  clearInterval(talking);
  assert.deepEqual(complaints, []);
});

test('a connection that is ended from the page is gone', async (t) => {
  const world = await worldOf(t);
  const [ada] = await world.users('ada');
  const client = await world.connect(ada);
  const { page } = await signIn(t, world);
  page.on('dialog', (dialog) => dialog.accept());

  await page.fill('#user', ada.id);
  await page.click('#user-form button');
  await page.click('#sessions tbody button:has-text("End")');
  const closed = await client.waitFor('session_closed');

  assert.equal(closed.code, 'EVICTED');
  await until(page, () => document.querySelector('#sessions tbody').textContent === 'Nothing to show.');
});

test('of many rooms a page at a time is shown, in the order that is wanted', async (t) => {
  const count = 1_000;
  const world = await worldOf(t, NO_LIMITS);
  const [ada] = await world.users('ada');
  const client = await world.connect(ada);
  const groups = [];
  for (let number = 0; number < count; number += 50) {
    groups.push(...(await Promise.all(Array.from({ length: 50 }, () => world.group(ada)))));
  }
  await Promise.all(groups.map(({ id }) => client.ok('join_group', id)));
  const ids = groups.map(({ id }) => id).sort();
  const { page, complaints } = await signIn(t, world);

  await page.selectOption('#sort', 'id');
  await until(page, (first) => document.querySelector('#rooms tbody td')?.textContent === first, ids[0]);
  const first = await rows(page, '#rooms');
  await page.click('#next');
  await until(page, () => document.getElementById('page').textContent === 'Page 2');
  const second = await rows(page, '#rooms');
  await page.fill('#prefix', ids[700]);
  await page.click('#rooms-form button');
  await until(page, () => document.querySelectorAll('#rooms tbody tr').length === 1);

  assert.deepEqual([...first, ...second].map(([id]) => id), ids.slice(0, 50));
  assert.equal((await rows(page, '#rooms'))[0][0], ids[700]);
  assert.equal((await rows(page, '#nodes'))[0][4], '1,000');
  assert.deepEqual(complaints, []);
});

test('what does not work is said at the top, until it does again', async (t) => {
  const fleet = await Fleet.start(2);
  t.after(() => fleet.close());
  const { page, complaints } = await signIn(t, fleet.nodes[0]);
  await until(page, () => document.querySelectorAll('#nodes tbody tr').length === 2);

  await fleet.redis.kill();
  await until(page, () => document.getElementById('trouble').textContent.includes('degraded'));
  await fleet.redis.launch();
  await until(page, () => document.getElementById('trouble').hidden);

  assert.equal(await page.$$eval('#nodes tbody tr', (lines) => lines.length), 2);
  assert.deepEqual(complaints.filter(isOurs), []);
});

test('on a phone and in the dark it is as wide as the screen', async (t) => {
  const world = await worldOf(t);
  const { page, complaints } = await signIn(t, world, {
    colorScheme: 'dark',
    viewport: { width: 390, height: 844 },
  });

  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  const [ground, text] = await page.evaluate(() => {
    const style = getComputedStyle(document.body);
    return [style.backgroundColor, style.color];
  });

  assert.equal(width, 390);
  assert.notEqual(ground, text);
  assert.match(ground, /rgb\(\d\d, \d\d, \d\d\)/, 'dark');
  assert.deepEqual(complaints, []);
});
