import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import type { Workspace } from '../model/workspace';
import { ConnectionBanner } from './connection-banner';
import { ConversationView } from './conversation';
import { CuriousPanel } from './curious';
import { GroupList } from './group-list';
import { Notice } from './notice';
import { PeoplePanel } from './people';
import { useStore } from './use-store';

/** What is beside the conversation. */
export type Panel = 'people' | 'curious' | null;

const hasRoomForPeople = matchMedia('(min-width: 68rem)');

export function WorkspaceView({ workspace }: { workspace: Workspace }) {
  const panel = useSignal<Panel>(hasRoomForPeople.matches ? 'people' : null);
  const conversation = workspace.conversation.value;
  useUnreadTitle(workspace);

  const toggle = (which: Panel) => {
    panel.value = panel.value === which ? null : which;
  };
  const close = () => toggle(panel.value);

  return (
    <div class={conversation === null ? 'frame at-groups' : 'frame at-conversation'}>
      <header class="for-ears">
        <h1>chat-server</h1>
      </header>
      <ConnectionBanner workspace={workspace} />
      <GroupList workspace={workspace} isCurious={panel.value === 'curious'} toggleCurious={() => toggle('curious')} />
      {conversation === null ? (
        <main class="conversation empty">
          <p>Choose a group to see what is said there.</p>
        </main>
      ) : (
        <ConversationView
          key={conversation.groupId}
          workspace={workspace}
          conversation={conversation}
          panel={panel.value}
          toggle={toggle}
        />
      )}
      {panel.value === 'people' && conversation !== null && (
        <PeoplePanel key={conversation.groupId} workspace={workspace} conversation={conversation} close={close} />
      )}
      {panel.value === 'curious' && <CuriousPanel workspace={workspace} close={close} />}
      <Notice notice={workspace.notice} />
    </div>
  );
}

/** How much is unread is in the title, for whoever looks at another tab. */
function useUnreadTitle({ client }: Workspace): void {
  const unread = useStore(client.unread);
  const count = Object.values(unread).reduce((sum, { unreadCount }) => sum + unreadCount, 0);
  useEffect(() => {
    document.title = count === 0 ? 'chat-server' : `(${count}) chat-server`;
    return () => {
      document.title = 'chat-server';
    };
  }, [count]);
}
