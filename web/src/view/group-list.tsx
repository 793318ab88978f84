import { useSignal } from '@preact/signals';
import type { GroupEntry, Message } from 'chat-server-client';

import { addressOf, openGroup } from '../model/place';
import { signOut } from '../model/session';
import type { Workspace } from '../model/workspace';
import { Avatar } from './avatar';
import { CreateGroup } from './create-group';
import { Icon } from './icons';
import { ThemeSwitch } from './theme-switch';
import { When } from './times';
import { useStore } from './use-store';

interface Props {
  workspace: Workspace;
  isCurious: boolean;
  toggleCurious: () => void;
}

export function GroupList({ workspace, isCurious, toggleCurious }: Props) {
  const isCreating = useSignal(false);
  const groups = workspace.groups.value;

  return (
    <nav class="groups" aria-label="Groups">
      <div class="bar">
        <span class="mark" aria-hidden="true" />
        <span class="brand">chat-server</span>
        <button
          type="button"
          class="quiet icon-only"
          aria-label="New group"
          title="New group"
          onClick={() => (isCreating.value = true)}
        >
          <Icon name="plus" />
        </button>
      </div>
      <ul>
        {groups === null && <li class="hint">Loading your groups…</li>}
        {byActivity(groups ?? []).map((group) => (
          <GroupLink key={group.id} workspace={workspace} group={group} />
        ))}
      </ul>
      <footer>
        <Avatar id={workspace.user.id} name={workspace.user.name} />
        <span class="name">{workspace.user.name}</span>
        <button
          type="button"
          class="quiet icon-only"
          aria-label="Under the hood"
          title="Under the hood"
          aria-pressed={isCurious}
          onClick={toggleCurious}
        >
          <Icon name="pulse" />
        </button>
        <ThemeSwitch />
        <button type="button" class="quiet icon-only" aria-label="Sign out" title="Sign out" onClick={signOut}>
          <Icon name="leave" />
        </button>
      </footer>
      {isCreating.value && <CreateGroup workspace={workspace} close={() => (isCreating.value = false)} />}
    </nav>
  );
}

function GroupLink({ workspace, group }: { workspace: Workspace; group: GroupEntry }) {
  const unread = useStore(workspace.client.unread)[group.id]?.unreadCount ?? group.unreadCount;
  const isOpen = openGroup.value === group.id;
  const last = group.lastMessage;

  return (
    <li>
      <a
        href={addressOf(group.id)}
        aria-current={isOpen ? 'page' : undefined}
        class={unread > 0 ? 'unread' : undefined}
      >
        <Avatar id={group.id} name={group.name} />
        <span class="line">
          <span class="name">{group.name}</span>
          {last !== null && <When time={last.createdAt} />}
        </span>
        <span class="line">
          <span class="preview">{last === null ? 'Nothing said yet' : preview(last, workspace.user.id)}</span>
          {unread > 0 && (
            <span class="badge">
              {unread > 99 ? '99+' : unread}
              <span class="for-ears"> unread</span>
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

function preview({ senderId, user, content }: Message, me: string): string {
  return `${senderId === me ? 'You' : (user?.name ?? 'Server')}: ${content}`;
}

function byActivity(groups: readonly GroupEntry[]): GroupEntry[] {
  const latest = ({ lastMessage, createdAt }: GroupEntry) => lastMessage?.createdAt ?? createdAt;
  return [...groups].sort((a, b) => latest(b).localeCompare(latest(a)));
}
