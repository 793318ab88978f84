import type { Message, PendingMessage, SendFailed } from 'chat-server-client';
import { memo } from 'preact/compat';

import { wordsFor } from '../model/words';
import type { Workspace } from '../model/workspace';
import { Avatar } from './avatar';
import { Icon } from './icons';
import { Clock } from './times';

interface Props {
  message: Message;
  isMine: boolean;
  isFollowUp: boolean;
  reply: (message: Message) => void;
  goTo: (id: string) => void;
}

/** A message never changes without being another object, so what is shown stays as it is. */
export const MessageLine = memo(MessageView, (before, after) => {
  return before.message === after.message && before.isFollowUp === after.isFollowUp;
});

function MessageView({ message, isMine, isFollowUp, reply, goTo }: Props) {
  const { id, user, content, createdAt, replyTo } = message;
  const name = user?.name ?? 'Server';
  const answer = () => reply(message);

  return (
    <li
      id={`message-${id}`}
      class={classes('message', isMine && 'mine', isFollowUp && 'follow-up')}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.target !== event.currentTarget) return;
        event.preventDefault();
        answer();
      }}
    >
      {!isFollowUp && <Avatar id={user?.id ?? ''} name={name} />}
      <div class="bubble">
        <p class="by">
          <strong>{name}</strong>
          <Clock time={createdAt} />
        </p>
        {replyTo !== null && (
          <button type="button" class="quote" onClick={() => goTo(replyTo.id)}>
            <span class="for-ears">In reply to </span>
            <strong>{replyTo.user?.name ?? 'Server'}</strong>
            <span>{replyTo.content}</span>
          </button>
        )}
        <p class="text">{content}</p>
      </div>
      <button
        type="button"
        class="quiet icon-only reply"
        tabIndex={-1}
        aria-label={`Reply to ${name}`}
        onClick={answer}
      >
        <Icon name="reply" />
      </button>
    </li>
  );
}

interface PendingProps {
  message: PendingMessage;
  failure: SendFailed | null;
  workspace: Workspace;
}

/** A message that is shown before it is stored. */
export function PendingLine({ message, failure, workspace }: PendingProps) {
  return (
    <li class={classes('message mine pending', failure !== null && 'failed')} tabIndex={-1}>
      <div class="bubble">
        <p class="text">{message.content}</p>
        {failure === null ? (
          <p class="by">
            <Icon name="clock" />
            Sending…
          </p>
        ) : (
          <p class="by">
            Not sent. {wordsFor(failure.error)}
            <button type="button" class="link" onClick={() => workspace.retry(failure)}>
              Try again
            </button>
            <button type="button" class="link" onClick={() => workspace.discard(failure)}>
              Discard
            </button>
          </p>
        )}
      </div>
    </li>
  );
}

const classes = (...names: (string | false)[]): string => names.filter((name) => name !== false).join(' ');
