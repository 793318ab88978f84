import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';

import type { Conversation } from '../model/conversation';
import type { Workspace } from '../model/workspace';
import { Icon } from './icons';
import { useStore } from './use-store';

interface Props {
  workspace: Workspace;
  conversation: Conversation;
  input: RefObject<HTMLTextAreaElement | null>;
}

/** With fewer characters left than this, they are counted. */
const NEARLY_FULL = 200;

/** With a keyboard on the screen, Enter is for another line, and the button sends. */
const entersLines = matchMedia('(pointer: coarse)');

export function Composer({ workspace, conversation, input }: Props) {
  const { drafts } = workspace;
  const { replyTo, room, groupId } = conversation;
  const [text, setText] = useState(drafts.get(groupId) ?? '');
  const { session } = useStore(workspace.client.status);
  const left = (session?.limits.messageChars ?? Number.POSITIVE_INFINITY) - [...text.trim()].length;
  const canSend = text.trim() !== '' && left >= 0;

  const write = (written: string) => {
    drafts.set(groupId, written);
    setText(written);
  };
  const send = () => {
    if (!canSend) return;
    conversation.send(text);
    write('');
    input.current?.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {replyTo.value !== null && (
        <div class="replying">
          <p>
            Replying to <strong>{replyTo.value.user?.name ?? 'Server'}</strong>
            <span>{replyTo.value.content}</span>
          </p>
          <button
            type="button"
            class="quiet icon-only"
            aria-label="Do not reply"
            onClick={() => (replyTo.value = null)}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
      <textarea
        ref={input}
        value={text}
        rows={1}
        aria-label="Message"
        placeholder="Write a message"
        enterkeyhint={entersLines.matches ? 'enter' : 'send'}
        onInput={(event) => {
          write(event.currentTarget.value);
          if (event.currentTarget.value === '') room.stopTyping();
          else room.typing();
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') replyTo.value = null;
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing || entersLines.matches) return;
          event.preventDefault();
          send();
        }}
      />
      {left < NEARLY_FULL && (
        <span class={left < 0 ? 'left problem' : 'left'} role="status">
          {left}
          <span class="for-ears"> characters left</span>
        </span>
      )}
      <button type="submit" class="primary icon-only" aria-label="Send" disabled={!canSend}>
        <Icon name="send" />
      </button>
    </form>
  );
}
