-- A node gives up what it owns; at most 200 in one step. It needs no lease for that.
-- ARGV 1 now in ms, or '' | 2 node | 3 tag | then for each: group ('' for a connection), user, socket
-- -> { 'done', epoch, how many seats the node had, members and sockets of the last one's room }
local now, node, tag = clock(ARGV[1]), ARGV[2], ARGV[3]
local given_up = 0
for at = 4, #ARGV, 3 do
  local group, user, socket = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if group == '' then
    disconnect(node, user, socket)
  elseif leave(now, node, tag, group, user, socket) then
    given_up = given_up + 1
  end
end
return { 'done', epoch(), given_up, counts(ARGV[#ARGV - 2]) }
