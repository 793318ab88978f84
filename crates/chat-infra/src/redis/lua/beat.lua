-- A node renews its lease, and learns who else is here.
-- ARGV 1 now in ms, or '' | 2 node | 3 lease in ms | 4 settle time in ms | 5 the name of a new epoch, if one begins
--      6 the epoch that the node has announced all it owns in, or ''
-- -> { epoch, whether the lease was held until now, how much the node owns, now in ms,
--      how many of the node's connections have to go, at most 200, then the user and the socket of each,
--      then for each node: node, what is left of its lease in ms, whether it has announced all in this epoch }
local now, node, lease = milliseconds(clock(ARGV[1])), ARGV[2], tonumber(ARGV[3])

-- An epoch ends when the data are lost, and also when they come back: from a file after a restart, or from a
-- replica. Then the process is another one. Who may not ask for its name notices the first kind only.
local server = redis.pcall('INFO', 'server')
local life = type(server) == 'string' and string.match(server, 'run_id:(%x%x%x%x%x%x%x%x%x%x%x%x)') or ''
local current = epoch()
if current == '' or string.match(current, '%.(%x*)$') ~= life then
  current = ARGV[5] .. '.' .. life
  redis.call('SET', EPOCH, current)
  -- Leases of another life say little: whoever is alive comes back soon.
  local latest = now + tonumber(ARGV[4])
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', NODES, '(' .. plain(latest), '+inf')) do
    redis.call('ZADD', NODES, latest, other)
  end
  redis.call('PUBLISH', 'chat:epoch', current)
end

-- The clock went back: no lease reaches further than this.
for _, other in ipairs(redis.call('ZRANGEBYSCORE', NODES, '(' .. plain(now + lease), '+inf')) do
  redis.call('ZADD', NODES, now + lease, other)
end

local held = lease_of(node) > now
redis.call('ZADD', NODES, now + lease, node)
if held and ARGV[6] == current then
  redis.call('HSET', ANNOUNCED, node, current)
elseif not held then
  redis.call('HDEL', ANNOUNCED, node)
end

local answer = { current, held and 1 or 0, redis.call('SCARD', owned_by(node)), now }
local displaced = redis.call('SRANDMEMBER', displaced_at(node), 200)
answer[#answer + 1] = #displaced
for _, connection in ipairs(displaced) do
  local user, socket = string.match(connection, '^([^' .. US .. ']*)' .. US .. '(.*)$')
  answer[#answer + 1] = user
  answer[#answer + 1] = socket
end
local rows = redis.call('ZRANGE', NODES, 0, -1, 'WITHSCORES')
for at = 1, #rows, 2 do
  local has_announced = redis.call('HGET', ANNOUNCED, rows[at]) == current
  answer[#answer + 1] = rows[at]
  answer[#answer + 1] = tonumber(rows[at + 1]) - now
  answer[#answer + 1] = has_announced and 1 or 0
end
return answer
