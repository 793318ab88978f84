import type { Room, Typists } from 'chat-server-client';

import { useStore } from './use-store';

/** Who types. It is not read out: it changes all the time. */
export function TypingLine({ room }: { room: Room }) {
  const typists = useStore(room.typists);
  return (
    <p class={typists.length > 0 ? 'typing active' : 'typing'}>
      <span class="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span>{words(typists)}</span>
    </p>
  );
}

function words(typists: Typists): string {
  const [first, second, ...others] = typists.map(({ userName }) => userName);
  if (first === undefined) return '';
  if (second === undefined) return `${first} is typing…`;
  return others.length === 0 ? `${first} and ${second} are typing…` : `${first}, ${second} and others are typing…`;
}
