// What the documents of the protocol allow. The client and the requests of these tests hold all that travels against
// them: what the server sends has to be described there to the last field, and so has what it accepts.

import { readFileSync, writeFileSync } from 'node:fs';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const read = (name) => parse(readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8'));
export const asyncapi = read('asyncapi.yaml');
export const openapi = read('openapi.yaml');

const ajv = new Ajv({ allErrors: true, strictTypes: false });
addFormats(ajv);
ajv.addVocabulary(['components']);
// What clients send may have fields that the server does not know; what the server sends may not.
for (const [name, { components }] of Object.entries({ asyncapi, openapi })) {
  ajv.addSchema({ $id: name, components: { schemas: components.schemas } });
  ajv.addSchema({ $id: `${name}-closed`, components: { schemas: mapValues(components.schemas, closedWithin) } });
}

// What passed here, for unseen.js.
const seen = new Set();
process.on('exit', () => {
  if (process.env.TEST_SEEN) writeFileSync(`${process.env.TEST_SEEN}/${process.pid}`, [...seen].join('\n'));
});

/** Fails unless the server may send that event. */
export function assertEvent(event, ...received) {
  assertSends('send', event);
  if (received.length !== 1) throw new Error(`the server sent ${event} with ${received.length} arguments`);
  assertFits(`the server sent ${event}`, closed('asyncapi', payloadOf(event)), received[0]);
  seen.add(event);
}

/** Fails unless a client may send that, and be answered so. */
export function assertAnswered(event, argument, answer) {
  if (!answer?.ok) {
    assertFits(`${event} was refused`, closed('asyncapi', payloadOf('refused')), answer);
    return seen.add('refused');
  }
  assertSends('receive', event);
  assertFits(`the server accepted ${event}`, open('asyncapi', payloadOf(event)), argument);
  assertFits(`${event} was answered`, closed('asyncapi', payloadOf(`${event}_ack`)), answer);
  seen.add(event).add(`${event}_ack`);
}

/** Fails unless the server may answer a request so. */
export function assertResponse(method, path, status, body) {
  const [pathname] = path.split('?');
  const template = Object.keys(openapi.paths).find((template) => matches(template, pathname));
  const responses = openapi.paths[template]?.[method.toLowerCase()]?.responses;
  if (!responses && status < 400) throw new Error(`${method} ${pathname} is in no document`);
  const failure = { $ref: '#/components/schemas/Failure' };
  const content = responses?.[status] ? responses[status].content?.['application/json'] : { schema: failure };
  const what = `${method} ${template ?? pathname} was answered with ${status}`;
  if (content) assertFits(what, closed('openapi', content.schema), body);
  else if (body !== '') throw new Error(`${what} and a body`);
}

function assertSends(action, event) {
  if (asyncapi.operations[event]?.action !== action) throw new Error(`the event ${event} is in no document`);
}

function payloadOf(message) {
  return asyncapi.components.messages[message].payload;
}

function matches(template, pathname) {
  return new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname);
}

const validators = new Map();

function assertFits(what, schema, value) {
  const key = JSON.stringify(schema);
  if (!validators.has(key)) validators.set(key, ajv.compile(schema));
  const validate = validators.get(key);
  if (validate(value)) return;
  const problems = validate.errors.map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
  throw new Error(`${what}, against the documents: ${problems.join('; ')}`);
}

/** The schema, as it stands in that document. */
function open(document, schema) {
  return resolved(document, schema);
}

/** The schema, but with no field that it does not name. */
function closed(document, schema) {
  return resolved(`${document}-closed`, closedHere(schema));
}

function resolved(document, schema) {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', `"${document}#/`));
}

/** Closed itself, and within. */
function closedHere(schema) {
  return { ...closedWithin(schema), unevaluatedProperties: false };
}

/** Open itself, so that others can add to it, but closed within. */
function closedWithin(schema) {
  const { properties, items, oneOf, allOf } = schema;
  return {
    ...schema,
    ...(properties && { properties: mapValues(properties, closedHere) }),
    ...(items && { items: closedHere(items) }),
    ...(oneOf && { oneOf: oneOf.map(closedHere) }),
    ...(allOf && { allOf: allOf.map(closedWithin) }),
  };
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}
