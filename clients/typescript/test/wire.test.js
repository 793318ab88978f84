// The types of the protocol against every payload that the server's own tests have on record.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const SNAPSHOTS = here('../../../crates/chat-server/tests/snapshots');

/** What this package reads over HTTP. */
const OVER_HTTP = {
  http_failure: 'Failure',
  http_group: 'Group',
  http_groups: 'List<GroupEntry>',
  http_read: 'ReadState',
  http_system_message: 'Message',
};

/** The type of a payload that is on record under that name; none for what this package does not read. */
function typeOf(name) {
  if (name.startsWith('http_')) return OVER_HTTP[name];
  if (name.startsWith('refusal_')) return 'Refused';
  const [, request] = /^(.*)_ack(_|$)/.exec(name) ?? [];
  if (request) return `Parameters<NonNullable<Parameters<ClientToServerEvents['${request}']>[1]>>[0]`;
  return `Parameters<ServerToClientEvents['${name}']>[0]`;
}

async function recorded() {
  const files = await readdir(SNAPSHOTS);
  const payloads = files.map(async (file) => {
    const [, name] = /^payloads__(.*)\.snap$/.exec(file) ?? [];
    const text = await readFile(`${SNAPSHOTS}/${file}`, 'utf8');
    const [, json] = /^---\n.*?\n---\n(.*)$/s.exec(text) ?? [];
    // The record has a word in place of a number that differs each time.
    return { name, type: typeOf(name), json: json.replaceAll('"[milliseconds]"', '1') };
  });
  return (await Promise.all(payloads)).filter(({ type }) => type !== undefined);
}

test('each payload has its type: no field is missing, and none is too many', async (t) => {
  const payloads = await recorded();
  const imports =
    'ClientToServerEvents, Group, GroupEntry, Failure, List, Message, ReadState, Refused, ServerToClientEvents';
  const lines = payloads.map(({ name, type, json }) => `export const ${name}: ${type} = ${json};`);
  // Beside this file, where the package is found by its own name; hidden from what else is compiled.
  const file = here(`./.payloads-${process.pid}.ts`);
  t.after(() => rm(file, { force: true }));
  await writeFile(file, [`import type { ${imports} } from 'chat-server-client';`, ...lines].join('\n'));

  const options = [
    '--noEmit',
    '--strict',
    '--target',
    'ES2022',
    '--module',
    'NodeNext',
    '--types',
    '',
    '--ignoreConfig',
  ];
  const { stdout } = await promisify(execFile)(here('../node_modules/.bin/tsc'), [...options, file]).catch(
    (error) => error,
  );

  assert.equal(stdout, '');
  assert.ok(payloads.length > 30, `${payloads.length}`);
});
