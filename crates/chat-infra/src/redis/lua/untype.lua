-- A user no longer types.
-- ARGV 1 group | 2 user
redis.call('DEL', typing_key(ARGV[1], ARGV[2]))
return redis.call('ZREM', typists_of(ARGV[1]), ARGV[2])
