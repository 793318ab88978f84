-- Gives up what one dead node owns, a bounded part of it. Any number of nodes may do this at once: what one has
-- reaped, no other finds.
-- ARGV 1 now in ms, or '' | 2 the reaper | 3 how many entries at most | 4 what the reaper expects the time to be,
--      in ms, or '' | 5 by how much that may be wrong
-- -> { 'done', how many entries were given up, whether there may be more to do, whether a node has nothing left }
-- -> { 'fenced' }: the reaper's own lease has run out. It cannot tell who is dead: perhaps the clock was turned.
-- -> { 'turned' }: the clock was turned, so leases say nothing.
local now, reaper, most = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3])
if lease_of(reaper) <= milliseconds(now) then return { 'fenced' } end
local expected = tonumber(ARGV[4])
if expected and math.abs(milliseconds(now) - expected) > tonumber(ARGV[5]) then return { 'turned' } end

local dead = redis.call('ZRANGEBYSCORE', NODES, '-inf', plain(milliseconds(now)), 'LIMIT', 0, 2)
if #dead == 0 then return { 'done', 0, 0, 0 } end
local entries = redis.call('SRANDMEMBER', owned_by(dead[1]), most)
for _, entry in ipairs(entries) do drop(now, dead[1], 'reaped', entry) end
local is_done = redis.call('EXISTS', owned_by(dead[1])) == 0
if is_done then
  redis.call('ZREM', NODES, dead[1])
  redis.call('HDEL', ANNOUNCED, dead[1])
  redis.call('DEL', displaced_at(dead[1]))
end
return { 'done', #entries, (is_done and #dead == 1) and 0 or 1, is_done and 1 or 0 }
