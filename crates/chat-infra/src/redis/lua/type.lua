-- A user types. Who is not in the room has no mark: then it has left, or is not back yet.
-- ARGV 1 now in ms, or '' | 2 node | 3 group | 4 user | 5 for how long, in ms
local now, group, user, ttl = milliseconds(clock(ARGV[1])), ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('SISMEMBER', users_of(group), user) == 0 then return 0 end
redis.call('SET', typing_key(group, user), ARGV[2], 'PX', ttl)
redis.call('ZADD', typists_of(group), now + ttl, user)
redis.call('PEXPIRE', typists_of(group), ttl)
return 1
