-- Who types in a room.
-- ARGV 1 now in ms, or '' | 2 group
-- -> for each: user, name, for how much longer in ms
local now, group = milliseconds(clock(ARGV[1])), ARGV[2]
redis.call('ZREMRANGEBYSCORE', typists_of(group), '-inf', plain(now))
local answer = {}
local rows = redis.call('ZRANGE', typists_of(group), 0, -1, 'WITHSCORES')
for at = 1, #rows, 2 do
  local name = redis.call('HGET', room_of(group), 'name:' .. rows[at])
  if name then
    answer[#answer + 1] = rows[at]
    answer[#answer + 1] = name
    answer[#answer + 1] = tonumber(rows[at + 1]) - now
  end
end
return answer
