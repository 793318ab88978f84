-- A node takes seats, or has connections counted; at most 200 in one step.
-- ARGV 1 now in ms, or '' | 2 node | 3 tag | then for each: group ('' for a connection), user, socket,
--      name (a connection: since when, in microseconds)
-- -> { 'done', epoch, how many seats were free, members and sockets of the last one's room }
-- -> { 'fenced', epoch }: the node's lease has run out, so others may have given its seats up. Nothing was done.
local now, node, tag = clock(ARGV[1]), ARGV[2], ARGV[3]
if lease_of(node) <= milliseconds(now) then return { 'fenced', epoch() } end
local taken = 0
for at = 4, #ARGV, 4 do
  local group, user, socket, name = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if group == '' then
    connect(node, user, socket, name)
  elseif enter(now, node, tag, group, user, socket, name) then
    taken = taken + 1
  end
end
return { 'done', epoch(), taken, counts(ARGV[#ARGV - 3]) }
