-- Takes a token out of a bucket, in whole numbers: a millisecond brings `rate` thousandths of a token. The key
-- ends when the bucket would be full again.
-- ARGV 1 now in ms, or '' | 2 key | 3 burst | 4 tokens a second
-- -> 0, or for how many ms to wait
local now, key = milliseconds(clock(ARGV[1])), ARGV[2]
local full, rate = tonumber(ARGV[3]) * 1000, tonumber(ARGV[4])
local bucket = redis.call('HMGET', key, 'left', 'at')
local left, at = tonumber(bucket[1] or full), tonumber(bucket[2] or now)
left = math.min(full, left + math.max(0, now - at) * rate)
if left < 1000 then
  -- Where the clock went back, waiting counts from there too.
  if now < at then redis.call('HSET', key, 'at', plain(now)) end
  return math.ceil((1000 - left) / rate)
end
-- Where the clock went back, time counts from there.
redis.call('HSET', key, 'left', plain(left - 1000), 'at', plain(now))
redis.call('PEXPIRE', key, math.ceil((full - left + 1000) / rate) + 1)
return 0
