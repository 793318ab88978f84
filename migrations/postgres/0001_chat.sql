-- Users, groups, members and messages.
--
-- Names of enumerations are those of the wire ('OWNER', 'TEXT'). Ids are compared byte by byte (collate "C"), which is the order
-- of the pages that clients read.

create table users (
    id         text        collate "C" not null primary key,
    name       text        not null,
    image      text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- Every batch of messages updates its group: the room on each page keeps the new version beside the old one, out of the index.
create table groups (
    id          text        collate "C" not null primary key,
    name        text        not null,
    description text,
    is_private  boolean     not null,
    -- One life of the history; it changes when a backup is restored.
    epoch       text        not null,
    -- The newest durable event; advanced in the transaction that stores the event, so that no number is skipped.
    last_seq    bigint      not null,
    created_at  timestamptz not null
) with (fillfactor = 50);

create table group_members (
    group_id      text        collate "C" not null references groups (id) on delete cascade,
    user_id       text        collate "C" not null references users (id),
    role          text        not null,
    last_read_seq bigint      not null,
    joined_at     timestamptz not null,
    primary key (group_id, user_id)
) with (fillfactor = 80);

-- A user's groups, in the order of their ids.
create index group_members_of_user on group_members (user_id, group_id);

-- Whether an owner is the last one, without reading all members.
create index group_members_owning on group_members (group_id, user_id) where role = 'OWNER';

create table messages (
    group_id          text        collate "C" not null references groups (id) on delete cascade,
    seq               bigint      not null,
    -- The seq of the last change; equal to seq until there is one.
    updated_seq       bigint      not null,
    id                uuid        not null unique,
    -- Null: said by the server itself.
    sender_id         text        collate "C" references users (id),
    kind              text        not null,
    -- A message of the same group. Checked on the way in; no message is ever taken out alone.
    reply_to          uuid,
    client_message_id text        collate "C",
    created_at        timestamptz not null,
    edited_at         timestamptz,
    deleted_at        timestamptz,
    content           text        not null,
    primary key (group_id, seq)
);

-- A question about the messages of a group has one index that serves it, and no other: of two that begin with the group, a plan that
-- was made while groups were small may take the wrong one, and then reads a whole history for one message.

-- What was changed after a seq; what was only created is found by the primary key.
create index messages_changed on messages (group_id, updated_seq) where updated_seq > seq;

-- The same message sent again is found again. No id has a space, and no user's id is empty: '' stands for the server.
create unique index messages_once on messages ((group_id || ' ' || coalesce(sender_id, '') || ' ' || client_message_id));
