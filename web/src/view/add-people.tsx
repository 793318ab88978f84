import { useEffect, useState } from 'preact/hooks';

import { addMember, type ListedMember, LOBBY, membersOf } from '../model/api';
import type { Conversation } from '../model/conversation';
import type { Workspace } from '../model/workspace';
import { Avatar } from './avatar';
import { Dialog } from './dialog';
import { useTask } from './use-task';

interface Props {
  workspace: Workspace;
  conversation: Conversation;
  close: () => void;
}

/** Who may be added: whoever is in the lobby, where everybody is. */
export function AddPeople({ workspace, conversation, close }: Props) {
  const { client } = workspace;
  const [everybody, setEverybody] = useState<ListedMember[]>([]);
  const [filter, setFilter] = useState('');
  const { isBusy, problem, run } = useTask();
  useEffect(() => {
    void run(async () => setEverybody(await membersOf(client, LOBBY)));
  }, []);
  const members = new Set(conversation.members.value.map(({ userId }) => userId));
  const wanted = filter.trim().toLowerCase();
  const others = everybody.filter(({ userId, user }) => {
    return !members.has(userId) && user.name.toLowerCase().includes(wanted);
  });

  const add = async (userId: string) => {
    await addMember(client, conversation.groupId, userId);
    await conversation.readMembers();
  };

  return (
    <Dialog title="Add people" close={close}>
      <label>
        Search
        <input
          type="search"
          value={filter}
          autoFocus
          autoComplete="off"
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </label>
      <ul class="people choice">
        {others.map(({ userId, user }) => (
          <li key={userId}>
            <Avatar id={userId} name={user.name} />
            <span class="name">{user.name}</span>
            <button
              type="button"
              aria-label={`Add ${user.name}`}
              disabled={isBusy}
              onClick={() => void run(() => add(userId))}
            >
              Add
            </button>
          </li>
        ))}
        {others.length === 0 && !isBusy && <li class="hint">Nobody else has signed in yet.</li>}
      </ul>
      <p class="problem" role="alert">
        {problem}
      </p>
      <div class="actions">
        <button type="button" class="primary" onClick={close}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
