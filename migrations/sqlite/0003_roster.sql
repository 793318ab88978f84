-- Rises with each change of the members, in the transaction that makes it, so that nodes that nobody can tell see it.
alter table groups add column roster integer not null default 0;
