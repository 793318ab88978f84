-- What the scripts about rooms share; it stands in front of each of them.
--
-- A node owns what its sockets hold: seats in rooms, and connections. An entry of what it owns is
-- group US user US socket, where US is the control character 31; a connection has an empty group.
-- Nothing is owned without being shown in the keys below, and the other way round: each function does
-- both or nothing, and tells it in the same step.
--
-- Presence lives on one Redis and never on a cluster, so keys are made here. `keys.rs` spells them too.

local US = '\31'
local NODES = 'chat:nodes'         -- sorted set: node -> end of its lease, in ms of Redis's clock
local ANNOUNCED = 'chat:announced' -- hash: node -> the epoch that it has announced all it owns in
local EPOCH = 'chat:epoch'         -- string: names one life of these data
local NEWEST = 'chat:pv'           -- string: the newest version of any room

local function owned_by(node) return 'chat:node:' .. node .. ':owned' end
local function users_of(group) return 'room:' .. group .. ':users' end
local function rooms_of(user) return 'user:' .. user .. ':rooms' end
local function sockets_of(user, group) return 'user:' .. user .. ':sockets:' .. group end
local function typing_key(group, user) return 'typing:' .. group .. ':' .. user end
local function typists_of(group) return 'chat:room:' .. group .. ':typing' end
-- Set: user US socket of each connection of the node that has to go.
local function displaced_at(node) return 'chat:node:' .. node .. ':displaced' end
local function connections_of(user) return 'chat:user:' .. user .. ':connections' end
-- Hash: `version`, `sockets`, `name:<user>`, `count:<user>:<node>`. It is deleted with the room.
local function room_of(group) return 'chat:room:' .. group end

-- Microseconds. Redis's clock is the only one, so that no two nodes disagree; a test brings its own.
local function clock(given)
  if given ~= '' then return tonumber(given) * 1000 end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function milliseconds(now) return math.floor(now / 1000) end

-- `..` would round a large number.
local function plain(number) return string.format('%.0f', number) end

local function lease_of(node) return tonumber(redis.call('ZSCORE', NODES, node) or 0) end

local function epoch() return redis.call('GET', EPOCH) or '' end

local function counts(group)
  return redis.call('SCARD', users_of(group)), tonumber(redis.call('HGET', room_of(group), 'sockets') or 0)
end

-- Gives a change its version, and tells everybody. Versions rise also after the data were lost: then the
-- clock is ahead of every version there was. An empty room is forgotten, and has version 0 again.
local function tell(now, group, user, name, node, tag, movement)
  local room = room_of(group)
  local members, sockets = counts(group)
  local previous = redis.call('HGET', room, 'version') or '0'
  local version = plain(math.max(now, tonumber(redis.call('GET', NEWEST) or 0) + 1))
  redis.call('SET', NEWEST, version)
  if sockets > 0 then
    redis.call('HSET', room, 'version', version)
  else
    redis.call('DEL', room)
  end
  local told = { movement, group, user, name, node, tag, epoch(), previous, version, plain(members), plain(sockets) }
  redis.call('PUBLISH', 'chat:presence:' .. group, table.concat(told, US))
end

-- Takes a seat. Returns whether it was free. `tag` says who did it: it goes with the news.
local function enter(now, node, tag, group, user, socket, name)
  if redis.call('SADD', owned_by(node), group .. US .. user .. US .. socket) == 0 then return false end
  local room = room_of(group)
  redis.call('SADD', sockets_of(user, group), socket)
  redis.call('HINCRBY', room, 'sockets', 1)
  redis.call('HINCRBY', room, 'count:' .. user .. ':' .. node, 1)
  if redis.call('SADD', users_of(group), user) == 1 then
    redis.call('SADD', rooms_of(user), group)
    redis.call('HSET', room, 'name:' .. user, name)
    tell(now, group, user, name, node, tag, 'joined')
  else
    tell(now, group, user, redis.call('HGET', room, 'name:' .. user) or name, node, tag, 'came')
  end
  return true
end

-- Gives a seat up, whoever asks for it. Returns whether the node had it.
local function leave(now, node, tag, group, user, socket)
  if redis.call('SREM', owned_by(node), group .. US .. user .. US .. socket) == 0 then return false end
  local room = room_of(group)
  redis.call('SREM', sockets_of(user, group), socket)
  redis.call('HINCRBY', room, 'sockets', -1)
  if redis.call('HINCRBY', room, 'count:' .. user .. ':' .. node, -1) <= 0 then
    redis.call('HDEL', room, 'count:' .. user .. ':' .. node)
  end
  local name = redis.call('HGET', room, 'name:' .. user) or user
  if redis.call('EXISTS', sockets_of(user, group)) == 1 then
    tell(now, group, user, name, node, tag, 'went')
    return true
  end
  redis.call('SREM', rooms_of(user), group)
  redis.call('SREM', users_of(group), user)
  redis.call('HDEL', room, 'name:' .. user)
  redis.call('DEL', typing_key(group, user))
  redis.call('ZREM', typists_of(group), user)
  tell(now, group, user, name, node, tag, 'left')
  return true
end

-- Connections are counted and not told. `since` is when the connection came, in microseconds.
local function connect(node, user, socket, since)
  redis.call('SADD', owned_by(node), US .. user .. US .. socket)
  redis.call('ZADD', connections_of(user), 'NX', since, node .. US .. socket)
end

local function disconnect(node, user, socket)
  redis.call('SREM', owned_by(node), US .. user .. US .. socket)
  redis.call('ZREM', connections_of(user), node .. US .. socket)
  redis.call('SREM', displaced_at(node), user .. US .. socket)
end

-- Takes the place of a connection, which has to go. Noted until it is gone: whoever asks for that may not be heard.
-- Returns its socket.
local function displace(user, connection)
  local node, socket = string.match(connection, '^(%x+)' .. US .. '(.*)$')
  redis.call('ZREM', connections_of(user), connection)
  if node then redis.call('SADD', displaced_at(node), user .. US .. socket) end
  return socket
end

-- Gives up whatever the entry stands for.
local function drop(now, node, tag, entry)
  local group, user, socket = string.match(entry, '^([^' .. US .. ']*)' .. US .. '([^' .. US .. ']*)' .. US .. '(.*)$')
  if not group then
    redis.call('SREM', owned_by(node), entry)
  elseif group == '' then
    disconnect(node, user, socket)
  else
    leave(now, node, tag, group, user, socket)
  end
end
