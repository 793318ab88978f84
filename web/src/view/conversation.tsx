import { useEffect, useRef } from 'preact/hooks';

import type { Conversation } from '../model/conversation';
import { goTo } from '../model/place';
import type { Workspace } from '../model/workspace';
import { Composer } from './composer';
import { Icon } from './icons';
import { MessageLog } from './message-log';
import { TypingLine } from './typing-line';
import { useStore } from './use-store';
import type { Panel } from './workspace';

interface Props {
  workspace: Workspace;
  conversation: Conversation;
  panel: Panel;
  toggle: (panel: Panel) => void;
}

/** A keyboard on the screen would hide half of what was just opened. */
const hasKeyboard = matchMedia('(pointer: fine)');

export function ConversationView({ workspace, conversation, panel, toggle }: Props) {
  const composer = useRef<HTMLTextAreaElement>(null);
  const { groupId, room } = conversation;
  const { memberCount } = useStore(room.presence);
  const { state } = useStore(workspace.client.status);
  const name = workspace.groups.value?.find(({ id }) => id === groupId)?.name ?? groupId;
  useEffect(() => {
    if (hasKeyboard.matches) composer.current?.focus();
  }, []);

  return (
    <main class="conversation">
      <div class="bar">
        <button type="button" class="quiet icon-only only-narrow" aria-label="All groups" onClick={() => goTo(null)}>
          <Icon name="back" />
        </button>
        <div class="title">
          <h2>{name}</h2>
          <p class="small">{state === 'online' ? `${memberCount} here` : 'Not connected'}</p>
        </div>
        <button
          type="button"
          class="quiet icon-only"
          aria-label="People"
          title="People"
          aria-pressed={panel === 'people'}
          onClick={() => toggle('people')}
        >
          <Icon name="people" />
        </button>
      </div>
      <MessageLog
        workspace={workspace}
        conversation={conversation}
        reply={(message) => {
          conversation.replyTo.value = message;
          composer.current?.focus();
        }}
      />
      <TypingLine room={room} />
      <Composer workspace={workspace} conversation={conversation} input={composer} />
    </main>
  );
}
