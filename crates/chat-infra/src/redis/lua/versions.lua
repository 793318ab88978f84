-- The versions of rooms.
-- ARGV the rooms
-- -> { the version of each }
local versions = {}
for at, group in ipairs(ARGV) do versions[at] = redis.call('HGET', room_of(group), 'version') or '0' end
return versions
