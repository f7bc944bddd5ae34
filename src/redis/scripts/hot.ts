/**
 * The pages that visitors of all instances ask for most.
 *
 *   KEYS[1]    {cf}:rd:ver, for the slot
 *   ARGV[1]    {cf}:rd:      ARGV[2]   how many are kept     ARGV[3]   what older heat is multiplied with
 *   ARGV[4..]  pairs: heat since it was told last, and the page
 *
 * Returns the hottest.
 */
export const hot: string = `
local at, most = ARGV[1] .. 'hot', tonumber(ARGV[2])
if #ARGV > 3 then
  redis.call('ZUNIONSTORE', at, 1, at, 'WEIGHTS', ARGV[3])
  for i = 4, #ARGV, 2 do redis.call('ZINCRBY', at, ARGV[i], ARGV[i + 1]) end
  redis.call('ZREMRANGEBYRANK', at, 0, -1 - most)
  redis.call('PEXPIRE', at, 604800000)
end
return redis.call('ZREVRANGE', at, 0, most - 1)
`
