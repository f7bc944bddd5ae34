/**
 * What every script begins with. All state hangs together by one hash: the epoch, the sequence, and for each dependency the number of
 * its last invalidation. It holds as long as the server that it began on runs: a restart, a failover or a restore may have lost
 * invalidations, so behind any of them stands a new epoch, in which nothing stored before counts.
 *
 *   KEYS[1]  {cf}:rd:ver     epoch, seq, floor, softFloor, soft, birth, live, and fields such as tag:posts and ~tag:posts (soft)
 *   ARGV[1]  {cf}:rd:        what all other keys begin with: one hash tag, so that they lie in one slot of a Cluster
 */
export const state: string = `
local VER, P = KEYS[1], ARGV[1]

local function fields(names)
  return redis.call('HMGET', VER, unpack(names))
end

-- nil where the state is not that of this server's life.
local function current()
  local m = fields({'epoch', 'birth'})
  if not m[1] then return nil end
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  if m[2] ~= run then return nil end
  return m[1]
end
`

/** A new epoch: nothing that was stored or invalidated before it is known in it. */
export const reseed: string = `
-- Behind everything that whoever asks has ever seen, so that numbers go on rising for it.
local function reseed(candidate, highest)
  local m = fields({'seq', 'live'})
  local seq = math.max(tonumber(m[1] or 0), tonumber(highest)) + 1
  redis.call('UNLINK', VER, P .. 'log')
  redis.call('HSET', VER, 'epoch', candidate, 'seq', seq, 'floor', seq, 'softFloor', 0, 'soft', 0,
    'birth', string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'), 'live', m[2] or '',
    'since', string.format('%.0f', redis.call('TIME')[1] * 1000))
  if redis.call('EXISTS', P .. 'exp') == 1 then
    redis.call('RENAME', P .. 'exp', P .. 'sweep:all:' .. candidate)
    redis.call('PEXPIRE', P .. 'sweep:all:' .. candidate, 172800000)
    redis.call('RPUSH', P .. 'sweeps', 'all:' .. candidate)
  end
  return candidate
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
  local v = redis.call('HMGET', P .. 'v:' .. k, 'e', 's', 'c')
  if v[1] == epoch and v[2] then
    if tonumber(v[2]) >= n then return false, 1 end
    if d and not string.find(v[3], '\\n' .. d .. '\\n', 1, true) then return false, 1 end
  end
  redis.call('UNLINK', P .. 'v:' .. k)
  local edges = redis.call('SMEMBERS', P .. 'deps:' .. k)
  local encloses = false
  for i = 1, #edges do
    redis.call('SREM', P .. 'rev-deps:' .. edges[i], k)
    if keeps and not encloses and string.sub(edges[i], 1, 13) == 'key:fragment:' and edges[i] ~= 'key:' .. k then
      encloses = true
    end
  end
  if not encloses then
    redis.call('UNLINK', P .. 'deps:' .. k)
    redis.call('ZREM', P .. 'exp', k)
  end
  return v[1] == epoch, #edges + 3
end
`
