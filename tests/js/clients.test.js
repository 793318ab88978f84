// The Python of docs/clients.md, word for word, on a network that fails.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Proxy } from '../../clients/typescript/test/support/proxy.js';
import { World } from './support/provision.js';
import { eventually } from './support/wait.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PYTHON = here('../../.tools/python/bin/python');

/** Writes the program of the document into a folder of its own. */
async function extracted(t) {
  const [, program] = /```python\n(.*?)```/s.exec(await readFile(here('../../docs/clients.md'), 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'chat-python-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'chat.py'), program);
  return join(folder, 'chat.py');
}

test('the Python client comes back, and has each message once and in order', async (t) => {
  const world = await World.start();
  t.after(() => world.close());
  const [ada, ben] = await world.users('ada', 'ben');
  const group = await world.group(ada, ben);
  const network = await Proxy.start(world.server.port);
  t.after(() => network.close());
  const other = await world.connect(ben);
  await other.ok('join_group', group.id);
  const says = (content) => other.ok('send_message', { groupId: group.id, content });
  const hears = (content) => other.waitFor('message_received', (message) => message.content === content);

  const python = spawn(PYTHON, [await extracted(t), network.url, group.id], {
    env: { CHAT_TOKEN: ada.token },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => python.kill('SIGKILL'));
  const ended = once(python, 'exit');
  const printed = [];
  createInterface({ input: python.stdout }).on('line', (line) => printed.push(line));
  const prints = (line) => eventually(() => printed.includes(line), `Python to print ${line}`, 30_000);

  python.stdin.write('one\n');
  await prints('1 one');
  await says('two');
  await prints('2 two');

  // The server hears Python, and Python nothing: it misses a message, and the answer to its own.
  network.mute();
  await says('three');
  python.stdin.write('four\n');
  await hears('four');
  network.cut();
  await says('five');
  await prints('5 five');
  python.stdin.write('six\n');
  await prints('6 six');

  await world.admin('DELETE', `/users/${ada.id}/sessions`);
  const [code] = await ended;

  assert.deepEqual(printed, ['1 one', '2 two', '3 three', '4 four', '5 five', '6 six', 'closed: EVICTED']);
  assert.equal(code, 0);
  assert.equal(other.events.filter(([event]) => event === 'message_received').length, 6);
});
