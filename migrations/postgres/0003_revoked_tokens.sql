-- Tokens that are refused before they expire, by the name that their issuer gave them (jti).

create table revoked_tokens (
    id         text   collate "C" not null primary key,
    -- Milliseconds since 1970, UTC: an end may lie as far as a token can say.
    revoked_at bigint not null,
    -- Later it has expired anyway.
    until      bigint not null
);

create index revoked_tokens_by_time on revoked_tokens (revoked_at);
