import { fall, forget, MAX_MEMORY, MAX_LOG_BYTES, reseed, state } from './state.ts'

/**
 * Invalidates: a number, the versions of the roots, the log, the message, and as much of what depends on them as a bounded piece of work
 * allows; the rest is left to slices of `sweep`. What was awaited costs O(roots), however much depends on them.
 *
 *   ARGV[2]   a candidate for a new epoch    ARGV[3]  the highest number that the caller has seen in its epoch    ARGV[4]  its epoch
 *   ARGV[5]   its name    ARGV[6]  the channel    ARGV[7]  PUBLISH or SPUBLISH
 *   ARGV[8]   when soft over how many milliseconds it is spread, 0 at once; '' when it is not    ARGV[9]  '1' when receivers are to acknowledge
 *   ARGV[10]  how much work at once    ARGV[11]  how many invalidations the log holds
 *   ARGV[12..] the roots; none of them: everything
 *
 *   returns { epoch, sequence, fallen keys, how many more, instances and until when each is heard of,
 *             the server's time, milliseconds since the epoch began }
 */
export const invalidate: string = `${state}${reseed}${forget}${fall}
-- A write that needs no memory comes first: behind it a full Redis lets the others pass (an invalidation must never be refused).
redis.call('UNLINK', P .. 'none')
local epoch = joined(ARGV[2], ARGV[3], ARGV[4])
local soft, long, budget, time = ARGV[8] ~= '', tonumber(ARGV[8]) or 0, tonumber(ARGV[10]), now()
local n = redis.call('HINCRBY', VER, 'seq', 1)
local roots = {}
for i = 12, #ARGV do roots[#roots + 1] = ARGV[i] end

-- Everything that was made before a number is stale at once.
local function soften(d, number)
  if d == 'all' then raise('softFloor', number) else redis.call('HSET', VER, '~' .. d, number) end
end

-- What a dependency remembers of spreads: those that are under way, each with its number, its beginning and how long it lasts.
local function spread(d)
  local running = {}
  for number, at, over in string.gmatch(redis.call('HGET', VER, '^' .. d) or '', '(%d+) (%d+) (%d+);') do
    if tonumber(at) + tonumber(over) <= time then soften(d, number)
    else running[#running + 1] = {number, at, over} end
  end
  -- Of too many the oldest two become one, with the beginning of the one that begins first and the end of the one that ends first.
  if #running >= 8 then
    local a, b = running[1], running[2]
    local at = math.min(tonumber(a[2]), tonumber(b[2]))
    local till = math.min(a[2] + a[3], b[2] + b[3])
    running[2] = {b[1], string.format('%.0f', at), string.format('%.0f', till - at)}
    table.remove(running, 1)
  end
  running[#running + 1] = {digits(n), string.format('%.0f', time), ARGV[8]}
  for i, each in ipairs(running) do running[i] = string.format('%s %s %s;', each[1], each[2], each[3]) end
  redis.call('HSET', VER, '^' .. d, table.concat(running), 'spread', n)
end

local softly = long > 0 and string.format('%.0f+%s', time, ARGV[8]) or (soft and '1' or '0')
for _, d in ipairs(#roots == 0 and {'all'} or roots) do
  if long > 0 then spread(d)
  elseif soft then
    soften(d, n)
    redis.call('HDEL', VER, '^' .. d)
  else redis.call('HSET', VER, d == 'all' and 'floor' or d, n) end
end
if soft then redis.call('HSET', VER, 'soft', n) end
local line = table.concat(roots, '\\n')
redis.call('XADD', P .. 'log', digits(n) .. '-0', 'r', line, 's', softly, 't', digits(time))
redis.call('HINCRBY', VER, 'bytes', sizeOf(line))
if ARGV[9] == '1' then redis.call('HSET', VER, 'barrier', digits(time)) end
forget(tonumber(ARGV[11]), 3, ${MAX_LOG_BYTES}, ${MAX_MEMORY})

local fallen, more = {}, 0
if not soft then
  if #roots == 0 then
    if redis.call('EXISTS', P .. 'exp') == 1 then
      more = redis.call('ZCARD', P .. 'exp')
      redis.call('RENAME', P .. 'exp', P .. 'sweep:all:' .. digits(n))
      queue('all:' .. digits(n))
    end
  end
  for i, d in ipairs(roots) do
    if string.sub(d, 1, 4) == 'key:' then
      local k = string.sub(d, 5)
      local fell, work = fall(epoch, k, n, d, true)
      if fell then fallen[#fallen + 1] = k end
      budget = budget - work
    end
    local at = P .. 'rev-deps:' .. d
    while budget > 0 do
      local k = redis.call('SPOP', at)
      if not k then break end
      local fell, work = fall(epoch, k, n, d, true)
      if fell then fallen[#fallen + 1] = k end
      budget = budget - work
    end
    local left = redis.call('SCARD', at)
    if left > 0 then
      more = more + left
      local name = digits(n) .. ':' .. i .. ':' .. d
      redis.call('RENAME', at, P .. 'sweep:' .. name)
      queue(name)
    end
  end
end

redis.call(ARGV[7], ARGV[6], '{"seq":' .. digits(n) .. ',' .. string.sub(cjson.encode({
  type = 'EVICT', keys = fallen, origin = ARGV[5], epoch = epoch, roots = roots,
  soft = long > 0 and softly or soft, ack = ARGV[9] == '1'
}), 2))
local m = fields({'live', 'since'})
return {epoch, n, fallen, more, m[1] or '', time, time - tonumber(m[2] or 0)}
`
