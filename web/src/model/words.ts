import { ChatError, type ChatErrorCode } from 'chat-server-client';

const WORDS: Partial<Record<ChatErrorCode, string>> = {
  UNREACHABLE: 'The server does not answer.',
  TIMEOUT: 'The server did not answer in time.',
  RATE_LIMITED: 'That was too much at once. Try again in a moment.',
  SERVICE_UNAVAILABLE: 'The server cannot do it right now. Try again in a moment.',
  PAYLOAD_TOO_LARGE: 'It is too long.',
};

/** What to tell the user of something that failed. */
export function wordsFor(error: unknown): string {
  if (error instanceof ChatError) return WORDS[error.code] ?? error.message;
  return error instanceof Error ? error.message : 'Something went wrong.';
}
