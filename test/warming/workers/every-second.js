// A cache that is warmed each second, for schedule.test.ts. It tells of its second run; from then on nothing keeps the process alive, if
// the cache does not.
const [directory] = process.argv.slice(2)
const { createCacheflow } = await import(`${directory}/src/index.js`)

try {
  const cache = createCacheflow({ warming: { cron: '* * * * * *' } })
  const alive = setInterval(() => undefined, 1_000)
  let runs = 0
  await new Promise((resolve) => {
    cache.warmer('count', () => {
      if (++runs === 2) resolve()
    })
    void cache.warm()
  })
  clearInterval(alive)
  process.stdout.write('warmed again\n')
} catch (error) {
  process.stdout.write(`${error.message}\n`)
}
