-- Makes messages of many groups durable, in one statement and so in one transaction: one round trip, one wait for the disk.
-- It takes the place of append_messages, which nodes of an earlier version go on calling while others are replaced.
--
-- `groups` names each group once, `places` says for each draft which of them is its own, counted from 1; the other arrays have one
-- entry a draft too. No two drafts of one call have the same sender and client id in one group.
--
-- The answer has one row a draft, in their order.
-- Not is_locked: somebody else holds the row of the group, or there is none; nothing of that group was stored. With `patient` the row
-- is waited for, and then there is none. Only a call for a single group may be patient: who waits holds no row that others wait for.
-- is_new: the draft was stored as number seq. Not is_new: it was there before, and the row shows the first message in full.
-- No seq: the message that it answers is not in this group, and nothing was stored.
--
-- The rows of the groups stay locked until the commit: numbers are given in the order of the commits, and none is skipped. The second
-- statement sees what was committed before it began (read committed), so also what a lock was waited for.
create function store_messages(
    patient    boolean,
    groups     text[],
    places     integer[],
    ids        uuid[],
    senders    text[],
    kinds      text[],
    answered   uuid[],
    client_ids text[],
    times      timestamptz[],
    contents   text[]
) returns table (
    is_locked          boolean,
    is_new             boolean,
    group_id           text,
    seq                bigint,
    updated_seq        bigint,
    id                 uuid,
    sender_id          text,
    kind               text,
    reply_to           uuid,
    client_message_id  text,
    created_at         timestamptz,
    edited_at          timestamptz,
    deleted_at         timestamptz,
    content            text,
    author_name        text,
    author_image       text,
    quoted_sender_id   text,
    quoted_content     text,
    quoted_author_name text
) language plpgsql as $$
#variable_conflict use_column
declare
    -- The last number of each group; null if it is not locked.
    heads bigint[];
begin
    if patient then
        heads := array(
            select head.last_seq from unnest(groups) with ordinality as g (id, n)
            left join lateral (select last_seq from groups where id = g.id for no key update) head on true
            order by g.n
        );
    else
        heads := array(
            select head.last_seq from unnest(groups) with ordinality as g (id, n)
            left join lateral (select last_seq from groups where id = g.id for no key update skip locked) head on true
            order by g.n
        );
    end if;

    return query
    with draft as (
        select d.*, groups[d.place] as group_id, heads[d.place] as head, known.seq as known_seq,
            heads[d.place] is not null and known.seq is null and (d.reply_to is null
                or groups[d.place] is not distinct from (select m.group_id from messages m where m.id = d.reply_to)) as is_new
        from unnest(places, ids, senders, kinds, answered, client_ids, times, contents) with ordinality
            as d (place, id, sender_id, kind, reply_to, client_message_id, created_at, content, n)
        left join messages known
            on known.group_id || ' ' || coalesce(known.sender_id, '') || ' ' || known.client_message_id
                = groups[d.place] || ' ' || coalesce(d.sender_id, '') || ' ' || d.client_message_id
    ), numbered as (
        select d.*, d.head + count(*) filter (where d.is_new) over (partition by d.place order by d.n) as seq from draft d
    ), stored as (
        insert into messages
            (group_id, seq, updated_seq, id, sender_id, kind, reply_to, client_message_id, created_at, content)
        select d.group_id, d.seq, d.seq, d.id, d.sender_id, d.kind, d.reply_to, d.client_message_id, d.created_at, d.content
        from numbered d where d.is_new
    ), moved as (
        update groups set last_seq = head.seq
        from (select groups[d.place] as id, max(d.seq) as seq from numbered d where d.is_new group by d.place) head
        where groups.id = head.id
    )
    select d.head is not null, d.is_new, m.group_id, case when d.is_new then d.seq else m.seq end, m.updated_seq, m.id,
        m.sender_id, m.kind, quoted.id, m.client_message_id, m.created_at, m.edited_at, m.deleted_at, m.content,
        author.name, author.image, quoted.sender_id, quoted.content, quoted_author.name
    from numbered d
    -- Who wrote it knows it.
    left join messages m on m.group_id = d.group_id and m.seq = d.known_seq
    left join users author on author.id = m.sender_id
    left join messages quoted on quoted.id = case when d.is_new then d.reply_to else m.reply_to end
    left join users quoted_author on quoted_author.id = quoted.sender_id
    order by d.n;
end
$$;
