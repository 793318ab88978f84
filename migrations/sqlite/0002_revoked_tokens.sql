-- Tokens that are refused before they expire, by the name that their issuer gave them (jti).

create table revoked_tokens (
    id         text    not null primary key,
    revoked_at integer not null,
    -- Later it has expired anyway.
    until      integer not null
) strict, without rowid;

create index revoked_tokens_by_time on revoked_tokens (revoked_at);
