/**
 * What every script begins with. All state hangs together by one hash: the epoch, the sequence, and for each dependency the number of
 * its last invalidation. It holds as long as the server that it began on runs: a restart, a failover or a restore may have lost
 * invalidations, so behind any of them stands a new epoch, in which nothing stored before counts.
 *
 *   KEYS[1]  {cf}:rd:ver     epoch, seq, floor, softFloor, soft, spread, birth, live, since, bytes, barrier, and fields such as tag:posts,
 *                            ~tag:posts (soft) and ^tag:posts (soft, spread over a time)
 *   ARGV[1]  {cf}:rd:        what all other keys begin with: one hash tag, so that they lie in one slot of a Cluster
 */
export const state: string = `
local VER, P = KEYS[1], ARGV[1]

local function fields(names)
  return redis.call('HMGET', VER, unpack(names))
end

-- Milliseconds since 1970, by the server's clock.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- nil where the state is not that of this server's life.
local function current()
  local m = fields({'epoch', 'birth'})
  if not m[1] then return nil end
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  if m[2] ~= run then return nil end
  return m[1]
end

-- A value is one string, for a hash of seven fields takes twice the memory: a head of fixed places, the closure, the bytes.
--   1 kind   2-14 epoch   15-30 stamp   31 soft   32-47 made   48-63 stale   64-79 begun   80-87 length of the closure   88- closure, bytes
-- Its stamp rises with every look that finds it valid; the number at which its making began stays.
-- An index of variants ('i') has its inputs in the place of the closure, and no bytes.
local function head(kind, epoch, stamp, made, stale, closure)
  return kind .. epoch .. string.format('%016.0f0%016.0f%016.0f%016.0f%08.0f', stamp, made, stale, stamp, #closure)
end

-- What is not of this form, or no string at all, is foreign: it is as good as absent.
local function value(at)
  local v = redis.pcall('GET', at)
  return type(v) == 'string' and #v >= 87 and v or nil
end

local function stampOf(v) return tonumber(string.sub(v, 15, 30)) end
local function softOf(v) return string.sub(v, 31, 31) == '1' end
local function madeOf(v) return tonumber(string.sub(v, 32, 47)) end
local function staleOf(v) return tonumber(string.sub(v, 48, 63)) end
local function closureOf(v) return string.sub(v, 88, 87 + tonumber(string.sub(v, 80, 87))) end
local function isOf(v, epoch, kind)
  return v and string.sub(v, 2, 14) == epoch and string.sub(v, 1, 1) == kind
end
`

/** How many bytes the log of invalidations and the names in the versions may have together. */
export const MAX_LOG_BYTES: number = 32 * 1024 * 1024
/** Values live for a day at most: what was invalidated two days ago, milliseconds, tells nothing of any of them. */
export const MAX_MEMORY = 172_800_000

/** A new epoch: nothing that was stored or invalidated before it is known in it. */
export const reseed: string = `
-- The list of sweeps, and a set that waits in it.
local function queue(name)
  redis.call('PEXPIRE', P .. 'sweep:' .. name, 172800000)
  redis.call('RPUSH', P .. 'sweeps', name)
  redis.call('PEXPIRE', P .. 'sweeps', 172800000)
end

-- A number as people and streams write it: Lua itself has 14 digits, and then an exponent.
local function digits(n) return string.format('%.0f', n) end

-- What no order of invalidations comes to is no number of one: it was forged, or damaged.
local function whole(text)
  return text and #text <= 15 and string.match(text, '^%d+$') and tonumber(text) or nil
end

-- Behind everything that whoever asks has ever seen, so that numbers go on rising for it.
local function reseed(candidate, highest)
  local m = fields({'seq', 'live', 'barrier'})
  local seq = math.max(whole(m[1]) or 0, whole(highest) or 0) + 1
  if seq > 9e14 then seq = 1 end
  redis.call('UNLINK', VER, P .. 'log')
  redis.call('HSET', VER, 'epoch', candidate, 'seq', digits(seq), 'floor', digits(seq), 'softFloor', 0, 'soft', 0,
    'birth', string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'), 'live', m[2] or '',
    'since', digits(now()))
  if m[3] then redis.call('HSET', VER, 'barrier', m[3]) end
  if redis.call('EXISTS', P .. 'exp') == 1 then
    redis.call('RENAME', P .. 'exp', P .. 'sweep:all:' .. candidate)
    queue('all:' .. candidate)
  end
  return candidate
end

-- The epoch that goes on, or a new one where the state is older than what whoever asks has seen of it.
local function joined(candidate, highest, known)
  local epoch = current()
  local seq = whole(fields({'seq'})[1])
  if epoch and seq and (epoch ~= known or seq >= (whole(highest) or 0)) then return epoch end
  return reseed(candidate, highest)
end
`

/** The log and the versions are bounded together, by number, bytes and age: what is forgotten raises the floor. */
export const forget: string = `
local function raise(floor, number)
  if tonumber(fields({floor})[1]) < tonumber(number) then redis.call('HSET', VER, floor, number) end
end

-- What a line and the names in it take.
local function sizeOf(roots) return 2 * #roots + 64 end

local function forget(most, lines, mostBytes, memory)
  local log = P .. 'log'
  local over, bytes = redis.call('XLEN', log) - most, whole(fields({'bytes'})[1]) or 0
  local before, had = now() - memory, bytes
  for _ = 1, lines do
    local line = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    if not line then break end
    if over <= 0 and bytes <= mostBytes and (whole(line[2][6]) or math.huge) >= before then break end
    local id = string.match(line[1], '^%d+')
    local roots, isSoft = line[2][2], line[2][4] ~= '0'
    for d in string.gmatch(roots == '' and 'all' or roots, '[^\\n]+') do
      local field = isSoft and ('~' .. d) or d
      -- What a spread came to when it was over has a number whose line may have gone before.
      local known = tonumber(redis.call('HGET', VER, field) or 0)
      if known ~= 0 and known <= tonumber(id) then redis.call('HDEL', VER, field) end
      local last = isSoft and tonumber(string.match(redis.call('HGET', VER, '^' .. d) or '', '(%d+) %d+ %d+;$'))
      if last and last <= tonumber(id) then redis.call('HDEL', VER, '^' .. d) end
    end
    raise(isSoft and 'softFloor' or 'floor', id)
    redis.call('XDEL', log, line[1])
    over, bytes = over - 1, math.max(0, bytes - sizeOf(roots))
  end
  if bytes ~= had then redis.call('HSET', VER, 'bytes', digits(bytes)) end
end
`

/**
 * The fall of one key: its value, and its edges in the graph. The names of what it enclosed stay until it would have expired, for whoever makes
 * it again asks for them at once.
 */
export const fall: string = `
-- n: what was stored with this number or a later one stays; d: what does not depend on it stays; keeps: the names stay.
-- Returns whether a value fell, and how much work it was.
local function fall(epoch, k, n, d, keeps)
  local v = value(P .. 'v:' .. k)
  local stands = v and isOf(v, epoch, 'v')
  if stands then
    if stampOf(v) >= n then return false, 1 end
    if d and not string.find(closureOf(v), '\\n' .. d .. '\\n', 1, true) then return false, 1 end
  end
  redis.call('UNLINK', P .. 'v:' .. k)
  local edges = redis.call('SMEMBERS', P .. 'deps:' .. k)
  local encloses = false
  for i = 1, #edges do
    if edges[i] ~= 'key:' .. k then redis.call('SREM', P .. 'rev-deps:' .. edges[i], k) end
    if keeps and not encloses and string.sub(edges[i], 1, 13) == 'key:fragment:' and edges[i] ~= 'key:' .. k then
      encloses = true
    end
  end
  if not encloses then
    redis.call('UNLINK', P .. 'deps:' .. k)
    redis.call('ZREM', P .. 'exp', k)
  end
  return stands and true or false, #edges + 3
end
`
