-- Makes a batch of messages of one group durable, in one statement, so that it costs one round trip.
--
-- The arrays have one entry a draft. The answer has one row a draft, in that order; it is empty if there is no such group.
-- is_new: the draft was stored as number seq. Not is_new: it was there before, and the row shows the first message in full.
-- No seq: the message that it answers is not in this group, and nothing was stored.
--
-- The row of the group stays locked until the commit: numbers are given in the order of the commits, and none is skipped. Each
-- statement in here sees what was committed before it began (read committed), so also what the lock was waited for.
create function append_messages(
    target     text,
    ids        uuid[],
    senders    text[],
    kinds      text[],
    answered   uuid[],
    client_ids text[],
    times      timestamptz[],
    contents   text[]
) returns table (
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
    old_head bigint;
    head     bigint;
    draft    record;
    place    bigint;
    places   bigint[]  := '{}';
    news     boolean[] := '{}';
begin
    select g.last_seq into old_head from groups g where g.id = target for no key update;
    if not found then
        return;
    end if;
    head := old_head;

    for draft in
        select * from unnest(ids, senders, kinds, answered, client_ids, times, contents) with ordinality
            as d (id, sender_id, kind, reply_to, client_message_id, created_at, content, n)
        order by n
    loop
        place := null;
        if draft.client_message_id is not null then
            select m.seq into place from messages m
            where m.group_id || ' ' || coalesce(m.sender_id, '') || ' ' || m.client_message_id
                = target || ' ' || coalesce(draft.sender_id, '') || ' ' || draft.client_message_id;
        end if;
        if place is not null then
            news := news || false;
        elsif draft.reply_to is not null
            and target is distinct from (select m.group_id from messages m where m.id = draft.reply_to)
        then
            news := news || false;
        else
            head := head + 1;
            place := head;
            insert into messages
                (group_id, seq, updated_seq, id, sender_id, kind, reply_to, client_message_id, created_at, content)
            values
                (target, place, place, draft.id, draft.sender_id, draft.kind, draft.reply_to, draft.client_message_id,
                 draft.created_at, draft.content);
            news := news || true;
        end if;
        places := places || place;
    end loop;

    if head > old_head then
        update groups set last_seq = head where id = target;
    end if;

    return query
        select p.is_new, m.group_id, m.seq, m.updated_seq, m.id, m.sender_id, m.kind, m.reply_to, m.client_message_id,
            m.created_at, m.edited_at, m.deleted_at,
            -- Who wrote it knows it.
            case when not p.is_new then m.content end,
            author.name, author.image, quoted.sender_id, quoted.content, quoted_author.name
        from unnest(places, news) with ordinality as p (seq, is_new, n)
        left join messages m on m.group_id = target and m.seq = p.seq
        left join users author on author.id = m.sender_id and not p.is_new
        left join messages quoted on quoted.id = m.reply_to
        left join users quoted_author on quoted_author.id = quoted.sender_id
        order by p.n;
end
$$;
