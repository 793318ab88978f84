// JSON Web Tokens made by hand, so that wrong ones can be made too.

import { createHmac } from 'node:crypto';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function sign(claims, secret, header = { alg: 'HS256', typ: 'JWT' }) {
  const body = `${encode(header)}.${encode(claims)}`;
  const signature =
    header.alg === 'none' ? '' : createHmac('sha256', secret).update(body).digest('base64url');
  return `${body}.${signature}`;
}

/** Unix seconds, as `exp` wants them. */
export const secondsFromNow = (seconds) => Math.floor(Date.now() / 1000) + seconds;
