// Fails if the documents have an event, or an answer to one, that no test has seen: unseen.js FOLDER
//
// The folder is where the tests that ran before were told to note what they saw (`TEST_SEEN`).

import { readdirSync, readFileSync } from 'node:fs';

import { asyncapi } from './documents.js';

const [folder] = process.argv.slice(2);
const notes = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
const seen = new Set(notes.join('\n').split('\n'));
const unseen = Object.keys(asyncapi.components.messages).filter((message) => !seen.has(message));

for (const message of unseen) console.error(`no test has seen ${message}`);
process.exitCode = unseen.length > 0 ? 1 : 0;
