// Fails unless the documents are what they claim to be, by the tools of those who define AsyncAPI and OpenAPI.

import { readFile } from 'node:fs/promises';

import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';

const read = (name) => readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const problems = [];

const { diagnostics } = await new Parser().parse(await read('asyncapi.yaml'));
// 0 is an error, 1 a warning; what is below is advice.
for (const { severity, message, path } of diagnostics) {
  if (severity <= 1) problems.push(`asyncapi.yaml: ${path.join('.')}: ${message}`);
}

const { errors = [] } = await new Validator().validate(await read('openapi.yaml'));
for (const { instancePath, message } of errors) problems.push(`openapi.yaml: ${instancePath} ${message}`);

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
