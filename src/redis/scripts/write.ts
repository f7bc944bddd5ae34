import { state } from './state.ts'

/**
 * Writes many values, each behind the fence: what something it depends on was invalidated after its making had started is refused. Edges
 * of the graph follow the closure: new ones come, those of what stood there before go.
 *
 *   ARGV[2]   the epoch in which the makings started
 *   ARGV[3]   the name of the instance, for leases
 *   ARGV[4]   the channel    ARGV[5]   PUBLISH or SPUBLISH
 *   ARGV[6]   how long edges live, milliseconds
 *   ARGV[7..] eleven for each: key, stamp, milliseconds to live, when that is over, when it is stale, when it was made, closure,
 *             data, the key before variants or '', the inputs of the variant, the key whose lease it ends or ''
 *
 *   returns { epoch, sequence, { answer, ... } }: 'stored', 'older' (a newer one stands there), 'inputs' followed by those that are
 *   known of the key, or '!' followed by the dependency that felled it
 */
export const write: string = `${state}
local epoch = current()
if epoch ~= ARGV[2] then return {epoch or '', 0} end
local m = fields({'seq', 'floor'})
local seq, floor = tonumber(m[1]), tonumber(m[2])

local function felledBy(stamp, closure)
  if stamp == seq then return nil end
  if stamp < floor then return 'all' end
  local names = {}
  local function check()
    local numbers = fields(names)
    for i = 1, #names do
      if numbers[i] and tonumber(numbers[i]) > stamp then return names[i] end
    end
    names = {}
  end
  for d in string.gmatch(closure, '[^\\n]+') do
    names[#names + 1] = d
    if #names == 500 then
      local by = check()
      if by then return by end
    end
  end
  return #names > 0 and check() or nil
end

local function lives(at, wanted)
  local ttl = redis.call('PTTL', at)
  if ttl < wanted then redis.call('PEXPIRE', at, wanted + 3600000) end
end

local function link(k, closure, wanted)
  local at = P .. 'deps:' .. k
  local old = {}
  for _, d in ipairs(redis.call('SMEMBERS', at)) do old[d] = true end
  for d in string.gmatch(closure, '[^\\n]+') do
    if old[d] then old[d] = nil else redis.call('SADD', at, d) end
    -- Its own key is known without an edge.
    if d ~= 'key:' .. k then
      redis.call('SADD', P .. 'rev-deps:' .. d, k)
      lives(P .. 'rev-deps:' .. d, wanted)
    end
  end
  for d in pairs(old) do
    redis.call('SREM', at, d)
    redis.call('SREM', P .. 'rev-deps:' .. d, k)
  end
  lives(at, wanted)
end

-- Names are only ever added: what was made with fewer of them cannot be told apart from the rest.
local function index(primary, inputs, ttl)
  local at = P .. 'v:' .. primary
  local v = value(at)
  local standing = v and isOf(v, epoch, 'i') and closureOf(v)
  local function put(names)
    redis.call('SET', at, head('i', epoch, 0, 0, 0, names) .. names, 'PX', math.max(ttl, redis.call('PTTL', at)))
  end
  if standing then
    local known, all, grows = {}, {}, false
    for name in string.gmatch(inputs, '[^\\n]+') do known[name] = true; all[#all + 1] = name end
    for name in string.gmatch(standing, '[^\\n]+') do
      if not known[name] then all[#all + 1] = name; grows = true end
    end
    if grows then
      table.sort(all)
      put(table.concat(all, '\\n'))
      return table.concat(all, '\\n')
    end
  end
  if standing ~= inputs then put(inputs)
  elseif redis.call('PTTL', at) < ttl then redis.call('PEXPIRE', at, ttl) end
  return nil
end

local function store(k, stamp, ttl, expires, stale, made, closure, data, primary, inputs)
  local by = felledBy(stamp, closure)
  if by then return '!' .. by end
  local at = P .. 'v:' .. k
  local v = value(at)
  if isOf(v, epoch, 'v') and stampOf(v) >= stamp and madeOf(v) > made then
    -- Clocks differ: what is stale gives way to what was made behind it, whatever they say.
    if not softOf(v) and staleOf(v) > made then return 'older' end
  end
  if primary ~= '' then
    local known = index(primary, inputs, ttl)
    if known then return 'inputs\\n' .. known end
  end
  redis.call('SET', at, head('v', epoch, stamp, made, stale, closure) .. closure .. data, 'PX', ttl)
  link(k, closure, math.max(tonumber(ARGV[6]), ttl))
  redis.call('ZADD', P .. 'exp', expires, k)
  return 'stored'
end

local answers, filled = {}, {}
for i = 7, #ARGV, 11 do
  answers[#answers + 1] = store(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3], tonumber(ARGV[i + 4]),
    tonumber(ARGV[i + 5]), ARGV[i + 6], ARGV[i + 7], ARGV[i + 8], ARGV[i + 9])
  local lease = ARGV[i + 10]
  if lease ~= '' then
    local at = P .. 'fill:' .. lease
    local h = redis.call('HMGET', at, 'by', 'waiting')
    if h[1] == ARGV[3] then
      redis.call('UNLINK', at)
      if h[2] then filled[#filled + 1] = lease end
    end
  end
end
redis.call('PEXPIRE', P .. 'exp', 172800000)
if #filled > 0 then
  redis.call(ARGV[5], ARGV[4], cjson.encode({type = 'FILLED', keys = filled}))
end
return {epoch, seq, answers}
`
