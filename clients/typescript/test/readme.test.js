// The example of the README, word for word.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server } from '../../../tests/js/support/server.js';
import { eventually } from '../../../tests/js/support/wait.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('the example of the README prints what the README says', async (t) => {
  const server = await Server.start({}, ['--dev']);
  t.after(() => server.close());
  const readme = await readFile(here('../README.md'), 'utf8');
  const [, program] = /```js\n(.*?)```/s.exec(readme);
  const [, printed] = /```text\n(.*?)```/s.exec(readme);
  assert.ok(program.split('\n').filter((line) => line !== '').length <= 15, 'it is short');
  // Beside this file, where the package is found by its own name.
  const file = here(`./.readme-${process.pid}.mjs`);
  t.after(() => rm(file, { force: true }));
  await writeFile(file, program.replaceAll('http://127.0.0.1:8001', server.url));
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));

  const sorted = (text) => text.trim().split('\n').sort();
  await eventually(() => sorted(output).length === sorted(printed).length, 'as many lines');

  assert.deepEqual(sorted(output), sorted(printed));
});
