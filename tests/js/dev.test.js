// What a newcomer meets: the README's first chat, word for word, and what a development server refuses.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { request as rawRequest } from 'node:http';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { openapi } from './support/documents.js';
import { Server } from './support/server.js';

const run = promisify(execFile);
const server = await Server.start({}, ['--dev']);
after(() => server.close());

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('the first chat of the README prints what the README says', async (t) => {
  const readme = await readFile(here('../../README.md'), 'utf8');
  const [, program] = /```js\n(.*?)```/s.exec(readme);
  const [, printed] = /```text\n(.*?)```/s.exec(readme);
  assert.ok(program.trimEnd().split('\n').length < 20, 'it is short');
  // Beside this file, where the client library is found.
  const file = here(`./.readme-${process.pid}.mjs`);
  t.after(() => rm(file, { force: true }));
  await writeFile(file, program.replaceAll('http://127.0.0.1:8001', server.url));

  const { stdout } = await run(process.execPath, [file], { timeout: 30_000 });

  const sorted = (text) => text.trim().split('\n').sort();
  assert.deepEqual(sorted(stdout), sorted(printed));
});

test('the same name is the same user', async () => {
  const login = async (name) => {
    const answer = await fetch(`${server.url}/api/v1/dev/login`, { method: 'POST', body: JSON.stringify({ name }) });
    assert.equal(answer.status, 200);
    return (await answer.json()).user;
  };

  assert.deepEqual(await login('Zoë'), await login('Zoë'));
  assert.notEqual((await login('Zoë')).id, (await login('zoë')).id);
});

test('a token holds as long as is wanted, and thirty days at most', async () => {
  const login = async (query) => {
    const body = JSON.stringify({ name: 'zoe' });
    return fetch(`${server.url}/api/v1/dev/login${query}`, { method: 'POST', body });
  };
  const secondsLeft = async (query) => {
    const { token } = await (await login(query)).json();
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    return exp - Date.now() / 1_000;
  };
  const month = 30 * 24 * 60 * 60;

  assert.ok((await secondsLeft('?ttlSeconds=60')) <= 60);
  for (const query of ['', `?ttlSeconds=${10 * month}`]) {
    const seconds = await secondsLeft(query);
    assert.ok(seconds <= month && seconds > month / 2, `${query}: ${seconds}`);
  }
  assert.equal((await login('?ttlSeconds=soon')).status, 422);
});

test('a page and a document are there to look at', async () => {
  const page = await fetch(`${server.url}/`);
  const document = await (await fetch(`${server.url}/api/v1/openapi.json`)).json();

  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.match(page.headers.get('content-security-policy'), /^default-src 'self'; .*frame-ancestors 'none'$/);
  assert.deepEqual(document, openapi);
});

/** Asks with a host of one's own choice, which fetch does not allow. */
function statusFor(headers) {
  return new Promise((resolve, reject) => {
    const options = { port: server.port, path: '/readyz', headers };
    rawRequest(options, (answer) => resolve(answer.resume().statusCode)).on('error', reject).end();
  });
}

test('names and pages of the outside world are refused', async () => {
  const host = `127.0.0.1:${server.port}`;

  assert.equal(await statusFor({ host }), 200);
  assert.equal(await statusFor({ host: `localhost:${server.port}` }), 200);
  assert.equal(await statusFor({ host, origin: `http://localhost:${server.port}` }), 200);
  assert.equal(await statusFor({ host: 'rebound.example' }), 403);
  assert.equal(await statusFor({ host, origin: 'https://evil.example' }), 403);
  assert.equal(await statusFor({ host, origin: 'null' }), 403);
});
