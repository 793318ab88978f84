import { useState } from 'preact/hooks';

import type { Workspace } from '../model/workspace';
import { Dialog } from './dialog';
import { useTask } from './use-task';

export function CreateGroup({ workspace, close }: { workspace: Workspace; close: () => void }) {
  const [name, setName] = useState('');
  const { isBusy, problem, run } = useTask();
  const create = async () => {
    await workspace.createGroup(name.trim());
    close();
  };

  return (
    <Dialog title="New group" close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void run(create);
        }}
      >
        <label>
          Name
          <input
            value={name}
            maxLength={128}
            required
            autoFocus
            autoComplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="actions">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={isBusy || name.trim() === ''}>
            Create
          </button>
        </div>
      </form>
    </Dialog>
  );
}
