import type { ConnectionStatus, Feature } from 'chat-server-client';

import type { Workspace } from '../model/workspace';
import { useStore } from './use-store';

const AFFECTED: Record<Feature, string> = {
  presence: 'who is there may be out of date',
  typing: 'not everybody is shown typing',
  delivery: 'messages may take two seconds',
  limits: 'limits count for each server alone',
};

/** Says what is wrong with the connection, and what can be done about it; nothing while all is well. */
export function ConnectionBanner({ workspace }: { workspace: Workspace }) {
  const status = useStore(workspace.client.status);
  const isPulled = workspace.cable.isPulled.value;
  const connect = () => workspace.client.connect().catch(() => {});

  return (
    <div class="banner" role="status">
      {isPulled ? (
        <p>
          You pulled the cable. Go on writing: it is sent later.
          <button type="button" onClick={() => workspace.plugInCable()}>
            Plug it in
          </button>
        </p>
      ) : (
        <Trouble status={status} connect={connect} />
      )}
    </div>
  );
}

function Trouble({ status, connect }: { status: ConnectionStatus; connect: () => void }) {
  const { state, session, degraded, error } = status;
  if (state === 'online') {
    if (degraded === null) return null;
    return <p>The service is degraded: {degraded.affected.map((feature) => AFFECTED[feature]).join(', ')}.</p>;
  }
  if (state === 'ended') {
    return (
      <p>
        {error?.message ?? 'The session was ended.'}
        <button type="button" onClick={connect}>
          Connect again
        </button>
      </p>
    );
  }
  if (state === 'idle' || (session === null && state === 'connecting')) return <p>Connecting…</p>;
  return (
    <p>
      There is no connection. What you write is sent when it is back.
      <button type="button" onClick={connect}>
        Try now
      </button>
    </p>
  );
}
