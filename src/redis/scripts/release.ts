/**
 * Ends leases whose makings gave nothing to share, and wakes those who wait.
 *
 *   ARGV[2]    the name of the instance
 *   ARGV[3]    the channel    ARGV[4]   PUBLISH or SPUBLISH
 *   ARGV[5..]  pairs: a key, and for how many milliseconds nobody need wait for it (0: it may be shared the next time)
 */
export const release: string = `
local P = ARGV[1]
local filled = {}
for i = 5, #ARGV, 2 do
  local at = P .. 'fill:' .. ARGV[i]
  local h = redis.call('HMGET', at, 'by', 'waiting')
  if h[1] == ARGV[2] then
    redis.call('UNLINK', at)
    if tonumber(ARGV[i + 1]) > 0 then
      redis.call('HSET', at, 'by', 'pass')
      redis.call('PEXPIRE', at, ARGV[i + 1])
    end
    if h[2] then filled[#filled + 1] = ARGV[i] end
  end
end
if #filled > 0 then
  redis.call(ARGV[4], ARGV[3], cjson.encode({type = 'FILLED', keys = filled}))
end
return #filled
`
