import { state } from './state.ts'

/**
 * Reads many keys, checks each against the versions, and stamps what is valid anew: until the next invalidation it costs no more than a plain
 * read. What is not valid is unlinked. For a key that is missing, the fragments that it enclosed when it was last made are read with it, and those that
 * are missing too are told: whoever makes it again will ask for all of them. A key that is asked for with a lease is made by one instance at a time.
 *
 *   ARGV[2]    the epoch of whoever asks; in another one nothing is returned
 *   ARGV[3]    its name, for leases
 *   ARGV[4]    how long a lease lasts, milliseconds
 *   ARGV[5]    its time, milliseconds since 1970
 *   ARGV[6..]  pairs: a key, and what is wished beside it: 'f' its fragments, 'l' its fragments and the lease, '' nothing
 *
 *   returns { epoch, sequence, { answer, ... }, { { key, answer }, ... } }; an answer is one of
 *     { 'v', stamp, soft, stale, value, lease }   a value with its head, from when on it is stale, and where it is a lease
 *     { 'i', inputs }                      an index of variants
 *     { 'a' }, or a lease                  nothing
 *   and a lease is
 *     { 'l' }   the asker makes it    { 'p' }   it will not be shared    { 'w', milliseconds }   another instance makes it
 */
export const read: string = `${state}
local epoch = current()
if epoch ~= ARGV[2] then return {epoch or '', 0} end
local m = fields({'seq', 'floor', 'softFloor', 'soft', 'spread'})
local seq, floor, softFloor, soft, spread = tonumber(m[1]), tonumber(m[2]), tonumber(m[3]), tonumber(m[4]), tonumber(m[5] or 0)

local function any(closure, prefix, test)
  local names = {}
  local function found()
    for _, n in pairs(fields(names)) do if n and test(n) then return true end end
    names = {}
    return false
  end
  for d in string.gmatch(closure, '[^\\n]+') do
    names[#names + 1] = prefix .. d
    if #names == 500 and found() then return true end
  end
  return #names > 0 and found()
end

local function later(stamp, closure, prefix)
  return any(closure, prefix, function(n) return tonumber(n) > stamp end)
end

-- Where in a spread an entry has its moment, from 0 to 1: as shareOf() says it (src/invalidation/soft.ts).
local function shareOf(k, closure)
  local hash = 0
  for i = 1, #k do hash = (hash * 31 + string.byte(k, i)) % 4294967296 end
  local share = (hash * 0.6180339887498949) % 1
  for name in string.gmatch(closure, '\\n(key:fragment:[^\\n]+)') do
    if name ~= 'key:' .. k then return (1 + share) / 2 end
  end
  return string.sub(k, 1, 9) == 'fragment:' and share / 2 or share
end

-- The earliest moment at which a spread makes it stale.
local function spreadOut(stamp, closure, k)
  local moment, share = math.huge, nil
  any('all\\n' .. closure, '^', function(text)
    for number, at, over in string.gmatch(text, '(%d+) (%d+) (%d+);') do
      if tonumber(number) > stamp then
        share = share or shareOf(k, closure)
        moment = math.min(moment, math.floor(tonumber(at) + tonumber(over) * share))
      end
    end
    return false
  end)
  return moment
end

local function look(k)
  local at = P .. 'v:' .. k
  local v = value(at)
  if isOf(v, epoch, 'i') then return {'i', closureOf(v)} end
  if not isOf(v, epoch, 'v') then
    redis.call('UNLINK', at)
    return nil
  end
  local stamp, isSoft, stale = stampOf(v), softOf(v), staleOf(v)
  if not stamp or not stale then return nil end
  if stamp < seq then
    local closure = closureOf(v)
    if stamp < floor or later(stamp, closure, '') then
      redis.call('UNLINK', at)
      return nil
    end
    if not isSoft and stamp < soft and (stamp < softFloor or later(stamp, closure, '~')) then isSoft = true end
    if not isSoft and stamp < spread then
      local moment = spreadOut(stamp, closure, k)
      if moment < stale then
        stale = moment
        redis.call('SETRANGE', at, 47, string.format('%016.0f', stale))
      end
    end
    redis.call('SETRANGE', at, 14, string.format('%016.0f', seq) .. (isSoft and '1' or '0'))
  end
  return {'v', seq, isSoft and '1' or '', string.format('%.0f', stale), v}, isSoft or stale <= tonumber(ARGV[5])
end

local function leased(k)
  local at = P .. 'fill:' .. k
  local by = redis.call('HGET', at, 'by')
  if by == 'pass' then return {'p'} end
  if by and by ~= ARGV[3] then
    redis.call('HSET', at, 'waiting', '1')
    return {'w', redis.call('PTTL', at)}
  end
  redis.call('HSET', at, 'by', ARGV[3])
  redis.call('PEXPIRE', at, ARGV[4])
  return {'l'}
end

local answers, extra, seen = {}, {}, {}
for i = 6, #ARGV, 2 do seen[ARGV[i]] = true end
for i = 6, #ARGV, 2 do
  local k, wish = ARGV[i], ARGV[i + 1]
  local answer, isStale = look(k)
  if isStale and wish == 'l' then answer[6] = leased(k) end
  if not answer then
    if wish ~= '' then
      local names = {}
      for _, d in ipairs(redis.call('SMEMBERS', P .. 'deps:' .. k)) do
        local name = string.sub(d, 1, 13) == 'key:fragment:' and string.sub(d, 5)
        if name and name ~= k and not seen[name] and #names < 1000 then
          seen[name] = true
          names[#names + 1] = name
        end
      end
      for _, name in ipairs(names) do
        extra[#extra + 1] = {name, look(name) or {'a'}}
      end
    end
    answer = wish == 'l' and leased(k) or {'a'}
  end
  answers[#answers + 1] = answer
end
return {epoch, seq, answers, extra}
`
