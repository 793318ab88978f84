-- Users, groups, members and messages.
--
-- Names of enumerations are those of the wire ('OWNER', 'TEXT'). Times are milliseconds since 1970, UTC. Ids are compared byte
-- by byte, which is the order of the pages that clients read. Primary keys cluster (WITHOUT ROWID): a page of a history or of a
-- list of members lies in one place.

create table users (
    id         text    not null primary key,
    name       text    not null,
    image      text,
    created_at integer not null,
    updated_at integer not null
) strict, without rowid;

create table groups (
    id          text    not null primary key,
    name        text    not null,
    description text,
    is_private  integer not null,
    -- One life of the history; it changes when a backup is restored.
    epoch       text    not null,
    -- The newest durable event; advanced in the transaction that stores the event, so that no number is skipped.
    last_seq    integer not null,
    created_at  integer not null
) strict, without rowid;

create table group_members (
    group_id      text    not null references groups (id) on delete cascade,
    user_id       text    not null references users (id),
    role          text    not null,
    last_read_seq integer not null,
    joined_at     integer not null,
    primary key (group_id, user_id)
) strict, without rowid;

-- A user's groups, in the order of their ids.
create index group_members_of_user on group_members (user_id, group_id);

-- Whether an owner is the last one, without reading all members.
create index group_members_owning on group_members (group_id, user_id) where role = 'OWNER';

-- The long text stands last: what is read to count or to skip a row lies before it.
create table messages (
    group_id          text    not null references groups (id) on delete cascade,
    seq               integer not null,
    -- The seq of the last change; equal to seq until there is one.
    updated_seq       integer not null,
    id                blob    not null unique check (length(id) = 16),
    -- Null: said by the server itself.
    sender_id         text    references users (id),
    kind              text    not null,
    -- A message of the same group. Checked on the way in; no message is ever taken out alone.
    reply_to          blob,
    client_message_id text,
    created_at        integer not null,
    edited_at         integer,
    deleted_at        integer,
    content           text    not null,
    primary key (group_id, seq)
) strict, without rowid;

-- What was created or changed after a seq.
create unique index messages_changed on messages (group_id, updated_seq);

-- The same message sent again is found again. No user's id is empty, so '' stands for the server.
create unique index messages_once on messages (group_id, ifnull(sender_id, ''), client_message_id)
    where client_message_id is not null;
