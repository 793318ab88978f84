import { ChatError, type Failure, type User } from 'chat-server-client';

/** Who signed in, and the token that says so. */
export interface Login {
  token: string;
  user: User;
}

/** Each tab has a user of its own, so that two of them can talk. */
const NAME = 'chat-server:name';

export const remembered = (): string | null => sessionStorage.getItem(NAME);

export function remember(name: string): void {
  sessionStorage.setItem(NAME, name);
}

export function forget(): void {
  sessionStorage.removeItem(NAME);
}

/** Signs in by name, as a development server allows. */
export async function logIn(name: string, ttlSeconds?: number): Promise<Login> {
  const query = ttlSeconds === undefined ? '' : `?ttlSeconds=${ttlSeconds}`;
  const request = { method: 'POST', body: JSON.stringify({ name }) };
  const response = await fetch(`/api/v1/dev/login${query}`, request).catch((cause: unknown) => {
    throw new ChatError('UNREACHABLE', 'The server could not be reached.', { cause });
  });
  if (response.ok) return (await response.json()) as Login;
  const { error } = (await response.json()) as Failure;
  const [detail] = error.details;
  throw new ChatError(error.code, detail ? `The name ${detail.message}.` : error.message);
}
