-- Every connection of a user has to go. They take no place any more, and their nodes are reminded until they are gone.
-- ARGV 1 user
-- -> how many there were
local user = ARGV[1]
local connections = redis.call('ZRANGE', connections_of(user), 0, -1)
for _, connection in ipairs(connections) do displace(user, connection) end
return #connections
