import { useState } from 'preact/hooks';

import { type Entry, printed } from '../model/traffic-log';
import { BRIEF_TOKEN_S, type Workspace } from '../model/workspace';
import { Icon } from './icons';
import { toTheSecond } from './times';
import { useStore } from './use-store';
import { useTask } from './use-task';

const MANY = 100;

/** For whoever wants to see the promises kept: trouble to make, and everything that goes over the connection. */
export function CuriousPanel({ workspace, close }: { workspace: Workspace; close: () => void }) {
  const { cable, traffic } = workspace;
  const { state } = useStore(workspace.client.status);
  const { problem, run } = useTask();
  const conversation = workspace.conversation.value;
  const isPulled = cable.isPulled.value;
  const sendMany = () => {
    for (let number = 1; number <= MANY; number += 1) conversation?.send(`Message ${number} of ${MANY}`);
  };

  return (
    <aside class="panel curious" aria-labelledby="curious-title">
      <div class="bar">
        <h2 id="curious-title">Under the hood</h2>
        <button type="button" class="quiet icon-only" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <div class="experiments">
        <p class="small">
          The connection is <strong>{state}</strong>. Make some trouble: nothing is lost, doubled or out of order.
        </p>
        <button type="button" onClick={() => (isPulled ? workspace.plugInCable() : workspace.pullCable())}>
          {isPulled ? 'Plug the cable in' : 'Drop my network'}
        </button>
        <button type="button" disabled={state !== 'online'} onClick={() => void run(() => workspace.expireToken())}>
          Expire my token in {BRIEF_TOKEN_S} s
        </button>
        <button type="button" disabled={conversation === null} onClick={sendMany}>
          Send {MANY} at once
        </button>
        <p class="problem" role="alert">
          {problem}
        </p>
      </div>
      <div class="heading">
        <h3>Events</h3>
        <button type="button" class="link" onClick={() => traffic.clear()}>
          Clear
        </button>
      </div>
      <ol class="traffic scrolls" aria-label="Events, newest first">
        {traffic.entries.value.map((entry) => (
          <TrafficLine key={entry.number} entry={entry} />
        ))}
      </ol>
    </aside>
  );
}

const ARROW: Record<Entry['kind'], [string, string]> = {
  sent: ['↑', 'Sent'],
  answered: ['✓', 'Answered'],
  received: ['↓', 'Received'],
};

function TrafficLine({ entry }: { entry: Entry }) {
  const [isOpen, setOpen] = useState(false);
  const [arrow, word] = ARROW[entry.kind];
  return (
    <li class={entry.kind}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span aria-hidden="true">{arrow}</span>
          <span class="for-ears">{word}</span>
          <code>{entry.event}</code>
          <time>{toTheSecond(entry.at)}</time>
        </summary>
        {isOpen && <pre tabIndex={0}>{printed(entry.payload)}</pre>}
      </details>
    </li>
  );
}
