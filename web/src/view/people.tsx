import { useSignal } from '@preact/signals';
import type { Role } from 'chat-server-client';

import { deleteGroup, type ListedMember, LOBBY, removeMember } from '../model/api';
import type { Conversation } from '../model/conversation';
import type { Workspace } from '../model/workspace';
import { AddPeople } from './add-people';
import { Avatar } from './avatar';
import { Dialog } from './dialog';
import { Icon } from './icons';
import { useStore } from './use-store';
import { useTask } from './use-task';

interface Props {
  workspace: Workspace;
  conversation: Conversation;
  close: () => void;
}

const RANK: Record<Role, number> = { OWNER: 3, ADMIN: 2, MODERATOR: 1, MEMBER: 0 };

export function PeoplePanel({ workspace, conversation, close }: Props) {
  const isAdding = useSignal(false);
  const isLeaving = useSignal(false);
  const { groupId, room } = conversation;
  const { online, isTruncated, isCurrent } = useStore(room.presence);
  const members = conversation.members.value;
  const here = new Set(online);
  // The members are known a moment before the room tells who is there.
  const isHere = ({ userId, inRoom }: ListedMember) => (online.length > 0 ? here.has(userId) : inRoom);
  const present = members.filter(isHere);
  const absent = members.filter((member) => !isHere(member));
  const role = members.find(({ userId }) => userId === workspace.user.id)?.role ?? 'MEMBER';

  return (
    <aside class="panel" aria-labelledby="people-title">
      <div class="bar">
        <h2 id="people-title">People</h2>
        <button type="button" class="quiet icon-only" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <div class="scrolls" role="group" aria-label="Members" tabIndex={0}>
        <People title={isCurrent || online.length === 0 ? 'Here' : 'Here when last seen'} members={present} areHere />
        {isTruncated && <p class="hint">And more than are listed.</p>}
        <People title="Away" members={absent} />
      </div>
      {groupId !== LOBBY && (
        <footer>
          {RANK[role] >= RANK.ADMIN && (
            <button type="button" onClick={() => (isAdding.value = true)}>
              <Icon name="invite" />
              Add people
            </button>
          )}
          <button type="button" class="danger" onClick={() => (isLeaving.value = true)}>
            <Icon name={role === 'OWNER' ? 'trash' : 'leave'} />
            {role === 'OWNER' ? 'Delete group' : 'Leave group'}
          </button>
        </footer>
      )}
      {isAdding.value && (
        <AddPeople workspace={workspace} conversation={conversation} close={() => (isAdding.value = false)} />
      )}
      {isLeaving.value && (
        <Leave
          workspace={workspace}
          groupId={groupId}
          isOwner={role === 'OWNER'}
          close={() => (isLeaving.value = false)}
        />
      )}
    </aside>
  );
}

function People({ title, members, areHere = false }: { title: string; members: ListedMember[]; areHere?: boolean }) {
  if (members.length === 0) return null;
  return (
    <section>
      <h3>
        {title} <span class="count">{members.length}</span>
      </h3>
      <ul class={areHere ? 'people here' : 'people'}>
        {members.map(({ userId, role, user }) => (
          <li key={userId}>
            <Avatar id={userId} name={user.name} isOnline={areHere} />
            <span class="name">{user.name}</span>
            {role !== 'MEMBER' && <span class="role">{role.toLowerCase()}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface LeaveProps {
  workspace: Workspace;
  groupId: string;
  isOwner: boolean;
  close: () => void;
}

function Leave({ workspace, groupId, isOwner, close }: LeaveProps) {
  const { isBusy, problem, run } = useTask();
  const { client, user } = workspace;
  // The server tells it back, and the page goes to the list.
  const leave = () => (isOwner ? deleteGroup(client, groupId) : removeMember(client, groupId, user.id));

  return (
    <Dialog title={isOwner ? 'Delete the group?' : 'Leave the group?'} close={close}>
      <p>
        {isOwner
          ? 'All that was said in it goes with it, for everybody.'
          : 'You will not read or write there any more, unless somebody adds you again.'}
      </p>
      <p class="problem" role="alert">
        {problem}
      </p>
      <div class="actions">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="primary danger" disabled={isBusy} onClick={() => void run(leave)}>
          {isOwner ? 'Delete' : 'Leave'}
        </button>
      </div>
    </Dialog>
  );
}
