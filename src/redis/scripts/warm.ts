/**
 * Who warms: one of the instances that share a namespace, for as long as it says so again in time.
 *
 *   KEYS[1]   {cf}:rd:ver, for the slot
 *   ARGV[1]   {cf}:rd:       ARGV[2]   what is warmed: a name
 *   ARGV[3]   claim, renew or finish
 *   ARGV[4]   the name of the instance
 *   ARGV[5]   the name of its run
 *   ARGV[6]   milliseconds until the lease is over; for finish, for how long others may ask how it ended
 *   ARGV[7]   claim: the run that was waited for; finish: its report
 *
 * Returns {'lead'}, {'wait', run, milliseconds}, {'done', instance, report} or {'lost'}.
 */
export const warm: string = `
local at = ARGV[1] .. 'warm:' .. ARGV[2]
local h = redis.call('HMGET', at, 'by', 'run', 'report')
if ARGV[3] == 'claim' then
  if h[3] then
    if h[2] == ARGV[7] then return {'done', h[1], h[3]} end
  elseif h[1] then
    return {'wait', h[2], redis.call('PTTL', at)}
  end
  redis.call('UNLINK', at)
  redis.call('HSET', at, 'by', ARGV[4], 'run', ARGV[5])
  redis.call('PEXPIRE', at, ARGV[6])
  return {'lead'}
end
if h[2] ~= ARGV[5] then return {'lost'} end
redis.call('PEXPIRE', at, ARGV[6])
if ARGV[3] == 'finish' then redis.call('HSET', at, 'report', ARGV[7]) end
return {'lead'}
`
