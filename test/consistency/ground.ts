import { afterAll, beforeAll, beforeEach } from 'vitest'
import { RedisServer } from '../support/redis-server.ts'
import { Database } from './database.ts'
import { Shelf } from './shelf.ts'

/** What the tests of a file stand on. */
export interface Ground {
  readonly server: RedisServer
  readonly shelf: Shelf
  readonly database: Database
}

/** One Redis for all tests of a file; each begins with nothing in it, and with a database of its own. */
export function onGround(lay: (ground: Ground) => void): void {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    await server.command('FLUSHALL')
    lay({ server, shelf: new Shelf(server), database: new Database() })
  })
}
