import { fall, forget, MAX_MEMORY, MAX_LOG_BYTES, reseed, state } from './state.ts'

/**
 * The heartbeat of one instance: its lease, what it has missed, and a piece of the clean-up.
 *
 *   ARGV[2]   a candidate for a new epoch    ARGV[3]  the highest number that the instance has seen    ARGV[4]  its epoch, or ''
 *   ARGV[5]   its name    ARGV[6]  how long its lease lasts, milliseconds; 0: it leaves
 *   ARGV[7]   the last number that it has applied    ARGV[8]  how many invalidations it takes at once
 *   ARGV[9]   its time, milliseconds since 1970    ARGV[10]  how much work of clean-up
 *   ARGV[11]  ' strict' where it believes nothing behind its lease, or ''
 *   ARGV[12..] keys whose leases it goes on with
 *
 *   returns { epoch, sequence, { { number, roots, soft }, ... }, '1' when there is more to clean up, floor, softFloor,
 *             '1' where an invalidation has waited for all instances within the last hour, the instances }
 */
export const sync: string = `${state}${reseed}${forget}${fall}
redis.call('UNLINK', P .. 'none')
local epoch = joined(ARGV[2], ARGV[3], ARGV[4])
forget(math.huge, 100, ${MAX_LOG_BYTES}, ${MAX_MEMORY})
local m = fields({'seq', 'live', 'floor', 'softFloor', 'barrier'})
local seq = tonumber(m[1])
local time = now()

-- An instance that is not heard of any more is remembered for an hour: it may be cut off, and go on.
local live = {}
for line, name, till in string.gmatch(m[2] or '', '((%S+) (%d+) %d+[^\\n]*\\n)') do
  if name ~= ARGV[5] and tonumber(till) > time - 3600000 then live[#live + 1] = line end
end
if ARGV[6] ~= '0' then
  live[#live + 1] = string.format('%s %.0f %s%s\\n', ARGV[5], time + tonumber(ARGV[6]), ARGV[6], ARGV[11])
end
redis.call('HSET', VER, 'live', table.concat(live))
for i = 12, #ARGV do
  local at = P .. 'fill:' .. ARGV[i]
  if redis.call('HGET', at, 'by') == ARGV[5] then redis.call('PEXPIRE', at, ARGV[6]) end
end

local missed = {}
if epoch == ARGV[4] and tonumber(ARGV[7]) < seq then
  local from = string.format('%.0f-0', tonumber(ARGV[7]) + 1)
  for _, line in ipairs(redis.call('XRANGE', P .. 'log', from, '+', 'COUNT', ARGV[8])) do
    missed[#missed + 1] = {tonumber(string.match(line[1], '^%d+')), line[2][2], line[2][4]}
  end
end

local budget, before, more = tonumber(ARGV[10]), tonumber(ARGV[9]), ''
while budget > 0 do
  local name = redis.call('LINDEX', P .. 'sweeps', 0)
  if not name then break end
  local at = P .. 'sweep:' .. name
  local n, d = string.match(name, '^(%d+):%d+:(.*)$')
  if d then
    local k = redis.call('SPOP', at)
    if k then
      local _, work = fall(epoch, k, tonumber(n), d, true)
      budget = budget - work
    else redis.call('LPOP', P .. 'sweeps') end
  else
    -- 'all:' and the number of the invalidation, or the epoch that began
    local k = redis.call('ZPOPMIN', at)[1]
    if k then
      local _, work = fall(epoch, k, tonumber(string.match(name, '^all:(%d+)$')) or 0, nil, false)
      budget = budget - work
    else redis.call('LPOP', P .. 'sweeps') end
  end
end
while budget > 0 do
  local due = redis.call('ZRANGEBYSCORE', P .. 'exp', '-inf', before, 'LIMIT', 0, 1)
  if not due[1] then break end
  local _, work = fall(epoch, due[1], math.huge, nil, false)
  redis.call('ZREM', P .. 'exp', due[1])
  budget = budget - work
end
if budget <= 0 then more = '1' end
local isStrict = time - (whole(m[5]) or 0) < 3600000
return {epoch, seq, missed, more, tonumber(m[3]), tonumber(m[4]), isStrict and '1' or '', table.concat(live)}
`
