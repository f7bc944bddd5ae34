/** bentocache in the handler: the content comes from its memory, the response is made by Express. */
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'

export async function createListener({ framework, page, count }) {
  const { default: express } = await import(framework)
  // Its fastest setting: with `serialize` it would parse the page anew on each hit.
  const memory = memoryDriver({ maxItems: 1000, serialize: false })
  const cache = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memory) },
  })
  const app = express()
  app.get('/page', async (req, res) => {
    const content = await cache.getOrSet({
      key: 'page',
      ttl: '1h',
      factory() {
        count()
        return page.content
      },
    })
    if (typeof content === 'string') res.type('html').send(content)
    else res.json(content)
  })
  return app
}
