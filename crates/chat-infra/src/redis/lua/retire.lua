-- A node gives up all it owns, a bounded part in one step, and its lease first: it can take no seat any more.
-- ARGV 1 now in ms, or '' | 2 node | 3 tag | 4 how many entries at most
-- -> how many are left
local now, node, tag, most = clock(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
redis.call('ZADD', NODES, 'XX', 0, node)
for _, entry in ipairs(redis.call('SRANDMEMBER', owned_by(node), most)) do drop(now, node, tag, entry) end
local left = redis.call('SCARD', owned_by(node))
if left == 0 then
  redis.call('ZREM', NODES, node)
  redis.call('HDEL', ANNOUNCED, node)
  redis.call('DEL', displaced_at(node))
end
return left
