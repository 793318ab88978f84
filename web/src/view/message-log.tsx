import type { Message } from 'chat-server-client';
import { useEffect, useRef } from 'preact/hooks';

import type { Conversation } from '../model/conversation';
import { rowsOf } from '../model/rows';
import type { Workspace } from '../model/workspace';
import { Icon } from './icons';
import { MessageLine, PendingLine } from './message';
import { dayOf } from './times';
import { useLogScroll } from './use-log-scroll';
import { useStore } from './use-store';

interface Props {
  workspace: Workspace;
  conversation: Conversation;
  reply: (message: Message) => void;
}

export function MessageLog({ workspace, conversation, reply }: Props) {
  const log = useRef<HTMLDivElement>(null);
  const { room, groupId } = conversation;
  const me = workspace.user.id;
  const messages = useStore(room.messages);
  const pending = useStore(room.pending);
  const failed = workspace.failed.value.filter(({ message }) => message.groupId === groupId);
  const rows = rowsOf({ messages, pending, failed, readBefore: conversation.readBefore.value, me });
  const readOlder = () => {
    if (conversation.hasOlder.value && !conversation.isReadingOlder.value) void conversation.readOlder();
  };
  const { isAtEnd, toEnd, look } = useLogScroll(log, { firstKey: rows[0]?.key, nearTop: readOlder });
  const lastPending = pending.at(-1)?.clientMessageId;
  useEffect(() => {
    // Whoever writes wants to see it.
    if (lastPending !== undefined) toEnd();
  }, [lastPending]);
  const unseen = useReading(workspace, conversation, messages, isAtEnd);

  /** Shows a message that may not have been fetched yet. */
  const goTo = async (id: string) => {
    const find = () => document.getElementById(`message-${id}`);
    while (find() === null && conversation.hasOlder.value && (await conversation.readOlder())) {
      await new Promise(requestAnimationFrame);
    }
    find()?.scrollIntoView({ block: 'center' });
    find()?.focus();
  };

  const walk = (event: KeyboardEvent) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    const lines = [...(log.current?.querySelectorAll<HTMLElement>('li.message') ?? [])];
    const place = lines.indexOf(document.activeElement as HTMLElement);
    const next = place < 0 ? lines.at(-1) : lines[place + step];
    next?.focus();
    event.preventDefault();
  };

  return (
    <div class="log-frame">
      <div
        class="log"
        ref={log}
        role="log"
        aria-label="Messages"
        aria-busy={!conversation.isReady.value || conversation.isReadingOlder.value}
        aria-describedby="log-help"
        tabIndex={0}
        onScroll={look}
        onKeyDown={walk}
      >
        <ol>
          {conversation.hasOlder.value && (
            <li class="older">
              <button type="button" class="quiet" disabled={conversation.isReadingOlder.value} onClick={readOlder}>
                {conversation.isReadingOlder.value ? 'Loading…' : 'Load older messages'}
              </button>
            </li>
          )}
          {conversation.isReady.value && rows.length === 0 && <li class="hint">Nothing was said here yet. Begin!</li>}
          {rows.map((row) => {
            switch (row.kind) {
              case 'day':
                return (
                  <li key={row.key} class="divider">
                    <span>{dayOf(row.time)}</span>
                  </li>
                );
              case 'new':
                return (
                  <li key={row.key} class="divider new">
                    <span>New</span>
                  </li>
                );
              case 'message':
                return (
                  <MessageLine
                    key={row.key}
                    message={row.message}
                    isMine={row.message.senderId === me}
                    isFollowUp={row.isFollowUp}
                    reply={reply}
                    goTo={goTo}
                  />
                );
              case 'pending':
                return <PendingLine key={row.key} message={row.message} failure={row.failure} workspace={workspace} />;
            }
          })}
        </ol>
      </div>
      <p id="log-help" hidden>
        Arrow keys go from message to message, Enter replies to one.
      </p>
      {!isAtEnd && (
        <button type="button" class="jump" onClick={toEnd}>
          <Icon name="down" />
          {unseen > 0 ? `${unseen} new` : 'Newest'}
        </button>
      )}
    </div>
  );
}

/** Marks as read what the user looks at; returns how much of what is there that is not. */
function useReading(
  { client, user }: Workspace,
  conversation: Conversation,
  messages: readonly Message[],
  isAtEnd: boolean,
): number {
  const { state } = useStore(client.status);
  const lastReadSeq = useStore(client.unread)[conversation.groupId]?.lastReadSeq ?? 0;
  const isReady = conversation.isReady.value;
  const isMarking = conversation.isMarking.value;
  useEffect(() => {
    const look = () => {
      if (isReady && isAtEnd && document.visibilityState === 'visible') conversation.markRead();
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [conversation, messages, isAtEnd, isReady, isMarking, state]);
  return messages.filter(({ seq, senderId }) => seq > lastReadSeq && senderId !== user.id).length;
}
