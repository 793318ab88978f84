-- A connection of a user, if there are not too many over all nodes. Those of a node that is late do not count.
-- ARGV 1 now in ms, or '' | 2 node | 3 user | 4 socket | 5 how many at most | 6 'refuse' or 'evict' when there are so many
--      7 a node counts while more than this is left of its lease, in ms
-- -> { 'admitted', since when in microseconds, then the socket of each connection that has to go for it, oldest first }
-- -> { 'refused' }
-- -> { 'fenced' }: the node's lease has run out. Nothing was done.
local since, node, user, socket = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local now = milliseconds(since)
local most, punctual = tonumber(ARGV[5]), tonumber(ARGV[7])
if lease_of(node) <= now then return { 'fenced' } end

local own = node .. US .. socket
local known = {}
if redis.call('ZCARD', connections_of(user)) >= most then
  known = redis.call('ZRANGE', connections_of(user), 0, -1)
end
local counted = {}
for _, connection in ipairs(known) do
  local its_node = string.match(connection, '^(%x+)')
  if connection ~= own and its_node and (its_node == node or lease_of(its_node) - now > punctual) then
    counted[#counted + 1] = connection
  end
end
local surplus = #counted + 1 - most
if surplus > 0 and ARGV[6] == 'refuse' then return { 'refused' } end

-- Of two that come in the same moment one is later.
local latest = redis.call('ZRANGE', connections_of(user), -1, -1, 'WITHSCORES')
since = math.max(since, tonumber(latest[2] or 0) + 1)
connect(node, user, socket, since)
local answer = { 'admitted', plain(since) }
for at = 1, math.min(surplus, #counted) do
  answer[#answer + 1] = displace(user, counted[at])
end
return answer
